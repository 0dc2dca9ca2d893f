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
        with pytest.raises(Conflict, match="already running"):
            service.run_in_child(shelf.database, shelf.settings, ScanRequest())
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
    run = service.run_in_child(shelf.database, shelf.settings, request)
    assert (run.status, run.kind, run.scope) == ("queued", "complete", {"platforms": ["snes"]})
    wait_for(lambda: service.get(shelf.database, run.id or 0).status == Status.DONE)
    assert shelf.roms()["Moss.sfc"].md5_hash


def test_a_child_is_not_started_for_an_unknown_platform(shelf: Shelf) -> None:
    shelf.put("roms/snes/Moss.sfc")
    with pytest.raises(Invalid, match="nse"):
        service.run_in_child(shelf.database, shelf.settings, ScanRequest(platforms=("nse",)))
    assert service.find(shelf.database) == []


def test_a_child_that_takes_too_long_is_stopped(shelf: Shelf) -> None:
    shelf.put_huge("roms/snes/huge.sfc")
    settings = shelf.settings.model_copy(update={"scan_timeout": 1})
    run = service.run_in_child(shelf.database, settings, ScanRequest())
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
