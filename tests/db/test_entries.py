import os
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
import redis
from sqlalchemy import func, select, update

from romm_lite.db.engine import Database, open_engine
from romm_lite.db.entries import (
    FRESH_SECONDS,
    Entries,
    Owned,
    RedisEntries,
    TableEntries,
    open_entries,
)
from romm_lite.kernel.errors import StartupError
from romm_lite.kernel.events import Bus
from romm_lite.tables.system import ENTRIES
from tests.conftest import absent

REDIS = os.environ.get("TEST_REDIS_URL", "redis://127.0.0.1:6379/9")


class Clock:
    def __init__(self) -> None:
        self.now = 1_700_000_000.25

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=["sqlite", "postgresql", "mariadb", "redis"])
def entries(request: pytest.FixtureRequest) -> Iterator[Entries]:
    if request.param == "redis":
        yield request.getfixturevalue("redis_entries")
        return
    if request.param == "sqlite":
        yield TableEntries(request.getfixturevalue("database"))
        return
    server = request.getfixturevalue(f"{request.param}_server")
    server.empty()
    database = Database(open_engine(server.url), Bus())
    yield TableEntries(database)
    database.close()


@pytest.fixture
def redis_entries() -> Iterator[RedisEntries]:
    """Whatever is in that Redis stays: the tests' keys have names of their own."""
    try:
        store = RedisEntries(REDIS)
    except StartupError as error:
        absent(f"Redis is not running at {REDIS}: {error}")
    yield store
    with redis.Redis.from_url(REDIS) as client:
        for name in client.scan_iter(match=f"romm_lite:*:{PREFIX}*"):
            client.delete(name)


PREFIX = f"test-{uuid.uuid4().hex}:"


def key(name: str) -> str:
    return PREFIX + name


def test_what_was_put_is_got(entries: Entries) -> None:
    value = {"user": 1, "words": ["é", None, True], "deep": {"x": 1.5}}
    entries.put(key("a"), value, 60)
    assert entries.get(key("a")) == value
    assert entries.get(key("b")) is None


def test_a_value_got_may_be_changed_without_harm(entries: Entries) -> None:
    entries.put(key("a"), {"words": ["x"]}, 60)
    got = entries.get(key("a"))
    assert got
    got["words"].append("y")
    assert entries.get(key("a")) == {"words": ["x"]}


def test_putting_again_replaces(entries: Entries) -> None:
    entries.put(key("a"), {"n": 1}, 60)
    assert entries.get(key("a")) == {"n": 1}
    entries.put(key("a"), {"n": 2}, 60)
    assert entries.get(key("a")) == {"n": 2}


def test_what_was_dropped_is_gone(entries: Entries) -> None:
    entries.put(key("a"), {"n": 1}, 60)
    entries.get(key("a"))
    entries.drop(key("a"))
    entries.drop(key("never"))
    assert entries.get(key("a")) is None


def test_a_value_is_taken_once(entries: Entries) -> None:
    entries.put(key("a"), {"n": 1}, 60)
    assert entries.take(key("a")) == {"n": 1}
    assert entries.take(key("a")) is None
    assert entries.get(key("a")) is None


def test_of_several_takers_at_once_one_gets_it(entries: Entries) -> None:
    def take(_: int) -> object:
        start.wait()
        return entries.take(key("a"))

    with ThreadPoolExecutor(4) as pool:
        for _ in range(5):
            start = Barrier(4)
            entries.put(key("a"), {"n": 1}, 60)
            got = [value for value in pool.map(take, range(4)) if value is not None]
            assert got == [{"n": 1}]


def test_of_several_adders_at_once_one_succeeds(entries: Entries) -> None:
    name, start = key("place"), Barrier(4)

    def add(number: int) -> bool:
        start.wait()
        return entries.add(name, {"number": number}, 60, "us")

    with ThreadPoolExecutor(4) as threads:
        added = list(threads.map(add, range(4)))
    assert sum(added) == 1
    assert entries.get(name) == {"number": added.index(True)}
    assert not entries.add(name, {"number": 9}, 60, "us")
    assert [owned.key for owned in entries.list_owner("us", name)] == [name]


