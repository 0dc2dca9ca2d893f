"""Libraries that lie in several places, or move from one layout to another."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from romm_lite.features.scan.kinds import Status
from tests.features.scan.conftest import Shelf


@pytest.fixture
def drive(tmp_path: Path) -> Path:
    return tmp_path / "drive"


def identities(shelf: Shelf) -> dict[str, tuple[Any, ...]]:
    return {
        name: (rom.id, rom.created_at, rom.sha1_hash, rom.missing_from_fs)
        for name, rom in shelf.roms().items()
    }


def test_a_platform_that_moves_to_a_mapped_folder_changes_no_row(shelf: Shelf, drive: Path) -> None:
    shelf.put("roms/snes/Moss.sfc")
    shelf.put("roms/nes/Fern.nes")
    shelf.scan_well()
    before = shelf.everything()
    shutil.move(shelf.root / "roms" / "snes", drive)
    shelf.configure(f"library: [{{path: '{drive}', platform: snes}}]\n")
    with shelf.noting_writes() as writes:
        shelf.scan_well()
    assert writes == []
    assert shelf.everything() == before


@pytest.mark.parametrize("from_a", [True, False])
def test_another_structure_drops_no_row(shelf: Shelf, from_a: bool) -> None:
    a, b = shelf.root / "roms" / "snes", shelf.root / "snes" / "roms"
    old, new = (a, b) if from_a else (b, a)
    old.mkdir(parents=True)
    (old / "Moss (USA).sfc").write_bytes(b"moss")
    (old / "Fern").mkdir()
    (old / "Fern" / "disc 1.bin").write_bytes(b"fern")
    shelf.scan_well()
    before = identities(shelf)
    new.parent.mkdir()
    shutil.move(old, new)
    shutil.rmtree(old.parent)
    shelf.scan_well()
    assert identities(shelf) == before
    assert {rom.fs_path for rom in shelf.roms().values()} == {
        new.relative_to(shelf.root).as_posix()
    }


def test_files_of_a_mapped_folder_are_read(shelf: Shelf, drive: Path) -> None:
    shelf.put("roms/nes/Fern.nes")
    drive.mkdir()
    (drive / "Moss.sfc").write_bytes(b"moss")
    shelf.configure(f"library: [{{path: '{drive}', platform: snes}}]\n")
    shelf.scan_well()
    assert shelf.roms()["Moss.sfc"].sha1_hash
    assert shelf.roms()["Moss.sfc"].fs_path == "roms/snes"


def test_a_drive_that_is_not_mounted_marks_nothing(shelf: Shelf, drive: Path) -> None:
    shelf.put("roms/snes/Fern.sfc")
    drive.mkdir()
    (drive / "Moss.sfc").write_bytes(b"moss")
    shelf.configure(f"library: [{{path: '{drive}', platform: snes}}]\n")
    shelf.scan_well()
    (drive / "Moss.sfc").unlink()
    outcome = shelf.scan()
    assert outcome.status == Status.DONE
    assert "is empty" in outcome.problems[0]
    drive.rmdir()
    assert "nothing of platform snes was marked missing" in shelf.scan().problems[0]
    assert shelf.missing() == set()


def test_a_further_library_that_is_not_mounted_marks_nothing(shelf: Shelf, drive: Path) -> None:
    shelf.put("roms/snes/Fern.sfc")
    game = drive / "roms" / "gba" / "Moss.gba"
    game.parent.mkdir(parents=True)
    game.write_bytes(b"moss")
    shelf.configure(f"library: [{{path: '{drive}'}}]\n")
    shelf.scan_well()
    assert set(shelf.roms()) == {"Fern.sfc", "Moss.gba"}
    shutil.rmtree(drive)
    assert shelf.scan().status == Status.FAILED
    assert shelf.missing() == set()


def test_a_broken_config_marks_nothing_but_takes_in_what_is_new(shelf: Shelf, drive: Path) -> None:
    shelf.put("roms/snes/Fern.sfc")
    drive.mkdir()
    (drive / "Moss.gba").write_bytes(b"moss")
    (drive / "Sand.sfc").write_bytes(b"sand")
    mapped = [f"{{path: '{drive}', platform: {slug}}}" for slug in ("gba", "snes")]
    shelf.configure(f"library: [{', '.join(mapped)}]\n")
    shelf.scan_well()
    shelf.configure("library: [\n")
    shelf.put("roms/snes/New.sfc")
    outcome = shelf.scan()
    assert outcome.problems[0].startswith("config.yml")
    assert "New.sfc" in shelf.roms()
    assert shelf.missing() == set()


def test_one_name_in_two_folders_is_told(shelf: Shelf, drive: Path) -> None:
    shelf.put("roms/snes/Moss.sfc")
    drive.mkdir()
    (drive / "Moss.sfc").write_bytes(b"another")
    shelf.configure(f"library: [{{path: '{drive}', platform: snes}}]\n")
    assert "two folders of snes" in shelf.scan().problems[0]
    assert len(shelf.roms()) == 1
