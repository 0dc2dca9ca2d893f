"""Accounts."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index, UniqueConstraint
from sqlmodel import Field

from romm_lite.kernel.scopes import Role
from romm_lite.tables.base import (
    Stamped,
    arranged,
    key,
    optional_json,
    optional_moment,
    parent,
    table_of,
)


class User(Stamped, table=True):
    """Somebody who can log in. Names and addresses are stored in lower case."""

    __tablename__ = "users"
    __table_args__ = arranged()

    id: int | None = key()
    username: str = Field(max_length=255, unique=True)
    email: str | None = Field(default=None, max_length=255, unique=True)
    hashed_password: str | None = Field(default=None, max_length=255)
    enabled: bool = True
    role: str = Field(default=Role.USER, max_length=20)
    permission_group_id: int | None = parent("permission_groups.id", on_delete="SET NULL")
    avatar_path: str = Field(default="", max_length=255)
    last_login: datetime | None = optional_moment()
    last_active: datetime | None = optional_moment()
    ra_username: str | None = Field(default="", max_length=255)
    ra_progression: dict[str, Any] | None = optional_json()
    ui_settings: dict[str, Any] | None = optional_json()
    max_age: int | None = None
    """Years; games rated for older people do not exist for this user. None: as the group has it."""
    hide_unrated: bool | None = None
    """Whether games nobody rated are hidden as well. None: as the group has it."""
    epoch: int = 0
    """Raised when a password, role or state changes; credentials of an older epoch are void."""


class UserIdentity(Stamped, table=True):
    """Who a user is at an OpenID provider: an issuer and the subject it knows them by."""

    __tablename__ = "user_identities"
    __table_args__ = arranged(UniqueConstraint("issuer", "subject"), Index(None, "user_id"))

    id: int | None = key()
    user_id: int = parent("users.id")
    issuer: str = Field(max_length=255)
    subject: str = Field(max_length=255)


USERS = table_of(User)
USER_IDENTITIES = table_of(UserIdentity)