def test_an_owner_loses_all_but_one(entries: Entries) -> None:
    for name in ("a", "b", "c"):
        entries.put(key(name), {"n": name}, 60, owner=key("ann"))
    entries.put(key("d"), {"n": "d"}, 60, owner=key("bob"))
    entries.put(key("e"), {"n": "e"}, 60)
    entries.get(key("a"))
    entries.drop_owner(key("ann"), but=key("b"))
    left = [name for name in "abcde" if entries.get(key(name))]
    assert left == ["b", "d", "e"]
    entries.drop_owner(key("ann"))
    entries.drop_owner(key("ann"))
    assert [name for name in "abcde" if entries.get(key(name))] == ["d", "e"]


def test_the_values_of_an_owner_are_listed(entries: Entries) -> None:
    entries.put(key("s:a"), {"n": "a"}, 60, owner=key("ann"))
    entries.put(key("s:b"), {"n": "b"}, 600, owner=key("ann"))
    entries.put(key("t:c"), {"n": "c"}, 60, owner=key("ann"))
    entries.put(key("s:d"), {"n": "d"}, 60, owner=key("bob"))
    entries.put(key("s:e"), {"n": "e"}, 60)
    listed = {owned.key: owned for owned in entries.list_owner(key("ann"), key("s:"))}
    assert {name: owned.value for name, owned in listed.items()} == {
        key("s:a"): {"n": "a"},
        key("s:b"): {"n": "b"},
    }
    assert listed[key("s:b")].expires_at > listed[key("s:a")].expires_at
    assert len(entries.list_owner(key("ann"))) == 3
    assert entries.list_owner(key("nobody")) == []


def test_a_prefix_tells_capitals_from_small_letters(entries: Entries) -> None:
    entries.put(key("s:a"), {"n": "a"}, 60, owner=key("ann"))
    entries.put(key("S:b"), {"n": "b"}, 60, owner=key("ann"))
    assert [owned.key for owned in entries.list_owner(key("ann"), key("S:"))] == [key("S:b")]


def test_what_an_owner_has_no_more_is_not_listed(entries: Entries) -> None:
    for name in ("a", "b", "c"):
        entries.put(key(name), {"n": name}, 60, owner=key("ann"))
    entries.drop(key("a"))
    entries.take(key("b"))
    assert [owned.key for owned in entries.list_owner(key("ann"))] == [key("c")]


def test_touching_is_seen_in_the_list(entries: Entries) -> None:
    entries.put(key("a"), {"n": 1}, 60, owner=key("ann"))
    (before,) = entries.list_owner(key("ann"))
    entries.touch(key("a"), 600)
    (after,) = entries.list_owner(key("ann"))
    assert after.expires_at > before.expires_at


def test_touching_what_was_dropped_brings_nothing_back(entries: Entries) -> None:
    entries.put(key("a"), {"n": 1}, 60, owner=key("ann"))
    entries.get(key("a"))
    entries.drop(key("a"))
    entries.touch(key("a"), 60)
    assert entries.get(key("a")) is None
    assert entries.list_owner(key("ann")) == []


def test_an_owner_loses_the_values_of_one_prefix(entries: Entries) -> None:
    for name in ("s:a", "s:b", "S:c", "t:d"):
        entries.put(key(name), {"n": name}, 60, owner=key("ann"))
    entries.drop_owner(key("ann"), but=key("s:b"), prefix=key("s:"))
    left = [name for name in ("s:a", "s:b", "S:c", "t:d") if entries.get(key(name))]
    assert left == ["s:b", "S:c", "t:d"]


def test_an_owned_value_outlives_a_purge_and_still_belongs_to_its_owner(entries: Entries) -> None:
    entries.put(key("a"), {"n": 1}, 60, owner=key("ann"))
    entries.touch(key("a"), 600)
    entries.purge()
    assert entries.get(key("a")) == {"n": 1}
    entries.drop_owner(key("ann"))
    assert entries.get(key("a")) is None


def test_redis_ends_values(redis_entries: RedisEntries) -> None:
    redis_entries.put(key("short"), {"n": 1}, 1, owner=key("ann"))
    redis_entries.put(key("long"), {"n": 2}, 1, owner=key("ann"))
    redis_entries.touch(key("long"), 60)
    redis_entries.touch(key("never"), 60)
    deadline = time.monotonic() + 10
    while redis_entries.get(key("short")) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert redis_entries.get(key("short")) is None
    assert redis_entries.take(key("short")) is None
    assert redis_entries.get(key("long")) == {"n": 2}
    assert [owned.key for owned in redis_entries.list_owner(key("ann"))] == [key("long")]
    redis_entries.purge()
    with redis.Redis.from_url(REDIS) as client:
        owned = client.zrange(f"romm_lite:owner:{key('ann')}", 0, -1)
    assert owned == [key("long").encode()]


