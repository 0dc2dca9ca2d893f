"""Reading files: archives, what is not read, complete scans, and stopping in the middle."""

import threading
import zipfile
from pathlib import Path
from zlib import crc32

import pytest
from sqlalchemy import update

from romm_lite.features.scan import service
from romm_lite.features.scan.kinds import ScanKind, Status
from romm_lite.features.scan.runs import Run
from romm_lite.tables.files import ROM_FILES
from romm_lite.tables.roms import ROMS
from tests.features.scan.conftest import Shelf, md5, stop_in, touch, wait_for

SKIP = "filesystem:\n  skip_hash_calculation: true\n"


def put_zip(shelf: Shelf, path: str, **members: bytes) -> Path:
    file = shelf.put(path)
    with zipfile.ZipFile(file, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return file


def test_an_archive_is_hashed_by_its_members(every_shelf: Shelf) -> None:
    shelf = every_shelf
    put_zip(shelf, "roms/snes/Moss.zip", b=b"two", a=b"one")
    shelf.scan_well()
    assert shelf.roms()["Moss.zip"].md5_hash == md5(b"onetwo")
    members = shelf.files()["roms/snes/Moss.zip"].archive_members
    assert [(each["name"], each["md5_hash"]) for each in members] == [
        ("a", md5(b"one")),
        ("b", md5(b"two")),
    ]


def test_a_broken_archive_is_hashed_as_it_is_and_told_once(shelf: Shelf) -> None:
    file = put_zip(shelf, "roms/snes/Moss.zip", a=b"content" * 100)
    half = file.read_bytes()[:50]
    file.write_bytes(half)
    outcome = shelf.scan()
    assert outcome.status == Status.DONE
    (problem,) = outcome.problems
    assert problem.startswith("roms/snes/Moss.zip: ")
    assert problem.endswith("hashed as it is.")
    assert shelf.roms()["Moss.zip"].md5_hash == md5(half)
    shelf.scan_well()


def test_a_file_that_cannot_be_read_is_told_and_tried_again(shelf: Shelf) -> None:
    shelf.put("roms/snes/Moss.sfc")
    broken = shelf.root / "roms/snes/broken.sfc"
    broken.symlink_to("/proc/self/mem")  # an ordinary file to stat, an error to read
    for _ in range(2):
        outcome = shelf.scan()
        assert outcome.status == Status.DONE
        assert len(outcome.problems) == 1
        assert outcome.problems[0].startswith("roms/snes/broken.sfc: it cannot be read")
    assert not shelf.files()["roms/snes/broken.sfc"].hashed
    assert shelf.roms()["Moss.sfc"].md5_hash
    broken.unlink()
    shelf.put("roms/snes/broken.sfc", "healed")
    shelf.scan_well()
    assert shelf.roms()["broken.sfc"].md5_hash == md5(b"healed")


def test_a_part_of_a_folder_that_can_be_read_again_is_read_with_the_rest(shelf: Shelf) -> None:
    for number in range(3):
        shelf.put(f"roms/ps2/Game/disc {number}.iso", str(number))
    shelf.scan_well()
    with shelf.database.write() as session:  # as it is where one could not be read
        one = ROM_FILES.c.file_name == "disc 1.iso"
        session.execute(update(ROM_FILES).where(one).values(hashed=False))
        session.execute(update(ROMS).values(md5_hash=None))
    shelf.scan_well()
    assert shelf.roms()["Game"].md5_hash == md5(b"012")


def test_an_empty_file_has_empty_hashes(shelf: Shelf) -> None:
    shelf.put("roms/snes/empty.sfc", b"")
    shelf.scan_well()
    rom = shelf.roms()["empty.sfc"]
    assert (rom.crc_hash, rom.md5_hash, rom.sha1_hash) == ("", "", "")
    with shelf.noting_writes() as writes:
        shelf.scan_well()
    assert writes == []


def test_what_is_never_hashed_shows_what_its_archive_lists(every_shelf: Shelf) -> None:
    shelf = every_shelf
    shelf.put("roms/switch/Moss.nsp")
    put_zip(shelf, "roms/switch/Fern.zip", a=b"content")
    shelf.put("roms/switch/Folder/a.nsp")
    shelf.scan_well()
    roms = shelf.roms()
    for name in ("Moss.nsp", "Folder"):
        assert (roms[name].crc_hash, roms[name].md5_hash, roms[name].sha1_hash) == ("", "", "")
    assert roms["Fern.zip"].crc_hash == f"{crc32(b'content'):08x}"
    assert roms["Fern.zip"].md5_hash == ""
    with shelf.noting_writes() as writes:
        shelf.scan_well()
    assert writes == []


def test_skipping_hashes_keeps_those_there_are(every_shelf: Shelf) -> None:
    shelf = every_shelf
    moved = shelf.put("roms/snes/Moss.sfc")
    shelf.put("roms/snes/Fern.sfc", "fern")
    shelf.scan_well()
    shelf.configure(SKIP)
    touch(moved)
    shelf.put("roms/snes/New.sfc", "new")
    shelf.scan_well()
    shelf.scan_well(ScanKind.COMPLETE)
    roms = shelf.roms()
    assert roms["Moss.sfc"].md5_hash == md5(b"content")
    assert roms["Fern.sfc"].md5_hash == md5(b"fern")
    assert roms["New.sfc"].md5_hash == ""
    shelf.configure("")
    shelf.scan_well()
    assert shelf.roms()["New.sfc"].md5_hash == md5(b"new")


def test_skipping_hashes_drops_those_of_another_content(shelf: Shelf) -> None:
    shelf.put("roms/snes/Moss.sfc")
    shelf.scan_well()
    shelf.configure(SKIP)
    shelf.put("roms/snes/Moss.sfc", "quite another content")
    shelf.scan_well()
    assert shelf.roms()["Moss.sfc"].md5_hash == ""


def test_complete_reads_everything_and_writes_only_what_differs(every_shelf: Shelf) -> None:
    shelf = every_shelf
    for number in range(5):
        shelf.put(f"roms/snes/Moss {number}.sfc", str(number))
    shelf.put("roms/ps2/Game/disc.iso", "one")
    shelf.scan_well()
    before = shelf.everything()
    with shelf.noting_writes() as writes:
        shelf.scan_well(ScanKind.COMPLETE)
    assert writes == []
    with shelf.database.write() as session:
        session.execute(update(ROMS).values(md5_hash="wrong"))
    shelf.scan_well()
    assert shelf.roms()["Game"].md5_hash == "wrong"
    shelf.scan_well(ScanKind.COMPLETE)
    assert shelf.everything() == before


def spoil_hashes(shelf: Shelf) -> None:
    with shelf.database.write() as session:
        session.execute(update(ROMS).values(md5_hash="wrong"))


def test_complete_goes_on_where_it_was_stopped(every_shelf: Shelf) -> None:
    shelf = every_shelf
    for number in range(3):
        shelf.put(f"roms/nes/Fern {number}.nes", str(number))
    shelf.put("roms/snes/huge.sfc", "small at first")
    shelf.put("roms/snes/last.sfc", "last")
    shelf.scan_well()
    spoil_hashes(shelf)
    shelf.put_huge("roms/snes/huge.sfc")

    outcome = shelf.scan(
        ScanKind.COMPLETE, started=stop_in("hashes", lambda run: run.done_up_to >= 3)
    )
    assert outcome.status == Status.STOPPED
    assert shelf.roms()["Fern 0.nes"].md5_hash == md5(b"0")
    spoil_hashes(shelf)
    shelf.put("roms/snes/huge.sfc", "small again")
    shelf.scan_well(ScanKind.COMPLETE)
    roms = shelf.roms()
    assert roms["Fern 0.nes"].md5_hash == "wrong"
    assert roms["last.sfc"].md5_hash == md5(b"last")
    assert roms["huge.sfc"].md5_hash == md5(b"small again")
    shelf.scan_well(ScanKind.COMPLETE)
    assert shelf.roms()["Fern 0.nes"].md5_hash == md5(b"0")


def test_stopping_in_the_middle_of_a_big_file_keeps_the_rest(every_shelf: Shelf) -> None:
    shelf = every_shelf
    shelf.put_huge("roms/snes/huge.sfc")
    for number in range(10):
        shelf.put(f"roms/snes/Moss {number}.sfc", str(number))

    def stop_by_row(run: Run) -> None:
        wait_for(lambda: run.phase == "hashes" and run.progress.files == 10)
        service.stop(shelf.database, run.id)

    outcome = shelf.scan(
        started=lambda run: threading.Thread(target=stop_by_row, args=(run,)).start()
    )
    assert outcome.status == Status.STOPPED
    assert outcome.message is not None
    assert outcome.message.startswith("The scan was stopped.")
    files = shelf.files()
    assert not files["roms/snes/huge.sfc"].hashed
    assert all(files[f"roms/snes/Moss {number}.sfc"].hashed for number in range(10))
    assert not shelf.missing()
    run = service.get(shelf.database, outcome.id)
    assert (run.status, run.phase) == ("stopped", "hashes")


@pytest.mark.parametrize("phase", ["names", "firmware", "renames"])
def test_stopping_early_is_safe(shelf: Shelf, phase: str) -> None:
    for number in range(50):
        shelf.put(f"roms/snes/Moss {number}.sfc", str(number))

    def stop(run: Run) -> None:
        run.phase = phase
        run.stop()

    assert shelf.scan(started=stop).status == Status.STOPPED
    shelf.scan_well()
    assert len(shelf.roms()) == 50
