import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import Engine, inspect, text

from romm_lite.db import migrate, snapshots
from romm_lite.db.engine import Database, open_engine
from romm_lite.kernel.errors import MigrationFailed, StartupError
from romm_lite.kernel.paths import Places
from romm_lite.kernel.resources import shipped
from tests.conftest import NewDatabase

HEAD = migrate.newest(shipped("migrations"))
NEXT = f"{int(HEAD) + 1:04}"

AddMigration = Callable[[str], Path]
"""Takes the body of an ``upgrade()``; gives a folder of migrations that has one more."""


@pytest.fixture
def engine(database: Database) -> Engine:
    return database.engine


@pytest.fixture
def add_migration(tmp_path: Path) -> AddMigration:
    def add(body: str) -> Path:
        scripts = tmp_path / "100% of the scripts"
        shutil.copytree(
            shipped("migrations"), scripts, ignore=shutil.ignore_patterns("__pycache__")
        )
        (scripts / "versions" / f"{NEXT}_next.py").write_text(
            "import sqlalchemy as sa\n"
            "from alembic import op\n"
            f"revision = {NEXT!r}\n"
            f"down_revision = {HEAD!r}\n"
            "def upgrade():\n" + "".join(f"    {line}\n" for line in body.splitlines())
        )
        return scripts

    return add


@pytest.fixture
def new_engine(every_new_database: NewDatabase) -> Iterator[Engine]:
    engine = open_engine(every_new_database())
    yield engine
    engine.dispose()


def run(engine: Engine, sql: str) -> None:
    with engine.begin() as connection:
        connection.execute(text(sql))


def ask(engine: Engine, sql: str) -> object:
    with engine.connect() as connection:
        return connection.execute(text(sql)).scalar()


def found_snapshots(places: Places) -> list[Path]:
    return sorted(places.snapshots.iterdir()) if places.snapshots.exists() else []


def fail(engine: Engine, places: Places, scripts: Path) -> str:
    with pytest.raises(MigrationFailed) as caught:
        migrate.prepare(engine, places, scripts)
    return str(caught.value)


def test_a_new_database_gets_all_tables(new_engine: Engine, places: Places) -> None:
    migrate.prepare(new_engine, places)
    assert migrate.read_version(new_engine) == HEAD
    assert migrate.check(new_engine) == []
    assert found_snapshots(places) == []


def test_ids_go_on_after_the_first_rows(new_engine: Engine, places: Places) -> None:
    migrate.prepare(new_engine, places)
    run(
        new_engine,
        "INSERT INTO permission_groups (name, description, is_default, is_system, created_at, "
        "updated_at) VALUES ('Mine', '', FALSE, FALSE, '2025-01-01', '2025-01-01')",
    )
    assert ask(new_engine, "SELECT id FROM permission_groups WHERE name = 'Mine'") == 3


def test_an_old_database_is_migrated(
    new_engine: Engine, places: Places, add_migration: AddMigration
) -> None:
    migrate.prepare(new_engine, places)
    scripts = add_migration('op.add_column("versions", sa.Column("note", sa.String(10)))')
    migrate.prepare(new_engine, places, scripts)
    assert migrate.read_version(new_engine) == NEXT
    assert "note" in {column["name"] for column in inspect(new_engine).get_columns("versions")}


def test_a_database_that_is_up_to_date_costs_no_alembic(places: Places, engine: Engine) -> None:
    program = (
        "import sys\n"
        "from pathlib import Path\n"
        "from romm_lite.db import migrate\n"
        "from romm_lite.db.engine import open_engine\n"
        "from romm_lite.kernel.paths import Places\n"
        "places = Places.at(Path(sys.argv[1]))\n"
        "migrate.prepare(open_engine(f'sqlite:///{places.database}'), places)\n"
        "sys.exit('alembic' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", program, places.data], check=False, timeout=60)
    assert done.returncode == 0


def test_processes_that_start_at_once_migrate_once(
    every_new_database: NewDatabase, places: Places
) -> None:
    url = every_new_database()
    program = (
        "import logging, sys\n"
        "from pathlib import Path\n"
        "from romm_lite.db import migrate\n"
        "from romm_lite.db.engine import open_engine\n"
        "from romm_lite.kernel.paths import Places\n"
        "logging.basicConfig(level=logging.INFO, format='%(message)s', stream=sys.stdout)\n"
        "migrate.prepare(open_engine(sys.argv[1]), Places.at(Path(sys.argv[2])))\n"
    )
    command = [sys.executable, "-c", program, url, str(places.data)]
    started = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    told = [process.communicate(timeout=60)[0] for process in started]
    assert [process.returncode for process in started] == [0, 0, 0]
    assert "".join(told).count("Migrating the database") == 1


