"""Paths of RomM's older versions: each answers as its successor does."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.conftest import NewHome, Served, Server
from tests.e2e.library import find_game, make_bytes, write_library

FLAT = "Paper Comet (Japan) [!].z64"
FOLDER = "Harbor Lights (Europe)"
UPLOAD = "/api/roms/upload"


@pytest.fixture(scope="module")
def served(new_home: NewHome) -> Iterator[Served]:
    """One of our own, as these paths change things."""
    home = new_home()
    write_library(home.library)
    home.scan()
    with home.serve() as server:
        yield Served("A", home, server, server.roms())
        assert "Traceback" not in server.log.read_text()


@pytest.fixture
def server(served: Served) -> Server:
    return served.server


@pytest.mark.parametrize("fs_name", [FLAT, FOLDER])
def test_a_download_by_its_old_path(served: Served, fs_name: str) -> None:
    rom, client = served.roms[fs_name], served.server.client
    old = client.post(f"/api/roms/download/{rom['id']}/{fs_name}")
    now = client.get(f"/api/roms/{rom['id']}/content/{fs_name}")
    assert (old.status_code, old.content) == (now.status_code, now.content) == (200, old.content)
    for header in ("content-length", "content-type", "content-disposition", "etag"):
        assert old.headers[header] == now.headers[header]


def test_some_files_of_a_download_by_its_old_path(served: Served) -> None:
    rom = served.roms[FOLDER]
    sheet = next(file for file in rom["files"] if file["file_name"].endswith(".cue"))
    path = f"/api/roms/download/{rom['id']}/{FOLDER}"
    answer = served.server.client.post(path, params={"file_ids": str(sheet["id"])})
    assert answer.content == find_game(FOLDER).files["Harbor Lights.cue"]


def test_unidentified_roms(served: Served, server: Server) -> None:
    params: dict[str, Any] = {"platform_ids": [served.roms[FLAT]["platform_id"]], "limit": 5}
    old = server.client.post("/api/roms/unidentified", params=params).raise_for_status().json()
    now = server.get("/api/roms", matched=False, **params)
    assert [rom["fs_name"] for rom in old.pop("items")] == [FLAT]
    assert [rom["fs_name"] for rom in now.pop("items")] == [FLAT]
    assert old == now


def test_props_by_their_old_path(served: Served, server: Server) -> None:
    path = f"/api/roms/{served.roms[FOLDER]['id']}"
    old = server.client.put(f"{path}/user", json={"rating": 7}).raise_for_status().json()
    now = server.client.put(f"{path}/props", json={"rating": 7}).raise_for_status().json()
    assert (old["rating"], old["id"]) == (now["rating"], now["id"]) == (7, old["id"])


def test_a_member_by_its_old_path(served: Served, server: Server) -> None:
    made = server.client.post("/api/collections", files={"name": (None, "Old")}).json()
    path, rom = f"/api/collections/{made['id']}", served.roms[FLAT]["id"]
    body = {"rom_ids": [rom]}
    added = server.client.post(f"{path}/roms", json=body).raise_for_status()
    assert added.json()["rom_ids"] == [rom]
    taken = server.client.delete(f"{path}/roms/{rom}").raise_for_status()
    assert taken.json()["rom_ids"] == []
    server.client.delete(path).raise_for_status()


def test_exclusions_by_their_old_path(server: Server) -> None:
    path = "/api/config/system/exclusions"
    body = {"exclusion_type": "EXCLUDED_SINGLE_EXT", "exclusion_value": "nfo"}
    server.client.post(path, json=body).raise_for_status()
    assert "nfo" in server.get("/api/config")["EXCLUDED_SINGLE_EXT"]
    server.client.request("DELETE", path, json=body).raise_for_status()
    assert "nfo" not in server.get("/api/config")["EXCLUDED_SINGLE_EXT"]


@pytest.mark.parametrize("method", ["PUT", "POST"])
def test_an_upload_by_its_old_paths(server: Server, method: str) -> None:
    content = make_bytes(method, 100)
    announced = {
        "X-Upload-Platform-Slug": "n64",
        "X-Upload-Filename": f"{method}.z64",
        "X-Upload-Total-Size": "100",
        "X-Upload-Total-Chunks": "1",
    }
    started = server.client.post(f"{UPLOAD}/init", headers=announced)
    assert started.status_code == 201
    path = f"{UPLOAD}/{started.json()['upload_id']}"
    assert server.get(f"{path}/session")["missing"] == [0]
    headers = {"X-Chunk-Index": "0"}
    server.client.request(method, f"{path}/chunk", content=content, headers=headers)
    assert server.get(f"{path}/session") == server.get(path)
    assert server.get(path)["missing"] == []
    assert server.client.delete(path).status_code == 204
    assert server.client.get(path).status_code == 404
