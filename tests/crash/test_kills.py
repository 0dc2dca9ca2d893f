"""The program killed at random moments: what is there afterwards is what nobody disturbed gives."""

import random
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import Home, NewHome, create_admin, make_home
from tests.e2e.library import make_bytes, make_zip, write

pytestmark = pytest.mark.slow
DICE = random.Random(20)
CHANGING = {"id", "rom_id", "platform_id", "platforms", "created_at", "updated_at", "rom_user"}
Rows = list[Any]


def settle(answer: Any) -> Any:
    """An answer without ids and times."""
    if isinstance(answer, dict):
        return {key: settle(each) for key, each in answer.items() if key not in CHANGING}
    return [settle(each) for each in answer] if isinstance(answer, list) else answer


def read_rows(home: Home) -> Rows:
    """All that a scan stores, as the API tells it."""
    with home.serve() as server:
        paths = ("/api/platforms", "/api/firmware", "/api/roms/filters", "/api/stats")
        return [settle(server.roms()), *(settle(server.get(path)) for path in paths)]


def kill_within(seconds: float, home: Home, *words: str) -> None:
    """Start a command and kill it at some moment of that time."""
    with subprocess.Popen(
        home.command(*words),
        env=home.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        time.sleep(DICE.uniform(seconds / 4, seconds))
        process.kill()


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """5,000 files: flat ones, archives and folders."""
    library = tmp_path_factory.mktemp("library")
    for number in range(3000):
        name = f"Moss {number} (USA, Europe) (Rev {number % 5}).sfc"
        write(library / "roms" / "snes" / name, make_bytes(name, 5000))
    for number in range(800):
        members = {f"{number}.a": make_bytes(f"a{number}", 500), f"{number}.b": b"b"}
        write(library / "roms" / "arcade" / f"moth{number}.zip", make_zip(members))
    for number in range(300):
        for part in ("disc.cue", "disc.bin", "dlc/more.bin"):
            write(library / f"roms/psx/Game {number} (Japan)/{part}", make_bytes(part, 800))
    for number in range(300):
        write(library / f"bios/psx/chip {number}.bin", make_bytes(str(number), 800))
    return library


@pytest.fixture(scope="module")
def undisturbed(new_home: NewHome, library: Path) -> tuple[Rows, float]:
    """What a scan stores, and how long it takes."""
    home = new_home(ROMM_LIBRARY_PATH=str(library))
    started = time.monotonic()
    home.scan()
    took = time.monotonic() - started
    return read_rows(home), took


@pytest.mark.parametrize("turn", range(20))
def test_a_scan_killed_at_a_random_moment(
    turn: int, new_home: NewHome, library: Path, undisturbed: tuple[Rows, float]
) -> None:
    rows, took = undisturbed
    home = new_home(ROMM_LIBRARY_PATH=str(library))
    for _ in range(1 if turn % 4 else 3):
        kill_within(took, home, "scan")
    assert home.run("db", "check").returncode == 0
    home.scan()
    assert read_rows(home) == rows


@pytest.mark.parametrize("kind", ["complete", "hashes"])
def test_a_scan_that_reads_all_killed_over_and_over(
    kind: str, new_home: NewHome, library: Path, undisturbed: tuple[Rows, float]
) -> None:
    rows, took = undisturbed
    home = new_home(ROMM_LIBRARY_PATH=str(library))
    home.scan()
    for _ in range(10):
        kill_within(took, home, "scan", "--type", kind)
    home.scan()
    assert read_rows(home) == rows


def test_the_first_start_killed_over_and_over(tmp_path: Path) -> None:
    started = time.monotonic()
    create_admin(make_home(tmp_path / "measured"))
    took = time.monotonic() - started
    for number in range(5):
        home = make_home(tmp_path / str(number))
        for _ in range(2):
            kill_within(took, home, "serve", "--host", "127.0.0.1", "--port", "18996")
        create_admin(home)
        done = home.run("db", "check")
        assert (done.returncode, done.stdout) == (0, "The database is sound\n"), done.stderr
