"""Scans of files that have just arrived: just them, soon, and whatever happens."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from romm_lite.features.scan import runs, service
from romm_lite.features.scan.arrivals import store
from romm_lite.features.scan.follow_up import LITTLE, FollowUps
from romm_lite.features.scan.kinds import ScanKind, ScanRequest, Status
from romm_lite.features.scan.service import Outcome
from romm_lite.kernel.errors import Conflict, Invalid
from romm_lite.kernel.events import FilesArrived
from romm_lite.kernel.locks import hold
from romm_lite.tables.system import ScanRun
from tests.features.scan.conftest import Shelf, md5, stop_in, touch, wait_for
from tests.features.scan.test_runs import scanning_elsewhere

HUGE = {"wii": ["Vast.iso"]}


def scan_files(shelf: Shelf, **files: list[str]) -> Outcome:
    return service.run(shelf.database, shelf.settings, ScanRequest.of_files(files))


def find_runs(shelf: Shelf) -> list[ScanRun]:
    return service.find(shelf.database)


def told(shelf: Shelf) -> list[str]:
    """How all runs stand, the newest first."""
    return [run.status for run in find_runs(shelf)]


@contextmanager
def following(shelf: Shelf) -> Iterator[FollowUps]:
    with FollowUps(shelf.settings, shelf.database) as follow_ups:
        yield follow_ups


def is_hashed(shelf: Shelf, name: str) -> bool:
    rom = shelf.roms().get(name)
    return rom is not None and rom.md5_hash is not None


def is_read(shelf: Shelf) -> bool:
    """Whether the huge file is being read."""
    return any(run.status == "running" and run.phase == "hashes" for run in find_runs(shelf))


@pytest.fixture
def huge(shelf: Shelf) -> Shelf:
    """A library with a file that takes as long to read as anybody wants."""
    shelf.put_huge("roms/wii/Vast.iso")
    shelf.put("roms/nes/Fern.nes")
    return shelf


def test_just_the_named_files_are_scanned(every_shelf: Shelf) -> None:
    shelf = every_shelf
    for name in ("Moss.sfc", "Fern.sfc", "Reed.sfc"):
        shelf.put(f"roms/snes/{name}", name)
    shelf.put("roms/nes/Moss.sfc")
    shelf.put("bios/snes/chip.bin")
    outcome = scan_files(shelf, snes=["Moss.sfc", "Reed.sfc", "absent.sfc"])
    assert (outcome.status, outcome.problems, outcome.stats.new_roms) == (Status.DONE, [], 2)
    assert outcome.stats.scanned_firmware == 0
    roms = shelf.roms()
    assert {name: rom.md5_hash for name, rom in roms.items()} == {
        name: md5(name.encode()) for name in ("Moss.sfc", "Reed.sfc")
    }
    assert list(shelf.platforms()) == ["snes"]


def test_nothing_else_is_touched_and_what_is_gone_is_marked_missing(shelf: Shelf) -> None:
    moss, fern = shelf.put("roms/snes/Moss.sfc"), shelf.put("roms/snes/Fern.sfc")
    shelf.scan_well()
    moss.write_text("something else")
    touch(fern)
    shelf.put("roms/snes/Gone.sfc")
    shelf.put("roms/snes/Reed.sfc")
    shelf.scan_well()
    (shelf.root / "roms/snes/Gone.sfc").unlink()
    moss.write_text("once more")
    before = shelf.files()["roms/snes/Fern.sfc"]
    touch(fern)
    (shelf.root / "roms/snes/Reed.sfc").unlink()
    scan_files(shelf, snes=["Moss.sfc", "Gone.sfc"])
    assert shelf.roms()["Moss.sfc"].md5_hash == md5(b"once more")
    assert shelf.files()["roms/snes/Fern.sfc"] == before
    assert shelf.missing() == {"Gone.sfc"}


def test_a_missing_rom_that_comes_again_under_another_name_is_known(shelf: Shelf) -> None:
    moss = shelf.put("roms/snes/Moss.sfc", "moss")
    shelf.put("roms/snes/Fern.sfc")
    shelf.scan_well()
    known = shelf.roms()["Moss.sfc"].id
    moss.rename(shelf.root / "Moss (USA).sfc")
    shelf.scan_well()
    (shelf.root / "Moss (USA).sfc").rename(moss.with_name("Moss (USA).sfc"))
    outcome = scan_files(shelf, snes=["Moss (USA).sfc"])
    assert outcome.stats.new_roms == 0
    assert shelf.roms()["Moss (USA).sfc"].id == known
    assert shelf.missing() == set()


def test_what_the_library_leaves_out_is_left_out(shelf: Shelf) -> None:
    names = ["gamelist.xml", "Game.tmp", ".romm_tmp_upload_1.tmp"]
    for name in names:
        shelf.put(f"roms/snes/{name}")
    assert scan_files(shelf, snes=names).status == Status.DONE
    assert shelf.roms() == {}


def test_a_platform_that_is_not_hashed_is_scanned_by_names(shelf: Shelf) -> None:
    shelf.put("roms/switch/Game.nsp")
    scan_files(shelf, switch=["Game.nsp"])
    assert shelf.roms()["Game.nsp"].md5_hash == ""


def test_nobody_else_asks_for_such_a_scan() -> None:
    with pytest.raises(Invalid):
        ScanRequest(ScanKind.FILES)


def test_what_waits_is_joined(every_shelf: Shelf) -> None:
    shelf = every_shelf
    store(shelf.database, "snes", ["b", "a"], "here")
    store(shelf.database, "nes", ["c"], "here")
    store(shelf.database, "snes", ["a", "d"], "here")
    (run,) = find_runs(shelf)
    assert (run.kind, run.status) == ("files", "waiting")
    expected = {"snes": ["a", "b", "d"], "nes": ["c"]}
    assert run.scope == {"platforms": ["nes", "snes"], "files": expected}
    store(shelf.database, "snes", [str(number) for number in range(498)], "here")
    assert told(shelf) == ["waiting", "waiting"]


def test_a_file_that_arrives_is_scanned(every_shelf: Shelf) -> None:
    shelf = every_shelf
    with following(shelf) as follow_ups:
        for number in range(3):
            shelf.put(f"roms/snes/{number}.sfc")
            follow_ups.ask(FilesArrived("snes", (f"{number}.sfc",)))
        wait_for(lambda: all(is_hashed(shelf, f"{number}.sfc") for number in range(3)))
        wait_for(lambda: find_runs(shelf) == [])


def test_large_files_and_odd_archives_and_folders_are_scanned_as_well(shelf: Shelf) -> None:
    os.truncate(shelf.put("roms/psx/large.iso"), LITTLE + 1)
    shelf.put("roms/psx/odd.7z", b"7z\xbc\xaf\x27\x1c")
    shelf.put("roms/psx/folder/disc.bin")
    with following(shelf) as follow_ups:
        follow_ups.ask(FilesArrived("psx", ("large.iso", "odd.7z", "folder")))
        wait_for(lambda: len([name for name in shelf.roms() if is_hashed(shelf, name)]) == 3)
        wait_for(lambda: told(shelf) == ["done"])
    assert "odd.7z" in find_runs(shelf)[0].problems[0]


def test_while_another_scan_runs_files_wait_for_its_end(huge: Shelf) -> None:
    with scanning_elsewhere(huge) as process, following(huge) as follow_ups:
        wait_for(lambda: is_read(huge))
        huge.put("roms/snes/Moss.sfc")
        follow_ups.ask(FilesArrived("snes", ("Moss.sfc",)))
        huge.put("roms/snes/Fern.sfc")
        follow_ups.ask(FilesArrived("snes", ("Fern.sfc",)))
        assert told(huge) == ["waiting", "running"]
        service.stop(huge.database, find_runs(huge)[-1].id or 0)
        process.wait()
        wait_for(lambda: is_hashed(huge, "Moss.sfc") and is_hashed(huge, "Fern.sfc"))
        wait_for(lambda: told(huge) == ["stopped"])


def test_what_waited_when_a_server_ended_is_scanned_by_the_next(shelf: Shelf) -> None:
    shelf.put("roms/snes/Moss.sfc")
    store(shelf.database, "snes", ["Moss.sfc"], "here")
    with following(shelf):
        wait_for(lambda: is_hashed(shelf, "Moss.sfc"))


def test_a_server_that_ends_leaves_the_rest_to_the_next(huge: Shelf) -> None:
    with following(huge) as follow_ups:
        follow_ups.ask(FilesArrived("wii", ("Vast.iso",)))
        wait_for(lambda: is_read(huge))
    assert told(huge) == ["waiting"]
    os.truncate(huge.root / "roms/wii/Vast.iso", 1000)
    with following(huge):
        wait_for(lambda: is_hashed(huge, "Vast.iso"))


def test_a_run_that_is_told_to_go_on_later_waits(huge: Shelf) -> None:
    request = ScanRequest.of_files(HUGE)
    stop = stop_in("hashes", later=True)
    outcome = service.run(huge.database, huge.settings, request, started=stop)
    assert (outcome.status, told(huge)) == (Status.WAITING, ["waiting"])


def test_a_run_that_died_waits_unless_it_died_often(shelf: Shelf) -> None:
    machine = runs.name_machine(shelf.places.data)
    store(shelf.database, "snes", ["Moss.sfc"], machine)
    run_id = find_runs(shelf)[0].id or 0
    for expected in ("waiting", "waiting", "interrupted"):
        with hold(shelf.places.scan_lock, {}):
            runs.begin(shelf.database, run_id, machine)
        assert service.clear_dead(shelf.database, shelf.settings)
        assert told(shelf) == [expected]


def test_others_need_not_wait_until_files_are_read(huge: Shelf) -> None:
    with following(huge) as follow_ups:
        follow_ups.ask(FilesArrived("wii", ("Vast.iso",)))
        wait_for(lambda: is_read(huge))
        outcome = huge.scan(platforms=("nes",))
        assert (outcome.status, told(huge)[0]) == (Status.DONE, "done")
        run = service.request_scan(huge.database, huge.settings, ScanRequest(platforms=("nes",)))
        wait_for(lambda: service.get(huge.database, run.id or 0).status == Status.DONE)


def test_files_that_somebody_stops_stay_unread(huge: Shelf) -> None:
    with following(huge) as follow_ups:
        follow_ups.ask(FilesArrived("wii", ("Vast.iso",)))
        wait_for(lambda: is_read(huge))
        (run,) = find_runs(huge)
        service.stop(huge.database, run.id or 0)
        wait_for(lambda: told(huge) == ["stopped"])
        store(huge.database, "wii", ["Vast.iso"], "here")
        waiting = find_runs(huge)[0].id or 0
        assert service.stop(huge.database, waiting).status == Status.STOPPED


def test_a_scan_of_another_machine_makes_files_wait(shelf: Shelf) -> None:
    shelf.put("roms/snes/Moss.sfc")
    machine = runs.name_machine(shelf.places.data)
    other = runs.queue(shelf.database, ScanRequest(), "elsewhere:/data")
    runs.begin(shelf.database, other, "elsewhere:/data")
    store(shelf.database, "snes", ["Moss.sfc"], machine)
    run_id = find_runs(shelf)[0].id or 0
    request = ScanRequest.of_files({"snes": ["Moss.sfc"]})
    with pytest.raises(Conflict):
        service.run(shelf.database, shelf.settings, request, run_id=run_id)
    assert told(shelf) == ["waiting", "running"]
