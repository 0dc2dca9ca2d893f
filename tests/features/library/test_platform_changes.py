"""Making and describing platforms."""

import shutil
import threading
from dataclasses import replace

import pytest

from romm_lite.features.library.store import Library

from .conftest import Home


def test_a_new_platform_gets_a_folder_and_what_is_known_of_it(every_home: Home) -> None:
    home = every_home
    answer = home.client("root").post("/api/platforms", json={"fs_slug": "snes"})
    assert answer.status_code == 201
    made = answer.json()
    assert (made["fs_slug"], made["slug"], made["rom_count"]) == ("snes", "snes", 0)
    assert made["igdb_id"]
    assert (home.settings.places.library / "roms" / "snes").is_dir()
    listed = home.client("root").get("/api/platforms").json()
    assert [each["id"] for each in listed] == [made["id"]]


def test_a_platform_that_is_there_is_answered_as_it_is(home: Home) -> None:
    known = home.platform("snes", custom_name="Mine", missing_from_fs=True)
    made = home.client("root").post("/api/platforms", json={"fs_slug": "snes"}).json()
    assert (made["id"], made["custom_name"]) == (known, "Mine")
    assert made["missing_from_fs"] is False


def test_one_asked_for_twice_at_once_is_made_once(every_home: Home) -> None:
    home, codes = every_home, []
    clients = [home.client("root") for _ in range(4)]

    def make(client: object) -> None:
        codes.append(client.post("/api/platforms", json={"fs_slug": "gba"}).status_code)  # type: ignore[attr-defined]

    threads = [threading.Thread(target=make, args=(client,)) for client in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert codes == [201] * 4
    assert len(home.client("root").get("/api/platforms").json()) == 1


def test_a_folder_of_another_name_is_bound_by_config(home: Home) -> None:
    home.library.config.state()
    home.settings.places.config_file.write_text("system: {platforms: {super: snes}}")
    made = home.client("root").post("/api/platforms", json={"fs_slug": "super"}).json()
    assert (made["fs_slug"], made["slug"]) == ("super", "snes")


@pytest.mark.parametrize("name", ["", "..", "a/b", "a\\b", "C:", "nul", "x" * 401, "a\0b"])
def test_a_name_no_folder_can_have_is_refused(home: Home, name: str) -> None:
    client = home.client("root")
    assert client.post("/api/platforms", json={"fs_slug": name}).status_code == 422
    assert client.get("/api/platforms").json() == []


def test_a_library_that_is_not_there_gets_no_platform(home: Home) -> None:
    shutil.rmtree(home.settings.places.library)
    client = home.client("root")
    assert client.post("/api/platforms", json={"fs_slug": "snes"}).status_code == 503
    assert client.get("/api/platforms").json() == []


def test_a_library_for_reading_gets_no_folder(home: Home) -> None:
    settings = home.settings.model_copy(update={"romm_library_read_only": True})
    home = replace(home, settings=settings, library=Library(settings, home.database))
    client = home.client("root")
    answer = client.post("/api/platforms", json={"fs_slug": "snes"})
    assert (answer.status_code, "read-only" in answer.json()["detail"]) == (403, True)
    assert not (settings.places.library / "roms").exists()
    (settings.places.library / "roms" / "snes").mkdir(parents=True)
    assert client.post("/api/platforms", json={"fs_slug": "snes"}).status_code == 201


def test_a_platform_is_called_and_described_in_ones_own_words(every_home: Home) -> None:
    home = every_home
    client, at = home.client("root"), f"/api/platforms/{home.platform('snes')}"
    before = client.get(at).json()
    told = client.put(at, json={"custom_name": "Famicom", "description": "grey"}).json()
    assert (told["display_name"], told["description"]) == ("Famicom", "grey")
    told = client.put(at, json={"custom_name": None}).json()
    assert (told["display_name"], told["description"]) == ("Famicom", "grey")
    told = client.put(at, json={"custom_name": "", "aspect_ratio": "1 / 1"}).json()
    assert (told["display_name"], told["description"]) == (before["name"], "grey")
    assert client.put(at).json() == told
    listed = {each["id"]: each for each in client.get("/api/platforms").json()}
    assert listed[told["id"]]["description"] == "grey"


def test_words_that_are_too_long_change_nothing(home: Home) -> None:
    client, at = home.client("root"), f"/api/platforms/{home.platform('snes')}"
    for body in ({"custom_name": "x" * 401}, {"description": "x" * 65536}):
        assert client.put(at, json=body).status_code == 422
    assert client.get(at).json()["custom_name"] == ""


def test_an_unknown_platform_is_told(home: Home) -> None:
    answer = home.client("root").put("/api/platforms/77", json={"custom_name": "x"})
    assert (answer.status_code, answer.json()["detail"]) == (404, "Platform with id '77' not found")
