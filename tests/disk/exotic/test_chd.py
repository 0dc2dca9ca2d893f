"""Discs in CHDs, those of chdman and some of our own."""

import struct
from pathlib import Path

import pytest

from romm_lite.disk.hashing import hash_flat
from tests.disk.exotic.conftest import EXPECTED, SAMPLES, Write, hash_of
from tests.disk.exotic.making import (
    make_iso,
    make_ps2,
    make_psx,
    make_raw,
    make_sega,
)
from tests.disk.exotic.packing import (
    Pack,
    deflate,
    make_chd,
    make_frames,
    pack_lzma,
    pack_zstd,
)

PSX = EXPECTED["psx/disc.iso"]
PS2 = EXPECTED["ps2/disc2.iso"]
RAW = make_frames(make_raw(make_iso(make_psx()), 2), 2352)
TRACK = "TRACK:{} TYPE:{} SUBTYPE:NONE FRAMES:{} PREGAP:{} PGTYPE:{} PGSUB:NONE POSTGAP:0"


def track(number: int, kind: str, frames: int, pregap: int = 0, inside: str = "MODE1") -> str:
    return TRACK.format(number, kind, frames, pregap, inside)


@pytest.mark.parametrize("codec", ["cdlz", "cdzl"])
def test_a_cd_by_chdman(codec: str) -> None:
    assert hash_of(SAMPLES / f"psx-{codec}.chd", "psx") == PSX


@pytest.mark.parametrize("codec", ["lzma", "zlib", "huff"])
def test_a_dvd_by_chdman(codec: str) -> None:
    assert hash_of(SAMPLES / f"ps2-{codec}.chd", "ps2") == PS2


def test_flac_is_told_and_has_none(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    assert hash_of(SAMPLES / "ps2-flac.chd", "ps2") is None
    assert "packed in a way that is not read here (flac)" in caplog.text


def test_the_header_names_the_hash_of_the_content() -> None:
    hashes = hash_flat(SAMPLES / "psx-cdlz.chd")
    with (SAMPLES / "psx-cdlz.chd").open("rb") as file:
        assert hashes.chd_sha1 == file.read(104)[84:].hex()
    assert hashes.ra is None


@pytest.mark.parametrize(
    ("codec", "pack"), [(b"cdzl", deflate), (b"cdlz", pack_lzma), (b"cdzs", pack_zstd)]
)
def test_a_cd_in_every_packing(codec: bytes, pack: Pack, put: Write) -> None:
    data = make_chd(RAW, codec, pack, tracks=[track(1, "MODE2_RAW", 35)])
    assert hash_of(put("disc.chd", data), "psx") == PSX


@pytest.mark.parametrize("codec", [b"zstd", b"zlib"])
def test_a_dvd_in_every_packing(codec: bytes, put: Write) -> None:
    pack = pack_zstd if codec == b"zstd" else deflate
    data = make_chd(make_iso(make_ps2()), codec, pack, hunk=4096, unit=2048)
    assert hash_of(put("disc.chd", data), "ps2") == PS2


@pytest.mark.parametrize(
    ("inside", "expected"), [("VMODE1", EXPECTED["segacd/segacd.iso"]), ("MODE1", None)]
)
def test_a_pregap_counts_where_it_is_in_the_file(
    inside: str, expected: str | None, put: Write
) -> None:
    disc = bytes(2048 * 150) + make_sega(b"SEGADISCSYSTEM  ", "scd")
    tracks = [track(1, "MODE1", 169, 150, inside)]
    data = make_chd(make_frames(disc, 2048), b"cdzl", deflate, tracks=tracks)
    assert hash_of(put("disc.chd", data), "segacd") == expected


def test_the_first_data_track_counts(put: Write) -> None:
    music = make_frames(b"\x55" * 2352 * 5, 2352)  # five frames take the room of eight
    tracks = [track(2, "MODE2_RAW", 35), track(1, "AUDIO", 5)]
    data = make_chd(music + RAW, b"cdzl", deflate, tracks=tracks)
    assert hash_of(put("disc.chd", data), "psx") == PSX


@pytest.mark.parametrize(
    ("offset", "value", "reason"),
    [
        (12, struct.pack(">I", 4), "another version than 5"),
        (104, b"\1", "needs the CHD it was made from"),
        (56, struct.pack(">I", 0), "blocks of 0 bytes"),
        (56, struct.pack(">I", 1 << 31), "blocks of 2147483648 bytes"),
        (32, struct.pack(">Q", 1 << 60), "its size is absurd"),
        (40, struct.pack(">Q", 1 << 60), "points beyond its end"),
        (60, struct.pack(">I", 0), "its size is absurd"),
    ],
)
def test_a_bad_header_is_told_and_has_none(
    offset: int, value: bytes, reason: str, put: Write, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    data = bytearray((SAMPLES / "psx-cdlz.chd").read_bytes())
    data[offset : offset + len(value)] = value
    assert hash_of(put("disc.chd", bytes(data)), "psx") is None
    assert reason in caplog.text


def test_notes_without_an_end_are_given_up(put: Write, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    data = bytearray(make_chd(RAW, b"cdzl", deflate, tracks=[track(1, "AUDIO", 35)]))
    at = struct.unpack_from(">Q", data, 48)[0]
    struct.pack_into(">Q", data, at + 8, at)
    assert hash_of(put("disc.chd", bytes(data)), "psx") is None
    assert "has no end" in caplog.text


def test_a_damaged_hunk_has_none(put: Write, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    data = bytearray((SAMPLES / "ps2-zlib.chd").read_bytes())
    data[1500] ^= 1
    assert hash_of(put("disc.chd", bytes(data)), "ps2") is None
    assert "damaged" in caplog.text


def test_a_cut_short_one_has_none(put: Write, tmp_path: Path) -> None:
    data = (SAMPLES / "psx-cdzl.chd").read_bytes()
    for size in (0, 8, 20, 104, 123, 124, 300, len(data) // 2, len(data) - 300):
        assert hash_of(put("disc.chd", data[:size]), "psx") is None


def test_long_chains_of_copies_are_given_up(put: Write, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    data = bytearray(make_chd(bytes(4096 * 40), b"zlib", deflate, hunk=4096, unit=2048))
    at = struct.unpack_from(">Q", data, 40)[0] + 16 + 8  # past the lengths of the codes
    fields = at + 20 + 5  # past the kinds, and the one hunk that is no copy
    for number in range(39):
        place = fields + 3 * number
        data[place : place + 3] = number.to_bytes(3, "big")
    assert hash_of(put("disc.chd", bytes(data)), "ps2") is None
    assert "its map is damaged" in caplog.text
