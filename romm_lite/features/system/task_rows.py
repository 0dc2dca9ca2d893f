"""The rows of tasks: what was asked for, what runs, how it ended."""

import logging
import platform
import threading
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any

from sqlalchemy import delete, func, insert, or_, select, update
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from romm_lite.db.engine import Database
from romm_lite.kernel.jobs import Work
from romm_lite.kernel.times import now
from romm_lite.tables.tasks import TASK_RUNS, TaskRun

log = logging.getLogger(__name__)

POLL_SECONDS = 0.25
TOUCH_POLLS = 20
"""A row is touched after so many polls even if nothing in it changed."""
DEAD_AFTER = timedelta(seconds=60)
"""A run that has not touched its row for so long has died with its process or machine."""
KEPT_FOR = timedelta(days=30)
INTERRUPTED = "The program was ended in the middle of it."


class TaskStatus(StrEnum):
    """How a run stands."""

    QUEUED = "queued"
    STARTED = "started"
    STOPPING = "stopping"
    FINISHED = "finished"
    FAILED = "failed"
    STOPPED = "stopped"
    CANCELED = "canceled"
    """Called off before it began."""
    INTERRUPTED = "interrupted"
    """Its process died or was ended."""


RUNNING = (TaskStatus.STARTED, TaskStatus.STOPPING)
ACTIVE = (TaskStatus.QUEUED, *RUNNING)


def name_worker(data: Path, part: str) -> str:
    """The name under which a part of the program on this machine runs tasks."""
    return f"{platform.node()}:{data}:{part}"[:450]


def store(
    database: Database,
    name: str,
    arguments: Mapping[str, Any],
    *,
    occasion: str | None = None,
    tries: int = 1,
) -> TaskRun | None:
    """Ask for a run; one that asks for the same and has not begun serves both.

    None if somebody has asked for it on this occasion.
    """
    waiting = select(TaskRun).where(
        TASK_RUNS.c.name == name, TASK_RUNS.c.status == TaskStatus.QUEUED
    )
    values = {
        "id": str(uuid.uuid4()),
        "name": name,
        "arguments": dict(arguments),
        "status": TaskStatus.QUEUED.value,
        "occasion": occasion,
        "tries": tries,
        "enqueued_at": now(),
    }
    try:
        with database.write() as session:
            runs: Sequence[TaskRun] = session.scalars(waiting.with_for_update()).all()
            for run in runs:
                if run.arguments == dict(arguments):
                    return run
            session.execute(insert(TASK_RUNS).values(**values))
    except IntegrityError:
        return None
    return get(database, str(values["id"]))


def get(database: Database, task_id: str) -> TaskRun | None:
    """One run."""
    with database.read() as session:
        return session.get(TaskRun, task_id)


def find_listed(database: Database, seconds: int) -> Sequence[TaskRun]:
    """What waits, runs, or ended so many seconds ago at most."""
    query = select(TaskRun).where(
        or_(
            TASK_RUNS.c.status.in_(ACTIVE),
            TASK_RUNS.c.ended_at > now() - timedelta(seconds=seconds),
        )
    )
    with database.read() as session:
        return list(session.execute(query).scalars())


def find_queued(database: Database, name: str | None = None) -> Sequence[TaskRun]:
    """What has not begun, the oldest first."""
    query = select(TaskRun).where(TASK_RUNS.c.status == TaskStatus.QUEUED)
    if name is not None:
        query = query.where(TASK_RUNS.c.name == name)
    with database.read() as session:
        return list(session.execute(query.order_by(TASK_RUNS.c.enqueued_at)).scalars())


def find_last(database: Database) -> dict[str, TaskRun]:
    """The latest run of each job, by its name."""
    latest = select(TASK_RUNS.c.name, func.max(TASK_RUNS.c.enqueued_at).label("moment"))
    those = latest.group_by(TASK_RUNS.c.name).subquery()
    query = select(TaskRun).join(
        those,
        (those.c.name == TASK_RUNS.c.name) & (those.c.moment == TASK_RUNS.c.enqueued_at),
    )
    with database.read() as session:
        return {run.name: run for run in session.execute(query).scalars()}


