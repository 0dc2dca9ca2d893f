"""Client tokens: what a handheld or a program shows instead of a password.

Each is for some scopes, perhaps for some time, perhaps bound to a device. Its secret is told once
and only a hash of it is kept. Whoever was let in by a token that is for less than its user may do
cannot make, renew or hand out one for more than that.
"""

import hashlib
import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, func, select
from sqlmodel import Session

from romm_lite.features.accounts.identity import Identity
from romm_lite.features.accounts.permissions import require_admin
from romm_lite.kernel.errors import Forbidden, Invalid, NotFound, RequestError, Unauthenticated
from romm_lite.kernel.scopes import Role
from romm_lite.kernel.times import now
from romm_lite.tables.devices import CLIENT_TOKENS, ClientToken
from romm_lite.tables.users import USERS
from romm_lite.wire.client_tokens import ClientTokenCreatePayload

PREFIX = "rmm_"
MOST_TOKENS = 25
LIFETIMES = {
    "30d": timedelta(days=30),
    "90d": timedelta(days=90),
    "1y": timedelta(days=365),
    "never": None,
}
UNKNOWN = "Token not found"
_NEWEST = (CLIENT_TOKENS.c.created_at.desc(), CLIENT_TOKENS.c.id.desc())


class UnknownLifetime(RequestError):
    """422 as clients know it for this one field: a text instead of a list."""

    status = 422

    def __init__(self, word: str) -> None:
        known = ", ".join(LIFETIMES)
        super().__init__(f"Invalid expires_in value: {word}. Valid values: {known}")


def read_end(expires_in: str | None) -> datetime | None:
    """When a token ends that is made now with this lifetime; None is never."""
    word = "never" if expires_in is None else expires_in
    if word not in LIFETIMES:
        raise UnknownLifetime(word)
    lifetime = LIFETIMES[word]
    return None if lifetime is None else now() + lifetime


def new_secret() -> str:
    return PREFIX + secrets.token_hex(32)


def hash_secret(secret: str) -> str:
    """What is kept of a secret; it is random enough to need nothing slower."""
    return hashlib.sha256(secret.encode()).hexdigest()


def create_token(session: Session, user: Identity, new: ClientTokenCreatePayload) -> dict[str, Any]:
    """A token with its secret as ``raw_token``."""
    ends = read_end(new.expires_in)
    scopes = list(dict.fromkeys(new.scopes))
    _check_within(scopes, user)
    user_id = hold_user(session, user)
    theirs = CLIENT_TOKENS.c.user_id == user_id
    count = session.scalar(select(func.count()).select_from(CLIENT_TOKENS).where(theirs))
    if (count or 0) >= MOST_TOKENS:
        raise Invalid(f"Maximum of {MOST_TOKENS} tokens per user reached")
    token = ClientToken(
        user_id=user_id,
        name=new.name,
        hashed_token="",
        scopes=" ".join(scopes),
        expires_at=ends,
    )
    session.add(token)
    return renew(session, token)


def hold_user(session: Session, user: Identity) -> int:
    """The user's id, while nobody else changes the user or adds to their tokens. Unauthenticated
    if what let this request in is void by now, as a token made after all would outlive it."""
    this = select(USERS.c.epoch).where(USERS.c.id == user.user_id)
    if user.user_id is None or session.scalar(this.with_for_update()) != user.epoch:
        raise Unauthenticated
    return user.user_id


def list_tokens(session: Session, user: Identity) -> list[dict[str, Any]]:
    """The user's own tokens, the newest first."""
    query = select(ClientToken).where(CLIENT_TOKENS.c.user_id == user.user_id)
    return [_tell(token) for token in session.scalars(query.order_by(*_NEWEST))]


def list_all_tokens(session: Session, user: Identity) -> list[dict[str, Any]]:
    """Everybody's tokens and whose they are, the newest first; those of administrators are for
    administrators to see."""
    owner = (USERS.c.username, USERS.c.avatar_path, USERS.c.updated_at)
    query = select(ClientToken, *owner).join(USERS, USERS.c.id == CLIENT_TOKENS.c.user_id)
    if not user.is_admin:
        query = query.where(USERS.c.role != Role.ADMIN)
    return [
        {
            **_tell(row.ClientToken),
            "username": row.username,
            "user_avatar_path": row.avatar_path,
            "user_updated_at": row.updated_at,
        }
        for row in session.execute(query.order_by(*_NEWEST))
    ]


def find_own(
    session: Session, user: Identity, token_id: int, *, to_change: bool = False
) -> ClientToken:
    """A token of the user's that they may renew or hand out; ``to_change`` keeps others from
    changing it meanwhile."""
    query = select(ClientToken).where(
        CLIENT_TOKENS.c.id == token_id, CLIENT_TOKENS.c.user_id == user.user_id
    )
    token = session.scalar(query.with_for_update() if to_change else query)
    if token is None:
        raise NotFound(UNKNOWN)
    if user.scopes != user.own_scopes:
        _check_within(token.scopes.split(), user)
    return token


def renew(session: Session, token: ClientToken) -> dict[str, Any]:
    """Give a token a new secret, which is told as ``raw_token``; the one it had is void."""
    secret = new_secret()
    token.hashed_token = hash_secret(secret)
    token.last_used_at = None
    session.flush()
    return {**_tell(token), "raw_token": secret}


def delete_token(session: Session, user: Identity, token_id: int) -> None:
    """Void one of the user's own tokens."""
    this = (CLIENT_TOKENS.c.id == token_id, CLIENT_TOKENS.c.user_id == user.user_id)
    gone: Any = session.execute(delete(CLIENT_TOKENS).where(*this))
    if not gone.rowcount:
        raise NotFound(UNKNOWN)


def delete_any_token(session: Session, user: Identity, token_id: int) -> None:
    """Void anybody's token; that of an administrator only as one."""
    query = select(USERS.c.role).join(CLIENT_TOKENS, CLIENT_TOKENS.c.user_id == USERS.c.id)
    role = session.scalar(query.where(CLIENT_TOKENS.c.id == token_id))
    if role is None:
        raise NotFound(UNKNOWN)
    if role == Role.ADMIN:
        require_admin(user)
    session.execute(delete(CLIENT_TOKENS).where(CLIENT_TOKENS.c.id == token_id))


def _check_within(scopes: Iterable[str], user: Identity) -> None:
    """Forbidden for scopes that this request does not have itself."""
    if beyond := sorted(set(scopes).difference(user.scopes)):
        raise Forbidden(f"Requested scopes exceed your permissions: {', '.join(beyond)}")


def _tell(token: ClientToken) -> dict[str, Any]:
    return {**token.model_dump(exclude={"hashed_token"}), "scopes": token.scopes.split()}
