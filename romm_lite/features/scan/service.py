"""Starting scans, here or in a process of their own, and telling how they went."""

import logging
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, fields
from functools import partial
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from types import FrameType

from romm_lite.db.engine import Database, open_engine
from romm_lite.db.faults import explain
from romm_lite.disk.config import ConfigFile
from romm_lite.disk.layout import Layout
from romm_lite.disk.members import Stopped
from romm_lite.features.library.service import settle_moves
from romm_lite.features.scan import runs
from romm_lite.features.scan.arrivals import store_late
from romm_lite.features.scan.cartridges import keep_cartridge_covers
from romm_lite.features.scan.discover import (
    choose,
    discover,
    find_last_rom,
    find_roms,
    mark_missing_platforms,
)
from romm_lite.features.scan.discover import find_folders as find_folders
from romm_lite.features.scan.firmware import read_firmware
from romm_lite.features.scan.hashes import read_hashes
from romm_lite.features.scan.kinds import Progress, Stats, Status
from romm_lite.features.scan.kinds import ScanKind as ScanKind
from romm_lite.features.scan.kinds import ScanRequest as ScanRequest
from romm_lite.features.scan.matching import match_roms
from romm_lite.features.scan.names import read_names
from romm_lite.features.scan.renames import store_renamed
from romm_lite.features.scan.runs import Run
from romm_lite.features.scan.scan import Scan
from romm_lite.features.scan.telling import (
    receive,
    sending,
    tell_end,
    tell_platform,
    telling_counts,
)
from romm_lite.features.scan.tracks import read_tracks
from romm_lite.kernel import log as logs
from romm_lite.kernel.errors import Conflict, LibraryUnavailable, RommError, StorageFull
from romm_lite.kernel.events import Bus
from romm_lite.kernel.locks import hold, read_holder
from romm_lite.kernel.paths import Places
from romm_lite.kernel.settings import Settings
from romm_lite.tables.system import ScanRun

log = logging.getLogger(__name__)

Started = Callable[[Run], None]
"""Told of a run when it begins; what the run counts can be watched from another thread."""


@dataclass(frozen=True)
class Outcome:
    """How a scan ended; ``message`` is for a person, None if all went well."""

    id: int
    kind: ScanKind
    status: Status
    message: str | None
    stats: Stats
    problems: list[str]


PATIENCE = 10.0
LOCK_POLL_SECONDS = 0.05
LOOK_SECONDS = 0.25
MAKES_WAY = "makes_way"
_BUSY = "A scan is already running: wait for it or stop it."
_KEPT = "Everything found so far is kept, and the next scan goes on from there."


def run(
    database: Database,
    settings: Settings,
    request: ScanRequest,
    *,
    run_id: int | None = None,
    started: Started | None = None,
) -> Outcome:
    """Scan in this process and return how it ended; SIGINT and SIGTERM stop it.

    ``run_id`` is a run that is stored already. Raises ``Conflict`` if another scan runs on this
    data folder or this database; one of named files makes way.
    """
    places = settings.places
    machine = runs.name_machine(places.data)
    with _hold_lock(database, places, request) as held:
        if not held:
            raise Conflict(_BUSY)
        if run_id is None:
            run_id = runs.queue(database, request, machine)
        current = runs.begin(database, run_id, machine)
        # While it waited, more files may have been asked for.
        request = runs.read_request(runs.get(database, run_id))
        with _stop_on_signals(current):
            if started:
                started(current)
            with runs.keep_row(database, current):
                status, message = _try(database, settings, request, current)
            _end(database, current, status, message)
            tell_end(database, current, status, message)
    return Outcome(current.id, current.kind, status, message, current.stats, current.problems)


def request_scan(database: Database, settings: Settings, request: ScanRequest) -> ScanRun:
    """Have a scan run as soon as no other does; its run, which may be one that waited already.

    Whoever runs ``FollowUps`` runs it, in whichever process. ``Invalid`` if a platform asked for
    has no folder.
    """
    if request.platforms is not None:
        config = ConfigFile(settings.places.config_file).read()
        with suppress(LibraryUnavailable):  # which the run itself will tell
            choose(Layout(settings.places.library, config).platform_folders(), request.platforms)
    run_id = runs.ask(database, request, runs.name_machine(settings.places.data))
    runs.make_way(database)
    return runs.get(database, run_id)


