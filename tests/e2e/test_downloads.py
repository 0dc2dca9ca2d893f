"""Downloads as clients make them: whole, resumed, single files, folders as an archive."""

import io
from typing import Any
from zipfile import ZIP_STORED, ZipFile

import httpx
import pytest

from tests.e2e.conftest import Served
from tests.e2e.library import GAMES, find_game, roms_folder

FLAT = "Étoile Perdue (France) (Rev B).sfc"
FOLDER = "Harbor Lights (Europe)"
PLAYLIST = "Long Road (USA)"


def address(rom: dict[str, Any], name: str | None = None) -> str:
    return f"/api/roms/{rom['id']}/content/{name or rom['fs_name']}"


def ask(served: Served, fs_name: str, **headers: str) -> httpx.Response:
    path = address(served.roms[fs_name])
    return served.server.client.get(path, headers=headers)


def unzip(answer: httpx.Response) -> dict[str, bytes]:
    assert int(answer.headers["content-length"]) == len(answer.content)
    with ZipFile(io.BytesIO(answer.content)) as archive:
        assert archive.testzip() is None
        assert {info.compress_type for info in archive.infolist()} == {ZIP_STORED}
        return {name: archive.read(name) for name in archive.namelist()}


def test_every_single_file_comes_whole(served: Served) -> None:
    for game in (game for game in GAMES if len(game.files) == 1):
        (content,) = game.files.values()
        answer = ask(served, game.fs_name)
        assert (answer.status_code, answer.content) == (200, content), game.fs_name
        assert answer.headers["content-length"] == str(len(content))
        assert answer.headers["accept-ranges"] == "bytes"
        assert answer.headers["content-disposition"].startswith("attachment; filename*=UTF-8''")


def test_the_name_in_the_address_does_not_matter(served: Served) -> None:
    answer = served.server.client.get(address(served.roms[FLAT], "whatever.bin"))
    assert answer.content == find_game(FLAT).files[FLAT]
    assert "%C3%89toile%20Perdue" in answer.headers["content-disposition"]


@pytest.mark.parametrize(
    ("wanted", "part"),
    [
        ("bytes=0-", slice(0, None)),
        ("bytes=0-9", slice(0, 10)),
        ("bytes=30000-", slice(30000, None)),
        ("bytes=-100", slice(-100, None)),
        ("bytes=65000-999999", slice(65000, None)),
    ],
)
@pytest.mark.parametrize("fs_name", [FLAT, FOLDER])
def test_a_part_is_that_part_of_the_whole(
    served: Served, fs_name: str, wanted: str, part: slice
) -> None:
    whole = ask(served, fs_name).content
    answer = ask(served, fs_name, range=wanted)
    assert (answer.status_code, answer.content) == (206, whole[part])
    first = len(whole) + part.start if part.start < 0 else part.start
    last = first + len(answer.content) - 1
    assert answer.headers["content-range"] == f"bytes {first}-{last}/{len(whole)}"


@pytest.mark.parametrize("fs_name", [FLAT, FOLDER])
def test_a_download_resumes_only_if_nothing_changed(served: Served, fs_name: str) -> None:
    whole = ask(served, fs_name)
    tag = whole.headers["etag"]
    rest = ask(served, fs_name, range="bytes=500-", **{"if-range": tag})
    assert (rest.status_code, whole.content[:500] + rest.content) == (206, whole.content)
    stale = ask(served, fs_name, range="bytes=500-", **{"if-range": '"another"'})
    assert (stale.status_code, stale.content) == (200, whole.content)


@pytest.mark.parametrize("fs_name", [FLAT, FOLDER])
def test_a_range_past_the_end_is_416(served: Served, fs_name: str) -> None:
    size = ask(served, fs_name).headers["content-length"]
    answer = ask(served, fs_name, range=f"bytes={size}-")
    assert answer.status_code == 416
    assert answer.headers["content-range"] == f"bytes */{size}"


@pytest.mark.parametrize("fs_name", [FLAT, FOLDER])
def test_head_tells_what_get_would(served: Served, fs_name: str) -> None:
    got = ask(served, fs_name)
    told = served.server.client.head(address(served.roms[fs_name]))
    assert (told.status_code, told.content) == (200, b"")
    for header in ("content-length", "content-type", "content-disposition", "etag"):
        assert told.headers[header] == got.headers[header]


def test_every_folder_is_an_archive_of_its_files(served: Served) -> None:
    for game in (game for game in GAMES if len(game.files) > 1):
        answer = ask(served, game.fs_name)
        assert answer.headers["content-type"] == "application/zip"
        held = unzip(answer)
        if game.fs_name != PLAYLIST:
            held.pop(f"{game.fs_name}.m3u")
        assert held == game.files, game.fs_name


def test_a_playlist_of_the_cue_sheets_is_added(served: Served) -> None:
    held = unzip(ask(served, FOLDER))
    assert held[f"{FOLDER}.m3u"] == b"Harbor Lights.cue"


def test_a_playlist_of_their_own_is_kept(served: Served) -> None:
    held = unzip(ask(served, PLAYLIST))
    assert [name for name in held if name.endswith(".m3u")] == ["Long Road.m3u"]


def test_some_files_of_a_folder(served: Served) -> None:
    ids = {file["file_name"]: file["id"] for file in served.roms[FOLDER]["files"]}
    track, sheet = ids["Harbor Lights (Track 1).bin"], ids["Harbor Lights.cue"]
    client, path = served.server.client, address(served.roms[FOLDER], "part")
    two = unzip(client.get(path, params={"file_ids": f"{track},{sheet}"}))
    assert sorted(two) == ["Harbor Lights (Track 1).bin", "Harbor Lights.cue", "part.m3u"]
    one = client.get(path, params={"file_ids": str(track)})
    assert one.content == find_game(FOLDER).files["Harbor Lights (Track 1).bin"]


def test_a_folder_may_be_hidden(served: Served) -> None:
    client, path = served.server.client, address(served.roms[FOLDER])
    held = unzip(client.get(path, params={"hidden_folder": "true"}))
    hidden = {f".hidden/{name}" for name in find_game(FOLDER).files}
    assert hidden <= held.keys()
    assert held[f"{FOLDER}.m3u"] == b".hidden/Harbor Lights.cue"


def test_one_file_by_its_own_id(served: Served) -> None:
    for file in served.roms[FOLDER]["files"]:
        answer = served.server.client.get(f"/api/roms/{file['id']}/files/content/x")
        assert answer.content == find_game(FOLDER).files[file["file_name"]]


def test_a_whole_platform_is_an_archive_of_places_in_the_library(served: Served) -> None:
    platform = served.roms[FLAT]["platform_id"]
    answer = served.server.client.get("/api/roms/download", params={"platform_id": platform})
    folder = roms_folder("snes", served.structure)
    games = [game for game in GAMES if game.platform == "snes"]
    assert unzip(answer) == {f"{folder}/{game.fs_name}": game.files[game.fs_name] for game in games}
    size = len(answer.content)
    rest = served.server.client.get(
        "/api/roms/download",
        params={"platform_id": platform},
        headers={"range": f"bytes={size // 2}-", "if-range": answer.headers["etag"]},
    )
    assert rest.status_code == 206
    assert answer.content[: size // 2] + rest.content == answer.content


def test_nobody_downloads_without_an_account(served: Served) -> None:
    answer = httpx.get(served.server.url + address(served.roms[FLAT]))
    assert (answer.status_code, answer.json()) == (401, {"detail": "Not authenticated"})
    assert answer.headers["www-authenticate"] == "Bearer"
