from pathlib import Path

import pytest
from starlette.testclient import TestClient

from tests.features.system.conftest import Start, login, make_user


def look(client: TestClient, **options: object) -> dict[str, object]:
    answer = client.get("/api/setup/library", **options)  # type: ignore[arg-type]
    assert answer.status_code == 200, answer.text
    found: dict[str, object] = answer.json()
    return found


def test_an_empty_library_has_no_structure(start: Start) -> None:
    found = look(start())
    assert (found["detected_structure"], found["existing_platforms"]) == (None, [])


def test_folders_are_counted_without_what_is_no_rom(start: Start, tmp_path: Path) -> None:
    nes = tmp_path / "data" / "library" / "nes" / "roms"
    nes.mkdir(parents=True)
    for name in ("Moss.nes", ".hidden", "_cache"):
        (nes / name).touch()
    found = look(start())
    assert found["detected_structure"] == "struct_b"
    assert found["existing_platforms"] == [{"fs_slug": "nes", "rom_count": 1}]


def test_folders_of_hidden_platforms_are_not_told(start: Start) -> None:
    client = start()
    make_user(client, "keeper", "admin")
    make_user(client, "ann", "user", auth=login())
    for fs_slug in ("nes", "snes"):
        made = client.post("/api/platforms", json={"fs_slug": fs_slug}, auth=login()).json()
    hide = {"entity": "platforms", "entity_id": made["id"], "group_id": 1}
    assert client.post("/api/permissions/hidden", json=hide, auth=login()).status_code == 200
    told = {
        name: [folder["fs_slug"] for folder in look(client, auth=login(name))["existing_platforms"]]  # type: ignore[attr-defined]
        for name in ("keeper", "ann")
    }
    assert told == {"keeper": ["nes", "snes"], "ann": ["nes"]}


def test_all_platforms_of_the_catalogue_are_offered(start: Start) -> None:
    supported = look(start())["supported_platforms"]
    assert isinstance(supported, list)
    assert len(supported) == 460
    assert supported[0]["id"] == -1


def test_folders_are_made_and_those_that_are_there_are_left(start: Start, tmp_path: Path) -> None:
    (tmp_path / "data" / "library" / "roms" / "nes").mkdir(parents=True)
    answer = start().post("/api/setup/platforms", json=["nes", "snes", "gb"])
    assert answer.status_code == 201
    assert answer.json() == {
        "success": True,
        "created_count": 2,
        "message": "Successfully created 2 platform folder(s)",
    }
    made = {path.name for path in (tmp_path / "data" / "library" / "roms").iterdir()}
    assert made == {"nes", "snes", "gb"}


def test_nothing_is_made_of_nothing(start: Start) -> None:
    answer = start().post("/api/setup/platforms", json=[])
    assert answer.json() == {
        "success": True,
        "created_count": 0,
        "message": "No platforms selected",
    }


@pytest.mark.parametrize("name", ["../x", "a/b", "con", "", "a\\b"])
def test_a_name_that_is_no_folder_is_refused_and_nothing_made(
    name: str, start: Start, tmp_path: Path
) -> None:
    answer = start().post("/api/setup/platforms", json=["nes", name])
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"] == ["body", 1]
    assert not (tmp_path / "data" / "library" / "roms").exists()


def test_the_disk_saying_no_is_told(start: Start, tmp_path: Path) -> None:
    library = tmp_path / "data" / "library"
    library.mkdir(parents=True)
    (library / "roms").touch()
    answer = start().post("/api/setup/platforms", json=["nes"])
    assert answer.status_code == 500
    assert answer.json()["detail"].startswith("Failed to create some platform folders: nes: ")


def test_once_claimed_it_is_for_who_may(client: TestClient) -> None:
    assert client.get("/api/setup/library").json() == {"detail": "Forbidden"}
    assert client.post("/api/setup/platforms", json=["nes"]).status_code == 403
    make_user(client, "visitor", "viewer", auth=login())
    look(client, auth=login("visitor"))
    denied = client.post("/api/setup/platforms", json=["nes"], auth=login("visitor"))
    assert denied.status_code == 403
    assert client.post("/api/setup/platforms", json=["nes"], auth=login()).status_code == 201


def test_figures_are_for_everybody(start: Start) -> None:
    figures = start().get("/api/stats").json()
    assert figures == {
        "PLATFORMS": 0,
        "ROMS": 0,
        "SAVES": 0,
        "STATES": 0,
        "SCREENSHOTS": 0,
        "TOTAL_FILESIZE_BYTES": 0,
    }
    tables = start().get("/api/stats?include_platform_stats=true").json()
    assert (tables["METADATA_COVERAGE"], tables["REGION_BREAKDOWN"]) == ({}, {})
