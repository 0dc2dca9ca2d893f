"""A small store of values that end: browser sessions, one-time tokens, pair codes.

A value is a JSON object. Keys that are secrets are for the caller to hash. ``open_entries`` gives
the table of the database, or Redis where one is named.
"""

import math
import threading
import time
from abc import ABC, abstractmethod
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import ColumnElement, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from romm_lite.db.engine import Database
from romm_lite.db.upsert import upsert
from romm_lite.kernel.errors import SettingInvalid, StartupError
from romm_lite.tables.system import ENTRIES

Value = dict[str, Any]

FRESH_SECONDS = 2
"""How long a value that another process dropped or changed may still be served from memory."""
REMEMBERED = 10_000


@dataclass(frozen=True)
class Owned:
    """A value as its owner's list has it; ``expires_at`` is in seconds since 1970."""

    key: str
    value: Value
    expires_at: int


class Entries(ABC):
    """Values by key, each with an end and perhaps an owner."""

    @abstractmethod
    def get(self, key: str) -> Value | None:
        """The value, None when there is none or it has ended."""

    @abstractmethod
    def put(self, key: str, value: Value, seconds: int, owner: str | None = None) -> None:
        """Keep a value for so many seconds, in place of one with the same key."""

    @abstractmethod
    def add(self, key: str, value: Value, seconds: int, owner: str | None = None) -> bool:
        """Keep a value unless one with the same key is there: of several who try, in any process,
        one gets True."""

    @abstractmethod
    def take(self, key: str) -> Value | None:
        """Get and drop in one step: of several who try, in any process, one gets it."""

    @abstractmethod
    def touch(self, key: str, seconds: int) -> None:
        """Let a value that has not ended end so many seconds from now."""

    @abstractmethod
    def drop(self, key: str) -> None:
        """Forget a value."""

    @abstractmethod
    def list_owner(self, owner: str, prefix: str = "") -> list[Owned]:
        """The values of an owner whose keys begin with ``prefix``, in no order; those that have
        ended are left out, and nothing is served from memory."""

    @abstractmethod
    def drop_owner(self, owner: str, but: str | None = None, prefix: str = "") -> None:
        """Forget the values of an owner whose keys begin with ``prefix``, except the one with the
        key ``but``."""

    @abstractmethod
    def purge(self) -> None:
        """Clear away what has ended; to be called now and then."""


def open_entries(database: Database, redis_url: str | None) -> Entries:
    """The store in Redis if an address is given, else in the database."""
    return RedisEntries(redis_url) if redis_url else TableEntries(database)


class TableEntries(Entries):
    """In the table ``entries``; what was read is served from memory for FRESH_SECONDS.

    A change is seen at once in this process, and within that time in others. Each method is a unit
    of work of its own: call none inside ``Database.write()``.
    """

    def __init__(self, database: Database, clock: Callable[[], float] = time.time) -> None:
        self._database = database
        self._clock = clock
        self._lock = threading.Lock()
        self._read: OrderedDict[str, tuple[str, int, float]] = OrderedDict()
        """key → JSON, end, when it was read"""
        self._changes = 0

    def get(self, key: str) -> Value | None:
        now = self._clock()
        with self._lock:
            changes = self._changes
            known = self._read.get(key)
        if known is None or not 0 <= now - known[2] < FRESH_SECONDS:
            known = self._load(key, now, changes)
        if known is None or known[1] <= now:
            return None
        return _parse(known[0])

    def _load(self, key: str, now: float, changes: int) -> tuple[str, int, float] | None:
        query = select(ENTRIES.c.value, ENTRIES.c.expires_at).where(ENTRIES.c.key == key)
        with self._database.read() as session:
            row = session.execute(query).first()
        known = (*row, now) if row else None
        with self._lock:
            self._read.pop(key, None)
            if known and changes == self._changes:  # else it may be gone already
                self._read[key] = known
                if len(self._read) > REMEMBERED:
                    self._read.popitem(last=False)
        return known

    def put(self, key: str, value: Value, seconds: int, owner: str | None = None) -> None:
        row = {"value": _dump(value), "owner": owner, "expires_at": self._end(seconds)}
        with self._database.write() as session:
            upsert(session, ENTRIES, {"key": key}, row)
        self._forget(key)

    def add(self, key: str, value: Value, seconds: int, owner: str | None = None) -> bool:
        row = {"key": key, "value": _dump(value), "owner": owner, "expires_at": self._end(seconds)}
        ended = (ENTRIES.c.key == key, ENTRIES.c.expires_at <= self._clock())
        try:
            with self._database.write() as session:
                # Deleting nothing would lock the gap on MariaDB, and two of these each other out.
                if session.execute(select(ENTRIES.c.key).where(*ended)).first():
                    session.execute(delete(ENTRIES).where(*ended))
                session.execute(insert(ENTRIES).values(row))
        except IntegrityError:
            return False
        self._forget(key)
        return True

    def take(self, key: str) -> Value | None:
        here = (ENTRIES.c.key == key, ENTRIES.c.expires_at > self._clock())
        with self._database.write() as session:
            text = session.execute(select(ENTRIES.c.value).where(*here).with_for_update()).scalar()
            session.execute(delete(ENTRIES).where(ENTRIES.c.key == key))
        self._forget(key)
        return None if text is None else _parse(text)

    def touch(self, key: str, seconds: int) -> None:
        here = (ENTRIES.c.key == key, ENTRIES.c.expires_at > self._clock())
        with self._database.write() as session:
            session.execute(update(ENTRIES).where(*here).values(expires_at=self._end(seconds)))
        self._forget(key)

    def drop(self, key: str) -> None:
        with self._database.write() as session:
            session.execute(delete(ENTRIES).where(ENTRIES.c.key == key))
        self._forget(key)

    def list_owner(self, owner: str, prefix: str = "") -> list[Owned]:
        wanted = (ENTRIES.c.key, ENTRIES.c.value, ENTRIES.c.expires_at)
        query = select(*wanted).where(*_owned(owner, prefix), ENTRIES.c.expires_at > self._clock())
        with self._database.read() as session:
            rows = session.execute(query).all()
        return [Owned(key, _parse(text), end) for key, text, end in rows]

    def drop_owner(self, owner: str, but: str | None = None, prefix: str = "") -> None:
        theirs = _owned(owner, prefix)
        if but is not None:
            theirs.append(ENTRIES.c.key != but)
        with self._database.write() as session:
            session.execute(delete(ENTRIES).where(*theirs))
        self._forget()

    def purge(self) -> None:
        with self._database.write() as session:
            session.execute(delete(ENTRIES).where(ENTRIES.c.expires_at <= self._clock()))

    def _end(self, seconds: int) -> int:
        return math.ceil(self._clock() + seconds)

    def _forget(self, key: str | None = None) -> None:
        """Forget what was read of a key, or of all, once the table has the change."""
        with self._lock:
            self._changes += 1
            if key is None:
                self._read.clear()
            else:
                self._read.pop(key, None)


