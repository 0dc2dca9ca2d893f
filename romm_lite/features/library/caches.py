"""A bounded store of things that take long to make; two who ask at once wait for one making."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Mapping
from concurrent.futures import Future
from typing import Generic, TypeVar

V = TypeVar("V")
OVERHEAD = 300
"""Bytes an entry costs beside its value."""


class Cache(Generic[V]):
    """Keeps what was used last, up to ``limit`` bytes as ``weigh`` tells them; for any thread.

    The last ``fewest`` are kept whatever their size.

    Whatever could make a value stale belongs into its key.
    """

    def __init__(self, limit: int, weigh: Callable[[V], int], *, fewest: int = 1) -> None:
        self._limit = limit
        self._weigh = weigh
        self._fewest = fewest
        self._lock = threading.Lock()
        self._kept: OrderedDict[Hashable, V] = OrderedDict()
        self._making: dict[Hashable, Future[V]] = {}
        self._size = 0

    def get(self, key: Hashable, make: Callable[[], V]) -> V:
        """The value of ``key``, made if there is none; all who wait get what ``make`` raises."""
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
            waiting = self._making.get(key)
            if waiting is None:
                mine = self._making[key] = Future()
        if waiting is not None:
            return waiting.result()
        try:
            value = make()
        except BaseException as error:
            mine.set_exception(error)
            raise
        else:
            self.put({key: value})
            mine.set_result(value)
            return value
        finally:
            with self._lock:
                del self._making[key]

    def find(self, keys: Iterable[Hashable]) -> dict[Hashable, V]:
        """Those of ``keys`` that are kept."""
        with self._lock:
            found = {key: self._kept[key] for key in keys if key in self._kept}
            for key in found:
                self._kept.move_to_end(key)
            return found

    def put(self, values: Mapping[Hashable, V]) -> None:
        """Keep these, and forget what was not used for longest if they are too many."""
        with self._lock:
            for key, value in values.items():
                if key not in self._kept:
                    self._kept[key] = value
                    self._size += self._weigh(value) + OVERHEAD
            while self._size > self._limit and len(self._kept) > self._fewest:
                _, value = self._kept.popitem(last=False)
                self._size -= self._weigh(value) + OVERHEAD
