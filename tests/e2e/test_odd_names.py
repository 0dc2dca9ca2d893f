"""Names with every odd character, broken archives, and pipes and links that lead nowhere."""

import io
import os
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, unquote
from zipfile import ZIP_DEFLATED, ZipFile

import py7zr
import pytest

from tests.e2e.conftest import Home, NewHome, Server
from tests.e2e.library import digest, make_bytes, make_zip, read_digest, write

ODD = [
    "plain.nes",
    "it's.nes",
    'say "moss".nes',
    "12:30.nes",
    "back\\slash.nes",
    "two\nlines.nes",
    "tab\there.nes",
    "🦋 moth.nes",
    "e\u0301toile (decomposed).nes",
    "\u202egnp.nes",
    "-rf.nes",
    "--help",
    ".hidden.nes",
    " space before and after .nes ",
    "100% of #1?&a=b;c+d.nes",
    "%2e%2e%2fescaped.nes",
    "<script>alert(1)</script>.nes".replace("/", "-"),
    "..nes",
    "...",
    "no extension",
    "CON.nes",
    "[[{(.nes",
    "*.nes",
    "$HOME `id`.nes",
    "\x07bell.nes",
    f"{'x' * 251}.nes",
    f"{'é' * 125}.nes",
]
INVALID = b"caf\xe9.nes"
NO_FILES = ["pipe.nes", "endless.nes", "dangling.nes", "circle.nes"]


def make_bomb() -> bytes:
    """Sixteen kilobytes that say they unpack to four gigabytes."""
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = deflate.compress(bytes(1 << 24)) + deflate.flush()
    return make_zip_by_hand(b"bomb.nes", packed, (4 << 30) - 2)


def make_zip_by_hand(name: bytes, packed: bytes, size: int, flags: int = 0) -> bytes:
    """A zip of one deflated member with whatever its headers say."""
    sizes = struct.pack("<III", 0, len(packed), size)
    common = struct.pack("<HHHHH", 20, flags, 8, 0, 0x21) + sizes + struct.pack("<HH", len(name), 0)
    local = b"PK\x03\x04" + common + name
    central = b"PK\x01\x02\x14\0" + common + struct.pack("<HHHII", 0, 0, 0, 0, 0) + name
    start = len(local) + len(packed)
    end = struct.pack("<4sHHHHIIH", b"PK\x05\x06", 0, 0, 1, 1, len(central), start, 0)
    return local + packed + central + end


def make_7z(password: str | None = None) -> bytes:
    buffer = io.BytesIO()
    with py7zr.SevenZipFile(buffer, "w", password=password) as archive:
        archive.set_encrypted_header(password is not None)
        archive.writestr(make_bytes("seven", 5000), "seven.nes")
    return buffer.getvalue()


def make_nested_zip() -> bytes:
    buffer = io.BytesIO(make_zip({"deep.nes": bytes(100)}))
    for _ in range(5):
        outer = io.BytesIO()
        with ZipFile(outer, "w", ZIP_DEFLATED) as archive:
            archive.writestr("deeper.zip", buffer.getvalue())
        buffer = outer
    return buffer.getvalue()


