"""Bytes of ROMs: one file, several as an archive, ranges, odd names."""

import io
import os
import zipfile
import zlib
from pathlib import Path
from urllib.parse import quote

import pytest

from romm_lite.features.library.archive import clean_name
from romm_lite.tables.collections import SmartCollection

from .conftest import Home

DISC = bytes(range(256)) * 40


class Game:
    """A folder with two discs, a cue sheet each, and a manual."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self.platform = home.platform("psx")
        self.id = home.rom("Moss (USA)", self.platform, fs_path="roms/psx")
        self.files = {
            name: home.file(self.id, f"roms/psx/Moss (USA)/{name}", content)
            for name, content in {
                "1.bin": DISC,
                "1.cue": b"first",
                "2.bin": DISC[::-1],
                "2.CUE": b"second",
                "manual/Moss.pdf": b"%PDF",
            }.items()
        }
        self.url = f"/api/roms/{self.id}/content"


@pytest.fixture
def game(home: Home) -> Game:
    return Game(home)


def flat(home: Home, name: str = "One.sfc", content: bytes | None = DISC, path: str = "") -> int:
    """The id of a ROM that is one file."""
    rom_id = home.rom(name, home.platform("snes"))
    home.file(rom_id, path or f"roms/snes/{name}", content)
    return rom_id


def unzip(content: bytes) -> zipfile.ZipFile:
    archive = zipfile.ZipFile(io.BytesIO(content))
    assert archive.testzip() is None
    assert {info.compress_type for info in archive.infolist()} == {zipfile.ZIP_STORED}
    return archive


def test_single_file_is_sent_under_its_own_name(home: Home) -> None:
    client, rom_id = home.client(), flat(home)
    for name in ("", "/Whatever.zip", "/a%2Fb", "/%25C3%25A9", "/One.sfc/"):
        answer = client.get(f"/api/roms/{rom_id}/content{name}")
        assert answer.content == DISC, name
        assert answer.headers["content-type"] == "application/octet-stream"
        disposition = "attachment; filename*=UTF-8''One.sfc; filename=\"One.sfc\""
        assert answer.headers["content-disposition"] == disposition
        assert answer.headers["accept-ranges"] == "bytes"


def test_single_file_in_ranges(home: Home) -> None:
    client, url = home.client(), f"/api/roms/{flat(home)}/content/One.sfc"
    part = client.get(url, headers={"range": "bytes=10-19"})
    assert (part.status_code, part.content) == (206, DISC[10:20])
    assert part.headers["content-range"] == f"bytes 10-19/{len(DISC)}"
    assert client.get(url, headers={"range": f"bytes={len(DISC)}-"}).status_code == 416
    stale = client.get(url, headers={"range": "bytes=1-", "if-range": '"old"'})
    assert (stale.status_code, stale.content) == (200, DISC)
    fresh = client.get(url, headers={"if-none-match": part.headers["etag"]})
    assert fresh.status_code == 304


def test_head_of_a_single_file(home: Home) -> None:
    client, url = home.client(), f"/api/roms/{flat(home)}/content/One.sfc"
    head, answer = client.head(url), client.get(url)
    assert head.content == b""
    for name in ("content-length", "etag", "last-modified", "content-disposition"):
        assert head.headers[name] == answer.headers[name]
    assert head.headers["content-length"] == str(len(DISC))


@pytest.mark.parametrize("name", ["Pokémon - 赤 (日本).gb", "100% #1 & 'x'; y=z.gb", ".hidden.gb"])
def test_odd_names_are_sent_and_named(home: Home, name: str) -> None:
    rom_id = flat(home, name)
    answer = home.client().get(f"/api/roms/{rom_id}/content/{quote(name)}")
    assert answer.content == DISC
    assert f"filename*=UTF-8''{quote(name)}" in answer.headers["content-disposition"]


def test_file_that_is_gone_is_not_found(home: Home) -> None:
    rom_id = flat(home, content=None)
    client = home.client()
    answer = client.get(f"/api/roms/{rom_id}/content/One.sfc")
    detail = f"File One.sfc not found on disk for ROM {rom_id}"
    assert (answer.status_code, answer.json()) == (404, {"detail": detail})
    assert client.head(f"/api/roms/{rom_id}/content/One.sfc").status_code == 404
    bulk = client.get("/api/roms/download", params={"rom_ids": rom_id})
    assert (bulk.status_code, bulk.json()) == (404, {"detail": "No ROMs found to download"})


def test_row_that_leads_out_of_the_library_is_not_found(home: Home, tmp_path: Path) -> None:
    (tmp_path / "data" / "secret").write_bytes(b"secret")
    rom_id = flat(home, content=None, path="roms/../../secret")
    assert home.client().get(f"/api/roms/{rom_id}/content/x").status_code == 404
    bulk = home.client().get("/api/roms/download", params={"rom_ids": rom_id})
    assert bulk.status_code == 404


def test_rom_without_files(home: Home) -> None:
    rom_id = home.rom("Empty", home.platform())
    answer = home.client().get(f"/api/roms/{rom_id}/content/x")
    detail = f"No files found for ROM {rom_id}"
    assert (answer.status_code, answer.json()) == (404, {"detail": detail})


def test_several_files_are_an_archive_with_a_playlist(game: Game) -> None:
    answer = game.home.client().get(f"{game.url}/Moss%20(USA)")
    assert answer.headers["content-type"] == "application/zip"
    assert "filename*=UTF-8''Moss%20%28USA%29.zip" in answer.headers["content-disposition"]
    archive = unzip(answer.content)
    names = ["1.bin", "1.cue", "2.CUE", "2.bin", "manual/Moss.pdf", "Moss (USA).m3u"]
    assert archive.namelist() == names
    assert archive.read("1.bin") == DISC
    assert archive.read("Moss (USA).m3u") == b"1.cue\n2.CUE"


def test_archive_without_a_name_is_called_as_the_rom(game: Game) -> None:
    answer = game.home.client().get(game.url)
    assert "Moss%20%28USA%29.zip" in answer.headers["content-disposition"]
    assert "Moss (USA).m3u" in unzip(answer.content).namelist()


def test_archive_in_a_hidden_folder(game: Game) -> None:
    client = game.home.client()
    archive = unzip(client.get(f"{game.url}/M", params={"hidden_folder": "yes"}).content)
    assert archive.namelist()[0] == ".hidden/1.bin"
    assert archive.read("M.m3u") == b".hidden/1.cue\n.hidden/2.CUE"


def test_some_files_of_a_rom(game: Game) -> None:
    client = game.home.client()
    one, two = game.files["1.bin"], game.files["2.bin"]
    archive = unzip(client.get(f"{game.url}/M", params={"file_ids": f"{two}, {one}"}).content)
    assert archive.namelist() == ["1.bin", "2.bin", "M.m3u"]
    assert archive.read("M.m3u") == b"1.bin\n2.bin"
    single = client.get(f"{game.url}/M", params={"file_ids": str(two)})
    assert single.content == DISC[::-1]
    assert "2.bin" in single.headers["content-disposition"]
    absent = client.get(f"{game.url}/M", params={"file_ids": f"9999,{2**70}"})
    assert absent.json() == {"detail": f"No files found for ROM {game.id}"}
    assert client.get(f"{game.url}/M", params={"file_ids": "one"}).status_code == 400


def test_rom_that_has_a_playlist_gets_no_other(game: Game) -> None:
    game.home.file(game.id, "roms/psx/Moss (USA)/Moss.M3U", b"1.cue")
    client = game.home.client()
    assert "M.m3u" not in unzip(client.get(f"{game.url}/M").content).namelist()
    ids = f"{game.files['1.bin']},{game.files['2.bin']}"
    some = client.get(f"{game.url}/M", params={"file_ids": ids})
    assert unzip(some.content).namelist() == ["1.bin", "2.bin"]


def test_archive_has_a_length_and_ranges(game: Game) -> None:
    client, url = game.home.client(), f"{game.url}/M"
    whole, head = client.get(url), client.head(url)
    assert head.headers["content-length"] == str(len(whole.content))
    assert head.headers["accept-ranges"] == "bytes"
    assert head.headers["content-type"] == "application/zip"
    middle = len(whole.content) // 2
    rest = client.get(url, headers={"range": f"bytes={middle}-"})
    assert (rest.status_code, rest.content) == (206, whole.content[middle:])
    assert rest.headers["etag"] == whole.headers["etag"]


def test_archive_of_a_rom_that_lost_a_file(game: Game) -> None:
    (game.home.settings.places.library / "roms/psx/Moss (USA)/1.cue").unlink()
    answer = game.home.client().get(f"{game.url}/M")
    detail = f"File 1.cue not found on disk for ROM {game.id}"
    assert (answer.status_code, answer.json()) == (404, {"detail": detail})


def test_names_no_unpacker_takes_are_changed(home: Home) -> None:
    rom_id = home.rom("Odd", home.platform())
    for name in ("a\\b.bin", "a_b.bin", "é.bin"):
        home.file(rom_id, f"roms/snes/Odd/{name}", name.encode())
    archive = unzip(home.client().get(f"/api/roms/{rom_id}/content/%5C..").content)
    assert archive.namelist() == ["a_b.bin", "2 a_b.bin", "é.bin", "-...m3u"]


@pytest.mark.parametrize("name", ["1.bin", "1.zip"])
def test_stored_crc_is_taken_for_what_it_is_of(home: Home, name: str) -> None:
    """That of a container is of its content, and would break the archive."""
    rom_id = home.rom("Game", home.platform())
    content = DISC
    if name.endswith(".zip"):
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as inner:
            inner.writestr("inside", DISC)
        content = packed.getvalue()
    crc = f"{zlib.crc32(DISC):08x}"
    home.file(rom_id, f"roms/snes/Game/{name}", content, hashed=True, crc_hash=crc)
    home.file(rom_id, "roms/snes/Game/other", b"x")
    archive = unzip(home.client().get(f"/api/roms/{rom_id}/content/G").content)
    assert archive.read(name) == content
    streams = archive.getinfo(name).flag_bits & 8
    assert bool(streams) == name.endswith(".zip")


def test_stored_crc_of_other_bytes_is_not_taken(home: Home) -> None:
    rom_id = home.rom("Game", home.platform())
    home.file(rom_id, "roms/snes/Game/a", DISC, hashed=True, crc_hash="00000001")
    home.file(rom_id, "roms/snes/Game/b", b"x")
    changed = home.settings.places.library / "roms/snes/Game/a"
    os.utime(changed, ns=(1, 1))
    archive = unzip(home.client().get(f"/api/roms/{rom_id}/content/G").content)
    assert archive.read("a") == DISC


def test_many_roms_are_one_archive(home: Home, game: Game) -> None:
    other = flat(home)
    client = home.client()
    answer = client.get("/api/roms/download", params={"rom_ids": f"{other},{game.id},999,{2**80}"})
    archive = unzip(answer.content)
    assert archive.namelist() == [
        *(f"roms/psx/Moss (USA)/{name}" for name in ("1.bin", "1.cue", "2.CUE", "2.bin")),
        "roms/psx/Moss (USA)/manual/Moss.pdf",
        "roms/snes/One.sfc",
    ]
    name = answer.headers["content-disposition"].partition("UTF-8''")[2].partition(";")[0]
    assert name.startswith("2%20ROMs%20%28")
    rest = client.get(
        "/api/roms/download",
        params={"rom_ids": f"{other},{game.id}"},
        headers={"range": "bytes=100-"},
    )
    assert (rest.status_code, rest.content) == (206, answer.content[100:])


def test_archive_of_many_is_named_as_asked(home: Home) -> None:
    query: dict[str, str | int] = {"rom_ids": flat(home), "filename": "../my: games?.zip"}
    answer = home.client().get("/api/roms/download", params=query)
    assert "filename*=UTF-8''my-%20games.zip" in answer.headers["content-disposition"]
    refused = home.client().get("/api/roms/download", params={**query, "filename": "??"})
    assert refused.status_code == 400


def test_part_of_the_library_is_one_archive(home: Home, game: Game) -> None:
    rom_id = flat(home)
    collection = home.collect(rom_id, game.id, name="Both")
    rule = home.add(
        SmartCollection(
            user_id=home.users["ann"], name="psx", filter_criteria={"platform_id": game.platform}
        )
    )
    client = home.client()

    def count(**query: int | str) -> int:
        answer = client.get("/api/roms/download", params=query)
        assert answer.status_code == 200, answer.text
        return len(unzip(answer.content).namelist())

    assert count(platform_id=game.platform) == 5
    assert count(collection_id=collection) == 6
    assert count(collection_id=collection, platform_id=game.platform, rom_ids="x") == 5
    assert count(smart_collection_id=rule) == 5
    for nothing in ({"platform_id": 99}, {"collection_id": 0}, {"virtual_collection_id": "x"}):
        answer = client.get("/api/roms/download", params=nothing)
        assert (answer.status_code, answer.json()["detail"]) == (404, "No ROMs found to download")


def test_download_refuses_what_names_no_rom(home: Home) -> None:
    client = home.client()

    def detail(query: str, status: int = 400) -> str:
        answer = client.get(f"/api/roms/download{query}")
        assert answer.status_code == status
        return str(answer.json()["detail"])

    assert detail("") == "No ROM IDs or platform/collection selector provided"
    assert detail("?rom_ids=") == "No ROM IDs or platform/collection selector provided"
    wrong = "Invalid ROM ID format. Must be comma-separated integers."
    assert detail("?rom_ids=1,x") == wrong
    assert detail("?rom_ids=7,8", 404) == "No ROMs found with the provided IDs"


@pytest.mark.parametrize(
    ("name", "category", "shown_as"),
    [
        ("Theme.mp3", "soundtrack", "audio/mpeg"),
        ("Theme.flac", "soundtrack", "audio/flac"),
        ("page.html", "soundtrack", None),
        ("Moss.pdf", "manual", "application/pdf"),
        ("Moss.md", "manual", "text/markdown; charset=utf-8"),
        ("Moss.html", "manual", None),
        ("Moss.pdf", None, None),
        ("a.PNG", "screenshot", "image/png"),
        ("a.avif", None, "image/avif"),
        ("a.svg", "screenshot", None),
        ("a.m4v", None, "video/mp4"),
        ("Theme.mp3", None, None),
    ],
)
def test_what_a_browser_shows_safely_is_shown(
    home: Home, name: str, category: str | None, shown_as: str | None
) -> None:
    rom_id = home.rom("One", home.platform())
    file_id = home.file(rom_id, f"roms/snes/One/{name}", DISC, category=category)
    answer = home.client().get(f"/api/roms/{file_id}/files/content/any.html")
    assert answer.content == DISC
    disposition = answer.headers["content-disposition"]
    if shown_as is None:
        assert answer.headers["content-type"] == "application/octet-stream"
        assert disposition.startswith("attachment;")
    else:
        assert answer.headers["content-type"] == shown_as
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert disposition.startswith("inline;")
    assert quote(name) in disposition


def test_file_by_its_id_in_ranges_and_by_head(home: Home) -> None:
    rom_id = home.rom("One", home.platform())
    url = f"/api/roms/{home.file(rom_id, 'roms/snes/One/a.bin', DISC)}/files/content/a.bin"
    client = home.client()
    assert client.head(url).headers["content-length"] == str(len(DISC))
    assert client.get(url, headers={"range": "bytes=-5"}).content == DISC[-5:]
    absent = client.get("/api/roms/999/files/content/x")
    assert (absent.status_code, absent.json()) == (404, {"detail": "File not found"})


@pytest.mark.parametrize(
    ("name", "cleaned"),
    [
        ("Game.zip", "Game.zip"),
        ("dir/Game?.zip", "Game.zip"),
        ("a:b|c\\d", "a-b-c-d"),
        (' <x>*"+ ', "x"),
        ("..", ""),
        ("a/", ""),
        ("??", ""),
    ],
)
def test_clean_names(name: str, cleaned: str) -> None:
    assert clean_name(name) == cleaned
