"""The command: what it prints, how it ends, a terminal and none."""

import json
import os
import pty
import subprocess
import sys

import pytest
from click.testing import CliRunner

from romm_lite.cli import cli
from romm_lite.features.scan.command import run_scan
from romm_lite.features.scan.kinds import ScanKind
from romm_lite.kernel.errors import Conflict, Invalid
from tests.features.scan.conftest import Shelf, stop_in
from tests.features.scan.test_runs import ROOT, scanning_elsewhere

ON_A_TERMINAL = """
import sys
from pathlib import Path
from romm_lite.db.engine import Database, open_engine
from romm_lite.features.scan.command import run_scan
from romm_lite.features.scan.kinds import ScanKind
from romm_lite.kernel.events import Bus
from romm_lite.kernel.settings import Settings

settings = Settings.model_validate({"romm_base_path": Path(sys.argv[1])})
database = Database(open_engine(settings.database_url), Bus())
sys.exit(run_scan(settings, database, ScanKind.QUICK))
"""


def test_it_tells_what_it_found(shelf: Shelf, capsys: pytest.CaptureFixture[str]) -> None:
    shelf.put("roms/snes/Moss.sfc")
    assert run_scan(shelf.settings, shelf.database, ScanKind.QUICK) == 0
    said = capsys.readouterr()
    assert said.out == ("Scan 1 done: 1 ROMs on 1 platforms, 1 new; 0 firmware files, 0 new.\n")


def test_json_is_one_object(shelf: Shelf, capsys: pytest.CaptureFixture[str]) -> None:
    shelf.put("roms/snes/Moss.sfc")
    shelf.put("roms/snes/Broken.zip", "no zip")
    code = run_scan(shelf.settings, shelf.database, ScanKind.COMPLETE, ["snes"], as_json=True)
    said = json.loads(capsys.readouterr().out)
    assert code == 0
    assert (said["id"], said["kind"], said["status"], said["message"]) == (
        1,
        "complete",
        "done",
        None,
    )
    assert said["stats"]["new_roms"] == 2
    assert len(said["problems"]) == 1


def test_games_are_chosen_by_their_ids(shelf: Shelf, capsys: pytest.CaptureFixture[str]) -> None:
    shelf.put("roms/snes/Moss.sfc")
    shelf.put("roms/snes/Fern.sfc")
    shelf.scan_well()
    rom = shelf.roms()["Moss.sfc"].id
    arguments = ["scan", "--data-dir", str(shelf.places.data), "--library", str(shelf.root)]
    done = CliRunner().invoke(cli, [*arguments, "--rom", str(rom), "--type", "hashes"])
    assert (done.exit_code, done.stdout) == (
        0,
        "Scan 2 done: 1 ROMs on 1 platforms, 0 new; 0 firmware files, 0 new.\n",
    )
    with pytest.raises(Invalid, match="not both at once"):
        run_scan(shelf.settings, shelf.database, ScanKind.QUICK, ["snes"], [rom])


def test_a_failure_is_told(shelf: Shelf, capsys: pytest.CaptureFixture[str]) -> None:
    shelf.root.rmdir()
    assert run_scan(shelf.settings, shelf.database, ScanKind.QUICK) == 1
    assert "Is its drive mounted" in capsys.readouterr().err


def test_problems_are_told(shelf: Shelf, capsys: pytest.CaptureFixture[str]) -> None:
    shelf.put("roms/snes/Broken.zip", "no zip")
    assert run_scan(shelf.settings, shelf.database, ScanKind.QUICK) == 0
    assert "roms/snes/Broken.zip: " in capsys.readouterr().err


def test_a_running_scan_is_told(shelf: Shelf) -> None:
    shelf.put_huge("roms/snes/huge.sfc")
    with scanning_elsewhere(shelf), pytest.raises(Conflict, match="already running"):
        run_scan(shelf.settings, shelf.database, ScanKind.QUICK)


def test_a_terminal_sees_a_bar(shelf: Shelf) -> None:
    for number in range(300):
        shelf.put(f"roms/snes/Moss {number}.sfc", os.urandom(500_000))
    master, slave = pty.openpty()
    command = [sys.executable, "-c", ON_A_TERMINAL, str(shelf.places.data)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=slave) as process:
        os.close(slave)
        shown = _read_all(master)
        out = process.communicate()[0]
    assert process.returncode == 0
    assert b"300 new" in out
    assert b"MB/s" in shown


def _read_all(descriptor: int) -> bytes:
    shown = b""
    while True:
        try:
            part = os.read(descriptor, 65536)
        except OSError:  # what a terminal says when its other end was closed
            part = b""
        if not part:
            os.close(descriptor)
            return shown
        shown += part


def test_a_stopped_scan_says_that_nothing_is_lost(shelf: Shelf) -> None:
    shelf.put_huge("roms/snes/huge.sfc")
    outcome = shelf.scan(started=stop_in("hashes"))
    assert outcome.message is not None
    assert "the next scan goes on from there" in outcome.message
