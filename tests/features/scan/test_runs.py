"""One scan at a time, in whichever process; scans of the dead; signals."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, update

from romm_lite.features.scan import runs, service
from romm_lite.features.scan.arrivals import store
from romm_lite.features.scan.follow_up import FollowUps
from romm_lite.features.scan.kinds import ScanKind, ScanRequest, Status
from romm_lite.kernel.errors import Conflict, Invalid, NotFound
from romm_lite.kernel.times import now
from romm_lite.tables.system import SCAN_RUNS
from tests.features.scan.conftest import Shelf, wait_for

ROOT = Path(__file__).resolve().parents[3]


@contextmanager
def scanning_elsewhere(shelf: Shelf) -> Iterator["subprocess.Popen[str]"]:
    """Another process that is in the middle of a scan."""
    url = shelf.database.engine.url.render_as_string(hide_password=False)
    command = [sys.executable, "-m", "tests.features.scan.child", str(shelf.places.data), url]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "started\n"
        try:
            yield process
        finally:
            process.kill()


def store_run(shelf: Shelf, **columns: Any) -> int:
    values = {"kind": "quick", "status": "running", "started_at": now(), **columns}
    with shelf.database.write() as session:
        result: Any = session.execute(insert(SCAN_RUNS).values(**values))
        return int(result.inserted_primary_key[0])


def test_a_second_scan_is_refused_and_the_first_can_be_stopped(every_shelf: Shelf) -> None:
    shelf = every_shelf
    shelf.put_huge("roms/snes/huge.sfc")
    with scanning_elsewhere(shelf) as process:
        with pytest.raises(Conflict, match="already running"):
            shelf.scan()
        (run,) = service.find(shelf.database)
        service.stop(shelf.database, run.id or 0)
        assert process.communicate()[0] == "stopped\n"
    assert service.get(shelf.database, run.id or 0).status == Status.STOPPED


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_the_scan_cleanly(shelf: Shelf, number: signal.Signals) -> None:
    shelf.put_huge("roms/snes/huge.sfc")
    shelf.put("roms/snes/Moss.sfc")
    with scanning_elsewhere(shelf) as process:
        wait_for(lambda: shelf.files().get("roms/snes/Moss.sfc") is not None)
        process.send_signal(number)
        assert process.communicate()[0] == "stopped\n"
        assert process.returncode == 0
    (run,) = service.find(shelf.database)
    assert run.status == Status.STOPPED


def test_a_scan_of_another_machine_on_the_same_database_is_respected(every_shelf: Shelf) -> None:
    shelf = every_shelf
    other = store_run(shelf, position={"machine": "elsewhere:/data"})
    with pytest.raises(Conflict, match="already running"):
        shelf.scan()
    refused = service.find(shelf.database)[0]
    assert (refused.status, service.get(shelf.database, other).status) == ("failed", "running")


def test_a_scan_whose_machine_is_silent_was_interrupted(every_shelf: Shelf) -> None:
    shelf = every_shelf
    other = store_run(shelf, position={"machine": "elsewhere:/data"})
    with shelf.database.write() as session:
        silent = now() - timedelta(seconds=31)
        session.execute(update(SCAN_RUNS).values(updated_at=silent))
    shelf.scan_well()
    assert service.get(shelf.database, other).status == Status.INTERRUPTED


def test_a_scan_of_this_folder_that_died_was_interrupted(shelf: Shelf) -> None:
    shelf.put_huge("roms/snes/huge.sfc")
    with scanning_elsewhere(shelf) as process:
        wait_for(lambda: service.find(shelf.database)[0].phase == "hashes")
        process.kill()
    (shelf.root / "roms/snes/huge.sfc").write_text("small")
    shelf.scan_well()
    states = [run.status for run in service.find(shelf.database)]
    assert states == [Status.DONE, Status.INTERRUPTED]


def test_the_row_tells_how_far_a_scan_is(shelf: Shelf) -> None:
    shelf.put_huge("roms/snes/huge.sfc")
    shelf.put("roms/snes/Moss.sfc")
    with scanning_elsewhere(shelf):
        wait_for(lambda: (service.find(shelf.database)[0].position or {}).get("files") == 1)
        run = service.find(shelf.database)[0]
        assert (run.status, run.phase) == ("running", "hashes")
        assert run.position is not None
        assert run.stats is not None
        assert (run.position["files_total"], run.position["bytes"]) == (2, 7)
        assert list(run.stats) == sorted(run.stats)
        assert run.stats["new_roms"] == 2
        assert runs.find_alive(shelf.database) == run.id


def test_a_stopped_queue_never_starts(shelf: Shelf) -> None:
    shelf.put("roms/snes/Moss.sfc")
    run_id = runs.queue(shelf.database, ScanRequest(), "here")
    service.stop(shelf.database, run_id)
    outcome = service.run(shelf.database, shelf.settings, ScanRequest(), run_id=run_id)
    assert outcome.status == Status.STOPPED
    assert not shelf.roms()


def test_a_run_that_ended_is_not_stopped(shelf: Shelf) -> None:
    outcome = shelf.scan_well()
    assert service.stop(shelf.database, outcome.id).status == Status.DONE
    with pytest.raises(NotFound):
        service.stop(shelf.database, 4711)


def test_a_child_process_scans_for_a_server(shelf: Shelf) -> None:
    shelf.put("roms/snes/Moss.sfc")
    request = ScanRequest(ScanKind.COMPLETE, ("snes",))
    run = service.request_scan(shelf.database, shelf.settings, request)
    assert (run.status, run.kind, run.scope) == ("waiting", "complete", {"platforms": ["snes"]})
    with FollowUps(shelf.settings, shelf.database):
        wait_for(lambda: service.get(shelf.database, run.id or 0).status == Status.DONE)
    assert shelf.roms()["Moss.sfc"].md5_hash


def test_a_scan_of_an_unknown_platform_is_refused(shelf: Shelf) -> None:
    shelf.put("roms/snes/Moss.sfc")
    with pytest.raises(Invalid, match="nse"):
        service.request_scan(shelf.database, shelf.settings, ScanRequest(platforms=("nse",)))
    assert service.find(shelf.database) == []


def ask(shelf: Shelf, *platforms: str, kind: ScanKind = ScanKind.QUICK) -> int:
    request = ScanRequest(kind, platforms or None)
    return service.request_scan(shelf.database, shelf.settings, request).id or 0


def test_scans_that_wait_are_merged(every_shelf: Shelf) -> None:
    shelf = every_shelf
    for platform in ("snes", "nes", "wii"):
        shelf.put(f"roms/{platform}/Moss.rom")
    first = ask(shelf, "snes")
    assert [ask(shelf, "nes"), ask(shelf, "snes")] == [first, first]
    assert service.get(shelf.database, first).scope == {"platforms": ["nes", "snes"]}
    complete = ask(shelf, "wii", kind=ScanKind.COMPLETE)
    assert complete != first
    assert ask(shelf) == first
    assert service.get(shelf.database, first).scope is None
    assert ask(shelf, "wii") == first
    assert service.get(shelf.database, first).scope is None


def test_a_scan_asked_for_while_one_runs_comes_after_it(shelf: Shelf) -> None:
    shelf.put_huge("roms/snes/huge.sfc")
    with FollowUps(shelf.settings, shelf.database):
        first = ask(shelf)
        wait_for(lambda: service.get(shelf.database, first).phase == "hashes")
        shelf.put("roms/nes/Moss.nes")
        second = ask(shelf, "nes")
        assert second != first
        assert ask(shelf, "nes") == second
        service.stop(shelf.database, first)
        wait_for(lambda: service.get(shelf.database, second).status == Status.DONE)
    told = [(run.status, run.started_at, run.ended_at) for run in service.find(shelf.database)]
    (_, begun, _), (_, _, ended) = told
    assert [each[0] for each in told] == ["done", "stopped"]
    assert ended is not None
    assert begun >= ended
    assert shelf.roms()["Moss.nes"].md5_hash


def test_a_scan_that_waits_is_called_off(shelf: Shelf) -> None:
    run_id = ask(shelf)
    assert service.stop(shelf.database, run_id).status == Status.STOPPED
    assert runs.find_waiting(shelf.database) is None


def test_what_somebody_asked_for_comes_before_files_that_arrived(shelf: Shelf) -> None:
    shelf.put("roms/snes/Moss.sfc")
    store(shelf.database, "snes", ["Moss.sfc"], "here")
    asked = ask(shelf)
    waiting = runs.find_waiting(shelf.database)
    assert waiting is not None
    assert waiting.id == asked


def test_a_scan_goes_on_waiting_while_another_machine_scans(shelf: Shelf) -> None:
    shelf.put("roms/snes/Moss.sfc")
    other = runs.queue(shelf.database, ScanRequest(), "elsewhere:/data")
    runs.begin(shelf.database, other, "elsewhere:/data")
    run_id = ask(shelf)
    with pytest.raises(Conflict):
        service.run(shelf.database, shelf.settings, ScanRequest(), run_id=run_id)
    assert service.get(shelf.database, run_id).status == Status.WAITING


def test_a_child_that_takes_too_long_is_stopped(shelf: Shelf) -> None:
    shelf.put_huge("roms/snes/huge.sfc")
    settings = shelf.settings.model_copy(update={"scan_timeout": 1})
    run = service.request_scan(shelf.database, settings, ScanRequest())
    with FollowUps(settings, shelf.database):
        wait_for(lambda: service.get(shelf.database, run.id or 0).status == Status.STOPPED)
    message = service.get(shelf.database, run.id or 0).message
    assert message is not None
    assert "SCAN_TIMEOUT" in message


def test_a_server_that_starts_clears_what_died(shelf: Shelf) -> None:
    shelf.put_huge("roms/snes/huge.sfc")
    with scanning_elsewhere(shelf) as process:
        assert not service.clear_dead(shelf.database, shelf.settings)
        process.kill()
        process.wait()
    assert service.clear_dead(shelf.database, shelf.settings)
    assert [run.status for run in service.find(shelf.database)] == [Status.INTERRUPTED]
