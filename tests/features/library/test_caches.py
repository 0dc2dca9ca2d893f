import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from romm_lite.features.library.caches import OVERHEAD, Cache


def make_cache(entries: int, size: int = 100) -> Cache[bytes]:
    """A cache with room for so many values of so many bytes."""
    return Cache(entries * (size + OVERHEAD), len)


def test_value_is_made_once() -> None:
    cache, made = make_cache(2), []

    def make() -> bytes:
        made.append(1)
        return b"x"

    assert [cache.get("a", make) for _ in range(3)] == [b"x"] * 3
    assert len(made) == 1


def test_two_who_ask_at_once_wait_for_one_making() -> None:
    cache, made, both_there = make_cache(2), [], threading.Barrier(2, timeout=20)
    began = threading.Event()

    def make() -> bytes:
        made.append(1)
        began.set()
        both_there.wait()
        return b"x"

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(cache.get, "a", make)
        assert began.wait(20)
        second = pool.submit(cache.get, "a", make)
        both_there.wait()
        assert (first.result(20), second.result(20)) == (b"x", b"x")
    assert len(made) == 1


def test_failure_is_told_and_not_kept() -> None:
    cache = make_cache(2)

    def fail() -> bytes:
        raise ValueError("not now")

    with pytest.raises(ValueError, match="not now"):
        cache.get("a", fail)
    assert cache.get("a", lambda: b"x") == b"x"


def test_what_was_not_used_for_longest_goes() -> None:
    cache = make_cache(2)
    cache.put({"a": bytes(100), "b": bytes(100)})
    cache.get("a", bytes)
    cache.put({"c": bytes(100)})
    assert set(cache.find("abc")) == {"a", "c"}


def test_last_value_is_kept_whatever_its_size() -> None:
    cache = make_cache(2)
    cache.put({"a": bytes(100), "b": bytes(10_000)})
    assert set(cache.find("ab")) == {"b"}
    cache.put({"c": bytes(100)})
    assert set(cache.find("bc")) == {"c"}


def test_so_many_are_kept_whatever_their_size() -> None:
    cache: Cache[bytes] = Cache(100, len, fewest=2)
    for key in "abc":
        cache.put({key: bytes(1000)})
    assert set(cache.find("abc")) == {"b", "c"}


def test_value_that_is_there_stays() -> None:
    cache = make_cache(2)
    cache.put({"a": b"1"})
    cache.put({"a": b"2"})
    assert cache.find("a") == {"a": b"1"}