GOOD_ZIP = make_zip({"game.nes": make_bytes("game", 20_000)})
BROKEN = {
    "bomb.zip": make_bomb(),
    "truncated.zip": GOOD_ZIP[: len(GOOD_ZIP) // 2],
    "damaged.zip": GOOD_ZIP[:500] + b"\0" * 100 + GOOD_ZIP[600:],
    "encrypted.zip": make_zip_by_hand(b"secret.nes", make_bytes("secret", 500), 1000, flags=1),
    "escaping.zip": make_zip_by_hand(b"../../../escaped.nes", make_bytes("escape", 50), 100),
    "empty.zip": b"PK\x05\x06" + bytes(18),
    "nothing.zip": b"",
    "text.zip": b"this is no archive",
    "truncated.7z": make_7z()[:-20],
    "encrypted.7z": make_7z("secret"),
    "text.7z": b"nor is this",
    "text.rar": b"Rar!\x1a\x07\x01\x00 nor this",
    "text.tar": b"nor that",
}
FINE = {"fine.zip": GOOD_ZIP, "fine.7z": make_7z(), "nested.zip": make_nested_zip()}


@dataclass(frozen=True)
class Odd:
    home: Home
    server: Server
    roms: dict[str, dict[str, Any]]
    problems: list[str]


@pytest.fixture(scope="module")
def odd(new_home: NewHome) -> Iterator[Odd]:
    home = new_home()
    nes = home.library / "roms" / "nes"
    for name in ODD:
        write(nes / name, make_bytes(name, 100))
        write(nes / f"{name[:60]} folder" / name, make_bytes(name, 200))
        write(nes / f"{name[:60]} folder" / "second", b"2")
    for name, content in {**BROKEN, **FINE}.items():
        write(nes / name, content)
    write(nes / os.fsdecode(INVALID), b"invalid")
    os.mkfifo(nes / NO_FILES[0])
    for name, target in zip(NO_FILES[1:], ("/dev/zero", "nowhere", NO_FILES[3]), strict=True):
        (nes / name).symlink_to(target)
    outcome = home.scan()
    with home.serve() as server:
        yield Odd(home, server, server.roms(), outcome["problems"])
    assert "Traceback" not in server.log.read_text()


def download(odd: Odd, rom: dict[str, Any]) -> bytes:
    name = quote(rom["fs_name"], safe="")
    answer = odd.server.client.get(f"/api/roms/{rom['id']}/content/{name}")
    return answer.raise_for_status().content


@pytest.mark.parametrize("name", ODD)
def test_an_odd_name_is_listed_and_downloaded(odd: Odd, name: str) -> None:
    rom = odd.roms[name]
    assert rom["name"]
    assert read_digest(rom) == digest(make_bytes(name, 100))
    assert download(odd, rom) == make_bytes(name, 100)
    path = f"/api/roms/{rom['id']}/content/x"
    disposition = odd.server.client.head(path).headers["content-disposition"]
    quoted = disposition.partition("filename*=UTF-8''")[2].partition(";")[0]
    assert unquote(quoted) == name


@pytest.mark.parametrize("name", ODD)
def test_an_odd_name_inside_a_folder(odd: Odd, name: str) -> None:
    rom = odd.roms[f"{name[:60]} folder"]
    with ZipFile(io.BytesIO(download(odd, rom))) as archive:
        held = {archive.read(info) for info in archive.infolist()}
    assert {make_bytes(name, 200), b"2"} <= held


def test_names_that_are_no_text_are_named_and_left_out(odd: Odd) -> None:
    assert not [name for name in odd.roms if "caf" in name]
    (problem,) = [each for each in odd.problems if "caf" in each]
    problem.encode()


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_archive_is_kept_as_the_file_it_is(odd: Odd, name: str) -> None:
    rom = odd.roms[name]
    assert rom["fs_size_bytes"] == len(BROKEN[name])
    assert download(odd, rom) == BROKEN[name]
    (file,) = rom["files"]
    assert not file["archive_members"]
    if BROKEN[name]:
        assert read_digest(rom) == digest(BROKEN[name])


def test_every_broken_archive_is_named(odd: Odd) -> None:
    named = {each.partition(": ")[0] for each in odd.problems}
    assert {f"roms/nes/{name}" for name, content in BROKEN.items() if content} <= named


def test_archives_beside_them_are_read(odd: Odd) -> None:
    assert read_digest(odd.roms["fine.zip"]) == digest(make_bytes("game", 20_000))
    assert read_digest(odd.roms["fine.7z"]) == digest(make_bytes("seven", 5000))


def test_what_is_no_file_is_left_out(odd: Odd) -> None:
    assert not odd.roms.keys() & set(NO_FILES)


def test_nothing_is_listed_twice_or_left_out(odd: Odd) -> None:
    folders = {f"{name[:60]} folder" for name in ODD}
    assert sorted(odd.roms) == sorted({*ODD, *folders, *BROKEN, *FINE})
