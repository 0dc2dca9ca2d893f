"""Finding the data of a disc, and files on it."""

import os
from pathlib import Path

import pytest

from romm_lite.disk.exotic.achievements import find_system
from romm_lite.disk.hashing import hash_flat
from romm_lite.disk.members import Stopped
from tests.disk.exotic.conftest import EXPECTED, Write, hash_of
from tests.disk.exotic.making import SECTOR, make_iso, make_psx, make_raw, make_sega, noise

IMAGE = make_iso(make_psx())
PSX = EXPECTED["psx/disc.iso"]


@pytest.mark.parametrize("mode", [1, 2])
def test_a_raw_image(mode: int, put: Write) -> None:
    assert hash_of(put("disc.bin", make_raw(IMAGE, mode)), "psx") == PSX


def test_a_raw_image_of_sega(put: Write) -> None:
    disc = make_sega(b"SEGADISCSYSTEM  ", "scd")
    path = put("disc.bin", make_raw(disc, 1))
    assert hash_of(path, "segacd") == EXPECTED["segacd/segacd.iso"]
    assert hash_of(path, "saturn") is None


@pytest.mark.parametrize("named", ['"my disc.bin"', '"..\\other\\my disc.bin"'])
def test_a_sheet_names_the_image_beside_it(named: str, put: Write) -> None:
    put("my disc.bin", make_raw(IMAGE, 2))
    sheet = f"REM x\nfile {named} BINARY\n  TRACK 01 MODE2/2352\n    INDEX 01 00:00:00\n"
    assert hash_of(put("disc.cue", sheet.encode()), "psx") == PSX


def test_a_sheet_tells_where_the_data_begin(put: Write) -> None:
    put("disc.bin", b"\x55" * 2352 * 152 + make_raw(IMAGE, 1))
    lines = ["FILE disc.bin BINARY", "TRACK 01 AUDIO", "INDEX 01 00:00:00"]
    lines += ["TRACK 02 MODE1/2352", "INDEX 00 00:00:10", "INDEX 01 00:02:02"]
    assert hash_of(put("disc.cue", "\n".join(lines).encode()), "psx") == PSX


def test_a_sheet_with_a_file_for_each_track(put: Write) -> None:
    put("2.bin", make_raw(IMAGE, 2))
    lines = ["FILE 1.wav WAVE", "TRACK 01 AUDIO", "INDEX 01 00:00:00"]
    lines += ["FILE 2.bin BINARY", "TRACK 02 MODE2/2352", "INDEX 01 00:00:00"]
    assert hash_of(put("disc.cue", "\n".join(lines).encode()), "psx") == PSX


@pytest.mark.parametrize(
    "sheet",
    [
        "",
        "FILE gone.bin BINARY\nTRACK 01 MODE1/2352\nINDEX 01 00:00:00",
        "FILE .. BINARY\nTRACK 01 MODE1/2352\nINDEX 01 00:00:00",
        "FILE disc.cue BINARY\nTRACK 01 MODE1/2352\nINDEX 01 00:00:00",
        "FILE pipe BINARY\nTRACK 01 MODE1/2352\nINDEX 01 00:00:00",
        "TRACK 01 MODE1/2352\nINDEX 01 00:00:00",
        "FILE disc.bin BINARY\nTRACK 01 MODE1/2352\nINDEX 01 " + "9" * 30 + ":00:00",
    ],
)
def test_a_sheet_that_leads_nowhere_has_none(sheet: str, put: Write, tmp_path: Path) -> None:
    put("disc.bin", make_raw(IMAGE, 1))
    os.mkfifo(tmp_path / "pipe")
    assert hash_of(put("disc.cue", sheet.encode()), "psx") is None


def test_without_a_name_the_usual_program_counts(put: Write) -> None:
    usual = make_psx()["SLUS_000.07"]
    with_it = {"PSX.EXE": usual}
    named = {"SYSTEM.CNF": b"BOOT=cdrom:PSX.EXE;1\n", **with_it}
    first = hash_of(put("1.iso", make_iso(with_it)), "psx")
    assert first
    assert first == hash_of(put("2.iso", make_iso(named)), "psx")


def test_a_program_in_a_folder(put: Write) -> None:
    files = {"SYSTEM.CNF": b"BOOT = cdrom:\\EXE\\GAME.EXE;1", "EXE/GAME.EXE": noise("e", 3000)}
    assert hash_of(put("1.iso", make_iso(files)), "psx")
    del files["EXE/GAME.EXE"]
    assert hash_of(put("2.iso", make_iso(files)), "psx") is None


def test_a_folder_that_contains_itself_ends(put: Write) -> None:
    image = bytearray(make_iso({"PSP_GAME/A": b"a"}))
    image[18 * SECTOR : 19 * SECTOR] = image[19 * SECTOR : 20 * SECTOR]
    assert hash_of(put("disc.iso", bytes(image)), "psp") is None


def test_a_program_larger_than_the_disc_has_none(put: Write) -> None:
    program = b"PS-X EXE" + bytes(20) + b"\xff\xff\xff\x7f" + bytes(3000)
    assert hash_of(put("disc.iso", make_iso({"PSX.EXE": program})), "psx") is None


def test_reading_a_disc_can_be_stopped(put: Write) -> None:
    path = put("disc.iso", IMAGE)
    answers = iter([False, False])
    with pytest.raises(Stopped):
        hash_flat(path, system=find_system("psx"), stop=lambda: next(answers, True))
