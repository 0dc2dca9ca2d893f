"""What jobs were asked for and how they went."""

from datetime import datetime
from typing import Any

from sqlalchemy import Column, Index
from sqlmodel import Field

from romm_lite.tables.base import (
    Moment,
    Stamped,
    arranged,
    long_text,
    optional_json,
    optional_moment,
    table_of,
)


class TaskRun(Stamped, table=True):
    """One run of a job: asked for, running, ended. ``status`` is a word of ``features.system``."""

    __tablename__ = "task_runs"
    __table_args__ = arranged(Index(None, "status"), Index(None, "name", "enqueued_at"))

    id: str = Field(primary_key=True, max_length=36)
    name: str = Field(max_length=100)
    arguments: dict[str, Any] | None = optional_json()
    status: str = Field(max_length=20)
    stats: dict[str, Any] | None = optional_json()
    message: str | None = Field(default=None, sa_column=Column(long_text()))
    """How it ended, for a person."""
    tries: int = 1
    """How often it was begun, counting those runs that it goes on from."""
    worker: str | None = Field(default=None, max_length=450)
    """Who runs it: machine, data folder, part of the program."""
    alone: str | None = Field(default=None, max_length=100, unique=True)
    """The name of its job while it runs, so that no other run of that begins."""
    occasion: str | None = Field(default=None, max_length=150, unique=True)
    """The minute of its schedule, so that of several servers one asks for it."""
    enqueued_at: datetime = Field(sa_type=Moment)
    started_at: datetime | None = optional_moment()
    ended_at: datetime | None = optional_moment()


TASK_RUNS = table_of(TaskRun)