def is_served(settings: Settings) -> bool:
    """Whether a server on this data folder runs what waits."""
    places = settings.places
    if not read_holder(places.server_lock):
        return False
    with hold(places.server_lock, {}) as is_free:  # it is where a server was killed
        return not is_free


def run_by_server(
    database: Database, settings: Settings, request: ScanRequest, started: Started
) -> Outcome:
    """Have the server scan, and return how that ended; SIGINT and SIGTERM stop it.

    If the server ends before it began, the scan runs here.
    """
    run_id = request_scan(database, settings, request).id or 0
    shown = Run(run_id, request.kind, "", 0)
    has_begun = is_told = False
    with _stop_on_signals(shown):
        while True:
            row = runs.get(database, run_id)
            has_begun = has_begun or _show(row, shown, None if has_begun else started)
            if row.ended_at is not None:
                return _read_outcome(row)
            if shown.stopping.is_set() and not is_told:
                is_told = bool(runs.request_stop(database, run_id))
            is_alone = not is_served(settings) and clear_dead(database, settings)
            if is_alone and row.status == Status.WAITING and not shown.stopping.is_set():
                break
            time.sleep(LOOK_SECONDS)
    return run(database, settings, request, run_id=run_id, started=started)


def _show(row: ScanRun, shown: Run, started: Started | None) -> bool:
    """Let a run look as its row does; whether it has begun."""
    if row.status in (Status.WAITING, Status.QUEUED):
        return False
    shown.phase = row.phase
    shown.stats = Stats(**(row.stats or {}))
    known = {each.name for each in fields(Progress)}
    shown.progress = Progress(**{k: v for k, v in (row.position or {}).items() if k in known})
    if started is not None:
        started(shown)
    return True


def _read_outcome(row: ScanRun) -> Outcome:
    return Outcome(
        row.id or 0,
        ScanKind(row.kind),
        Status(row.status),
        row.message,
        Stats(**(row.stats or {})),
        row.problems,
    )


def start_child(
    database: Database, settings: Settings, request: ScanRequest, run_id: int
) -> BaseProcess:
    """A process that scans for a stored run; it ends with this one, which hears how it goes."""
    context = multiprocessing.get_context("spawn")
    inlet, outlet = context.Pipe(duplex=False)
    arguments = (settings, request, run_id, outlet)
    child = context.Process(target=_run_child, args=arguments, daemon=True)
    child.start()
    outlet.close()  # the child's is the only one left: when it is gone, so is the scan
    receive(database, inlet)
    return child


def clear_dead(database: Database, settings: Settings) -> bool:
    """Mark runs of processes that died as interrupted; False if a scan runs on this data folder."""
    places = settings.places
    with hold(places.scan_lock, {}) as is_free:
        if is_free:
            runs.interrupt_dead(database, runs.name_machine(places.data))
        return is_free


@contextmanager
def _hold_lock(database: Database, places: Places, request: ScanRequest) -> Iterator[bool]:
    """The lock of scans, False if another has it; whoever makes way is asked to and waited for."""
    deadline = time.monotonic() + PATIENCE
    while True:
        with hold(places.scan_lock, {MAKES_WAY: request.files is not None}) as held:
            may_wait = request.files is None and time.monotonic() < deadline
            if held or not may_wait or not _makes_way(places):
                yield held
                return
        runs.make_way(database)
        time.sleep(LOCK_POLL_SECONDS)


def _makes_way(places: Places) -> bool:
    """Whether the lock of scans is held by who soon gives it up."""
    return bool(read_holder(places.scan_lock).get(MAKES_WAY, True))


def stop(database: Database, run_id: int) -> ScanRun:
    """Ask a run to stop, wherever it runs; ``NotFound`` if there is none."""
    return runs.request_stop(database, run_id)


def get(database: Database, run_id: int) -> ScanRun:
    """One run; ``NotFound`` if there is none."""
    return runs.get(database, run_id)


def find(database: Database) -> list[ScanRun]:
    """The latest runs, the newest first."""
    return runs.find(database)


