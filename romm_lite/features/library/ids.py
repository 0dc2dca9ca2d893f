"""Ids as the database hands them over soonest: all in one text, several times as fast as rows."""

from array import array
from typing import Any

import orjson
from sqlalchemy import ColumnElement, Select, String, cast, func, select
from sqlmodel import Session

ALL = 2**63 - 1
"""As a limit. Without one MariaDB and MySQL forget the order of a subquery."""


def fetch_ids(session: Session, statement: Select[Any]) -> "array[int]":
    """The first column of all rows, in their order; four bytes each."""
    rows = statement.limit(ALL).subquery()
    text, total = session.execute(select(*_join(rows.c[0]))).one()
    ids = _parse(text)
    return ids if sum(ids) == (total or 0) else array("I", session.scalars(statement))


def fetch_initials(session: Session, statement: Select[Any]) -> tuple["array[int]", str]:
    """The same, and the one character that every row has in its second column."""
    rows = statement.limit(ALL).subquery()
    joined = *_join(rows.c[0]), func.aggregate_strings(rows.c[1], "")
    text, total, initials = session.execute(select(*joined)).one()
    ids = _parse(text)
    if sum(ids) == (total or 0) and len(initials or "") == len(ids):
        return ids, initials or ""
    pairs = session.execute(statement).all()
    return array("I", (each for each, _ in pairs)), "".join(each for _, each in pairs)


def _join(column: ColumnElement[int]) -> tuple[ColumnElement[Any], ...]:
    """All ids, and their sum: MariaDB and MySQL cut a text that is longer than a packet."""
    return func.aggregate_strings(cast(column, String(20)), ","), func.sum(column)


def _parse(text: str | None) -> "array[int]":
    return array("I", orjson.loads(f"[{(text or '').rstrip(',')}]"))
