"""The queue of tasks: Huey on SQLite inside the server, on Redis where one is named.

The table of runs is the truth; Huey carries their ids to whoever is free, the most urgent first. A
message that got lost is sent again, one too many does nothing. Huey and the threads begin a moment
after the server, which need not wait for them.
"""

import json
import logging
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from romm_lite.db.engine import Database, choose_journal, find_sqlite
from romm_lite.db.faults import explain
from romm_lite.disk.members import Stopped
from romm_lite.features.system import task_rows as rows
from romm_lite.features.system.task_rows import TaskStatus
from romm_lite.kernel.errors import NotFound, RommError
from romm_lite.kernel.jobs import Job, JobStopped, Work
from romm_lite.kernel.settings import Settings
from romm_lite.tables.tasks import TaskRun

log = logging.getLogger(__name__)

WORKERS = 2
STARTS_AFTER = 1.0
POLL_SECONDS = 1.0
MOST_TRIES = 3
NAME = "romm_lite"


class Queue:
    """Takes tasks, and runs them while ``working`` is entered."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        jobs: Sequence[Job],
        things: Mapping[str, object],
        part: str,
    ) -> None:
        """``things`` is what jobs may ask for by name, ``part`` the part of the program."""
        self.jobs = {each.name: each for each in jobs}
        self.settings = settings
        self.database = database
        self._things = {"settings": settings, "database": database, **things}
        self._worker = rows.name_worker(settings.places.data, part)
        self._lock = threading.Lock()
        self._huey: Any = None
        self._send: Any = None
        self._asked = threading.Event()
        self._closing = threading.Event()
        self._running: dict[str, Work] = {}

    def find_job(self, name: str) -> Job:
        """The job of a name; NotFound if there is none."""
        if name not in self.jobs:
            raise NotFound(f"Task '{name}' not found, available tasks are {', '.join(self.jobs)}")
        return self.jobs[name]

    def ask(
        self,
        name: str,
        arguments: Mapping[str, Any] | None = None,
        *,
        occasion: str | None = None,
        tries: int = 1,
    ) -> TaskRun | None:
        """Have a job run; when this returns it will come to that, whatever happens.

        None if it was asked for on this occasion already.
        """
        run = self.keep(name, arguments, occasion=occasion, tries=tries)
        if run is not None:
            self._dispatch(run)
        return run

    def keep(
        self,
        name: str,
        arguments: Mapping[str, Any] | None = None,
        *,
        occasion: str | None = None,
        tries: int = 1,
    ) -> TaskRun | None:
        """As ``ask``, for one who performs it: nobody is told that it waits."""
        read = self.find_job(name).read_arguments(arguments or {})
        return rows.store(self.database, name, read, occasion=occasion, tries=tries)

    def perform(self, task_id: str) -> TaskRun | None:
        """Run a task here and now; None if it is not to be run."""
        row = rows.claim(self.database, task_id, self._worker)
        if row is None:
            return None
        job = self.find_job(row.name)
        work = Work(job.timeout(self.settings))
        with self._lock:
            self._running[task_id] = work
            if self._closing.is_set():
                work.stop(is_ending=True)
        log.info("Task %s begins (%s)", row.name, task_id)
        try:
            with rows.keep_row(self.database, task_id, work):
                status, message = _run(job, work, self._things, row.arguments or {})
            self._end(row, work, status, message)
        finally:
            with self._lock:
                del self._running[task_id]
        for waiting in rows.find_queued(self.database, row.name):
            self._dispatch(waiting)
        return rows.get(self.database, task_id)

    @contextmanager
    def working(self, *, at_once: bool = False) -> Iterator[None]:
        """While inside, tasks are run and schedules kept; what runs in the end is cut short."""
        wait = 0.0 if at_once else STARTS_AFTER
        thread = threading.Thread(target=self._live, args=(wait,), name="tasks")
        thread.start()
        try:
            yield
        finally:
            with self._lock:
                self._closing.set()
                self._asked.set()
                for work in self._running.values():
                    work.stop(is_ending=True)
            thread.join()

    def _live(self, wait: float) -> None:
        if self._closing.wait(wait):
            return
        try:
            huey = self._open()
        except Exception:
            log.exception("Tasks cannot be run")
            return
        self._begin()
        threads = [
            threading.Thread(target=self._serve, args=(huey,), name=f"task-worker-{number}")
            for number in range(WORKERS)
        ]
        for thread in threads:
            thread.start()
        self._keep_schedules()
        for thread in threads:
            thread.join()
        huey.storage.close()

    def _begin(self) -> None:
        """Look at what an earlier process left, and ask for what runs at the start."""
        try:
            self._look_after(self._worker)
            for job in self.jobs.values():
                if job.at_start and job.is_enabled(self.settings):
                    self.ask(job.name)
        except Exception as error:
            # What is left is looked at again within a minute.
            log.warning("Tasks of the start cannot be asked for: %s", error)

    def _serve(self, huey: Any) -> None:
        """Run what comes, one after another."""
        while not self._closing.is_set():
            try:
                self._asked.clear()
                message = huey.dequeue()
                if message is not None:
                    huey.execute(message)
                elif not huey.storage.blocking:
                    self._asked.wait(POLL_SECONDS)
            except Exception as error:
                log.warning("The queue of tasks cannot be read: %s", error)
                self._closing.wait(POLL_SECONDS * 5)

    def _keep_schedules(self) -> None:
        """At each minute ask for what is due then."""
        schedules = self._read_schedules()
        while True:
            here = datetime.now()
            if self._closing.wait(60 - here.second - here.microsecond / 1e6):
                return
            minute = datetime.now().replace(second=0, microsecond=0)
            try:
                for name, is_due in schedules.items():
                    if is_due(minute):
                        self.ask(name, occasion=f"{name} {minute:%Y-%m-%d %H:%M}")
                self._look_after(None)
            except Exception as error:
                log.warning("The schedules of tasks cannot be kept: %s", error)

    def _read_schedules(self) -> dict[str, Callable[[datetime], bool]]:
        return {
            job.name: read_cron(words, job.name)
            for job in self.jobs.values()
            if job.is_enabled(self.settings) and (words := job.schedule(self.settings))
        }

    def _look_after(self, worker: str | None) -> None:
        """Tell which tasks died, begin again those that go on, send again what got lost."""
        for dead in rows.interrupt_dead(self.database, worker):
            log.warning("Task %s (%s) was interrupted", dead.name, dead.id)
            job = self.jobs.get(dead.name)
            if job is not None and job.goes_on and dead.tries < MOST_TRIES:
                self.ask(dead.name, dead.arguments, tries=dead.tries + 1)
        if self._open().storage.queue_size() == 0:
            for run in rows.find_queued(self.database):
                self._dispatch(run)

    def _end(self, row: TaskRun, work: Work, status: TaskStatus, message: str | None) -> None:
        log.info("Task %s %s%s", row.name, status, f": {message}" if message else "")
        try:
            rows.end(self.database, row.id, status, message, stats=work.stats or None)
        except Exception as error:
            # The row stays as it is and is found dead.
            log.warning("How task %s ended could not be stored: %s", row.id, error)

    def _dispatch(self, run: TaskRun) -> None:
        job = self.jobs.get(run.name)
        if job is None:
            return
        try:
            huey = self._open()
            huey.enqueue(self._send.s(run.id, priority=int(job.priority)))
        except Exception as error:
            # It is sent again within a minute.
            log.warning("Task %s waits, for its queue cannot be reached: %s", run.id, error)
        self._asked.set()

    def _open(self) -> Any:
        with self._lock:
            if self._huey is None:
                self._huey = open_huey(self.settings)
                self._send = self._huey.task(name="perform")(self.perform)
            return self._huey


def _run(
    job: Job, work: Work, things: Mapping[str, object], arguments: Mapping[str, Any]
) -> tuple[TaskStatus, str | None]:
    """Run a job's function; how it ended, with a sentence if there is something to say."""
    try:
        if job.run is None:
            return TaskStatus.FAILED, "There is nothing to run yet."
        given = {"work": work, **things}
        job.run(*(given[name] for name in job.needs()), **arguments)
    except (JobStopped, Stopped) as error:
        if work.is_cut_short:
            return TaskStatus.INTERRUPTED, rows.INTERRUPTED
        return (TaskStatus.FAILED if work.is_late else TaskStatus.STOPPED), str(error)
    except RommError as error:
        return TaskStatus.FAILED, str(error)
    except Exception as error:
        told = explain(error)
        if told is None:
            log.error("Task %s failed", job.name, exc_info=error)
            return TaskStatus.FAILED, "Something unexpected happened; the log tells what."
        return TaskStatus.FAILED, str(told)
    return TaskStatus.FINISHED, work.message


