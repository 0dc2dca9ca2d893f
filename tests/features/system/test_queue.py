"""The queue itself: order, schedules, what is lost and what died."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import pytest
from huey.registry import Message

from romm_lite.db.engine import Database
from romm_lite.features.system import task_rows as rows
from romm_lite.features.system.queue import Queue, open_huey, read_cron
from romm_lite.kernel.errors import Conflict
from romm_lite.kernel.jobs import Job, JobKind, Priority, Work
from romm_lite.kernel.paths import Places
from romm_lite.kernel.settings import Settings
from tests.features.system.test_tasks import wait_for


class Bench:
    """Jobs that tell what they did."""

    def __init__(self, database: Database, places: Places) -> None:
        self.database = database
        self.settings = Settings(romm_base_path=places.data)
        self.done: list[str] = []
        self.begun = threading.Event()
        self.jobs = [
            Job("low", "Low", "", JobKind.GENERIC, self._note, priority=Priority.LOW),
            Job("usual", "Usual", "", JobKind.GENERIC, self._note),
            Job("high", "High", "", JobKind.GENERIC, self._note, priority=Priority.HIGH),
            Job("break", "Break", "", JobKind.GENERIC, self._break),
            Job("refuse", "Refuse", "", JobKind.GENERIC, self._refuse),
            Job("endless", "Endless", "", JobKind.GENERIC, self._go_on, goes_on=True),
            Job("late", "Late", "", JobKind.GENERIC, self._go_on, seconds=0),
            Job("first", "First", "", JobKind.GENERIC, self._note, at_start=True),
        ]

    def queue(self) -> Queue:
        return Queue(self.settings, self.database, self.jobs, {}, "bench")

    @contextmanager
    def working(self) -> Iterator[Queue]:
        queue = self.queue()
        with queue.working(at_once=True):
            yield queue

    def status(self, task_id: str) -> str:
        run = rows.get(self.database, task_id)
        assert run is not None
        return run.status

    def message(self, task_id: str) -> str | None:
        run = rows.get(self.database, task_id)
        assert run is not None
        return run.message

    def _note(self, *, word: str = "") -> None:
        self.done.append(word)

    def _break(self) -> None:
        raise ZeroDivisionError

    def _refuse(self) -> None:
        raise Conflict("Not today")

    def _go_on(self, work: Work) -> None:
        self.begun.set()
        while True:
            work.check()


@pytest.fixture
def bench(database: Database, places: Places) -> Bench:
    return Bench(database, places)


def ask(queue: Queue, name: str, **arguments: Any) -> str:
    run = queue.ask(name, arguments)
    assert run is not None
    return run.id


def test_the_urgent_come_first(bench: Bench) -> None:
    queue = bench.queue()
    for name in ("low", "usual", "high"):
        ask(queue, name, word=name)
    for data in open_huey(bench.settings).storage.enqueued_items():
        queue.perform(json.loads(bytes(data))[Message._fields.index("args")][0])
    assert bench.done == ["high", "usual", "low"]


def test_how_a_task_failed_is_told(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    with bench.working() as queue:
        broken, refused = ask(queue, "break"), ask(queue, "refuse")
        wait_for(lambda: {bench.status(broken), bench.status(refused)} == {"failed"})
    assert bench.message(refused) == "Not today"
    assert bench.message(broken) == "Something unexpected happened; the log tells what."
    assert "ZeroDivisionError" in caplog.text


def test_a_task_that_takes_too_long_fails(bench: Bench) -> None:
    with bench.working() as queue:
        late = ask(queue, "late")
        wait_for(lambda: bench.status(late) == "failed")
    assert bench.message(late) == "It took longer than 0 seconds."


def test_what_runs_when_the_program_ends_goes_on_with_the_next(bench: Bench) -> None:
    with bench.working() as queue:
        task_id = ask(queue, "endless")
        assert bench.begun.wait(60)
    run = rows.get(bench.database, task_id)
    assert run is not None
    assert (run.status, run.message) == ("interrupted", rows.INTERRUPTED)


def test_what_died_is_told_and_begun_again_a_few_times(bench: Bench) -> None:
    worker = rows.name_worker(bench.settings.places.data, "bench")
    queue = bench.queue()
    died = ask(queue, "endless")
    rows.claim(bench.database, died, worker)
    other = ask(queue, "break")
    rows.claim(bench.database, other, worker)
    bench.begun.clear()
    with bench.working():
        assert bench.begun.wait(60)
        assert [bench.status(died), bench.status(other)] == ["interrupted", "interrupted"]
        last = rows.find_last(bench.database)["endless"]
        assert (last.id != died, last.tries) == (True, 2)
        assert rows.find_last(bench.database)["break"].id == other


def test_what_got_lost_on_its_way_is_sent_again(bench: Bench) -> None:
    run = bench.queue().keep("usual", {"word": "found"})
    assert run is not None
    with bench.working():
        wait_for(lambda: bench.status(run.id) == "finished")
    assert bench.done.count("found") == 1


def test_some_run_at_the_start(bench: Bench) -> None:
    with bench.working():
        wait_for(lambda: bench.done == [""])


def test_a_second_run_of_a_job_waits_for_the_first(bench: Bench) -> None:
    with bench.working() as queue:
        first = ask(queue, "endless")
        assert bench.begun.wait(60)
        second = ask(queue, "endless")
        assert second != first
        assert ask(queue, "endless") == second
        bench.begun.clear()
        assert bench.status(second) == "queued"
        rows.request_stop(bench.database, first)
        assert bench.begun.wait(60)
        assert [bench.status(first), bench.status(second)] == ["stopped", "started"]


def test_schedules_are_read_as_cron_has_them(caplog: pytest.LogCaptureFixture) -> None:
    is_due = read_cron("*/30 3 * * 1-5", "tidy")
    monday = datetime(2026, 11, 23, 3, 30)
    assert is_due(monday)
    assert not is_due(monday.replace(minute=31))
    assert not is_due(monday.replace(day=22))
    for nonsense in ("", "* * *", "at noon every day please", "99 * * * *"):
        assert not read_cron(nonsense, "tidy")(monday)
    assert "makes no sense" in caplog.text


def test_messages_are_no_code(bench: Bench) -> None:
    ask(bench.queue(), "usual", word="x")
    (data,) = open_huey(bench.settings).storage.enqueued_items()
    assert bytes(data).startswith(b"[")
