"""How often somebody may try: pairing codes, links, registrations, and passwords.

Counts live in the memory of one process: they end with it, and several processes that serve one
library count each for itself. They are bounded, whatever names and addresses are made up. An
address is a whole /64 in IPv6, since that is what one customer gets.

Passwords have a limit of their own, which counts only wrong ones: for a name from an address, for
an address, and for a name. Whoever guesses from one place locks nobody out who comes from another,
and whoever guesses from many places is slowed down as well.
"""

import hashlib
import ipaddress
import math
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock

from starlette.requests import HTTPConnection

from romm_lite.kernel.errors import TooMany
from romm_lite.kernel.settings import Settings

Clock = Callable[[], float]
KEPT_MOST = 20_000
"""Counts kept of one limit. Beyond that the one that was touched least recently goes."""
FORGIVEN_SECONDS = 600
"""In so many seconds as many wrong passwords are forgiven as are free."""
WRONG_PASSWORDS = "Too many wrong passwords. Try again later."


@dataclass(frozen=True)
class Limit:
    """``most`` attempts in ``seconds``, which begin with the first; with ``extends``, anew with
    every attempt, so that only a pause of that length helps. ``detail`` is the refusal."""

    name: str
    most: int
    seconds: int
    detail: str = "Too many attempts. Try again later."
    extends: bool = False


EXCHANGE = Limit("exchange", 5, 60, "Too many exchange attempts. Try again later.", extends=True)
PAIR_STATUS = Limit("pair status", 120, 60)
DEVICE_INIT = Limit("device init", 10, 60, "Too many authorize attempts. Try again later.")
DEVICE_TOKEN = Limit("device token", 60, 60, "Too many polling attempts. Try again later.")
FORGOT = Limit("forgot", 5, 60)
RESET = Limit("reset", 10, 60)
REGISTER = Limit("register", 10, 60)


class Limits:
    """Counts attempts and refuses when there are too many; safe for threads.

    ``clock`` gives seconds from any beginning.
    """

    def __init__(self, settings: Settings, clock: Clock = time.monotonic) -> None:
        self._is_on = settings.romm_rate_limits
        self._clock = clock
        self._lock = Lock()
        self._counts: dict[str, _Counts] = {}
        free = settings.romm_login_attempts
        self._guesses = _Guesses(free) if free else None

    def spend(self, limit: Limit, *keys: str) -> None:
        """Count an attempt of whoever ``keys`` name, ``address_of`` the request mostly; TooMany
        when there were too many."""
        if not self._is_on:
            return
        moment = self._clock()
        with self._lock:
            count = self._counts.setdefault(limit.name, _Counts()).open(keys)
            if count.until <= moment:
                count.number = 0
            if count.number == 0 or limit.extends:
                count.until = moment + limit.seconds
            count.number += 1
            if count.number > limit.most:
                raise TooMany(limit.detail, math.ceil(count.until - moment))

    def check_guess(self, username: str, address: str) -> None:
        """TooMany while passwords of this user are not looked at from this address."""
        if self._guesses is not None:
            moment = self._clock()
            with self._lock:
                pause = self._guesses.pause(username, address, moment)
            if pause > 0:
                raise TooMany(WRONG_PASSWORDS, math.ceil(pause))

    def note_guess(self, username: str, address: str, *, good: bool) -> None:
        """Remember how it went; a good password wipes out the wrong ones before it."""
        if self._guesses is not None:
            moment = self._clock()
            with self._lock:
                self._guesses.note(username, address, moment, good=good)


@dataclass(slots=True)
class _Count:
    """How many attempts, when the last was counted, and when what they led to is over: the span
    they count in, or the pause."""

    number: float = 0
    at: float = 0
    until: float = 0


class _Counts:
    """Counts by what they are of. Keys are hashed, so that a long name takes no more room."""

    def __init__(self) -> None:
        self._kept: OrderedDict[bytes, _Count] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    def find(self, keys: tuple[str, ...]) -> _Count | None:
        """The count, if there is one: to look makes none, or looking could drive others out."""
        return self._kept.get(_hash(keys))

    def open(self, keys: tuple[str, ...]) -> _Count:
        """The count, to be changed; a new one if there is none."""
        key = _hash(keys)
        count = self._kept.setdefault(key, _Count())
        self._kept.move_to_end(key)
        if len(self._kept) > KEPT_MOST:
            self._kept.popitem(last=False)
        return count

    def drop(self, keys: tuple[str, ...]) -> None:
        self._kept.pop(_hash(keys), None)


def _hash(keys: tuple[str, ...]) -> bytes:
    return hashlib.blake2b(repr(keys).encode(), digest_size=16).digest()


class _Brake:
    """``free`` failures cost nothing; after each one more comes a pause of 1, 2, 4 … up to
    ``longest`` seconds. So many are forgiven in ``FORGIVEN_SECONDS``, one after the other."""

    def __init__(self, free: int, longest: int) -> None:
        self._free = free
        self._longest = longest
        self.counts = _Counts()

    def pause(self, keys: tuple[str, ...], moment: float) -> float:
        """Seconds to wait; none if not positive."""
        count = self.counts.find(keys)
        return count.until - moment if count else 0.0

    def add(self, keys: tuple[str, ...], moment: float) -> None:
        count = self.counts.open(keys)
        forgiven = (moment - count.at) * self._free / FORGIVEN_SECONDS
        count.number = max(0.0, count.number - forgiven) + 1
        count.at = moment
        beyond = count.number - self._free
        if beyond >= 0:
            count.until = moment + min(2.0 ** min(beyond, 30), self._longest)


class _Guesses:
    """Wrong passwords, and where good ones came from. Whether a user exists makes no difference."""

    def __init__(self, free: int) -> None:
        self.of_pair = _Brake(free, longest=60)
        self.of_address = _Brake(5 * free, longest=60)
        # Short, since it is not only the attacker who waits.
        self.of_name = _Brake(10 * free, longest=10)
        self.known = _Counts()

    def pause(self, username: str, address: str, moment: float) -> float:
        """Seconds to wait. Who logged in from here before does not suffer from guesses made
        elsewhere."""
        name = username.lower()
        pauses = [
            self.of_pair.pause((address, name), moment),
            self.of_address.pause((address,), moment),
        ]
        if self.known.find((address, name)) is None:
            pauses.append(self.of_name.pause((name,), moment))
        return max(pauses)

    def note(self, username: str, address: str, moment: float, *, good: bool) -> None:
        name = username.lower()
        if good:
            self.of_pair.counts.drop((address, name))
            self.known.open((address, name))
        else:
            self.of_pair.add((address, name), moment)
            self.of_address.add((address,), moment)
            self.of_name.add((name,), moment)


def address_of(connection: HTTPConnection) -> str:
    """Who a request is counted for: the address it comes from, in IPv6 the network of that."""
    host = connection.client.host if connection.client else ""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is None:
            return str(ipaddress.ip_network((int(address), 64), strict=False))
        address = address.ipv4_mapped
    return str(address)
