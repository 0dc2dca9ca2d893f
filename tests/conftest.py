"""Databases for all tests.

``database`` is a migrated SQLite file of the test's own. A test that asks for ``every_database``
runs on SQLite, PostgreSQL and MariaDB; those two are emptied before each test but go on counting
ids. ``places`` and ``bus`` are what belongs to the same database. Other servers are named by
TEST_POSTGRES_URL and TEST_MARIADB_URL; one that does not run skips its tests, but not where CI is
set.
"""

import os
import shutil
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

import pytest
from sqlalchemy import Connection, Engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import OperationalError

from romm_lite.db import migrate
from romm_lite.db.engine import Database, open_engine
from romm_lite.kernel.events import Bus
from romm_lite.kernel.paths import Places
from romm_lite.tables.schema import METADATA

POSTGRES = os.environ.get(
    "TEST_POSTGRES_URL", "postgresql+psycopg://postgres@127.0.0.1:5432/postgres"
)
MARIADB = os.environ.get("TEST_MARIADB_URL", "mariadb+pymysql://root@127.0.0.1:3306")

NewDatabase = Callable[[], str]
"""Makes an empty database of its own and gives its URL."""


@pytest.fixture
def places(tmp_path: Path) -> Places:
    """An empty data folder."""
    places = Places.at(tmp_path / "data")
    places.create()
    return places


@pytest.fixture
def bus() -> Bus:
    return Bus()


@pytest.fixture
def database(places: Places, migrated_file: Path, bus: Bus) -> Iterator[Database]:
    """A migrated SQLite database at ``places.database``."""
    shutil.copyfile(migrated_file, places.database)
    yield from opened(f"sqlite:///{places.database}", bus)


@pytest.fixture(params=["sqlite", "postgresql", "mariadb"])
def every_database(request: pytest.FixtureRequest, bus: Bus) -> Iterator[Database]:
    """A migrated database of each kind, a run of the test each."""
    if request.param == "sqlite":
        yield request.getfixturevalue("database")
        return
    server: Server = request.getfixturevalue(f"{request.param}_server")
    server.empty()
    yield from opened(server.url, bus)


@pytest.fixture(params=["sqlite", "postgresql", "mariadb"])
def every_new_database(request: pytest.FixtureRequest, places: Places) -> Iterator[NewDatabase]:
    """For tests of migrations: empty databases of each kind."""
    if request.param == "sqlite":
        yield lambda: f"sqlite:///{places.data / uuid.uuid4().hex}.db"
        return
    home = POSTGRES if request.param == "postgresql" else MARIADB
    made: list[str] = []

    def make() -> str:
        made.append(create_database(home))
        return made[-1]

    yield make
    for url in made:
        drop_database(url)


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The SQLite file every test gets a copy of."""
    places = Places.at(tmp_path_factory.mktemp("template"))
    migrate_new(f"sqlite:///{places.database}", places)
    return places.database


class Server:
    """A migrated database on a server, for one test at a time."""

    def __init__(self, url: str, places: Places) -> None:
        self.url = url
        migrate_new(url, places)
        self._engine = open_engine(url)
        with self._engine.connect() as connection:
            self._first_rows: list[tuple[Any, list[dict[str, Any]]]] = [
                (table, [dict(row) for row in connection.execute(table.select()).mappings()])
                for table in METADATA.sorted_tables
            ]

        quote = self._engine.dialect.identifier_preparer.format_table
        source = "FROM DUAL " if self._engine.dialect.name == "mariadb" else ""
        self._find_filled = text(
            " UNION ALL ".join(
                f"SELECT '{table.name}' {source}WHERE EXISTS (SELECT 1 FROM {quote(table)})"
                for table in METADATA.sorted_tables
            )
        )

    def empty(self) -> None:
        """Bring back the rows a new database has."""
        with self._engine.begin() as connection:
            filled = set(connection.execute(self._find_filled).scalars())
            for table, _ in reversed(self._first_rows):
                if table.name in filled:
                    connection.execute(table.delete())
            for table, rows in self._first_rows:
                if rows:
                    connection.execute(table.insert(), rows)

    def close(self) -> None:
        self._engine.dispose()


@pytest.fixture(scope="session")
def postgresql_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    yield from served(POSTGRES, tmp_path_factory)


@pytest.fixture(scope="session")
def mariadb_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    yield from served(MARIADB, tmp_path_factory)


def served(home: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    url = create_database(home)
    try:
        server = Server(url, Places.at(tmp_path_factory.mktemp("server")))
        yield server
        server.close()
    finally:
        drop_database(url)


def opened(url: str, bus: Bus) -> Iterator[Database]:
    database = Database(open_engine(url), bus)
    yield database
    database.close()


def migrate_new(url: str, places: Places) -> None:
    engine = open_engine(url)
    migrate.prepare(engine, places)
    engine.dispose()


def create_database(home: str) -> str:
    """Make a database with a name nobody else has on a server, and give its URL."""
    name = f"romm_lite_test_{uuid.uuid4().hex}"
    with administering(home) as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    return make_url(home).set(database=name).render_as_string(hide_password=False)


def drop_database(url: str) -> None:
    name = make_url(url).database
    home = POSTGRES if url.startswith("postgresql") else MARIADB
    force = " WITH (FORCE)" if home is POSTGRES else ""
    with administering(home) as connection:
        connection.execute(text(f"DROP DATABASE {name}{force}"))


@contextmanager
def administering(home: str) -> Iterator[Connection]:
    engine = open_engine(home)
    try:
        with connecting(engine).execution_options(isolation_level="AUTOCOMMIT") as connection:
            yield connection
    finally:
        engine.dispose()


def connecting(engine: Engine) -> Connection:
    try:
        return engine.connect()
    except OperationalError:
        kind = "PostgreSQL" if engine.dialect.name == "postgresql" else "MariaDB"
        absent(f"{kind} is not running at {engine.url.host}:{engine.url.port}")


def absent(message: str) -> NoReturn:
    """Skip a test whose service does not run, or fail it where all of them must run."""
    if os.environ.get("CI"):
        pytest.fail(message)
    pytest.skip(message)
