"""Every hash of the reference hasher, in files, archives and folders."""

import hashlib
import json
import logging
import zipfile
from pathlib import Path

import pytest

from romm_lite.disk.exotic.achievements import find_system
from romm_lite.disk.hashing import hash_folder
from tests.disk.exotic.conftest import EXPECTED, VECTORS, Write, hash_of
from tests.disk.exotic.making import DISCS, make_files, make_iso, make_psx, noise

FILES = dict(make_files())
SHARED = Path(__file__).resolve().parents[4] / "shared" / "spec" / "data" / "ra_vectors.json"


@pytest.mark.parametrize("row", VECTORS, ids=lambda row: row["file"])
def test_a_hash_is_that_of_the_reference(row: dict[str, str], put: Write) -> None:
    data = FILES[row["file"]]
    if row["file"] not in DISCS:
        assert hashlib.sha1(data).hexdigest() == row["sha1"]
    assert hash_of(put(row["file"], data), row["platform"]) == row["ra_hash"]


@pytest.mark.skipif(not SHARED.is_file(), reason="the list these were taken from is not here")
def test_no_hash_of_the_reference_is_left_out() -> None:
    theirs = {row["file"]: (row["sha1"], row["ra_hash"]) for row in json.loads(SHARED.read_text())}
    assert {row["file"]: (row["sha1"], row["ra_hash"]) for row in VECTORS} == theirs
    assert set(FILES) == set(theirs)


@pytest.mark.parametrize("slug", ["ngc", "wii", "dc", "3do", "vectrex", "pico", "no-such-platform"])
def test_a_system_that_was_never_compared_has_none(slug: str, put: Write) -> None:
    assert find_system(slug) is None
    assert hash_of(put("moss.iso", b"content"), slug) is None


@pytest.mark.parametrize(
    "name", ["snes/copier.smc", "n64/swapped.v64", "nds/synthetic.nds", "lynx/headered.lnx"]
)
def test_an_archive_counts_as_its_largest_member(name: str, put: Write) -> None:
    path = put("moss.zip", b"")
    slug, _, file = name.partition("/")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a readme.txt", "before")
        archive.writestr(file, FILES[name])
        archive.writestr("z readme.txt", "after")
    assert hash_of(path, slug) == EXPECTED[name]


def test_a_broken_archive_has_none(put: Write) -> None:
    path = put("moss.zip", b"")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("moss.sfc", b"content" * 99)
    path.write_bytes(path.read_bytes()[:200])
    assert hash_of(path, "snes") is None


def test_a_disc_in_an_archive_has_none(put: Write) -> None:
    path = put("moss.zip", b"")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("disc.iso", make_iso(make_psx()))
    assert hash_of(path, "psx") is None


@pytest.mark.parametrize(
    ("slug", "content"), [("n64", noise("x", 5000)), ("n64", b""), ("nds", b"short"), ("nes", b"")]
)
def test_what_is_no_rom_of_its_system_has_none(slug: str, content: bytes, put: Write) -> None:
    assert hash_of(put("moss.rom", content), slug) is None


def test_what_has_none_is_told_in_the_log(put: Write, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    assert hash_of(put("moss.z64", b"no such thing"), "n64") is None
    assert "moss.z64 has no hash of RetroAchievements: it does not begin as" in caplog.text


def test_a_supercards_header_is_left_out(put: Write) -> None:
    header = bytearray(512)
    header[:4] = b"\x2e\x00\x00\xea"
    header[0xB0:0xB4] = b"\x44\x46\x96\x00"
    data = bytes(header) + FILES["nds/synthetic.nds"]
    assert hash_of(put("moss.nds", data), "nds") == EXPECTED["nds/synthetic.nds"]


@pytest.mark.parametrize("turned", [False, True])
def test_of_a_folder_the_largest_file_counts_in_any_order(turned: bool, put: Write) -> None:
    paths = [
        put("Game/a.nes", b"small"),
        put("Game/b.nes", FILES["nes/headered.nes"]),
        put("Game/dlc/c.nes", b"l" * 99_999),
    ]
    files = [(path, path.parent.name == "Game") for path in paths]
    hashes, _ = hash_folder(files[::-1] if turned else files, system=find_system("nes"))
    assert {each.ra for each in hashes} == {None, EXPECTED["nes/headered.nes"]}


def test_of_a_disc_with_a_sheet_the_sheet_counts(put: Write) -> None:
    image = put("Game/disc.bin", make_iso(make_psx()))
    sheet = b'FILE "disc.bin" BINARY\n TRACK 01 MODE1/2048\n  INDEX 01 00:00:00\n'
    files = [(image, True), (put("Game/disc.cue", sheet), True)]
    hashes, _ = hash_folder(files, system=find_system("psx"))
    assert [each.ra for each in hashes] == [None, EXPECTED["psx/disc.iso"]]


def test_of_a_disc_beside_an_archive_nothing_counts(put: Write) -> None:
    files = [(put("Game/disc.iso", make_iso(make_psx())), True), (put("Game/a.zip", b"x"), True)]
    hashes, _ = hash_folder(files, system=find_system("psx"))
    assert [each.ra for each in hashes] == [None, None]


def test_a_playlist_counts_as_its_first_disc(put: Write) -> None:
    put("1.iso", make_iso(make_psx()))
    path = put("Game.m3u", b"\xef\xbb\xbf#EXTM3U\n1.iso\n2.iso\n")
    assert hash_of(path, "psx") == EXPECTED["psx/disc.iso"]
