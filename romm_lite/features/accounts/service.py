"""The rules on users, and the one object the rest of the program holds: ``Accounts``."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Self

from sqlalchemy import ColumnElement, delete, select, update
from sqlmodel import Session

from romm_lite.db import versions
from romm_lite.db.engine import Database, announce
from romm_lite.db.entries import Entries
from romm_lite.features.accounts import queries, setup
from romm_lite.features.accounts.csrf import Csrf
from romm_lite.features.accounts.identity import NOBODY, Identity
from romm_lite.features.accounts.keys import signing_key
from romm_lite.features.accounts.limits import Limits
from romm_lite.features.accounts.oidc import Provider
from romm_lite.features.accounts.oidc_flows import Flows
from romm_lite.features.accounts.passwords import Passwords, hash_password
from romm_lite.features.accounts.permissions import (
    LEGACY_GROUPS,
    hand_on_rules,
    read_scopes,
    require,
    require_admin,
)
from romm_lite.features.accounts.queries import AGE_LIMITS
from romm_lite.features.accounts.rules import check_fields, check_password, check_unused
from romm_lite.features.accounts.sessions import Sessions
from romm_lite.features.accounts.setup import comes_from_this_machine
from romm_lite.features.accounts.tokens import Tokens
from romm_lite.features.accounts.vouchers import Vouchers
from romm_lite.kernel.errors import Forbidden, Invalid, NotFound, Unauthenticated
from romm_lite.kernel.events import RightsChanged
from romm_lite.kernel.scopes import Role
from romm_lite.kernel.settings import Settings
from romm_lite.kernel.times import now
from romm_lite.tables.devices import CLIENT_TOKENS, DEVICES
from romm_lite.tables.users import USERS, User
from romm_lite.wire.users import UserCreate

__all__ = [
    "AGE_LIMITS",
    "NOBODY",
    "Accounts",
    "Identity",
    "comes_from_this_machine",
    "hand_on_rules",
    "note_device",
    "require",
    "require_admin",
]

log = logging.getLogger(__name__)
ACCOUNTS = "accounts"
"""The version raised by changes that hang on who else there is, so that they come one by one."""


@dataclass(frozen=True, repr=False)
class Accounts:
    """Everything about users, built once; users are told as dictionaries for ``UserSchema``."""

    settings: Settings
    database: Database
    entries: Entries
    sessions: Sessions
    tokens: Tokens
    csrf: Csrf
    passwords: Passwords
    limits: Limits
    vouchers: Vouchers
    oidc: Provider
    oidc_flows: Flows

    @classmethod
    def open(cls, settings: Settings, database: Database, entries: Entries) -> Self:
        """Makes the signing key if there is none yet."""
        key = signing_key(settings)
        limits = Limits(settings)
        return cls(
            settings=settings,
            database=database,
            entries=entries,
            sessions=Sessions(entries, settings, database.publish),
            tokens=Tokens(key, entries, settings),
            csrf=Csrf(key, settings),
            passwords=Passwords(limits),
            limits=limits,
            vouchers=Vouchers(key, entries),
            oidc=Provider(settings),
            oidc_flows=Flows(entries, settings),
        )

    def has_admin(self) -> bool:
        """Whether the server is claimed; until then anybody who passes the door may claim it."""
        with self.database.read() as session:
            return queries.has_admin(session)

    def prepare_setup(self) -> str | None:
        """The token for the first account, to be printed at start; None when none is needed."""
        return setup.prepare_token(self.settings, is_claimed=self.has_admin())

    def create_first(self, new: UserCreate) -> dict[str, Any]:
        """The first account, an administrator whatever its role says, made by whoever passed the
        door; Unauthenticated if somebody else was quicker."""
        return self._create(new, only_first=True)

    def create_user(self, new: UserCreate, *, by: Identity | None = None) -> dict[str, Any]:
        """A new user; ``by`` is None at the command line. Invalid says which rule it breaks.

        Without an administrator the new user is one.
        """
        if by is not None and not by.is_admin and read_role(new.role)[0] == Role.ADMIN:
            raise Forbidden("Only an administrator can create admin users")
        return self._create(new, only_first=False)

    def _create(self, new: UserCreate, *, only_first: bool) -> dict[str, Any]:
        check_fields(new.username, new.password, new.email)
        hashed = hash_password(new.password)

        with self.alone() as session:
            is_claimed = queries.has_admin(session)
            if is_claimed and only_first:
                raise Unauthenticated
            check_unused(session, new.username, new.email)
            role, group = read_role(new.role) if is_claimed else (Role.ADMIN, None)
            user = User(
                username=new.username.lower(),
                email=new.email.lower() or None,
                hashed_password=hashed,
                role=role,
                permission_group_id=queries.find_group(session, group) if group else None,
                ra_progression={},
                ui_settings={},
            )
            session.add(user)
        setup.forget_token(self.settings.places)
        log.info("User %s was created", user.username)
        return self.get_user_named(user.username)

    @contextmanager
    def alone(self) -> Iterator[Session]:
        """A unit of work that hangs on who else there is: no two run at the same time."""
        with self.database.write() as session:
            # First, for this is the lock on databases that let several write at once.
            versions.bump(session, ACCOUNTS)
            yield session

    def list_users(self, *conditions: ColumnElement[bool]) -> list[dict[str, Any]]:
        """Users by id, with their scopes."""
        with self.database.read() as session:
            rows = queries.read_users(session, *conditions)
            scopes = read_scopes(session, [(r["id"], r["role"], r["group_id"]) for r in rows])
        return [{**row, "oauth_scopes": list(scopes[row["id"]])} for row in rows]

    def list_ids(self) -> list[int]:
        """The ids of all users."""
        with self.database.read() as session:
            return list(session.scalars(select(USERS.c.id).order_by(USERS.c.id)))

    def get_user(self, user_id: int) -> dict[str, Any]:
        """One user, or NotFound."""
        return self._get(USERS.c.id == user_id)

    def get_user_named(self, username: str) -> dict[str, Any]:
        """One user by name in any case, or NotFound."""
        return self._get(USERS.c.username == username.lower())

    def _get(self, condition: ColumnElement[bool]) -> dict[str, Any]:
        found = self.list_users(condition)
        if not found:
            raise NotFound("User not found")
        return found[0]

    def set_password(self, user_id: int, password: str, *, epoch: int | None = None) -> bool:
        """A password that was not changed by its user when logged in; it ends all that was given
        out before: sessions, the tokens of logging in, and the tokens of clients.

        With ``epoch``, only if that is still the user's; tells whether it was.
        """
        check_password(password)
        hashed = hash_password(password)
        with self.database.write() as session:
            stored = queries.lock_user(session, user_id)
            if epoch is not None and stored.epoch != epoch:
                return False
            queries.raise_epoch(session, user_id, hashed_password=hashed)
            forget_client_tokens(session, user_id)
        self.sessions.close_all(user_id)
        log.info("User %d has a new password", user_id)
        return True

    def set_enabled(self, user_id: int, enabled: bool) -> None:
        """Let a user in or shut them out at once; Invalid for the last administrator."""
        with self.alone() as session:
            queries.lock_user(session, user_id)
            if not enabled and queries.is_last_admin(session, user_id):
                raise Invalid("You cannot disable the last admin user")
            queries.raise_epoch(session, user_id, enabled=enabled)
            announce(session, RightsChanged((user_id,)))
        self.sessions.close_all(user_id)
        log.info("User %d was %s", user_id, "enabled" if enabled else "disabled")


def forget_client_tokens(session: Session, user_id: int) -> None:
    """End what was paired with a user's account."""
    session.execute(delete(CLIENT_TOKENS).where(CLIENT_TOKENS.c.user_id == user_id))


def read_role(word: str) -> tuple[Role, str | None]:
    """The role a word means and the group that comes with it; unknown words mean a plain user."""
    word = word.strip().lower()
    return (Role.ADMIN if word == Role.ADMIN else Role.USER), LEGACY_GROUPS.get(word)


def note_device(session: Session, user_id: int | None, device_id: str) -> str | None:
    """Note that a user's device was seen; its client. NotFound for one that is not theirs."""
    device = DEVICES.c
    these = (device.id == device_id, device.user_id == user_id)
    row = session.execute(select(device.client).where(*these)).first()
    if row is None:
        raise NotFound(f"Device {device_id} not found for this user")
    session.execute(update(DEVICES).where(*these).values(last_seen=now()))
    return None if row.client is None else str(row.client)
