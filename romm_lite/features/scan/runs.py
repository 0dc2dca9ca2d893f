"""The rows of scans: one that runs keeps its own and obeys what others write there."""

import logging
import platform
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import case, insert, select, update
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session

from romm_lite.db.engine import Database, announce
from romm_lite.disk.members import Stopped
from romm_lite.features.scan.kinds import (
    ACTIVE,
    READ_ALL,
    Progress,
    ScanKind,
    ScanRequest,
    Stats,
    Status,
)
from romm_lite.kernel.errors import Conflict, NotFound
from romm_lite.kernel.events import ScanAsked
from romm_lite.kernel.times import now
from romm_lite.tables.system import SCAN_RUNS, ScanRun

log = logging.getLogger(__name__)

MAX_PROBLEMS = 100
MOST_TRIES = 3
NOT_BEGUN = (Status.QUEUED, Status.WAITING)
POLL_SECONDS = 0.25
SAVE_SECONDS = 1.0
DEAD_AFTER = timedelta(seconds=30)
"""A run that has not touched its row for so long has died with its process or machine."""


class Run:
    """One scan as it goes: what it counts, and whether somebody wants it to stop."""

    def __init__(
        self,
        run_id: int,
        kind: ScanKind,
        machine: str,
        done_up_to: int = 0,
        folders: Sequence[str] = (),
    ) -> None:
        self.id = run_id
        self.kind = kind
        self.machine = machine
        self.phase = ""
        self.stats = Stats()
        self.progress = Progress()
        self.problems: list[str] = []
        self.stopping = threading.Event()
        self.why_stopped = "The scan was stopped."
        self.is_put_off = False
        """Whether it was stopped to go on later by itself."""
        self.start_after = done_up_to
        """The ROM up to whose id an earlier scan like it has read everything; 0 for none."""
        self.done_up_to = done_up_to
        """The same for this scan; rises only with what is committed."""
        self.folders = list(folders)
        """New platforms that an earlier scan has begun with; those of this one, once known."""

    @property
    def is_complete(self) -> bool:
        return self.kind is ScanKind.COMPLETE

    def enter(self, phase: str) -> None:
        """Begin a phase."""
        self.check()
        self.phase = phase

    def stop(self, reason: str = "", *, later: bool = False) -> None:
        """Have this scan stop, from any thread; it does at the next block of a file.

        ``later`` says that it may go on at another time, if it is of a kind that does so.
        """
        self.why_stopped = reason or self.why_stopped
        self.is_put_off = later and self.kind is ScanKind.FILES
        self.stopping.set()

    def check(self) -> None:
        """Raise ``Stopped`` if somebody wants this scan to stop."""
        if self.stopping.is_set():
            raise Stopped("the scan was stopped")

    def report(self, problem: str) -> None:
        """Keep one sentence about something that could not be done; the scan goes on."""
        if len(self.problems) < MAX_PROBLEMS and problem not in self.problems:
            self.problems.append(problem)

    def columns(self) -> dict[str, Any]:
        """What its row says of it now."""
        position = {
            **asdict(self.progress),
            "machine": self.machine,
            "done_up_to": self.done_up_to,
            **({"folders": self.folders} if self.folders else {}),
        }
        return {
            "phase": self.phase,
            "stats": asdict(self.stats),
            "problems": list(self.problems),
            "position": position,
        }


def name_machine(data: Path) -> str:
    """The name under which runs of this data folder on this machine are kept."""
    return f"{platform.node()}:{data}"


def queue(database: Database, request: ScanRequest, machine: str) -> int:
    """Store a run that is about to start; its id."""
    with database.write() as session:
        return add(session, request, Status.QUEUED, machine)


def ask(database: Database, request: ScanRequest, machine: str) -> int:
    """Have a scan wait for its turn, together with one that waits and does the like; its id."""
    waiting = select(ScanRun).where(
        SCAN_RUNS.c.kind == request.kind, SCAN_RUNS.c.status == Status.WAITING
    )
    with database.write() as session:
        announce(session, ScanAsked())
        for run in session.execute(waiting.with_for_update()).scalars():
            joined = read_request(run).join(request)
            if joined is not None:
                if joined.scope != run.scope:
                    here = SCAN_RUNS.c.id == run.id
                    session.execute(update(SCAN_RUNS).where(here).values(scope=joined.scope))
                return run.id or 0
        return add(session, request, Status.WAITING, machine)


