import signal
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from threading import Thread

import pytest
from sqlalchemy import func, insert, select, text
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlmodel import Session

from romm_lite.db.engine import Database, announce, filesystem_kind, open_engine
from romm_lite.kernel.errors import SettingInvalid
from romm_lite.kernel.events import Bus, LibraryChanged, UserDeleted
from romm_lite.kernel.paths import Places
from romm_lite.kernel.times import now
from romm_lite.tables.platforms import PLATFORMS
from romm_lite.tables.roms import FACETS, ROM_METADATA, Rom
from romm_lite.tables.users import User

SERVERS = pytest.mark.parametrize("every_database", ["postgresql", "mariadb"], indirect=True)


def add_facet(session: Session, value: str) -> None:
    session.execute(insert(FACETS).values(kind="genre", value=value))


def facets(database: Database) -> list[str]:
    with database.read() as session:
        return list(session.execute(select(FACETS.c.value).order_by(FACETS.c.value)).scalars())


def pragma(database: Database, name: str) -> object:
    with database.read() as session:
        return session.execute(text(f"PRAGMA {name}")).scalar()


def test_write_commits_and_then_publishes(every_database: Database, bus: Bus) -> None:
    seen: list[list[str]] = []
    bus.subscribe(LibraryChanged, lambda _: seen.append(facets(every_database)))
    with every_database.write() as session:
        add_facet(session, "Puzzle")
        announce(session, LibraryChanged())
        assert not seen
    assert seen == [["Puzzle"]]


def test_a_listener_may_write(every_database: Database, bus: Bus) -> None:
    def listen(_: UserDeleted) -> None:
        with every_database.write() as session:
            add_facet(session, "told")

    bus.subscribe(UserDeleted, listen)
    with every_database.write() as session:
        add_facet(session, "first")
        announce(session, UserDeleted(1))
    assert facets(every_database) == ["first", "told"]


def test_an_error_rolls_back_and_publishes_nothing(every_database: Database, bus: Bus) -> None:
    seen: list[object] = []
    bus.subscribe(LibraryChanged, seen.append)

    def fail() -> None:
        with every_database.write() as session:
            add_facet(session, "Puzzle")
            announce(session, LibraryChanged())
            raise RuntimeError("on purpose")

    with pytest.raises(RuntimeError, match="on purpose"):
        fail()
    assert facets(every_database) == []
    assert seen == []


def test_a_failing_commit_publishes_nothing(every_database: Database, bus: Bus) -> None:
    seen: list[object] = []
    bus.subscribe(LibraryChanged, seen.append)

    def clash() -> None:
        with every_database.write() as session:
            announce(session, LibraryChanged())
            session.add_all([User(username="ann"), User(username="ann")])

    with pytest.raises(IntegrityError):
        clash()
    assert seen == []


def test_a_failing_commit_leaves_no_lock_behind(database: Database) -> None:
    def fail() -> None:
        with database.write() as session:
            session.execute(text("PRAGMA defer_foreign_keys = ON"))
            session.execute(insert(ROM_METADATA).values(rom_id=99))

    with pytest.raises(IntegrityError):
        fail()
    with database.write() as session:
        session.execute(insert(FACETS).values(kind="genre", value="Puzzle"))
    with database.read() as session:
        assert session.scalar(select(func.count()).select_from(FACETS)) == 1


def test_read_keeps_nothing(every_database: Database) -> None:
    with every_database.read() as session:
        add_facet(session, "Puzzle")
    assert facets(every_database) == []


def test_read_is_one_view_from_its_first_look_on(every_database: Database) -> None:
    count = select(func.count()).select_from(FACETS)
    with every_database.read() as session:
        assert session.execute(count).scalar() == 0
        with every_database.write() as other:
            add_facet(other, "Puzzle")
        assert session.execute(count).scalar() == 0
    assert facets(every_database) == ["Puzzle"]


@SERVERS
def test_a_writer_sees_what_was_committed_meanwhile(every_database: Database) -> None:
    count = select(func.count()).select_from(FACETS)
    with every_database.write() as session:
        assert session.execute(count).scalar() == 0
        with every_database.write() as other:
            add_facet(other, "Puzzle")
        assert session.execute(count).scalar() == 1


def test_a_writer_has_the_write_lock_before_it_writes(database: Database) -> None:
    driver = database.engine.dialect.loaded_dbapi
    with (
        database.write() as session,
        closing(driver.connect(database.engine.url.database, timeout=0)) as other,
    ):
        other.execute("BEGIN IMMEDIATE")
        other.execute("ROLLBACK")
        session.execute(select(FACETS)).all()
        with pytest.raises(driver.OperationalError, match="locked"):
            other.execute("BEGIN IMMEDIATE")


def test_readers_do_not_take_the_write_lock(database: Database) -> None:
    with database.read() as reading:
        reading.execute(select(FACETS)).all()
        with database.write() as session:
            add_facet(session, "Puzzle")
    assert facets(database) == ["Puzzle"]


def test_a_finished_read_does_not_hold_back_the_write_ahead_log(database: Database) -> None:
    with database.write() as session:
        for number in range(50):
            add_facet(session, str(number))
    with database.read() as reading:
        unfinished = reading.execute(select(FACETS))
        assert unfinished.first() is not None
    with database.write() as session:
        add_facet(session, "last")
    with database.engine.connect() as connection:
        raw = connection.connection.driver_connection
        assert raw is not None
        busy, pages, _ = raw.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    assert (busy, pages) == (0, 0)
    assert Path(f"{database.engine.url.database}-wal").stat().st_size == 0