def test_a_snapshot_of_the_old_state_is_taken(
    engine: Engine, places: Places, add_migration: AddMigration
) -> None:
    run(engine, "UPDATE versions SET number = 41")
    migrate.prepare(engine, places, add_migration('op.execute("UPDATE versions SET number = 42")'))
    (snapshot,) = found_snapshots(places)
    assert snapshot.name.startswith(f"before-{NEXT}-20")
    copy = open_engine(f"sqlite:///{snapshot}")
    assert migrate.check(copy) == []
    assert ask(copy, "SELECT number FROM versions") == 41
    copy.dispose()


def test_the_newest_five_snapshots_are_kept(
    engine: Engine, places: Places, add_migration: AddMigration
) -> None:
    places.snapshots.mkdir()
    for hour in range(7):
        (places.snapshots / f"before-9999-20200101T0{hour}0000Z.db").touch()
    (places.snapshots / "my own copy.db").touch()
    (places.snapshots / ".before-9999-20200101T090000Z.db.tmp").touch()
    migrate.prepare(engine, places, add_migration("pass"))
    names = [path.name for path in found_snapshots(places)]
    assert names[0].startswith(f"before-{NEXT}-")
    assert names[1:-1] == [f"before-9999-20200101T0{hour}0000Z.db" for hour in range(3, 7)]
    assert names[-1] == "my own copy.db"


def test_a_failed_migration_changes_nothing(
    engine: Engine, places: Places, add_migration: AddMigration
) -> None:
    scripts = add_migration(
        'op.execute("UPDATE versions SET number = 42")\n'
        'op.drop_table("rom_facets")\n'
        'raise ValueError("made to fail")'
    )
    message = fail(engine, places, scripts)
    (snapshot,) = found_snapshots(places)
    assert f"from {HEAD} to {NEXT} failed: made to fail" in message
    assert "as it was" in message
    assert str(snapshot) in message
    assert migrate.check(engine) == []
    assert ask(engine, "SELECT number FROM versions") == 1


def test_a_failed_migration_leaves_other_processes_their_database(
    engine: Engine, places: Places, add_migration: AddMigration
) -> None:
    with closing(engine.dialect.loaded_dbapi.connect(places.database)) as other:
        other.execute("SELECT number FROM versions").fetchall()
        fail(engine, places, add_migration('raise ValueError("made to fail")'))
        other.execute("UPDATE versions SET number = 7")
        other.commit()
    assert ask(engine, "SELECT number FROM versions") == 7


def test_a_migration_that_commits_and_then_fails_is_undone_from_the_snapshot(
    engine: Engine, places: Places, add_migration: AddMigration
) -> None:
    scripts = add_migration(
        'op.execute("UPDATE versions SET number = 42")\n'
        'op.execute("DROP TABLE rom_facets")\n'
        'op.execute("COMMIT")\n'
        'raise ValueError("made to fail")'
    )
    message = fail(engine, places, scripts)
    assert "as it was" in message
    assert migrate.check(engine) == []
    assert ask(engine, "SELECT number FROM versions") == 1
    migrate.prepare(engine, places)


def test_the_program_goes_on_after_a_failed_migration(
    database: Database, places: Places, add_migration: AddMigration
) -> None:
    fail(database.engine, places, add_migration('raise ValueError("made to fail")'))
    with database.write() as session:
        assert session.execute(text("PRAGMA foreign_keys")).scalar() == 1
        session.execute(text("UPDATE versions SET number = 5"))
    assert ask(database.engine, "SELECT number FROM versions") == 5


def test_an_unfinished_new_file_is_removed(places: Places, add_migration: AddMigration) -> None:
    engine = open_engine(f"sqlite:///{places.database}")
    message = fail(engine, places, add_migration('raise ValueError("made to fail")'))
    assert "from nothing" in message
    assert "removed" in message
    assert not list(places.data.glob("romm_lite.db*"))
    assert found_snapshots(places) == []
    migrate.prepare(engine, places)
    assert migrate.check(engine) == []
    engine.dispose()


def test_a_snapshot_that_cannot_be_written_stops_the_migration(
    engine: Engine, places: Places, add_migration: AddMigration
) -> None:
    places.snapshots.write_text("a file where the folder should be")
    message = fail(engine, places, add_migration('op.drop_table("rom_facets")'))
    assert "snapshots" in message
    assert migrate.check(engine) == []


def test_rebuilding_a_table_keeps_the_rows_that_refer_to_it(
    engine: Engine, places: Places, add_migration: AddMigration
) -> None:
    grants = ask(engine, "SELECT COUNT(*) FROM permission_group_grants")
    scripts = add_migration(
        'options = {"sqlite_autoincrement": True}\n'
        'with op.batch_alter_table("permission_groups", recreate="always", '
        "table_kwargs=options) as groups:\n"
        '    groups.add_column(sa.Column("note", sa.String(10)))'
    )
    migrate.prepare(engine, places, scripts)
    assert ask(engine, "SELECT COUNT(*) FROM permission_group_grants") == grants
    assert migrate.check(engine, scripts) == []
    sql = ask(engine, "SELECT sql FROM sqlite_schema WHERE name = 'permission_groups'")
    assert "AUTOINCREMENT" in str(sql)