def add(session: Session, request: ScanRequest, status: Status, machine: str) -> int:
    """Store a run that has not begun; its id."""
    values = {
        "kind": request.kind.value,
        "scope": request.scope,
        "status": status.value,
        "stats": asdict(Stats()),
        "position": {"machine": machine},
        "started_at": now(),
    }
    result: Any = session.execute(insert(SCAN_RUNS).values(**values))
    return int(result.inserted_primary_key[0])


def read_request(run: ScanRun) -> ScanRequest:
    """What a stored run is asked for."""
    return ScanRequest.of_scope(ScanKind(run.kind), run.scope)


def begin(database: Database, run_id: int, machine: str) -> Run:
    """Make a queued run the one that runs; the caller holds the scan lock of this data folder.

    Runs of dead processes are marked interrupted. ``Conflict`` if another machine's scan of the
    same database is alive, in which case this run is marked failed, or goes on waiting if it did.
    """
    interrupt_dead(database, machine, but=run_id)
    is_patient = _read_status(database, run_id) == Status.WAITING
    with database.write() as session:
        started = {"status": Status.RUNNING.value, "started_at": now()}
        _set(session, run_id, NOT_BEGUN, **started, position={"machine": machine})
    # Told first and asked then: of two that begin at the same moment both may give way, but never
    # do both go on.
    rival = select(SCAN_RUNS.c.id).where(
        SCAN_RUNS.c.status.in_(ACTIVE[1:]), SCAN_RUNS.c.id != run_id
    )
    with database.read() as session:
        other = session.execute(rival.limit(1)).scalar()
        row = session.execute(select(SCAN_RUNS).where(SCAN_RUNS.c.id == run_id)).one()
    if other is not None or row.status not in ACTIVE:
        message = "A scan is already running: wait for it or stop it."
        if is_patient or row.kind == ScanKind.FILES:
            put_off(database, run_id)
        else:
            end(database, run_id, Status.FAILED, message)
        raise Conflict(message)
    left = _find_position(database, row)
    done_up_to = left.get("done_up_to", 0) if row.kind in READ_ALL else 0
    run = Run(run_id, ScanKind(row.kind), machine, done_up_to, left.get("folders", ()))
    if row.status == Status.STOPPING:
        run.stop()
    return run


def end(
    database: Database,
    run_id: int,
    status: Status,
    message: str | None,
    columns: Mapping[str, Any] | None = None,
) -> None:
    """Write down how a run ended."""
    values = {**(columns or {}), "status": status.value, "message": message, "ended_at": now()}
    with database.write() as session:
        _set(session, run_id, ACTIVE, **values)


def put_off(database: Database, run_id: int) -> None:
    """Have a run wait that cannot go on now."""
    with database.write() as session:
        _set(session, run_id, ACTIVE, status=Status.WAITING.value, phase="")


def make_way(database: Database) -> None:
    """Have runs of named files wait, for somebody wants to scan more."""
    these = (SCAN_RUNS.c.kind == ScanKind.FILES, SCAN_RUNS.c.status == Status.RUNNING)
    with database.write() as session:
        session.execute(update(SCAN_RUNS).where(*these).values(status=Status.WAITING.value))


def request_stop(database: Database, run_id: int) -> ScanRun:
    """Ask a run to stop; it does within a moment, wherever it runs. One that ended stays so."""
    ended = {"status": Status.STOPPED.value, "ended_at": now()}
    with database.write() as session:
        _set(session, run_id, ACTIVE, status=Status.STOPPING.value)
        _set(session, run_id, (Status.WAITING,), **ended)
    return get(database, run_id)


def get(database: Database, run_id: int) -> ScanRun:
    """One run; ``NotFound`` if there is none."""
    with database.read() as session:
        run = session.get(ScanRun, run_id)
    if run is None:
        raise NotFound(f"Scan with id '{run_id}' not found")
    return run


def find_waiting(database: Database) -> ScanRun | None:
    """What is to be run next: what somebody asked for, then files that arrived."""
    is_files = case((SCAN_RUNS.c.kind == ScanKind.FILES, 1), else_=0)
    query = select(ScanRun).where(SCAN_RUNS.c.status == Status.WAITING)
    with database.read() as session:
        waiting = session.execute(query.order_by(is_files, SCAN_RUNS.c.id)).scalars().all()
    moment = now().timestamp()
    return next((run for run in waiting if (run.scope or {}).get("not_before", 0) <= moment), None)


