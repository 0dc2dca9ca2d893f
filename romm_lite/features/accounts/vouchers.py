"""Signed tokens that work once: invitations, and links to a new password.

A token says who answers for it by id and epoch, so that it is void once that user has a new
password, another role, or is locked out. That it was not used yet is known by an entry.
"""

import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import jwt

from romm_lite.db.entries import Entries
from romm_lite.features.accounts.tokens import ALGORITHM
from romm_lite.kernel.errors import Invalid

NOT_OURS = "Invalid token"


@dataclass(frozen=True)
class Kind:
    """What a token is good for, and the refusals for one that is not good."""

    name: str
    of_other_kind: str
    malformed: str
    expired: str
    used: str


_INVITE_USED = "Invite token has already been used or is invalid."
INVITE = Kind("invite", "Invalid token type.", _INVITE_USED, _INVITE_USED, _INVITE_USED)
RESET = Kind(
    "reset",
    "Invalid token purpose",
    "Invalid token payload",
    "Token has expired",
    "This token has already been used or is invalid",
)


@dataclass(frozen=True)
class Voucher:
    """A token to hand out."""

    token: str = field(repr=False)
    expires_at: datetime


@dataclass(frozen=True)
class Promise:
    """What a token that is good says."""

    kind: Kind
    user_id: int | None
    """Who answers for it; None for the command line."""
    epoch: int
    role: str | None
    """The role an invitation is for."""
    jti: str
    expires: int
    """Seconds since 1970."""


class Vouchers:
    """Issues such tokens, reads them and uses them up."""

    def __init__(self, key: str, entries: Entries) -> None:
        self._key = key
        self._entries = entries

    def issue(self, kind: Kind, seconds: int, claims: Mapping[str, Any]) -> Voucher:
        """A token for so many seconds. ``claims`` has ``sub`` (a name to show), ``uid``, ``epoch``
        and, of an invitation, ``role``."""
        moment = int(time.time())
        jti = str(uuid.uuid4())
        always = {"type": kind.name, "iat": moment, "exp": moment + seconds, "jti": jti}
        self._entries.put(_entry(kind, jti), {}, seconds)
        token = jwt.encode({**claims, **always}, self._key, algorithm=ALGORITHM)
        return Voucher(token, datetime.fromtimestamp(moment + seconds, UTC))

    def read(self, token: str, kind: Kind) -> Promise:
        """What a token says that can still be used; else Invalid, in the kind's words."""
        options: Any = {"verify_exp": False}
        try:
            claims = jwt.decode(token, self._key, algorithms=[ALGORITHM], options=options)
        except jwt.InvalidTokenError as error:
            raise Invalid(NOT_OURS) from error
        if claims.get("type") != kind.name:
            raise Invalid(kind.of_other_kind)
        promise = _understand(claims, kind)
        if promise.expires <= time.time():
            raise Invalid(kind.expired)
        if self._entries.get(_entry(kind, promise.jti)) is None:
            raise Invalid(kind.used)
        return promise

    def redeem(self, promise: Promise) -> None:
        """Use a token up; Invalid if somebody was quicker."""
        if self._entries.take(_entry(promise.kind, promise.jti)) is None:
            raise Invalid(promise.kind.used)

    def give_back(self, promise: Promise) -> None:
        """Let a token be used after all: what it was used up for came to nothing."""
        seconds = promise.expires - int(time.time())
        if seconds > 0:
            self._entries.put(_entry(promise.kind, promise.jti), {}, seconds)


def _understand(claims: Mapping[str, Any], kind: Kind) -> Promise:
    """Claims under our signature; Invalid for those RomM signed with the same key."""
    try:
        return Promise(
            kind=kind,
            user_id=claims["uid"],
            epoch=claims["epoch"],
            role=claims.get("role"),
            jti=claims["jti"],
            expires=claims["exp"],
        )
    except KeyError as error:
        raise Invalid(kind.malformed) from error


def _entry(kind: Kind, jti: str) -> str:
    return f"{kind.name}:{jti}"
