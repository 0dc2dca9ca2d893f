"""Hashing and checking passwords, which is slow on purpose."""

import asyncio
import base64
import hashlib
import hmac
import os
import secrets
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from functools import partial
from threading import Lock
from weakref import WeakValueDictionary

import bcrypt

from romm_lite.features.accounts.limits import Limits
from romm_lite.features.accounts.queries import Account
from romm_lite.web.table import Lane

BCRYPT_BYTES = 72
"""bcrypt reads no further; RomM cut passwords here, so its hashes are checked against the cut."""
LONG = "sha256$"
"""Before a bcrypt hash: of the password's SHA-256 in base64, as the password is longer."""
ROUNDS = 12
REMEMBER_SECONDS = 300
"""A good password is remembered until it was not seen for so long."""
REMEMBER_MOST = 1024
_STAND_IN = "$2b$12$oVS4HMllWa7JmkqY/WHAF.uz/t1nmIMxJpHb66B64/N2oEV6THBJW"
"""Checked for users who have no password, so that they take as long as those who have."""


def hash_password(password: str) -> str:
    """What is stored of a password."""
    text = password.encode()
    salt = bcrypt.gensalt(ROUNDS)
    if len(text) <= BCRYPT_BYTES:
        return bcrypt.hashpw(text, salt).decode()
    return LONG + bcrypt.hashpw(_shorten(text), salt).decode()


def matches(password: str, hashed: str | None) -> bool:
    """Whether this is the password; never quicker for one that cannot be."""
    text = password.encode()
    hashed = hashed or ""
    text = _shorten(text) if hashed.startswith(LONG) else text[:BCRYPT_BYTES]
    try:
        return bcrypt.checkpw(text, hashed.removeprefix(LONG).encode())
    except ValueError:  # no password was ever set, or by something that does not use bcrypt
        bcrypt.checkpw(text, _STAND_IN.encode())
        return False


def _shorten(text: bytes) -> bytes:
    return base64.b64encode(hashlib.sha256(text).digest())


@dataclass(frozen=True)
class Guess:
    """A name and a password somebody sent, and the address they count for (``limits``)."""

    username: str
    password: str = field(repr=False)
    address: str


class Passwords:
    """Checks passwords, within the limits, and remembers good ones for a while.

    Clients that send their password with every request would else wait for bcrypt every time.
    What is remembered is keyed by a secret of this process and by the user's hash and epoch, so
    it ends with any change of these. The threads that hash leave a core to everybody else, and
    of one address or one account a single password is looked at at a time: a flood of them waits
    behind itself.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._lane = Lane(max(1, (os.cpu_count() or 1) - 1))
        self._turns: WeakValueDictionary[tuple[asyncio.AbstractEventLoop, str, str], asyncio.Lock]
        self._turns = WeakValueDictionary()
        self._key = secrets.token_bytes(32)
        self._good: OrderedDict[bytes, float] = OrderedDict()
        self._lock = Lock()

    async def check(self, guess: Guess, account: Account | None) -> bool:
        """Whether this is the account's password; an unknown account takes just as long.

        TooMany if it was not looked at, after too many wrong ones; a remembered one never is.
        """
        if self.remembers(guess, account):
            return True
        self._limits.check_guess(guess.username, guess.address)
        name = guess.username.lower()
        async with self._turn_of("address", guess.address), self._turn_of("name", name):
            # What was waited for may have been the same password.
            if self.remembers(guess, account):
                return True
            return await self._lane.run(partial(self._hash, guess, account))

    def remembers(self, guess: Guess, account: Account | None) -> bool:
        """Whether this was the account's password a while ago and still is; if so it counts as a
        good one again."""
        if account is None or not account.hashed_password:
            return False
        mark, moment = self._mark(guess, account), time.monotonic()
        with self._lock:
            if self._good.get(mark, 0) <= moment:
                return False
            self._good[mark] = moment + REMEMBER_SECONDS
            self._good.move_to_end(mark)
        self._limits.note_guess(guess.username, guess.address, good=True)
        return True

    def _turn_of(self, kind: str, value: str) -> asyncio.Lock:
        key = (asyncio.get_running_loop(), kind, value)
        turn = self._turns.get(key)
        if turn is None:
            turn = self._turns[key] = asyncio.Lock()
        return turn

    def _hash(self, guess: Guess, account: Account | None) -> bool:
        self._limits.check_guess(guess.username, guess.address)
        good = matches(guess.password, account.hashed_password if account else None)
        self._limits.note_guess(guess.username, guess.address, good=good)
        if good and account is not None:
            self._remember(self._mark(guess, account))
        return good

    def _mark(self, guess: Guess, account: Account) -> bytes:
        text = f"{account.id}\0{account.epoch}\0{account.hashed_password}\0{guess.password}"
        return hmac.digest(self._key, text.encode(), "sha256")

    def _remember(self, mark: bytes) -> None:
        with self._lock:
            self._good[mark] = time.monotonic() + REMEMBER_SECONDS
            self._good.move_to_end(mark)
            if len(self._good) > REMEMBER_MOST:
                self._good.popitem(last=False)
