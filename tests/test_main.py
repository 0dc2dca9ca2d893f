"""The start of the program."""

import subprocess
import sys

from romm_lite import __version__


def run(*arguments: str) -> str:
    command = [sys.executable, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_it_is_the_command() -> None:
    assert __version__ in run("-m", "romm_lite", "--version")


def test_processes_that_are_started_do_not_import_the_server() -> None:
    told = "import sys, romm_lite.__main__; print('romm_lite.cli' in sys.modules)"
    assert run("-c", told).strip() == "False"


def test_processes_that_patch_import_little() -> None:
    told = "import sys, romm_lite.disk.patches.process; print('sqlalchemy' in sys.modules)"
    assert run("-c", told).strip() == "False"