def find(database: Database, limit: int = 50) -> list[ScanRun]:
    """The latest runs, the newest first."""
    query = select(ScanRun).order_by(SCAN_RUNS.c.id.desc()).limit(limit)
    with database.read() as session:
        return list(session.execute(query).scalars())


def find_alive(database: Database) -> int | None:
    """The id of a run whose process lives, if there is one that does not make way for others."""
    query = select(SCAN_RUNS.c.id).where(
        SCAN_RUNS.c.status.in_(ACTIVE),
        SCAN_RUNS.c.kind != ScanKind.FILES,
        SCAN_RUNS.c.updated_at > now() - DEAD_AFTER,
    )
    with database.read() as session:
        return session.execute(query.limit(1)).scalar()


def interrupt_dead(database: Database, machine: str, *, but: int | None = None) -> None:
    """Mark runs whose process or machine has died; the caller holds the lock of the data folder.

    One that is only queued may still be about to start. ``but`` is left alone. One of named files
    waits to be begun again, unless it may be what ended its process.
    """
    columns = [SCAN_RUNS.c[name] for name in ("id", "kind", "scope", "status", "position")]
    query = select(*columns, SCAN_RUNS.c.updated_at).where(SCAN_RUNS.c.status.in_(ACTIVE))
    with database.read() as session:
        rows = session.execute(query).all()
    for row in rows:
        has_run_here = (row.position or {}).get("machine") == machine and row.status in ACTIVE[1:]
        if row.id == but or not (has_run_here or row.updated_at < now() - DEAD_AFTER):
            continue
        if row.kind == ScanKind.FILES and _may_try_again(database, row):
            put_off(database, row.id)
        else:
            end(database, row.id, Status.INTERRUPTED, "The program was ended in the middle of it.")


def _may_try_again(database: Database, row: Any) -> bool:
    tries = row.scope.get("tries", 1) + 1
    with database.write() as session:
        _set(session, row.id, ACTIVE, scope={**row.scope, "tries": tries})
    return bool(tries <= MOST_TRIES)


def save(database: Database, run: Run) -> None:
    """Write down how a run stands."""
    with database.write() as session:
        _set(session, run.id, ACTIVE, **run.columns())


@contextmanager
def keep_row(database: Database, run: Run) -> Iterator[None]:
    """While inside, a thread saves the run's row each second and sees when it is to stop."""
    ended = threading.Event()
    thread = threading.Thread(target=_keep, args=(database, run, ended), name="scan-row")
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _keep(database: Database, run: Run, ended: threading.Event) -> None:
    polls = 0
    while not ended.wait(POLL_SECONDS):
        polls += 1
        try:
            status = _read_status(database, run.id)
            if status in (Status.STOPPING, Status.WAITING):
                run.stop(later=status == Status.WAITING)
            if polls % round(SAVE_SECONDS / POLL_SECONDS) == 0:
                save(database, run)
        except SQLAlchemyError as error:
            # The scan itself meets the same trouble and tells of it.
            log.debug("The row of scan %d cannot be kept: %s", run.id, error)


def _read_status(database: Database, run_id: int) -> str | None:
    query = select(SCAN_RUNS.c.status).where(SCAN_RUNS.c.id == run_id)
    with database.read() as session:
        return session.execute(query).scalar()


def _set(session: Any, run_id: int, only_if: tuple[Status, ...], **values: Any) -> None:
    statement = update(SCAN_RUNS).where(SCAN_RUNS.c.id == run_id, SCAN_RUNS.c.status.in_(only_if))
    session.connection().execute(statement.values(**values))


def _find_position(database: Database, row: Any) -> Mapping[str, Any]:
    """How far the last scan like this one came, if it did not come to its end."""
    query = (
        select(SCAN_RUNS.c.scope, SCAN_RUNS.c.status, SCAN_RUNS.c.position)
        .where(SCAN_RUNS.c.kind == row.kind, SCAN_RUNS.c.id < row.id)
        .order_by(SCAN_RUNS.c.id.desc())
        .limit(1)
    )
    with database.read() as session:
        last = session.execute(query).first()
    if last is None or last.status == Status.DONE or last.scope != row.scope:
        return {}
    return last.position or {}
