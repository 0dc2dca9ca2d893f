"""Scans beside a running server: it answers, they can be stopped, and the next one goes on.

A file of 64 GB that takes no space on the disk keeps a scan busy for as long as it is needed.
"""

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.e2e.conftest import WAIT, Home, NewHome, Server, has_ended
from tests.e2e.library import digest, make_bytes, read_digest, write

SMALL = [f"Game {number} (USA).nes" for number in range(200)]


def make_slow(home: Home) -> Path:
    """A library of small games, and one that takes long; that one's file."""
    for name in SMALL:
        write(home.library / "roms" / "nes" / name, make_bytes(name, 500))
    huge = home.library / "roms" / "wii" / "Vast (World).iso"
    write(huge, b"")
    os.truncate(huge, 64 << 30)
    return huge


def is_reading(scan: dict[str, Any]) -> bool:
    """Whether only the huge file is left."""
    assert not has_ended(scan), scan
    progress = scan["progress"]
    return bool(progress["files_total"] and progress["files"] == progress["files_total"] - 1)


def check_whole(server: Server) -> None:
    """Every row is what a scan nobody disturbed gives."""
    roms = server.roms()
    assert sorted(roms) == sorted([*SMALL, "Vast (World).iso"])
    for name in SMALL:
        assert read_digest(roms[name]) == digest(make_bytes(name, 500)), name
    assert read_digest(roms["Vast (World).iso"]) == digest(bytes(1000))


@pytest.fixture
def slow(new_home: NewHome) -> tuple[Home, Path]:
    home = new_home()
    return home, make_slow(home)


def test_the_server_answers_during_a_scan_that_is_stopped_and_goes_on(
    slow: tuple[Home, Path],
) -> None:
    home, huge = slow
    with home.serve() as server:
        number = server.start_scan()
        server.wait_for_scan(number, is_reading)
        page = server.get("/api/roms", limit=10)
        assert page["total"] == len(SMALL) + 1
        ids = server.get("/api/roms/identifiers")
        assert server.client.post("/api/scans").status_code == 422
        waiting = server.start_scan()
        assert server.get(f"/api/scans/{waiting}")["status"] == "waiting"
        server.client.post(f"/api/scans/{waiting}/stop").raise_for_status()
        server.client.post(f"/api/scans/{number}/stop").raise_for_status()
        stopped = server.wait_for_scan(number, has_ended)
        assert stopped["status"] == "stopped"
        assert "kept" in stopped["message"]
        os.truncate(huge, 1000)
        again = server.wait_for_scan(server.start_scan(), has_ended)
        assert (again["status"], again["stats"]["new_roms"]) == ("done", 0)
        assert again["progress"]["files_total"] == 1
        assert server.get("/api/roms/identifiers") == ids
        check_whole(server)


@contextmanager
def scanning(home: Home, server: Server) -> Iterator["subprocess.Popen[str]"]:
    """A scan asked for on the command line beside the server, as far as the huge file."""
    known = len(server.get("/api/scans"))
    process = subprocess.Popen(
        home.command("scan", "--json"),
        env=home.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            while len(server.get("/api/scans")) == known:
                assert process.poll() is None, process.communicate()
                time.sleep(0.1)
            server.wait_for_scan(server.get("/api/scans")[0]["id"], is_reading)
            yield process
        finally:
            process.kill()


@pytest.mark.slow
def test_ctrl_c_stops_a_scan_of_the_command_line_and_the_next_goes_on(
    slow: tuple[Home, Path],
) -> None:
    home, huge = slow
    with home.serve() as server:
        with scanning(home, server) as process:
            process.send_signal(signal.SIGINT)
            output, errors = process.communicate(timeout=WAIT)
        assert process.returncode == 130
        assert "Traceback" not in errors
        outcome = json.loads(output)
        assert (outcome["status"], outcome["stats"]["new_roms"]) == ("stopped", len(SMALL) + 1)
        os.truncate(huge, 1000)
        assert home.scan()["stats"]["new_roms"] == 0
        check_whole(server)
        assert [scan["status"] for scan in server.get("/api/scans")] == ["done", "stopped"]


def kill_with_children(server: Server) -> None:
    """As a power cut would."""
    children = psutil.Process(server.process.pid).children(recursive=True)
    server.process.kill()
    for child in children:
        with suppress(psutil.NoSuchProcess):
            child.kill()
    psutil.wait_procs(children, WAIT)
    server.process.wait()


@pytest.mark.slow
def test_killed_in_the_middle_of_scans_the_next_one_completes_them(
    slow: tuple[Home, Path],
) -> None:
    home, huge = slow
    with home.serve() as server:
        with scanning(home, server) as process:
            process.kill()
        asked = server.get("/api/scans")[0]
        assert asked["status"] == "running"  # it is the server's by now
        kill_with_children(server)
    os.truncate(huge, 1000)
    with home.serve() as server:
        last = server.wait_for_scan(server.start_scan(), has_ended)
        assert (last["status"], last["stats"]["new_roms"]) == ("done", 0), last
        check_whole(server)
        told = [scan["status"] for scan in server.get("/api/scans")]
        assert told == ["done", "interrupted"]


@pytest.mark.slow
def test_a_scan_whose_server_alone_was_killed_obeys_the_next_one(slow: tuple[Home, Path]) -> None:
    home, _ = slow
    with home.serve() as server:
        number = server.start_scan()
        server.wait_for_scan(number, is_reading)
        server.process.kill()
        server.process.wait()
    with home.serve() as server:
        waiting = server.start_scan()
        assert server.get(f"/api/scans/{waiting}")["status"] == "waiting"
        for each in (waiting, number):
            server.client.post(f"/api/scans/{each}/stop").raise_for_status()
            assert server.wait_for_scan(each, has_ended)["status"] == "stopped"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_server_that_ends_ends_its_scan(slow: tuple[Home, Path], number: signal.Signals) -> None:
    home, _ = slow
    with home.serve() as server:
        server.wait_for_scan(server.start_scan(), is_reading)
        server.process.send_signal(number)
        assert server.process.wait(WAIT) == 0
        log = server.log.read_text()
    assert "The scan was stopped" in log
    assert "Aborted" not in log
