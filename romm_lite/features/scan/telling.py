"""What a scan tells while it goes; from a process of its own it comes through a pipe."""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from multiprocessing.connection import Connection
from queue import SimpleQueue

from romm_lite.db.engine import Database
from romm_lite.features.scan.kinds import Status
from romm_lite.features.scan.runs import Run
from romm_lite.features.scan.scan import PlatformFolder, Scan
from romm_lite.kernel.events import (
    SCAN_EVENTS,
    Bus,
    PlatformScanned,
    RomsBegun,
    RomsFinished,
    ScanCounted,
    ScanEnded,
)

log = logging.getLogger(__name__)

TELL_SECONDS = 0.1
"""What is counted is told no more often than this."""
INTERRUPTED = "The scan was interrupted; the next one goes on from what it found."


@contextmanager
def telling_counts(database: Database, run: Run) -> Iterator[None]:
    """Tells what the run has counted: now, then whenever it is another, until left."""
    ended = threading.Event()
    told = asdict(run.stats)
    database.publish(ScanCounted(_totals(told)))

    def tell() -> None:
        last = told
        while not ended.wait(TELL_SECONDS):
            if (stats := asdict(run.stats)) != last:
                last = stats
                database.publish(ScanCounted(stats))

    thread = threading.Thread(target=tell, name="scan-counts")
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _totals(stats: dict[str, int]) -> dict[str, int]:
    return {name: n if name.startswith("total_") else 0 for name, n in stats.items()}


def tell_platform(scan: Scan, platform: PlatformFolder, new_firmware: int) -> None:
    """Tell of a platform, and then of its ROMs that will not be read."""
    publish = scan.database.publish
    publish(PlatformScanned(platform.id, new_firmware))
    if unread := tuple(scan.unread.pop(platform.id, ())):
        publish(RomsBegun(unread))
        publish(RomsFinished(unread))
    if returned := tuple(scan.returned.pop(platform.id, ())):
        publish(RomsFinished(returned))


def tell_end(database: Database, run: Run, status: Status, message: str | None) -> None:
    """Tell that a run is over; one that was stopped is no failure."""
    database.publish(ScanEnded(asdict(run.stats), message if status is Status.FAILED else None))


@contextmanager
def sending(bus: Bus, outlet: Connection) -> Iterator[None]:
    """Sends what scans tell on this bus through a pipe, without making them wait."""
    waiting: SimpleQueue[object] = SimpleQueue()
    for kind in SCAN_EVENTS:
        bus.subscribe(kind, waiting.put)

    def send() -> None:
        try:
            while (event := waiting.get()) is not None:
                outlet.send(event)
        except OSError as error:
            log.debug("Nobody hears how the scan goes: %s", error)
        outlet.close()

    thread = threading.Thread(target=send, name="scan-telling", daemon=True)
    thread.start()
    try:
        yield
    finally:
        waiting.put(None)
        thread.join()


def receive(database: Database, inlet: Connection) -> threading.Thread:
    """Publish here what a scan tells through a pipe, in a thread that ends with the scan."""

    def work() -> None:
        last: ScanCounted | None = None
        with inlet:
            while (event := _read(inlet)) is not None:
                if isinstance(event, ScanCounted):
                    last = event
                elif isinstance(event, ScanEnded):
                    last = None
                database.publish(event)
        if last is not None:
            database.publish(ScanEnded(last.stats, INTERRUPTED))

    thread = threading.Thread(target=work, name="scan-hearing", daemon=True)
    thread.start()
    return thread


def _read(inlet: Connection) -> object | None:
    try:
        event: object = inlet.recv()
    except (EOFError, OSError):
        return None
    return event