def read_cron(words: str, name: str) -> Callable[[datetime], bool]:
    """Whether a minute is one of a schedule; never for a schedule that makes no sense."""
    from huey import crontab

    try:
        minute, hour, day, month, day_of_week = words.split()
        is_due: Callable[[datetime], bool] = crontab(
            minute, hour, day, month, day_of_week, strict=True
        )
    except ValueError as error:
        log.warning("The schedule %r of %s makes no sense and is not kept: %s", words, name, error)
        return lambda _minute: False
    return is_due


class _Json:
    """How messages are written: whoever gets at the queue must not run code of theirs here."""

    def serialize(self, data: Any) -> bytes:
        return json.dumps(data).encode()

    def deserialize(self, data: bytes) -> Any:
        from huey.registry import Message

        return Message(*json.loads(bytes(data)))


def import_huey(settings: Settings) -> Any:
    """Huey, without the drivers of servers that are not used: they would cost 16 MB."""
    used = (settings.redis_url or "", settings.database_url)
    hidden = {
        name
        for name in ("redis", "psycopg")
        if name not in sys.modules and not any(name in url for url in used)
    }
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]
    try:
        import huey
    finally:
        for name in hidden:
            del sys.modules[name]
    return huey


def open_huey(settings: Settings) -> Any:
    """Huey on the queue of these settings. Results are in the table of runs instead."""
    huey = import_huey(settings)
    common: dict[str, Any] = {"results": False, "serializer": _Json(), "utc": False}
    if settings.redis_url:
        redis = {"url": settings.redis_url, "blocking": True, "read_timeout": POLL_SECONDS}
        return huey.PriorityRedisHuey(NAME, **redis, **common)
    path = settings.places.queue
    opened = huey.SqliteHuey(NAME, filename=str(path), create_tables=False, **common)
    module = find_sqlite()
    journal = choose_journal(module, path)

    def connect() -> Any:
        connection = module.connect(path, timeout=15, check_same_thread=False)
        connection.isolation_level = None
        connection.execute(f"PRAGMA journal_mode = {journal}")
        connection.execute("PRAGMA synchronous = FULL")
        return connection

    # Its own way to connect knows Python's SQLite alone, which may be one that loses data.
    opened.storage._create_connection = connect
    opened.storage.operational_error = module.OperationalError
    opened.storage.initialize_schema()
    return opened