def _run_child(settings: Settings, request: ScanRequest, run_id: int, outlet: Connection) -> None:
    logs.set_up(settings.loglevel, force_color=settings.force_color, no_color=settings.no_color)
    bus = Bus()
    database = Database(open_engine(settings.database_url, echo=settings.dev_sql_echo), bus)
    try:
        limit = partial(_limit_time, settings.scan_timeout)
        with sending(bus, outlet):
            tell(run(database, settings, request, run_id=run_id, started=limit))
    except RommError as error:
        log.warning("%s", error)
    finally:
        database.close()


def tell(outcome: Outcome) -> None:
    """Say in the log how a scan ended that nobody watches."""
    log.info("Scan %d: %s", outcome.id, outcome.message or outcome.status)
    for problem in outcome.problems:
        log.warning("%s", problem)


def _try(
    database: Database, settings: Settings, request: ScanRequest, current: Run
) -> tuple[Status, str | None]:
    """Run the phases; how they ended, with a sentence if that was not well."""
    try:
        file = ConfigFile(settings.places.config_file)
        config = file.read()
        if problem := file.state().parse_error:
            current.report(f"config.yml: {problem}")
        files = request.files
        if request.roms is not None:
            files = find_roms(database, current, request.roms)
        scan = Scan(
            database=database,
            layout=Layout(settings.places.library, config),
            config=config,
            run=current,
            wanted=request.platforms,
            files=files,
            is_of_roms=request.roms is not None,
            is_settled=request.files is not None and not request.delay,
            sources=request.sources,
            last_known=find_last_rom(database),
            workers=settings.scan_workers or os.cpu_count() or 1,
            seven_zip_timeout=settings.seven_zip_timeout,
            places=settings.places,
        )
        settle_moves(database, scan.layout, settings.places)
        _run_phases(scan)
        store_late(database, scan.late, current.machine, waited=request.delay)
    except Stopped:
        status = Status.WAITING if current.is_put_off else Status.STOPPED
        return status, f"{current.why_stopped} {_KEPT}"
    except RommError as error:
        return Status.FAILED, str(error)
    except Exception as error:
        return Status.FAILED, f"{_explain(error)} {_KEPT}"
    return Status.DONE, None


def _explain(error: Exception) -> str:
    told = explain(error)
    if isinstance(told, StorageFull):
        return "The disk of the database is full: free some space."
    if told is not None:
        return str(told)
    log.error("The scan failed", exc_info=error)
    return "Something unexpected happened; the log tells what."


def _run_phases(scan: Scan) -> None:
    current = scan.run
    current.enter("discover")
    folders = discover(scan)
    with telling_counts(scan.database, current):
        _read_folders(scan, folders)


def _read_folders(scan: Scan, folders: Sequence[str]) -> None:
    current = scan.run
    current.enter("names")
    held = read_names(scan, folders)
    is_whole = scan.files is None
    if is_whole:
        current.enter("firmware")
        read_firmware(scan)
    elif not scan.is_of_roms:
        for platform in scan.platforms.values():
            tell_platform(scan, platform, 0)
    current.enter("renames")
    store_renamed(scan, held)
    current.enter("tracks")
    read_tracks(scan)
    keep_cartridge_covers(scan)
    current.enter("hashes")
    read_hashes(scan)
    current.enter("matching")
    match_roms(scan)
    if is_whole:
        current.enter("missing")
        mark_missing_platforms(scan)
    current.enter("finish")


def _end(database: Database, current: Run, status: Status, message: str | None) -> None:
    """Write down how the run ended, if the database still takes it."""
    try:
        if status is Status.WAITING:
            runs.put_off(database, current.id)
        else:
            runs.end(database, current.id, status, message, current.columns())
    except Exception as error:
        # The row stays as it is; whoever scans next finds its process dead.
        log.warning("How scan %d ended could not be stored: %s", current.id, error)


def _limit_time(seconds: int, current: Run) -> None:
    reason = f"The scan was stopped after {seconds} seconds, as SCAN_TIMEOUT says."
    timer = threading.Timer(seconds, current.stop, [reason])
    timer.daemon = True
    timer.start()


@contextmanager
def _stop_on_signals(current: Run) -> Iterator[None]:
    """SIGINT and SIGTERM stop the scan; a second one has its usual effect."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = {each: signal.getsignal(each) or signal.SIG_DFL for each in numbers}

    def stop_run(number: int, _frame: FrameType | None) -> None:
        current.stop(later=True)
        signal.signal(number, before[signal.Signals(number)])

    for each in before:
        signal.signal(each, stop_run)
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
