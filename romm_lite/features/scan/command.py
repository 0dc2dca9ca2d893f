"""``romm-lite scan``: a scan in this process, with its progress on the terminal."""

import json
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict

import click

from romm_lite.db.engine import Database
from romm_lite.features.scan import service
from romm_lite.features.scan.kinds import ScanKind, ScanRequest, Status
from romm_lite.features.scan.runs import Run
from romm_lite.kernel.errors import Invalid
from romm_lite.kernel.settings import Settings

LINE_SECONDS = 5.0
REDRAW_SECONDS = 0.2
EXIT_CODES = {Status.DONE: 0, Status.FAILED: 1, Status.STOPPED: 130, Status.INTERRUPTED: 1}

Show = Callable[[Run], None]


def run_scan(
    settings: Settings,
    database: Database,
    kind: ScanKind,
    platforms: Sequence[str] = (),
    roms: Sequence[int] = (),
    *,
    as_json: bool = False,
) -> int:
    """Scan, tell how it goes and how it ended; the exit code.

    A bar on a terminal, else a line every few seconds; with ``as_json`` one JSON object at the end.
    A server on the same data folder runs it, after any scan that runs already; without one it
    runs here, and ``Conflict`` is raised if another does. No platforms means all; with ``roms``,
    which are ids, just these are scanned.
    """
    if platforms and roms:
        raise Invalid("Scan platforms or games, not both at once")
    request = ScanRequest(kind, tuple(platforms) or None, roms=tuple(sorted(set(roms))) or None)
    with _progress(as_json=as_json) as started:
        if service.is_served(settings):
            outcome = service.run_by_server(database, settings, request, started)
        else:
            outcome = service.run(database, settings, request, started=started)
    if as_json:
        click.echo(json.dumps(asdict(outcome)))
    else:
        _tell(outcome)
    return EXIT_CODES[outcome.status]


@contextmanager
def _progress(*, as_json: bool) -> Iterator[service.Started]:
    """Shows a run, once it has begun, until left."""
    if as_json:
        yield _show_nothing
    elif sys.stderr.isatty():
        with _bar() as show, _repeating(show, REDRAW_SECONDS) as start:
            yield start
    else:
        with _repeating(_line, LINE_SECONDS) as start:
            yield start


def _show_nothing(_run: Run) -> None:
    pass


@contextmanager
def _repeating(show: Show, seconds: float) -> Iterator[service.Started]:
    ended = threading.Event()
    threads: list[threading.Thread] = []

    def repeat(run: Run) -> None:
        while not ended.wait(seconds):
            show(run)

    def start(run: Run) -> None:
        threads.append(threading.Thread(target=repeat, args=(run,), name="scan-progress"))
        threads[0].start()

    try:
        yield start
    finally:
        ended.set()
        for thread in threads:
            thread.join()


@contextmanager
def _bar() -> Iterator[Show]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[speed]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("", total=None, speed="")
        speed = _Speed()

        def show(run: Run) -> None:
            done, total = _done(run)
            if speed.phase != run.phase:
                progress.reset(task)
            words = speed.measure(run)
            progress.update(task, description=run.phase, completed=done, total=total, speed=words)

        yield show


def _line(run: Run) -> None:
    stats, progress = run.stats, run.progress
    done = f"{stats.scanned_roms:,} of {stats.total_roms:,} ROMs"
    if run.phase == "hashes":
        done = (
            f"{progress.files:,} of {progress.files_total:,} files, "
            f"{progress.bytes / 1e6:,.0f} of {progress.bytes_total / 1e6:,.0f} MB"
        )
    click.echo(f"{run.phase}: {done}", err=True)


def _done(run: Run) -> tuple[int, int | None]:
    """How much of a phase is done, of how much: bytes while hashing, ROMs before."""
    if run.phase == "hashes":
        return run.progress.bytes, run.progress.bytes_total
    return run.stats.scanned_roms, run.stats.total_roms or None


class _Speed:
    """Files and megabytes a second since the phase began."""

    def __init__(self) -> None:
        self.phase = ""
        self._since = 0.0
        self._before = 0

    def measure(self, run: Run) -> str:
        if run.phase != self.phase:
            self.phase, self._since = run.phase, time.monotonic()
            self._before = 0 if run.phase == "hashes" else run.stats.scanned_roms
        seconds = max(time.monotonic() - self._since, 0.001)
        if run.phase == "hashes":
            files, size = run.progress.files / seconds, run.progress.bytes / seconds
            return f"{files:,.0f} files/s  {size / 1e6:,.0f} MB/s"
        return f"{(run.stats.scanned_roms - self._before) / seconds:,.0f} ROMs/s"


def _tell(outcome: service.Outcome) -> None:
    for problem in outcome.problems:
        click.echo(f"  {problem}", err=True)
    if outcome.message:
        click.echo(outcome.message, err=True)
    stats = outcome.stats
    click.echo(
        f"Scan {outcome.id} {outcome.status}: {stats.scanned_roms} ROMs on "
        f"{stats.scanned_platforms} platforms, {stats.new_roms} new; "
        f"{stats.scanned_firmware} firmware files, {stats.new_firmware} new."
    )
