import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from romm_lite.db.engine import Database
from romm_lite.db.upsert import upsert
from romm_lite.tables.system import ENTRIES, VERSIONS


def number(database: Database, name: str) -> int | None:
    with database.read() as session:
        return session.execute(select(VERSIONS.c.number).where(VERSIONS.c.name == name)).scalar()


def test_a_new_row_is_inserted(every_database: Database) -> None:
    with every_database.write() as session:
        upsert(session, VERSIONS, {"name": "x"}, {"number": 5})
    assert number(every_database, "x") == 5


def test_a_row_that_is_there_is_changed(every_database: Database) -> None:
    for value in (5, 6, 6):
        with every_database.write() as session:
            upsert(session, VERSIONS, {"name": "x"}, {"number": value})
    assert number(every_database, "x") == 6


def test_a_row_that_is_there_may_change_otherwise(every_database: Database) -> None:
    for _ in range(3):
        with every_database.write() as session:
            twice = {"number": VERSIONS.c.number * 2}
            upsert(session, VERSIONS, {"name": "x"}, {"number": 5}, twice)
    assert number(every_database, "x") == 20


def test_values_that_break_a_rule_are_refused(every_database: Database) -> None:
    row = {"value": None, "expires_at": 1}

    def break_it() -> None:
        with every_database.write() as session:
            upsert(session, ENTRIES, {"key": "x"}, row)

    with pytest.raises(IntegrityError):
        break_it()
