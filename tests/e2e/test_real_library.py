"""Real dumps, scanned end to end: the Atari 2600 ROMs in the wheel of ale-py."""

import hashlib
import shutil
import zlib
from importlib import resources
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile

import py7zr
import pytest

from tests.e2e.conftest import Home, Server, create_admin, make_home

Digests = tuple[str, str, str]


def real_dumps() -> list[Path]:
    folder = Path(str(resources.files("ale_py") / "roms"))
    return sorted(folder.glob("*.bin"))


def digests(content: bytes) -> Digests:
    md5 = hashlib.md5(content, usedforsecurity=False)
    sha1 = hashlib.sha1(content, usedforsecurity=False)
    return f"{zlib.crc32(content):08x}", md5.hexdigest(), sha1.hexdigest()


def told(row: dict[str, Any]) -> Digests:
    return row["crc_hash"], row["md5_hash"], row["sha1_hash"]


@pytest.fixture(scope="module")
def scanned(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """All dumps as files, ten of them also as a zip and a 7z each, and one zip of all."""
    home = make_home(tmp_path_factory.mktemp("atari"))
    create_admin(home)
    atari = home.library / "roms" / "atari2600"
    atari.mkdir(parents=True)
    dumps = real_dumps()
    for dump in dumps:
        shutil.copy(dump, atari)
    for dump in dumps[:10]:
        with ZipFile(atari / f"{dump.stem} (Zip).zip", "w", ZIP_DEFLATED) as archive:
            archive.write(dump, dump.name)
        with py7zr.SevenZipFile(atari / f"{dump.stem} (Seven).7z", "w") as seven:
            seven.write(dump, dump.name)
    with ZipFile(atari / "Collection.zip", "w", ZIP_DEFLATED) as archive:
        for dump in dumps[:20]:
            archive.write(dump, dump.name)
    outcome = home.scan()
    assert outcome["stats"]["new_roms"] == len(dumps) + 21
    assert outcome["problems"] == []
    return home


@pytest.fixture(scope="module")
def roms(scanned: Home) -> dict[str, dict[str, Any]]:
    with scanned.serve() as server:
        page = server.get("/api/roms", limit=1000, with_files=True)
    return {rom["fs_name"]: rom for rom in page["items"]}


def test_there_are_over_a_hundred_real_dumps() -> None:
    assert len(real_dumps()) > 100


def test_every_hash_is_that_of_the_file(roms: dict[str, dict[str, Any]]) -> None:
    for dump in real_dumps():
        rom = roms[dump.name]
        expected = digests(dump.read_bytes())
        assert told(rom) == expected, dump.name
        assert [told(file) for file in rom["files"]] == [expected]


@pytest.mark.parametrize("suffix", [" (Zip).zip", " (Seven).7z"])
def test_an_archive_gives_the_hashes_of_what_is_inside(
    suffix: str, roms: dict[str, dict[str, Any]]
) -> None:
    for dump in real_dumps()[:10]:
        rom = roms[f"{dump.stem}{suffix}"]
        expected = digests(dump.read_bytes())
        (file,) = rom["files"]
        (member,) = file["archive_members"]
        assert told(rom) == told(file) == told(member) == expected
        assert (member["name"], member["size"]) == (dump.name, dump.stat().st_size)


def test_a_collection_is_hashed_as_its_members_end_to_end(
    roms: dict[str, dict[str, Any]],
) -> None:
    members = sorted(real_dumps()[:20], key=lambda dump: dump.name)
    rom = roms["Collection.zip"]
    assert told(rom) == digests(b"".join(dump.read_bytes() for dump in members))
    listed = rom["files"][0]["archive_members"]
    assert [member["name"] for member in listed] == [dump.name for dump in members]


def test_a_dump_is_found_by_each_of_its_hashes(scanned: Home) -> None:
    dump = real_dumps()[30]
    crc, md5, sha1 = digests(dump.read_bytes())
    with scanned.serve() as server:
        for name, value in (("crc_hash", crc), ("md5_hash", md5), ("sha1_hash", sha1)):
            assert server.get("/api/roms/by-hash", **{name: value})["fs_name"] == dump.name


def download(server: Server, rom: dict[str, Any]) -> bytes:
    answer = server.client.get(f"/api/roms/{rom['id']}/content/{rom['fs_name']}")
    return answer.raise_for_status().content


def test_what_is_downloaded_is_what_lies_in_the_library(
    scanned: Home, roms: dict[str, dict[str, Any]]
) -> None:
    with scanned.serve() as server:
        for dump in real_dumps()[::10]:
            assert download(server, roms[dump.name]) == dump.read_bytes()


def test_scanning_again_finds_nothing_to_do(scanned: Home) -> None:
    stats = scanned.scan()["stats"]
    assert stats["new_roms"] == 0
    assert stats["scanned_roms"] == len(real_dumps()) + 21