def test_a_migration_that_breaks_references_is_refused(
    engine: Engine, places: Places, add_migration: AddMigration
) -> None:
    scripts = add_migration('op.execute("DELETE FROM permission_groups WHERE id = 2")')
    assert "21 rows would have lost what they refer to" in fail(engine, places, scripts)
    assert ask(engine, "SELECT COUNT(*) FROM permission_groups") == 2


def test_a_failed_migration_of_a_server_is_told_honestly(
    new_engine: Engine, places: Places, add_migration: AddMigration
) -> None:
    migrate.prepare(new_engine, places)
    scripts = add_migration(
        'op.add_column("versions", sa.Column("note", sa.String(10)))\n'
        'raise ValueError("made to fail")'
    )
    message = fail(new_engine, places, scripts)
    assert "made to fail" in message
    left = "note" in {column["name"] for column in inspect(new_engine).get_columns("versions")}
    assert left == (new_engine.dialect.name == "mariadb")
    assert ("changed in part" in message) == left
    assert ("as it was" in message) != left
    assert migrate.read_version(new_engine) == HEAD


def test_a_first_start_that_broke_off_is_not_taken_for_a_new_database(
    new_engine: Engine, places: Places
) -> None:
    run(new_engine, "CREATE TABLE roms (id INTEGER)")
    assert "(roms" in fail(new_engine, places, shipped("migrations"))
    assert inspect(new_engine).get_table_names() == ["roms"]


@pytest.mark.parametrize(
    ("version", "word"), [("9999", "newer"), ("0042_their_change", "another program")]
)
def test_a_database_of_another_program_is_not_touched(
    new_engine: Engine, places: Places, version: str, word: str
) -> None:
    run(new_engine, "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)")
    run(new_engine, f"INSERT INTO alembic_version VALUES ('{version}')")
    message = fail(new_engine, places, shipped("migrations"))
    assert word in message
    assert version in message
    assert inspect(new_engine).get_table_names() == ["alembic_version"]
    assert found_snapshots(places) == []


def test_a_server_that_does_not_answer_is_named_without_the_password(places: Places) -> None:
    engine = open_engine("postgresql+psycopg://ann:hush@127.0.0.1:1/games")
    with pytest.raises(StartupError, match="games cannot be opened") as caught:
        migrate.prepare(engine, places)
    assert "hush" not in str(caught.value)


def test_a_file_that_is_no_database_is_left_alone(places: Places) -> None:
    places.database.write_bytes(b"a shopping list" * 100)
    engine = open_engine(f"sqlite:///{places.database}")
    with pytest.raises(StartupError, match="not a database"):
        migrate.prepare(engine, places)
    assert places.database.read_bytes() == b"a shopping list" * 100


def test_missing_migrations_are_told(engine: Engine, places: Places, tmp_path: Path) -> None:
    assert "install it again" in fail(engine, places, tmp_path)


def test_check_tells_what_is_missing(new_engine: Engine, places: Places) -> None:
    assert "no tables" in migrate.check(new_engine)[0]
    migrate.prepare(new_engine, places)
    run(new_engine, "DROP TABLE rom_facets")
    assert migrate.check(new_engine) == ["The table rom_facets is missing"]


def test_check_tells_an_old_schema(engine: Engine, add_migration: AddMigration) -> None:
    (problem,) = migrate.check(engine, add_migration("pass"))
    assert f"version {HEAD}" in problem
    assert NEXT in problem


def test_check_tells_broken_references(engine: Engine) -> None:
    with engine.connect() as connection:
        raw = connection.connection.driver_connection
        assert raw is not None
        raw.execute("PRAGMA foreign_keys = OFF")
        connection.execute(text("DELETE FROM permission_groups WHERE id = 1"))
        connection.commit()
        raw.execute("PRAGMA foreign_keys = ON")
    problems = migrate.check(engine)
    assert len(problems) == 15
    assert "permission_group_grants refers to a row of permission_groups" in problems[0]


def test_check_tells_a_damaged_file(engine: Engine, places: Places) -> None:
    engine.dispose()
    with places.database.open("r+b") as file:
        file.seek(3 * 4096)
        file.write(b"\xa5" * 4096 * 40)
    assert migrate.check(engine) != []


def test_a_copy_is_whole_while_others_write(database: Database, tmp_path: Path) -> None:
    with database.write() as session:
        session.execute(text("UPDATE versions SET number = 99"))
        snapshots.copy(database.engine, tmp_path / "copy.db")
    copy = open_engine(f"sqlite:///{tmp_path / 'copy.db'}")
    assert ask(copy, "SELECT number FROM versions") == 1
    assert migrate.check(copy) == []
    copy.dispose()
    assert [path.name for path in tmp_path.glob("*copy*")] == ["copy.db"]
