from threading import Barrier, Thread

import pytest

from romm_lite.db import versions
from romm_lite.db.engine import Database, open_engine
from romm_lite.kernel.events import Bus


def read(database: Database, *names: str) -> tuple[int, ...]:
    with database.read() as session:
        return versions.read(session, *names)


def test_one_never_raised_is_zero(every_database: Database) -> None:
    assert read(every_database, "nothing", versions.LIBRARY) == (0, 1)


def test_raising_counts_from_one(every_database: Database) -> None:
    for expected in (1, 2):
        with every_database.write() as session:
            versions.bump(session, versions.of_user(7), versions.LIBRARY)
        assert read(every_database, versions.of_user(7), versions.LIBRARY) == (
            expected,
            expected + 1,
        )


def test_another_engine_sees_the_change(every_database: Database) -> None:
    url = every_database.engine.url.render_as_string(hide_password=False)
    other = Database(open_engine(url), Bus())
    assert read(other, versions.LIBRARY) == (1,)
    with every_database.write() as session:
        versions.bump(session, versions.LIBRARY)
    assert read(other, versions.LIBRARY) == (2,)
    other.close()


def test_a_rolled_back_change_raises_nothing(every_database: Database) -> None:
    def change() -> None:
        with every_database.write() as session:
            versions.bump(session, versions.LIBRARY, "new")
            raise RuntimeError("on purpose")

    with pytest.raises(RuntimeError, match="on purpose"):
        change()
    assert read(every_database, versions.LIBRARY, "new") == (1, 0)


def test_many_who_raise_at_once_all_count(every_database: Database) -> None:
    start = Barrier(4)

    def raise_it(*names: str) -> None:
        start.wait()
        with every_database.write() as session:
            versions.bump(session, *names)

    orders = [("a", "b"), ("b", "a")] * 2
    threads = [Thread(target=raise_it, args=names) for names in orders]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert read(every_database, "a", "b") == (4, 4)