def claim(database: Database, task_id: str, worker: str) -> TaskRun | None:
    """Begin a run; None if somebody else did, if it was called off, or if its job runs already."""
    name = select(TASK_RUNS.c.name).where(TASK_RUNS.c.id == task_id)
    these = (TASK_RUNS.c.id == task_id, TASK_RUNS.c.status == TaskStatus.QUEUED)
    try:
        with database.write() as session:
            values = {
                "status": TaskStatus.STARTED.value,
                "worker": worker,
                "alone": session.execute(name).scalar(),
                "started_at": now(),
            }
            begun: Any = session.execute(update(TASK_RUNS).where(*these).values(**values))
            is_mine = begun.rowcount == 1
    except IntegrityError:
        return None
    return get(database, task_id) if is_mine else None


def end(
    database: Database, task_id: str, status: TaskStatus, message: str | None, **values: Any
) -> None:
    """Write down how a run ended, if nobody did."""
    these = (TASK_RUNS.c.id == task_id, TASK_RUNS.c.status.in_(ACTIVE))
    values |= {"status": status.value, "message": message, "ended_at": now(), "alone": None}
    with database.write() as session:
        session.execute(update(TASK_RUNS).where(*these).values(**values))


def request_stop(database: Database, task_id: str) -> TaskRun | None:
    """Call a run off, or ask it to stop, wherever it runs. One that ended stays so."""
    here = TASK_RUNS.c.id == task_id
    off = {"status": TaskStatus.CANCELED.value, "ended_at": now()}
    with database.write() as session:
        session.execute(
            update(TASK_RUNS).where(here, TASK_RUNS.c.status == TaskStatus.QUEUED).values(**off)
        )
        session.execute(
            update(TASK_RUNS)
            .where(here, TASK_RUNS.c.status == TaskStatus.STARTED)
            .values(status=TaskStatus.STOPPING.value)
        )
    return get(database, task_id)


def interrupt_dead(database: Database, worker: str | None) -> Sequence[TaskRun]:
    """Mark runs whose process has died, and give them; ``worker`` is known not to live."""
    is_dead = TASK_RUNS.c.updated_at < now() - DEAD_AFTER
    if worker is not None:
        is_dead = or_(is_dead, TASK_RUNS.c.worker == worker)
    query = select(TaskRun).where(TASK_RUNS.c.status.in_(RUNNING), is_dead)
    with database.read() as session:
        dead = list(session.execute(query).scalars())
    for run in dead:
        end(database, run.id, TaskStatus.INTERRUPTED, INTERRUPTED)
    return dead


def purge(database: Database) -> int:
    """Forget runs that ended long ago; how many."""
    query = delete(TASK_RUNS).where(TASK_RUNS.c.ended_at < now() - KEPT_FOR)
    with database.write() as session:
        done: Any = session.execute(query)
    return int(done.rowcount)


@contextmanager
def keep_row(database: Database, task_id: str, work: Work) -> Iterator[None]:
    """While inside, a thread saves what a run counts and sees when it is to stop."""
    ended = threading.Event()
    thread = threading.Thread(target=_keep, args=(database, task_id, work, ended), name="task-row")
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _keep(database: Database, task_id: str, work: Work, ended: threading.Event) -> None:
    here = TASK_RUNS.c.id == task_id
    saved: dict[str, Any] = {}
    polls = 0
    while not ended.wait(POLL_SECONDS):
        polls += 1
        try:
            with database.read() as session:
                status = session.execute(select(TASK_RUNS.c.status).where(here)).scalar()
            if status == TaskStatus.STOPPING:
                work.stop()
            stats = work.stats
            if stats != saved or polls % TOUCH_POLLS == 0:
                # Told by hand, for a row whose values are the same is not written.
                values = {"stats": stats or None, "updated_at": now()}
                with database.write() as session:
                    these = (here, TASK_RUNS.c.status.in_(RUNNING))
                    session.execute(update(TASK_RUNS).where(*these).values(**values))
                saved = stats
        except SQLAlchemyError as error:
            # The task itself meets the same trouble and tells of it.
            log.debug("The row of task %s cannot be kept: %s", task_id, error)