def test_sqlite_is_set_up_for_safety(database: Database) -> None:
    assert pragma(database, "journal_mode") == "wal"
    assert pragma(database, "synchronous") == 2
    assert pragma(database, "foreign_keys") == 1
    assert pragma(database, "busy_timeout") == 15_000


def test_threads_share_the_pool(every_database: Database) -> None:
    def work(name: str) -> None:
        for number in range(5):
            with every_database.write() as session:
                add_facet(session, f"{name}{number}")

    threads = [Thread(target=work, args=(name,)) for name in "abcdef"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(facets(every_database)) == 30


def test_a_killed_process_leaves_nothing_of_its_transaction(
    database: Database, places: Places
) -> None:
    program = (
        "import os, signal, sys\n"
        "from sqlalchemy import insert\n"
        "from romm_lite.db.engine import Database, open_engine\n"
        "from romm_lite.kernel.events import Bus\n"
        "from romm_lite.tables.roms import FACETS\n"
        "database = Database(open_engine(sys.argv[1]), Bus())\n"
        "with database.write() as session:\n"
        "    session.execute(insert(FACETS).values(kind='genre', value='kept'))\n"
        "with database.write() as session:\n"
        "    session.execute(insert(FACETS).values(kind='genre', value='lost'))\n"
        "    session.flush()\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    command = [sys.executable, "-c", program, f"sqlite:///{places.database}"]
    died = subprocess.run(command, check=False, timeout=60)
    assert died.returncode == -signal.SIGKILL
    assert facets(database) == ["kept"]


@SERVERS
def test_a_dropped_connection_leaves_nothing(every_database: Database) -> None:
    own, kill = "SELECT pg_backend_pid()", "SELECT pg_terminate_backend({})"
    if every_database.engine.dialect.name == "mariadb":
        own, kill = "SELECT CONNECTION_ID()", "KILL {}"

    def break_off() -> None:
        with every_database.write() as session:
            add_facet(session, "lost")
            session.execute(text(kill.format(session.execute(text(own)).scalar())))
            add_facet(session, "never")

    with pytest.raises(OperationalError):
        break_off()
    assert facets(every_database) == []


def test_text_is_sorted_by_code_point(every_database: Database) -> None:
    words = ["Zelda", "apple", "Äpfel", "éclair", "zoo", "ゼルダ", "a b", "a_b", "ab"]
    with every_database.write() as session:
        for word in words:
            add_facet(session, word)
    assert facets(every_database) == sorted(words)


def test_case_accents_and_blanks_tell_names_apart(every_database: Database) -> None:
    stamps = {"created_at": now(), "updated_at": now(), "description": "", "missing_from_fs": False}
    with every_database.write() as session:
        for name in ("Cafe", "cafe", "café", "cafe "):
            session.execute(insert(PLATFORMS).values(slug="x", fs_slug=name, name="X", **stamps))
    with every_database.read() as session:
        found = session.execute(select(PLATFORMS.c.fs_slug).where(PLATFORMS.c.fs_slug == "cafe"))
        assert found.scalars().all() == ["cafe"]


def test_a_moment_keeps_its_zone_and_microseconds(every_database: Database) -> None:
    moment = now().replace(microsecond=123_457)
    with every_database.write() as session:
        session.add(User(username="ann", last_login=moment))
    with every_database.read() as session:
        assert session.execute(select(User.last_login)).scalar() == moment  # type: ignore[call-overload]


def test_a_rating_keeps_its_digits(every_database: Database) -> None:
    rating = 83.123456789012
    with every_database.write() as session:
        platform = insert(PLATFORMS).values(
            slug="x", fs_slug="x", name="X", description="", missing_from_fs=False
        )
        made = session.execute(platform).inserted_primary_key  # type: ignore[attr-defined]
        rom = Rom(
            platform_id=made[0],
            fs_name="a",
            fs_name_no_tags="a",
            fs_name_no_ext="a",
            fs_path="x",
            name="a",
            name_sort_key="a",
        )
        session.add(rom)
        session.flush()
        session.execute(
            insert(ROM_METADATA).values(rom_id=rom.id, player_count="1", average_rating=rating)
        )
    with every_database.read() as session:
        assert session.execute(select(ROM_METADATA.c.average_rating)).scalar() == rating


def test_an_id_is_never_given_twice(every_database: Database) -> None:
    ids = []
    for name in ("first", "second"):
        with every_database.write() as session:
            user = User(username=name)
            session.add(user)
            session.flush()
            ids.append(user.id)
            session.delete(user)
    assert ids[0] != ids[1]


@pytest.mark.skipif(not Path("/proc/self/mounts").exists(), reason="this system does not tell")
def test_the_kind_of_a_file_system_is_told(tmp_path: Path) -> None:
    assert filesystem_kind(Path("/proc")) == "proc"
    assert filesystem_kind(tmp_path) != ""
    assert filesystem_kind(tmp_path / "not" / "there") == filesystem_kind(tmp_path)


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:"])
def test_a_database_in_memory_can_be_opened(url: str) -> None:
    database = Database(open_engine(url), Bus())
    with database.write() as session:
        assert session.execute(text("SELECT 1")).scalar() == 1
    database.close()


def test_a_missing_driver_is_named() -> None:
    with pytest.raises(SettingInvalid, match="pg8000 is not installed"):
        open_engine("postgresql+pg8000://nobody@127.0.0.1/none")
