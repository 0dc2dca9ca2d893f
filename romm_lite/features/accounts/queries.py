"""Reading and marking users."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Row,
    RowMapping,
    bindparam,
    exists,
    false,
    func,
    null,
    or_,
    select,
    union_all,
    update,
)
from sqlmodel import Session

from romm_lite.kernel.errors import NotFound
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
_holding = PERMISSION_GROUPS.alias("holding")
_WITH_GROUP = USERS.outerjoin(_holding, _holding.c.id == GROUP)
_LIMIT: tuple[ColumnElement[Any], ...] = (
    func.coalesce(USERS.c.max_age, _holding.c.max_age).label("max_age"),
    func.coalesce(USERS.c.hide_unrated, _holding.c.hide_unrated, false()).label("hide_unrated"),
)
"""What a user may see by age, to be selected from ``_WITH_GROUP``."""
_LIMIT_OF_GROUP: tuple[ColumnElement[Any], ...] = (
    PERMISSION_GROUPS.c.max_age,
    func.coalesce(PERMISSION_GROUPS.c.hide_unrated, false()).label("hide_unrated"),
)

AGE_LIMITS = union_all(
    select(USERS.c.id.label("user_id"), GROUP.label("group_id"), *_LIMIT)
    .select_from(_WITH_GROUP)
    .where(USERS.c.role != Role.ADMIN),
    select(null(), PERMISSION_GROUPS.c.id, *_LIMIT_OF_GROUP),
).subquery("age_limits")
"""Everybody there can be a limit for: users but no administrators, and groups, members or not."""

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
    max_age: int | None
    hide_unrated: bool


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
    *_LIMIT,
).select_from(_WITH_GROUP)
# Made once: nearly every request runs one of them, and making it costs as much as running it.
_ACCOUNT_BY_ID = _ACCOUNT.where(USERS.c.id == bindparam("user_id"))
_ACCOUNT_BY_NAME = _ACCOUNT.where(USERS.c.username == bindparam("name"))
_DEFAULT = (
    select(
        PERMISSION_GROUPS.c.id.label("group_id"),
        exists().where(HIDDEN_ENTITIES.c.group_id == PERMISSION_GROUPS.c.id).label("has_hidden"),
        *_LIMIT_OF_GROUP,
    )
    .where(PERMISSION_GROUPS.c.is_default.is_(True))
    .order_by(PERMISSION_GROUPS.c.id)
    .limit(1)
)


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


def read_default_group(session: Session) -> Mapping[str, Any]:
    """Of the group of users without one: its id, whether anything is hidden from it, its age
    limit; named as in ``Identity``."""
    row = session.execute(_DEFAULT).mappings().first()
    if row is None:
        return {"group_id": None, "has_hidden": False, "max_age": None, "hide_unrated": False}
    return dict(row)


def find_group(session: Session, name: str) -> int | None:
    """The id of the group of this name."""
    return session.scalar(select(PERMISSION_GROUPS.c.id).where(PERMISSION_GROUPS.c.name == name))


def is_in_group(group_id: int) -> ColumnElement[bool]:
    """The condition of the users whose group this is, in the default one for want of another."""
    return GROUP.in_([group_id])


def has_admin(session: Session, *, enabled: bool = False, but: int | None = None) -> bool:
    """Whether there is an administrator: one who can log in, one other than ``but``."""
    conditions = [USERS.c.role == Role.ADMIN]
    if enabled:
        conditions.append(USERS.c.enabled.is_(True))
    if but is not None:
        conditions.append(USERS.c.id != but)
    return bool(session.scalar(select(exists().where(*conditions))))


def is_last_admin(session: Session, user_id: int) -> bool:
    """Whether without this user nobody could log in as an administrator; NotFound for no user."""
    is_admin = lock_user(session, user_id).role == Role.ADMIN
    return is_admin and not has_admin(session, enabled=True, but=user_id)


def lock_user(session: Session, user_id: int) -> Row[tuple[str, int, str, datetime]]:
    """Role, epoch, avatar's path and first moment of a user, whom nobody else changes until this
    unit of work ends; NotFound for no user."""
    wanted = (USERS.c.role, USERS.c.epoch, USERS.c.avatar_path, USERS.c.created_at)
    query = select(*wanted).where(USERS.c.id == user_id).with_for_update()
    row = session.execute(query).first()
    if row is None:
        raise NotFound("User not found")
    return row


def find_avatar(session: Session, user_id: int) -> str | None:
    """The path of a user's picture below the assets, "" or None for none."""
    return session.scalar(select(USERS.c.avatar_path).where(USERS.c.id == user_id))


def has_avatar(session: Session, path: str) -> bool:
    """Whether this path below the assets is that of somebody's picture."""
    return bool(session.scalar(select(exists().where(USERS.c.avatar_path == path))))


def mark_user(session: Session, user_id: int, **values: Any) -> None:
    """Note when a user was here; ``updated_at`` stays, for clients take it for the avatar's age."""
    mark = update(USERS).where(USERS.c.id == user_id)
    session.execute(mark.values(**values, updated_at=USERS.c.updated_at))


def change_user(session: Session, user_id: int, **values: Any) -> None:
    """Change what has no bearing on how the user logs in."""
    session.execute(update(USERS).where(USERS.c.id == user_id).values(**values))


def raise_epoch(session: Session, user_id: int, **values: Any) -> None:
    """Change a user in a way that voids the sessions and tokens given out before."""
    change = update(USERS).where(USERS.c.id == user_id)
    session.execute(change.values(**values, epoch=USERS.c.epoch + 1))