class RedisEntries(Entries):
    """In Redis: a string for each value, and for each owner a sorted set of keys by their ends."""

    def __init__(self, url: str) -> None:
        try:
            import redis
        except ModuleNotFoundError as error:
            raise SettingInvalid(
                "Redis is named but pip install 'romm_lite[redis]' is missing"
            ) from error
        self._redis: Any = redis.Redis.from_url(url)
        try:
            self._redis.ping()
        except redis.RedisError as error:
            raise StartupError(f"Redis cannot be reached: {error}; see ROMM_REDIS_URL") from error

    def get(self, key: str) -> Value | None:
        return _value(self._redis.get(_entry(key)))

    def put(self, key: str, value: Value, seconds: int, owner: str | None = None) -> None:
        with self._redis.pipeline() as steps:
            steps.set(_entry(key), _dump({"owner": owner, "value": value}), ex=seconds)
            if owner is not None:
                steps.zadd(_owner(owner), {key: time.time() + seconds})
            steps.execute()

    def add(self, key: str, value: Value, seconds: int, owner: str | None = None) -> bool:
        text = _dump({"owner": owner, "value": value})
        is_new = bool(self._redis.set(_entry(key), text, ex=seconds, nx=True))
        if is_new and owner is not None:
            self._redis.zadd(_owner(owner), {key: time.time() + seconds})
        return is_new

    def take(self, key: str) -> Value | None:
        with self._redis.pipeline() as steps:  # a transaction: nobody comes between the two
            found, _ = steps.get(_entry(key)).delete(_entry(key)).execute()
        return _value(found)

    def touch(self, key: str, seconds: int) -> None:
        found = self._redis.get(_entry(key))
        if found is None:
            return
        owner = orjson.loads(found)["owner"]
        with self._redis.pipeline() as steps:
            steps.expire(_entry(key), seconds)
            if owner is not None:
                steps.zadd(_owner(owner), {key: time.time() + seconds}, xx=True)
            steps.execute()

    def drop(self, key: str) -> None:
        self._redis.delete(_entry(key))

    def list_owner(self, owner: str, prefix: str = "") -> list[Owned]:
        ends = self._read_ends(owner, prefix)
        found = self._redis.mget(map(_entry, ends)) if ends else []
        return [
            Owned(key, value, math.ceil(ends[key]))
            for key, text in zip(ends, found, strict=True)
            if (value := _value(text)) is not None
        ]

    def _read_ends(self, owner: str, prefix: str) -> dict[str, float]:
        """The ends of an owner's values by key; some may be gone, for the set is purged later."""
        kept = self._redis.zrange(_owner(owner), 0, -1, withscores=True)
        ends = {key.decode(): end for key, end in kept}
        return {key: end for key, end in ends.items() if key.startswith(prefix)}

    def drop_owner(self, owner: str, but: str | None = None, prefix: str = "") -> None:
        theirs = self._read_ends(owner, prefix).keys() - {but}
        if theirs:
            with self._redis.pipeline() as steps:
                steps.delete(*map(_entry, theirs)).zrem(_owner(owner), *theirs).execute()

    def purge(self) -> None:
        for owner in self._redis.scan_iter(match=_owner("*")):
            self._redis.zremrangebyscore(owner, "-inf", time.time())


def _owned(owner: str, prefix: str) -> list[ColumnElement[bool]]:
    """What the rows of an owner have in common; LIKE would take capitals for small letters."""
    begins = func.substr(ENTRIES.c.key, 1, len(prefix)) == prefix
    return [ENTRIES.c.owner == owner, begins]


def _entry(key: str) -> str:
    return f"romm_lite:entry:{key}"


def _owner(owner: str) -> str:
    return f"romm_lite:owner:{owner}"


def _dump(value: Value) -> str:
    return orjson.dumps(value).decode()


def _parse(text: str) -> Value:
    value: Value = orjson.loads(text)
    return value


def _value(found: bytes | None) -> Value | None:
    value: Value | None = None if found is None else orjson.loads(found)["value"]
    return value
