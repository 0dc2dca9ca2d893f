"""Who may do what: groups, their grants, exceptions for single users, hidden things."""

from sqlalchemy import UniqueConstraint
from sqlmodel import Field

from romm_lite.tables.base import Stamped, arranged, key, long, parent, table_of


class PermissionGroup(Stamped, table=True):
    """A named set of grants. Exactly one group is the default: that of users without a group."""

    __tablename__ = "permission_groups"
    __table_args__ = arranged()

    id: int | None = key()
    name: str = Field(max_length=255, unique=True)
    description: str = long()
    is_default: bool = False
    is_system: bool = False
    color: str | None = Field(default=None, max_length=7)
    max_age: int | None = None
    """Years; games rated for older people do not exist for the members. None: no limit."""
    hide_unrated: bool | None = None
    """Whether games nobody rated are hidden as well, where there is a limit. None: no."""


class PermissionGrant(Stamped, table=True):
    """One thing the members of a group may do, perhaps only with what is their own."""

    __tablename__ = "permission_group_grants"
    __table_args__ = arranged(UniqueConstraint("group_id", "entity", "action"))

    id: int | None = key()
    group_id: int = parent("permission_groups.id")
    entity: str = Field(max_length=20)
    action: str = Field(max_length=20)
    own_only: bool = False


class PermissionOverride(Stamped, table=True):
    """An exception for one user: a grant given or taken away."""

    __tablename__ = "user_permission_overrides"
    __table_args__ = arranged(UniqueConstraint("user_id", "entity", "action"))

    id: int | None = key()
    user_id: int = parent("users.id")
    entity: str = Field(max_length=20)
    action: str = Field(max_length=20)
    granted: bool = True
    own_only: bool = False


class AgeException(Stamped, table=True):
    """A platform or ROM that one user or one group may see whatever its age rating."""

    __tablename__ = "age_exceptions"
    __table_args__ = arranged(
        UniqueConstraint("user_id", "entity", "entity_id"),
        UniqueConstraint("group_id", "entity", "entity_id"),
    )

    id: int | None = key()
    entity: str = Field(max_length=20)
    entity_id: int
    user_id: int | None = Field(default=None, foreign_key="users.id", ondelete="CASCADE")
    group_id: int | None = Field(
        default=None, foreign_key="permission_groups.id", ondelete="CASCADE"
    )


class HiddenEntity(Stamped, table=True):
    """A platform or ROM that one user or one group must not see."""

    __tablename__ = "hidden_entities"
    __table_args__ = arranged(
        UniqueConstraint("user_id", "entity", "entity_id"),
        UniqueConstraint("group_id", "entity", "entity_id"),
    )

    id: int | None = key()
    entity: str = Field(max_length=20)
    entity_id: int
    user_id: int | None = Field(default=None, foreign_key="users.id", ondelete="CASCADE")
    group_id: int | None = Field(
        default=None, foreign_key="permission_groups.id", ondelete="CASCADE"
    )


PERMISSION_GROUPS = table_of(PermissionGroup)
PERMISSION_GRANTS = table_of(PermissionGrant)
PERMISSION_OVERRIDES = table_of(PermissionOverride)
AGE_EXCEPTIONS = table_of(AgeException)
HIDDEN_ENTITIES = table_of(HiddenEntity)
