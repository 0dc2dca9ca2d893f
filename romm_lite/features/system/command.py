"""``romm-lite task``: what there is, running it, stopping it."""

import json
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import Any

import click

from romm_lite.features.scan import service as scans
from romm_lite.features.system import task_rows as rows
from romm_lite.features.system import tasks
from romm_lite.features.system.queue import Queue
from romm_lite.features.system.task_rows import ACTIVE, TaskStatus
from romm_lite.kernel.errors import Invalid, RommError
from romm_lite.tables.tasks import TaskRun

LOOK_SECONDS = 0.25
LINE_SECONDS = 5.0
EXIT_CODES = {TaskStatus.FINISHED: 0, TaskStatus.STOPPED: 130, TaskStatus.CANCELED: 130}


def show_tasks(queue: Queue, *, as_json: bool) -> None:
    """All jobs, with their last runs."""
    last = rows.find_last(queue.database)
    if as_json:
        listed = [
            {
                **tasks.describe(job, queue.settings).model_dump(mode="json"),
                "last_run": _read(last[name]) if name in last else None,
            }
            for name, job in queue.jobs.items()
        ]
        click.echo(json.dumps(listed))
        return
    for name, job in queue.jobs.items():
        state = "" if job.run is None else "on" if job.is_enabled(queue.settings) else "off"
        schedule = job.schedule(queue.settings)
        click.echo(f"{name:<34} {state:<4} {schedule:<14} {job.title}")
        if name in last:
            run = last[name]
            click.echo(f"    {run.status} {run.enqueued_at:%Y-%m-%d %H:%M} {run.id}")


def run_task(queue: Queue, name: str, words: Sequence[str], *, as_json: bool) -> int:
    """Have a task run, tell how it goes and how it ended; the exit code.

    The server runs it, or a worker; without one it runs here. Ctrl-C stops it.
    """
    job = queue.find_job(name)
    if job.run is None:
        raise Invalid(f"{name} is not available yet")
    arguments = dict(map(_read_argument, words))
    is_served = bool(queue.settings.redis_url) or scans.is_served(queue.settings)
    run = queue.ask(name, arguments) if is_served else queue.keep(name, arguments)
    if run is None:
        raise RommError(f"{name} was asked for already")
    with _stop_on_signals(queue, run.id):
        run = _wait(queue, run) if is_served else queue.perform(run.id)
    if run is None:
        raise RommError(f"{name} is running already, or was called off")
    if as_json:
        click.echo(json.dumps(_read(run)))
    else:
        click.echo(f"{name} {run.status}{_counted(run)}")
        if run.message:
            click.echo(run.message, err=True)
    return EXIT_CODES.get(TaskStatus(run.status), 1)


def cancel(queue: Queue, task_id: str) -> None:
    """Stop a task or a scan, or call it off."""
    found = tasks.cancel(queue, task_id)
    click.echo(f"{found.task_name}: {found.status.value}")


def _read_argument(word: str) -> tuple[str, Any]:
    name, equals, value = word.partition("=")
    if not equals:
        raise Invalid(f"{word}: an argument is a name, = and a value")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


def _wait(queue: Queue, run: TaskRun) -> TaskRun | None:
    """The run, once it has ended."""
    said = time.monotonic()
    found: TaskRun | None = run
    while found is not None and found.status in ACTIVE:
        time.sleep(LOOK_SECONDS)
        if time.monotonic() - said > LINE_SECONDS:
            said = time.monotonic()
            click.echo(f"{found.status}{_counted(found)}", err=True)
        found = rows.get(queue.database, run.id)
    return found


@contextmanager
def _stop_on_signals(queue: Queue, task_id: str) -> Iterator[None]:
    """SIGINT and SIGTERM stop the task; a second one has its usual effect."""
    before = {
        each: signal.getsignal(each) or signal.SIG_DFL for each in (signal.SIGINT, signal.SIGTERM)
    }

    def stop(number: int, _frame: FrameType | None) -> None:
        signal.signal(number, before[signal.Signals(number)])
        rows.request_stop(queue.database, task_id)

    for each in before:
        signal.signal(each, stop)
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def _counted(run: TaskRun) -> str:
    words = [f"{name} {value}" for name, value in (run.stats or {}).items() if value is not None]
    return f": {', '.join(words)}" if words else ""


def _read(run: TaskRun) -> dict[str, Any]:
    moments = {"enqueued_at": run.enqueued_at, "started_at": run.started_at}
    return {
        "id": run.id,
        "name": run.name,
        "arguments": run.arguments,
        "status": run.status,
        "stats": run.stats,
        "message": run.message,
        **{
            name: moment and moment.isoformat()
            for name, moment in {**moments, "ended_at": run.ended_at}.items()
        },
    }
