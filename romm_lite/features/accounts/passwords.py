"""Hashing and checking passwords, which is slow on purpose."""

import base64
import hashlib
import hmac
import os
import secrets
import time
from collections import OrderedDict
from functools import partial
from threading import Lock

import bcrypt

from romm_lite.features.accounts.queries import Account
from romm_lite.web.table import Lane

BCRYPT_BYTES = 72
"""bcrypt reads no further; RomM cut passwords here, so its hashes are checked against the cut."""
LONG = "sha256$"
"""Before a bcrypt hash: of the password's SHA-256 in base64, as the password is longer."""
ROUNDS = 12
REMEMBER_SECONDS = 300
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


class Passwords:
    """Checks passwords in threads of their own, one a core, and remembers good ones for a while.

    Clients that send their password with every request would else wait for bcrypt every time.
    What is remembered is keyed by a secret of this process and by the user's hash and epoch, so
    it ends with any change of these.
    """

    def __init__(self) -> None:
        self._lane = Lane(os.cpu_count() or 1)
        self._key = secrets.token_bytes(32)
        self._good: OrderedDict[bytes, float] = OrderedDict()
        self._lock = Lock()

    async def check(self, password: str, account: Account | None) -> bool:
        """Whether this is the account's password; an unknown account takes just as long."""
        hashed = account.hashed_password if account else None
        mark = b""
        if account is not None and hashed:
            mark = self._mark(password, account)
            if self._remembers(mark):
                return True
        good = await self._lane.run(partial(matches, password, hashed))
        if good and mark:
            self._remember(mark)
        return good

    def _mark(self, password: str, account: Account) -> bytes:
        text = f"{account.id}\0{account.epoch}\0{account.hashed_password}\0{password}"
        return hmac.digest(self._key, text.encode(), "sha256")

    def _remembers(self, mark: bytes) -> bool:
        with self._lock:
            return self._good.get(mark, 0) > time.monotonic()

    def _remember(self, mark: bytes) -> None:
        with self._lock:
            self._good[mark] = time.monotonic() + REMEMBER_SECONDS
            self._good.move_to_end(mark)
            if len(self._good) > REMEMBER_MOST:
                self._good.popitem(last=False)
