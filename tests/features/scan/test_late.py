"""Files that are still being written: not read now, and not forgotten."""

import json
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import select, update

from romm_lite.features.scan import runs, service
from romm_lite.features.scan.arrivals import store, store_late
from romm_lite.features.scan.follow_up import FollowUps
from romm_lite.features.scan.kinds import (
    FIRST_DELAY,
    LONGEST_DELAY,
    ScanRequest,
    Status,
)
from romm_lite.features.scan.service import Outcome
from romm_lite.tables.system import SCAN_RUNS, ScanRun
from tests.features.scan.conftest import Shelf, md5, wait_for


@contextmanager
def growing(file: Path) -> Iterator[None]:
    """Somebody copies a file, piece by piece, until left."""
    ended = threading.Event()

    def write() -> None:
        with file.open("ab", buffering=0) as output:
            while not ended.wait(0.02):
                output.write(b"more")

    thread = threading.Thread(target=write)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def find_waiting(shelf: Shelf) -> list[ScanRun]:
    with shelf.database.read() as session:
        query = select(ScanRun).where(SCAN_RUNS.c.status == Status.WAITING)
        return list(session.execute(query).scalars())


def make_due(shelf: Shelf) -> None:
    """Let the time pass that files are given."""
    for run in find_waiting(shelf):
        scope = {**(run.scope or {}), "not_before": 0}
        with shelf.database.write() as session:
            session.execute(update(SCAN_RUNS).where(SCAN_RUNS.c.id == run.id).values(scope=scope))


def scan_files(shelf: Shelf, delay: int) -> Outcome:
    request = ScanRequest.of_files({"snes": ["Fern.sfc"]}, delay)
    return service.run(shelf.database, shelf.settings, request)


def scan_waiting(shelf: Shelf) -> Outcome:
    run = runs.find_waiting(shelf.database)
    assert run is not None
    request = runs.read_request(run)
    return service.run(shelf.database, shelf.settings, request, run_id=run.id)


def test_a_file_that_grows_is_shown_at_once_and_read_later(shelf: Shelf) -> None:
    shelf.put("roms/snes/Moss.sfc", "moss")
    fern = shelf.put("roms/snes/Fern.sfc", "begin")
    with growing(fern):
        outcome = shelf.scan()
    assert outcome.status == Status.DONE
    assert outcome.problems == [
        "roms/snes/Fern.sfc: it is still being written, and read once that has ended."
    ]
    roms = shelf.roms()
    assert (roms["Fern.sfc"].md5_hash, roms["Moss.sfc"].md5_hash) == (None, md5(b"moss"))
    assert not shelf.files()["roms/snes/Fern.sfc"].hashed
    (late,) = find_waiting(shelf)
    assert late.scope is not None
    assert late.scope["files"] == {"snes": ["Fern.sfc"]}
    assert late.scope["not_before"] > time.time() + FIRST_DELAY / 2
    assert runs.find_waiting(shelf.database) is None
    make_due(shelf)
    assert scan_waiting(shelf).problems == []
    assert shelf.roms()["Fern.sfc"].md5_hash == md5(fern.read_bytes())
    assert find_waiting(shelf) == []


def test_it_is_looked_at_less_and_less_often(shelf: Shelf) -> None:
    fern = shelf.put("roms/snes/Fern.sfc", "begin")
    with growing(fern):
        scan_files(shelf, FIRST_DELAY)
    for delay in (2 * FIRST_DELAY, LONGEST_DELAY):
        (late,) = find_waiting(shelf)
        assert (late.scope or {})["delay"] == delay
        service.stop(shelf.database, late.id or 0)
        store_late(shelf.database, {"snes": {"Fern.sfc"}}, "here", waited=LONGEST_DELAY)


def test_a_server_reads_it_when_its_time_has_come(shelf: Shelf) -> None:
    fern = shelf.put("roms/snes/Fern.sfc", "begin")
    with growing(fern):
        shelf.scan()
    with FollowUps(shelf.settings, shelf.database):
        store(shelf.database, "snes", ["Moss.sfc"], "here")
        shelf.put("roms/snes/Moss.sfc")
        wait_for(lambda: len(find_waiting(shelf)) == 1)
        assert shelf.roms()["Fern.sfc"].md5_hash is None
        make_due(shelf)
        wait_for(lambda: shelf.roms()["Fern.sfc"].md5_hash is not None)
        wait_for(lambda: find_waiting(shelf) == [])
    assert shelf.roms()["Fern.sfc"].md5_hash == md5(fern.read_bytes())


def test_what_was_written_a_moment_ago_is_waited_for(shelf: Shelf) -> None:
    file = shelf.put("roms/snes/Moss.sfc", "half")
    os.utime(file)

    def finish() -> None:
        wait_for(lambda: "Moss.sfc" in shelf.roms())
        file.write_text("whole")

    thread = threading.Thread(target=finish)
    thread.start()
    outcome = shelf.scan()
    thread.join()
    assert len(outcome.problems) == 1
    assert shelf.roms()["Moss.sfc"].md5_hash is None
    shelf.scan_well()
    assert shelf.roms()["Moss.sfc"].md5_hash == md5(b"whole")


def test_a_time_in_the_future_is_nothing_to_wait_for(shelf: Shelf) -> None:
    file = shelf.put("roms/snes/Moss.sfc")
    ahead = time.time() + 3600
    os.utime(file, (ahead, ahead))
    shelf.scan_well()
    assert shelf.roms()["Moss.sfc"].md5_hash


def test_a_folder_waits_for_each_of_its_files(shelf: Shelf) -> None:
    shelf.put("roms/ps2/Game/disc 1.iso", "one")
    late = shelf.put("roms/ps2/Game/disc 2.iso", "two")
    with growing(late):
        shelf.scan()
    assert shelf.roms()["Game"].md5_hash is None
    shelf.scan_well()
    assert shelf.roms()["Game"].md5_hash == md5(b"one" + late.read_bytes())


def test_a_renamed_game_whose_file_is_still_copied_is_not_lost(shelf: Shelf) -> None:
    old = shelf.put("roms/snes/Moss.sfc", "begin")
    shelf.scan_well()
    new = old.rename(old.with_name("Fern.sfc"))

    def grow(_run: object) -> None:
        threading.Thread(target=write).start()

    def write() -> None:
        wait_for(lambda: shelf.roms()["Moss.sfc"].missing_from_fs)
        new.write_text("other")

    os.utime(new)
    shelf.scan(started=grow)
    assert shelf.roms()["Fern.sfc"].md5_hash is None
    assert shelf.missing() == {"Moss.sfc"}
    shelf.scan_well()
    assert shelf.roms()["Fern.sfc"].md5_hash == md5(b"other")


@pytest.mark.parametrize(
    "name", ["Moss.tmp", "Moss.CRDOWNLOAD", "Moss.sfc.part", "Moss.sfc.!qB", "Moss.filepart"]
)
def test_names_of_what_is_not_complete_are_left_out(shelf: Shelf, name: str) -> None:
    endings = ["part", "!qB", "filepart"]
    files = {
        "single_file": {"extensions": endings},
        "multi_file": {"parts": {"extensions": endings}},
    }
    shelf.configure(json.dumps({"exclude": {"roms": files}}))
    shelf.put(f"roms/snes/{name}")
    shelf.put(f"roms/snes/Game/{name}")
    shelf.put("roms/snes/Game/a.sfc")
    shelf.scan_well()
    assert set(shelf.roms()) == {"Game"}
    assert set(shelf.files()) == {"roms/snes/Game/a.sfc"}
