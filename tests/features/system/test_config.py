from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.features.system.conftest import login

SCAN: dict[str, Any] = {
    "metadata_priority": ["ss", "igdb", "ss"],
    "artwork_priority": ["sgdb"],
    "region_priority": [" US ", "no", "", "us"],
    "language_priority": ["en"],
    "media": ["box3d", "manual"],
    "gamelist_export": True,
    "gamelist_thumbnail": "box3d",
    "gamelist_image": "miximage",
    "pegasus_export": False,
}


@pytest.fixture
def keeper(client: TestClient) -> TestClient:
    client.auth = login()
    return client


@pytest.fixture
def path(client: TestClient, tmp_path: Path) -> Path:
    client.get("/api/config")
    return tmp_path / "data" / "config" / "config.yml"


def read(client: TestClient) -> dict[str, Any]:
    found: dict[str, Any] = client.get("/api/config").json()
    return found


@pytest.mark.parametrize(
    ("kind", "key"), [("platforms", "PLATFORMS_BINDING"), ("versions", "PLATFORMS_VERSIONS")]
)
def test_a_folder_is_bound_and_let_go(keeper: TestClient, kind: str, key: str) -> None:
    at = f"/api/config/system/{kind}"
    answer = keeper.post(at, json={"fs_slug": "2600", "slug": "atari2600"})
    assert (answer.status_code, answer.json()) == (200, None)
    assert keeper.post(at, json={"fs_slug": "2600", "slug": "nes"}).status_code == 200
    assert read(keeper)[key] == {"2600": "atari2600"}
    assert keeper.delete(f"{at}/2600").json() is None
    assert read(keeper)[key] == {}
    assert keeper.delete(f"{at}/2600").status_code == 200


def test_a_binding_to_nothing_is_refused(keeper: TestClient) -> None:
    answer = keeper.post("/api/config/system/platforms", json={"fs_slug": "gc", "slug": " "})
    assert answer.status_code == 422
    assert read(keeper)["PLATFORMS_BINDING"] == {}


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("EXCLUDED_PLATFORMS", "romm"),
        ("EXCLUDED_SINGLE_EXT", "xml"),
        ("EXCLUDED_SINGLE_FILES", "*.part"),
        ("EXCLUDED_MULTI_FILES", "final fantasy"),
        ("EXCLUDED_MULTI_PARTS_EXT", "cue"),
        ("EXCLUDED_MULTI_PARTS_FILES", "a/b"),
    ],
)
def test_something_is_left_out_and_taken_in_again(
    keeper: TestClient, kind: str, value: str
) -> None:
    body = {"exclusion_type": kind, "exclusion_value": value}
    assert keeper.post("/api/config/exclude", json=body).json() is None
    assert value in read(keeper)[kind]
    assert keeper.delete(f"/api/config/exclude/{kind}/{value}").json() is None
    assert value not in read(keeper)[kind]


def test_the_older_address_of_exclusions_does_the_same(keeper: TestClient) -> None:
    body = {"exclusion_type": "EXCLUDED_PLATFORMS", "exclusion_value": "romm"}
    assert keeper.post("/api/config/system/exclusions", json=body).status_code == 200
    assert "romm" in read(keeper)["EXCLUDED_PLATFORMS"]
    at = "/api/config/system/exclusions"
    assert keeper.request("DELETE", at, json=body).status_code == 200
    assert "romm" not in read(keeper)["EXCLUDED_PLATFORMS"]


def test_what_is_left_out_anyway_is_not_written(keeper: TestClient, path: Path) -> None:
    body = {"exclusion_type": "EXCLUDED_SINGLE_EXT", "exclusion_value": "TMP"}
    assert keeper.post("/api/config/exclude", json=body).status_code == 200
    assert path.read_text() == ""


def test_an_unknown_list_is_refused(keeper: TestClient) -> None:
    body = {"exclusion_type": "EJS_DEBUG", "exclusion_value": "x"}
    assert keeper.post("/api/config/exclude", json=body).status_code == 422
    assert keeper.delete("/api/config/exclude/EJS_DEBUG/x").status_code == 422


def test_the_scan_section_is_replaced_and_what_else_it_holds_stays(
    keeper: TestClient, path: Path
) -> None:
    path.write_text(
        "scan:\n  priority:\n    region_mode: prefer_config\n    cover: [ss]\n  mine: 1 # !\n"
    )
    assert keeper.put("/api/config/scan", json=SCAN).json() is None
    found = read(keeper)
    assert found["SCAN_METADATA_PRIORITY"] == ["ss", "igdb"]
    assert found["SCAN_REGION_PRIORITY"] == ["us", "no"]
    assert found["SCAN_ARTWORK_PRIORITY_OVERRIDES"] == {}
    assert found["SCAN_MEDIA"] == ["box3d", "manual"]
    assert found["GAMELIST_MEDIA_IMAGE"] == "miximage"
    assert found["CONFIG_FILE_PARSE_ERROR"] is None
    text = path.read_text()
    assert "region_mode: prefer_config" in text
    assert "mine: 1 # !" in text


@pytest.mark.parametrize(
    "wrong",
    [
        {"metadata_priority": ["steam"]},
        {"cover_priority": ["steam"]},
        {"media": ["hologram"]},
        {"gamelist_thumbnail": "screenshot"},
        {"gamelist_image": "box3d"},
        {"region_priority": None},
    ],
)
def test_a_wrong_scan_section_changes_nothing(
    keeper: TestClient, path: Path, wrong: dict[str, Any]
) -> None:
    assert keeper.put("/api/config/scan", json={**SCAN, **wrong}).status_code == 422
    assert path.read_text() == ""


def test_a_change_decided_on_an_older_version_is_refused(keeper: TestClient) -> None:
    seen = keeper.get("/api/config").headers["ETag"]
    body = {"fs_slug": "gc", "slug": "ngc"}
    first = keeper.post("/api/config/system/platforms", json=body, headers={"If-Match": seen})
    assert first.status_code == 200
    second = keeper.delete("/api/config/system/platforms/gc", headers={"If-Match": seen})
    assert second.status_code == 409
    assert read(keeper)["PLATFORMS_BINDING"] == {"gc": "ngc"}


def test_a_broken_file_is_told_and_left_alone(keeper: TestClient, path: Path) -> None:
    path.write_text("scan: [\n")
    assert "cannot be read" in read(keeper)["CONFIG_FILE_PARSE_ERROR"]
    answer = keeper.put("/api/config/scan", json=SCAN)
    assert answer.status_code == 409
    assert "cannot be understood" in answer.json()["detail"]
    assert path.read_text() == "scan: [\n"


def test_a_place_that_cannot_be_written_is_403(keeper: TestClient, path: Path) -> None:
    path.unlink()
    path.mkdir()
    answer = keeper.put("/api/config/scan", json=SCAN)
    assert answer.status_code == 403
    assert answer.json()["detail"] == "Config file is not writable. Check config.yml permissions"
