"""One row that is changed if it is there and inserted if not, on every database alike."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Table, and_, insert, update
from sqlalchemy.dialects import mysql
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session


def upsert(
    session: Session,
    table: Table,
    keys: Mapping[str, Any],
    values: Mapping[str, Any],
    change: Mapping[str, Any] | None = None,
) -> None:
    """Give the row with these ``keys`` these ``values``; safe while other processes do the same.

    ``keys`` are the columns of its primary key or of a unique constraint. ``change`` is what
    happens to a row that is already there, where that differs: ``{"number": T.c.number + 1}``.
    """
    same = and_(*(table.c[name] == value for name, value in keys.items()))
    alter = update(table).where(same).values(**(values if change is None else change))
    if _touches(session, alter):
        return
    if session.get_bind().dialect.name in ("mysql", "mariadb"):
        # There two plain inserts of one key end in a deadlock.
        both = mysql.insert(table).values(**keys, **values)
        session.execute(both.on_duplicate_key_update(**(values if change is None else change)))
        return
    try:
        with session.begin_nested():
            session.execute(insert(table).values(**keys, **values))
    except IntegrityError:
        if not _touches(session, alter):  # nobody else inserted it: the values are at fault
            raise


def _touches(session: Session, statement: Any) -> bool:
    result: Any = session.execute(statement, execution_options={"synchronize_session": False})
    return bool(result.rowcount)
