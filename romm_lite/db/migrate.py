"""Bringing the database up to date when the program starts, and telling what is wrong with it."""

import logging
import re
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, nullcontext
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, inspect, text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from romm_lite.db import snapshots
from romm_lite.kernel.errors import MigrationFailed, RommError, StartupError
from romm_lite.kernel.paths import Places
from romm_lite.kernel.resources import shipped
from romm_lite.tables.schema import METADATA

log = logging.getLogger(__name__)

WAIT_SECONDS = 600
"""How long to wait for another process that migrates the same database."""
LOCK_NAME = "romm_lite.migration"
LOCK_NUMBER = 5_728_361_904
"""The same lock on PostgreSQL, where locks are numbers."""


def prepare(engine: Engine, places: Places, scripts: Path | None = None) -> None:
    """Bring the database up to date; one SELECT when it already is.

    ``scripts`` is the folder of migrations, the one shipped if not given. Raises MigrationFailed
    when that is not possible and StartupError when the database cannot be opened at all.
    """
    scripts = scripts or shipped("migrations")
    head = newest(scripts)
    try:
        if read_version(engine) == head:
            return
    except _trouble(engine) as error:
        where = engine.url.render_as_string()
        raise StartupError(f"The database {where} cannot be opened: {_reason(error)}") from error
    if engine.dialect.name == "sqlite":
        _migrate_file(engine, places, scripts, head)
    else:
        _migrate_server(engine, scripts, head)


def newest(scripts: Path) -> str:
    """The schema version the program needs: the highest number among the migrations."""
    names = [path.name for path in (scripts / "versions").glob("[0-9][0-9][0-9][0-9]_*.py")]
    if not names:
        raise MigrationFailed(f"The program's migrations are not at {scripts}: install it again")
    return max(names)[:4]


def read_version(engine: Engine) -> str | None:
    """The schema version of the database, None when it has none yet."""
    with engine.connect() as connection:
        try:
            return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
        except DBAPIError:
            connection.rollback()
            if inspect(connection).has_table("alembic_version"):
                raise
            return None


def check(engine: Engine, scripts: Path | None = None) -> list[str]:
    """What is wrong with the database, a sentence each; empty when it is sound."""
    try:
        problems = _check_schema(engine, newest(scripts or shipped("migrations")))
        return problems + (_check_file(engine) if engine.dialect.name == "sqlite" else [])
    except _trouble(engine) as error:
        return [f"The database cannot be read: {_reason(error)}"]


def _check_schema(engine: Engine, head: str) -> list[str]:
    version = read_version(engine)
    if version is None:
        return ["The database has no tables of this program yet: start the program once"]
    problems = []
    if version != head:
        problems.append(
            f"The database has schema version {version} and this program needs {head}: "
            "start the newest version of the program once"
        )
    missing = set(METADATA.tables) - set(inspect(engine).get_table_names())
    return problems + [f"The table {name} is missing" for name in sorted(missing)]


def _check_file(engine: Engine) -> list[str]:
    with engine.connect() as connection:
        found = connection.exec_driver_sql("PRAGMA integrity_check").scalars().all()
        dangling = _dangling(connection)
    problems = [f"The file is damaged: {line}" for line in found if line != "ok"]
    return problems + [
        f"Row {row} of {table} refers to a row of {target} that is not there"
        for table, row, target, _ in dangling
    ]


def _migrate_file(engine: Engine, places: Places, scripts: Path, head: str) -> None:
    version = snapshot = None
    empty = committed = False
    try:
        with _alone_in_file(engine) as connection:
            version = read_version(engine)
            if version == head:  # another process was first
                return
            _refuse_unknown(engine, version, head)
            empty = not inspect(engine).get_table_names()
            snapshot = None if empty else snapshots.take(engine, places, f"before-{head}")
            with _watching(engine) as somebody_committed:
                try:
                    _upgrade_file(connection, scripts)
                except Exception:
                    committed = somebody_committed()
                    raise
    except MigrationFailed:
        raise
    except Exception as error:
        if empty:
            snapshots.remove(engine)
            state = "The unfinished database was removed again."
        else:
            state = _put_back(engine, snapshot, committed)
        failed = f"{_attempt(version, head)} failed: {_reason(error)}."
        raise MigrationFailed(f"{failed} {state}") from error
    log.info("%s done%s", _attempt(version, head), f"; before: {snapshot}" if snapshot else "")


def _put_back(engine: Engine, snapshot: Path | None, committed: bool) -> str:
    """Undo what rolling back did not; the state of the database in words."""
    if snapshot is None:
        return "The database is as it was."
    if committed:
        try:
            snapshots.restore(engine, snapshot)
        except OSError as error:
            return (
                f"The database is changed in part and could not be put back: {error}. Replace "
                f"{snapshots.file_of(engine)} by {snapshot} before you start the program again."
            )
    return (
        f"The database is back as it was; a copy from before lies at {snapshot}. "
        "Go on with the version of the program you had, and report this."
    )


