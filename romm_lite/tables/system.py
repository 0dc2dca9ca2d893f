"""What the program keeps about itself."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Column, Index
from sqlmodel import Field

from romm_lite.tables.base import (
    Base,
    Moment,
    Stamped,
    arranged,
    json_list,
    key,
    long_text,
    optional_json,
    optional_moment,
    table_of,
)


class Version(Base, table=True):
    """A number that rises with each change of what it names; caches compare it."""

    __tablename__ = "versions"
    __table_args__ = arranged()

    name: str = Field(primary_key=True, max_length=100)
    number: int = Field(default=0, sa_type=BigInteger)


class Entry(Base, table=True):
    """A value with an end: browser sessions, one-time tokens, codes."""

    __tablename__ = "entries"
    __table_args__ = arranged(Index(None, "expires_at"), Index(None, "owner"))

    key: str = Field(primary_key=True, max_length=255)
    owner: str | None = Field(default=None, max_length=100)
    value: str = Field(sa_column=Column(long_text(), nullable=False))
    expires_at: int = Field(sa_type=BigInteger)
    """Seconds since 1970."""


class ScanRun(Stamped, table=True):
    """One scan: asked for, running, ended. ``status`` is a word of ``features.scan``."""

    __tablename__ = "scan_runs"
    __table_args__ = arranged(Index(None, "status"))

    id: int | None = key()
    kind: str = Field(max_length=20)
    scope: dict[str, Any] | None = optional_json()
    """Which platforms; None is the whole library."""
    status: str = Field(max_length=20)
    phase: str = Field(default="", max_length=40)
    stats: dict[str, Any] | None = optional_json()
    position: dict[str, Any] | None = optional_json()
    """How far its committed work goes, so that a later run can go on there."""
    message: str | None = Field(default=None, sa_column=Column(long_text()))
    """Why it failed, for a person."""
    problems: list[str] = json_list()
    """What it could not do, a sentence each; at most a hundred are kept."""
    started_at: datetime = Field(sa_type=Moment)
    ended_at: datetime | None = optional_moment()


VERSIONS = table_of(Version)
ENTRIES = table_of(Entry)
SCAN_RUNS = table_of(ScanRun)
