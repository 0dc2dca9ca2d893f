"""Reading and marking users."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, RowMapping, bindparam, exists, func, or_, select, update
from sqlmodel import Session

from romm_lite.kernel.scopes import Role
from romm_lite.tables.permissions import HIDDEN_ENTITIES, PERMISSION_GROUPS
from romm_lite.tables.users import USERS

_DEFAULT_GROUP = (
    select(PERMISSION_GROUPS.c.id)
    .where(PERMISSION_GROUPS.c.is_default.is_(True))
    .order_by(PERMISSION_GROUPS.c.id)
    .limit(1)
    .scalar_subquery()
)
GROUP: ColumnElement[int | None] = func.coalesce(USERS.c.permission_group_id, _DEFAULT_GROUP)
"""The group whose grants and hidden things hold for a user."""

_HAS_HIDDEN = exists().where(
    or_(HIDDEN_ENTITIES.c.user_id == USERS.c.id, HIDDEN_ENTITIES.c.group_id == GROUP)
)
_SHOWN = [column for column in USERS.c if column.name not in ("hashed_password", "epoch")]


@dataclass(frozen=True)
class Account:
    """What has to be known of a user to let them in."""

    id: int
    username: str
    role: str
    enabled: bool
    hashed_password: str | None = field(repr=False)
    epoch: int
    last_active: datetime | None
    group_id: int | None
    has_hidden: bool


_ACCOUNT = select(
    USERS.c.id,
    USERS.c.username,
    USERS.c.role,
    USERS.c.enabled,
    USERS.c.hashed_password,
    USERS.c.epoch,
    USERS.c.last_active,
    GROUP.label("group_id"),
    _HAS_HIDDEN.label("has_hidden"),
)
# Made once: nearly every request runs one of them, and making it costs as much as running it.
_ACCOUNT_BY_ID = _ACCOUNT.where(USERS.c.id == bindparam("user_id"))
_ACCOUNT_BY_NAME = _ACCOUNT.where(USERS.c.username == bindparam("name"))


def find_account(session: Session, user_id: int) -> Account | None:
    """The user of this id."""
    row = session.execute(_ACCOUNT_BY_ID, {"user_id": user_id}).mappings().first()
    return None if row is None else Account(**row)


def find_account_named(session: Session, username: str) -> Account | None:
    """The user of this name, in whatever case it is written."""
    if not username.isascii() or "\0" in username:
        return None
    row = session.execute(_ACCOUNT_BY_NAME, {"name": username.lower()}).mappings().first()
    return None if row is None else Account(**row)


def read_users(session: Session, *conditions: ColumnElement[bool]) -> list[RowMapping]:
    """What may be shown of users, by id, with the group that holds for each as ``group_id``."""
    query = select(*_SHOWN, GROUP.label("group_id")).where(*conditions).order_by(USERS.c.id)
    return list(session.execute(query).mappings())


def read_default_group(session: Session) -> tuple[int | None, bool]:
    """The group of users without one, and whether anything is hidden from it."""
    hides = exists().where(HIDDEN_ENTITIES.c.group_id == _DEFAULT_GROUP)
    group_id, has_hidden = session.execute(select(_DEFAULT_GROUP, hides)).one()
    return group_id, has_hidden


def find_group(session: Session, name: str) -> int | None:
    """The id of the group of this name."""
    return session.scalar(select(PERMISSION_GROUPS.c.id).where(PERMISSION_GROUPS.c.name == name))


def has_admin(session: Session, *, enabled: bool = False, but: int | None = None) -> bool:
    """Whether there is an administrator: one who can log in, one other than ``but``."""
    conditions = [USERS.c.role == Role.ADMIN]
    if enabled:
        conditions.append(USERS.c.enabled.is_(True))
    if but is not None:
        conditions.append(USERS.c.id != but)
    return bool(session.scalar(select(exists().where(*conditions))))


def mark_user(session: Session, user_id: int, **values: Any) -> None:
    """Note when a user was here; ``updated_at`` stays, for clients take it for the avatar's age."""
    mark = update(USERS).where(USERS.c.id == user_id)
    session.execute(mark.values(**values, updated_at=USERS.c.updated_at))


def raise_epoch(session: Session, user_id: int, **values: Any) -> None:
    """Change a user in a way that voids the sessions and tokens given out before."""
    change = update(USERS).where(USERS.c.id == user_id)
    session.execute(change.values(**values, epoch=USERS.c.epoch + 1))