@contextmanager
def _alone_in_file(engine: Engine) -> Iterator[Connection]:
    """A transaction beside which nobody writes, and in which references are not enforced.

    Rebuilding a table drops the old one, which would delete all rows that refer to it.
    """
    with engine.connect().execution_options(writing=True) as connection:
        raw: Any = connection.connection.driver_connection
        connection.detach()  # the pool must not get it back with these settings
        raw.execute(f"PRAGMA busy_timeout = {WAIT_SECONDS * 1000}")
        raw.execute("PRAGMA foreign_keys = OFF")
        with connection.begin():
            yield connection


@contextmanager
def _watching(engine: Engine) -> Iterator[Callable[[], bool]]:
    """Gives a question: has any other connection committed since?"""
    with closing(engine.raw_connection()) as watcher:
        driver: Any = watcher.driver_connection

        def count() -> int:
            number: int = driver.execute("PRAGMA data_version").fetchone()[0]
            return number

        before = count()
        yield lambda: count() != before


def _upgrade_file(connection: Connection, scripts: Path) -> None:
    before = len(_dangling(connection))
    _upgrade(connection, scripts)
    lost = len(_dangling(connection)) - before
    if lost > 0:
        raise RommError(f"{lost} rows would have lost what they refer to")


def _dangling(connection: Connection) -> list[tuple[str, int, str, int]]:
    """Rows with a broken reference: table, row id, table referred to, number of the reference."""
    rows = connection.exec_driver_sql("PRAGMA foreign_key_check")
    return [(row[0], row[1], row[2], row[3]) for row in rows]


def _migrate_server(engine: Engine, scripts: Path, head: str) -> None:
    transactional = engine.dialect.name == "postgresql"
    with _alone_on_server(engine) as connection:
        version = read_version(engine)
        if version == head:  # another process was first
            return
        _refuse_unknown(engine, version, head)
        try:
            with connection.begin() if transactional else nullcontext():
                _upgrade(connection, scripts)
        except Exception as error:
            failed = f"{_attempt(version, head)} failed: {_reason(error)}."
            if transactional:
                cure = (
                    "The database is as it was. Go on with the version of the program you had, "
                    "and report this."
                )
            elif version is None:
                cure = "This database cannot undo changes of tables: empty it before the next try."
            else:
                cure = (
                    "This database cannot undo changes of tables and may be changed in part: "
                    "restore your backup of it before you start any version of the program again."
                )
            raise MigrationFailed(f"{failed} {cure}") from error
    log.info("%s done", _attempt(version, head))


@contextmanager
def _alone_on_server(engine: Engine) -> Iterator[Connection]:
    """A connection, not in a transaction, that is the only one to migrate this database."""
    with engine.connect() as connection:
        connection.detach()  # closing it ends the session and thereby the lock
        if engine.dialect.name == "postgresql":
            connection.exec_driver_sql(f"SET lock_timeout = '{WAIT_SECONDS}s'")
            connection.execute(text("SELECT pg_advisory_lock(:number)"), {"number": LOCK_NUMBER})
        else:
            query = text("SELECT GET_LOCK(CONCAT(DATABASE(), '.', :name), :seconds)")
            ours = {"name": LOCK_NAME, "seconds": WAIT_SECONDS}
            if not connection.execute(query, ours).scalar():
                raise MigrationFailed("Another process migrates this database: try again later")
        connection.commit()
        yield connection


def _refuse_unknown(engine: Engine, version: str | None, head: str) -> None:
    where = engine.url.render_as_string()
    if engine.dialect.name == "mysql" and getattr(engine.dialect, "is_mariadb", False):
        raise MigrationFailed(f"{where} is MariaDB: write mariadb:// (ROMM_DB_DRIVER=mariadb)")
    if version is None:
        ours = sorted(set(METADATA.tables) & set(inspect(engine).get_table_names()))
        if ours:
            raise MigrationFailed(
                f"{where} has tables ({', '.join(ours[:5])} …) of another program or of a first "
                "start that broke off. Nothing was touched: name an empty database."
            )
    elif not re.fullmatch(r"\d{4}", version):
        raise MigrationFailed(
            f"{where} belongs to another program: its schema version is {version}. Nothing was "
            "touched: name an empty database."
        )
    elif version > head:
        raise MigrationFailed(
            f"{where} was made by a newer version of this program: its schema version is "
            f"{version}, this program knows {head}. Nothing was touched: start the newer version."
        )


def _upgrade(connection: Connection, scripts: Path) -> None:
    from alembic import command
    from alembic.config import Config

    logging.getLogger("alembic").setLevel(logging.WARNING)
    config = Config(attributes={"connection": connection, "metadata": METADATA})
    config.set_main_option("script_location", str(scripts).replace("%", "%%"))
    command.upgrade(config, "head")


def _trouble(engine: Engine) -> tuple[type[Exception], ...]:
    """What a database that cannot be opened or read raises."""
    return (SQLAlchemyError, engine.dialect.loaded_dbapi.Error)


def _attempt(version: str | None, head: str) -> str:
    return f"Migrating the database from {version or 'nothing'} to {head}"


def _reason(error: BaseException) -> str:
    told = getattr(error, "orig", None) or error
    return " ".join(str(told).split()) or type(told).__name__
