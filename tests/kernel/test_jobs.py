"""The table of jobs: what a job needs, takes and obeys."""

import time
from typing import Annotated

import pytest
from pydantic import Field

from romm_lite import app
from romm_lite.kernel.errors import Invalid
from romm_lite.kernel.jobs import Job, JobKind, JobStopped, Work, job
from romm_lite.kernel.settings import Settings

THINGS = {"work", "settings", "database", "library", "entries", "store"}


@job("tidy", "Tidy up", "Tidies up", JobKind.CLEANUP, switch="enable_scheduled_rescan")
def tidy(work: Work, *, days: Annotated[int, Field(ge=0)] = 7, force: bool = False) -> None:
    work.report(days=days, force=force)


def test_a_function_becomes_a_job_that_says_what_it_needs() -> None:
    assert (tidy.name, tidy.title, tidy.needs()) == ("tidy", "Tidy up", ["work"])


def test_its_switch_and_schedule_are_settings() -> None:
    assert not tidy.is_enabled(Settings())
    assert tidy.is_enabled(Settings(enable_scheduled_rescan=True))
    made = Job("a", "A", "", JobKind.SCAN, tidy.run, cron="scheduled_rescan_cron")
    assert made.schedule(Settings(scheduled_rescan_cron="5 4 * * *")) == "5 4 * * *"
    assert Job("a", "A", "", JobKind.SCAN, None, cron="0 1 * * *").schedule(Settings()) == (
        "0 1 * * *"
    )


def test_what_is_not_built_is_never_enabled() -> None:
    assert not Job("later", "Later", "", JobKind.UPDATE, None).is_enabled(Settings())


def test_it_may_take_as_long_as_the_settings_say_unless_it_says_itself() -> None:
    assert tidy.timeout(Settings(task_timeout=7)) == 7
    assert Job("a", "A", "", JobKind.SCAN, None, seconds=9).timeout(Settings()) == 9


def test_arguments_are_read_by_their_types() -> None:
    assert tidy.read_arguments({"days": "3"}) == {"days": 3}
    assert tidy.read_arguments({}) == {}


@pytest.mark.parametrize("given", [{"days": -1}, {"days": "x"}, {"hours": 1}, {"work": 1}])
def test_other_arguments_are_refused(given: dict[str, object]) -> None:
    with pytest.raises(Invalid, match="tidy: "):
        tidy.read_arguments(given)


def test_work_stops_where_it_looks() -> None:
    work = Work()
    work.report(done=1)
    work.stop()
    with pytest.raises(JobStopped, match="The task was stopped"):
        work.report(total=3)
    assert work.stats == {"done": 1, "total": 3}
    assert not work.is_late


def test_work_that_takes_too_long_stops() -> None:
    work = Work(0)
    time.sleep(0.001)
    with pytest.raises(JobStopped, match="longer than 0 seconds"):
        work.check()
    assert work.is_late


def test_every_job_has_a_name_of_its_own_and_asks_for_what_there_is() -> None:
    names = [each.name for each in app.JOBS]
    assert len(names) == len(set(names))
    for each in app.JOBS:
        assert set(each.needs()) <= THINGS, each.name
        assert each.title
        assert each.description


def test_settings_that_jobs_name_are_there() -> None:
    for each in app.JOBS:
        assert not each.switch or each.switch in Settings.model_fields, each.name
        assert len(each.schedule(Settings()).split()) in (0, 5), each.name
