"""Writing many rows in as few statements as their sets of columns allow."""

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

from sqlalchemy import Table, bindparam, insert, select, update
from sqlmodel import Session

Columns = Mapping[str, Any]
CHUNK = 500
"""Values in one list of a statement; databases limit their number."""


def insert_rows(session: Session, table: Table, rows: Sequence[Columns]) -> None:
    """Insert rows."""
    for _, same in groupby(sorted(rows, key=_names), _names):
        session.connection().execute(insert(table), [dict(row) for row in same])


def update_rows(
    session: Session,
    table: Table,
    rows: Sequence[Columns],
    *guard: Any,
    keys: Sequence[str] = ("id",),
) -> None:
    """Give rows new values; each is its ``keys`` and the columns that change."""
    named = [table.c[key] == bindparam(f"row_{key}") for key in keys]
    statement = update(table).where(*named, *guard)
    for _, same in groupby(sorted(rows, key=_names), _names):
        values = [
            {(f"row_{name}" if name in keys else name): value for name, value in row.items()}
            for row in same
        ]
        session.connection().execute(statement, values)


def put_rows(session: Session, table: Table, rows: Sequence[Columns], keys: Sequence[str]) -> None:
    """Insert those rows that are not there by their ``keys``, and give the others these values.

    The first of the keys is looked for; the caller lets nobody else insert the same meanwhile.
    """
    columns = [table.c[key] for key in keys]
    first = sorted({row[keys[0]] for row in rows})
    there: set[tuple[Any, ...]] = set()
    for start in range(0, len(first), CHUNK):
        found = select(*columns).where(columns[0].in_(first[start : start + CHUNK]))
        there.update(tuple(row) for row in session.execute(found))
    new = [row for row in rows if tuple(row[key] for key in keys) not in there]
    known = [row for row in rows if tuple(row[key] for key in keys) in there]
    insert_rows(session, table, new)
    update_rows(session, table, known, keys=keys)


def _names(row: Columns) -> list[str]:
    return sorted(row)