def test_the_table_ends_values(every_database: Database, clock: Clock) -> None:
    entries = TableEntries(every_database, clock)
    entries.put("a", {"n": 1}, 60)
    clock.now += 59.7
    assert entries.get("a") == {"n": 1}
    clock.now += 1.1
    assert entries.get("a") is None
    assert entries.take("a") is None


def test_touching_moves_the_end_but_wakes_nothing(every_database: Database, clock: Clock) -> None:
    entries = TableEntries(every_database, clock)
    for name in ("a", "b"):
        entries.put(name, {"n": 1}, 60)
    clock.now += 50
    entries.touch("a", 60)
    clock.now += 50
    entries.touch("b", 60)
    assert entries.get("a") == {"n": 1}
    assert entries.get("b") is None


def test_what_has_ended_is_not_listed(every_database: Database, clock: Clock) -> None:
    entries = TableEntries(every_database, clock)
    entries.put("short", {"n": 1}, 10, owner="user:1")
    entries.put("long", {"n": 2}, 100, owner="user:1")
    clock.now += 50
    assert entries.list_owner("user:1") == [Owned("long", {"n": 2}, 1_700_000_101)]


def test_purging_clears_what_has_ended(every_database: Database, clock: Clock) -> None:
    entries = TableEntries(every_database, clock)
    entries.put("short", {"n": 1}, 10)
    entries.put("long", {"n": 1}, 100)
    clock.now += 50
    entries.purge()
    with every_database.read() as session:
        assert session.execute(select(ENTRIES.c.key)).scalars().all() == ["long"]


def test_a_value_that_ended_is_replaced(every_database: Database, clock: Clock) -> None:
    entries = TableEntries(every_database, clock)
    entries.put("a", {"n": 1}, 10)
    clock.now += 50
    entries.put("a", {"n": 2}, 10)
    assert entries.take("a") == {"n": 2}


def test_what_has_ended_gives_way(every_database: Database, clock: Clock) -> None:
    entries = TableEntries(every_database, clock)
    assert entries.add("place", {"number": 1}, 5)
    clock.now += 6
    assert entries.add("place", {"number": 2}, 5)
    assert entries.get("place") == {"number": 2}


def test_what_another_process_drops_is_served_for_two_seconds_at_most(
    every_database: Database, clock: Clock
) -> None:
    here, there = TableEntries(every_database, clock), TableEntries(every_database, clock)
    here.put("a", {"n": 1}, 60)
    assert here.get("a") == {"n": 1}
    there.drop("a")
    clock.now += FRESH_SECONDS
    assert here.get("a") is None


def test_a_clock_set_back_serves_nothing_old(database: Database, clock: Clock) -> None:
    here, there = TableEntries(database, clock), TableEntries(database, clock)
    here.put("a", {"n": 1}, 60)
    assert here.get("a") == {"n": 1}
    there.drop("a")
    clock.now -= 30
    assert here.get("a") is None


def test_what_was_just_read_is_served_from_memory(database: Database, clock: Clock) -> None:
    entries = TableEntries(database, clock)
    entries.put("a", {"n": 1}, 60)
    entries.get("a")
    with database.write() as session:
        session.execute(update(ENTRIES).values(value='{"n":2}'))
    assert entries.get("a") == {"n": 1}
    clock.now += FRESH_SECONDS
    assert entries.get("a") == {"n": 2}


def test_values_lie_in_the_table_as_json_with_an_owner(database: Database, clock: Clock) -> None:
    TableEntries(database, clock).put("a", {"n": 1}, 60, owner="user:1")
    with database.read() as session:
        row = session.execute(select(ENTRIES)).one()
    assert row == ("a", "user:1", '{"n":1}', 1_700_000_061)


def test_the_store_is_the_table_unless_redis_is_named(database: Database) -> None:
    entries = open_entries(database, None)
    entries.put("a", {"n": 1}, 60)
    with database.read() as session:
        assert session.execute(select(func.count()).select_from(ENTRIES)).scalar() == 1


def test_redis_that_cannot_be_reached_is_named(database: Database) -> None:
    with pytest.raises(StartupError, match="Redis cannot be reached"):
        open_entries(database, "redis://127.0.0.1:1/0")
