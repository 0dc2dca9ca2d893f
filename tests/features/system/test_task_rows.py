"""The rows of tasks, on every database."""

from datetime import timedelta

from sqlalchemy import update

from romm_lite.db.engine import Database
from romm_lite.features.system import task_rows as rows
from romm_lite.features.system.task_rows import TaskStatus
from romm_lite.kernel.times import now
from romm_lite.tables.tasks import TASK_RUNS


def ask(database: Database, name: str = "tidy", **arguments: object) -> str:
    run = rows.store(database, name, arguments)
    assert run is not None
    return run.id


def status(database: Database, task_id: str) -> str:
    run = rows.get(database, task_id)
    assert run is not None
    return run.status


def set_back(database: Database, task_id: str, **by: timedelta) -> None:
    with database.write() as session:
        here = TASK_RUNS.c.id == task_id
        moments = {name: now() - age for name, age in by.items()}
        session.execute(update(TASK_RUNS).where(here).values(**moments))


def test_what_has_not_begun_serves_all_who_ask_for_the_same(every_database: Database) -> None:
    database = every_database
    first = ask(database, days=3)
    assert ask(database, days=3) == first
    assert ask(database, days=4) != first
    assert rows.claim(database, first, "here") is not None
    assert ask(database, days=3) != first


def test_of_one_job_one_run_goes_at_a_time(every_database: Database) -> None:
    database = every_database
    first, second = ask(database, days=3), ask(database, days=4)
    other = ask(database, "sweep")
    claimed = rows.claim(database, first, "here")
    assert claimed is not None
    assert (claimed.status, claimed.worker) == ("started", "here")
    assert rows.claim(database, first, "there") is None
    assert rows.claim(database, second, "there") is None
    assert rows.claim(database, other, "there") is not None
    rows.end(database, first, TaskStatus.FINISHED, None)
    assert rows.claim(database, second, "there") is not None


def test_of_several_who_keep_the_schedule_one_asks(every_database: Database) -> None:
    database = every_database
    occasion = "tidy 2026-01-01 03:00"
    first = rows.store(database, "tidy", {}, occasion=occasion)
    assert first is not None
    rows.claim(database, first.id, "here")
    rows.end(database, first.id, TaskStatus.FINISHED, None)
    assert rows.store(database, "tidy", {}, occasion=occasion) is None
    assert rows.store(database, "tidy", {}, occasion="tidy 2026-01-02 03:00") is not None


def test_what_waits_is_called_off_and_what_runs_is_asked_to_stop(every_database: Database) -> None:
    database = every_database
    waiting, running = ask(database, days=1), ask(database, days=2)
    rows.claim(database, running, "here")
    for task_id in (waiting, running):
        rows.request_stop(database, task_id)
    assert [status(database, each) for each in (waiting, running)] == ["canceled", "stopping"]
    assert rows.claim(database, waiting, "here") is None
    rows.end(database, running, TaskStatus.STOPPED, "said so", stats={"done": 1})
    rows.request_stop(database, running)
    run = rows.get(database, running)
    assert run is not None
    assert (run.status, run.message, run.stats, run.alone) == (
        "stopped",
        "said so",
        {"done": 1},
        None,
    )


def test_the_dead_are_found_by_name_and_by_silence(every_database: Database) -> None:
    database = every_database
    mine, silent, alive = (ask(database, name) for name in ("a", "b", "c"))
    for task_id, worker in ((mine, "me"), (silent, "other"), (alive, "other")):
        rows.claim(database, task_id, worker)
    set_back(database, silent, updated_at=rows.DEAD_AFTER + timedelta(seconds=5))
    assert {run.id for run in rows.interrupt_dead(database, "me")} == {mine, silent}
    assert [status(database, each) for each in (mine, silent, alive)] == [
        "interrupted",
        "interrupted",
        "started",
    ]
    again = ask(database, "a")
    assert rows.claim(database, again, "me") is not None


def test_lists_and_purges_go_by_age(every_database: Database) -> None:
    database = every_database
    old, recent, waiting = ask(database, "a"), ask(database, "b"), ask(database, "c")
    for task_id in (old, recent):
        rows.claim(database, task_id, "here")
        rows.end(database, task_id, TaskStatus.FINISHED, None)
    set_back(database, old, ended_at=rows.KEPT_FOR + timedelta(days=1))
    set_back(database, recent, ended_at=timedelta(seconds=100))
    assert {run.id for run in rows.find_listed(database, 200)} == {recent, waiting}
    assert {run.id for run in rows.find_listed(database, 50)} == {waiting}
    assert rows.purge(database) == 1
    assert set(rows.find_last(database)) == {"b", "c"}
