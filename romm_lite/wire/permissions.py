"""Who may do and see what: the caller's own rights in the words of the web interface, and what
administrators decide about groups and users.

``max_age``, ``hide_unrated`` and ``age_exceptions`` are of this program alone. In a change a member
that is absent leaves things as they are; null takes away the limit of a group, and gives a user
that of their group.
"""

from enum import StrEnum
from typing import Annotated, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from romm_lite.kernel.scopes import Action, Entity
from romm_lite.wire.common import Key, RowId, Schema

MOST_EXCEPTIONS = 1000
DESCRIPTION_LENGTH = 4000


class PermEntity(StrEnum):
    """What a right is about."""

    PLATFORMS = Entity.PLATFORMS
    ROMS = Entity.ROMS
    COLLECTIONS = Entity.COLLECTIONS
    PLAYLISTS = Entity.PLAYLISTS
    FIRMWARE = Entity.FIRMWARE
    ASSETS = Entity.ASSETS
    DEVICES = Entity.DEVICES
    USERS = Entity.USERS
    TASKS = Entity.TASKS
    LOGS = Entity.LOGS


class PermAction(StrEnum):
    """What a right allows."""

    READ = Action.READ
    WRITE = Action.WRITE
    DELETE = Action.DELETE


class ActionKey(StrEnum):
    """Everything a button can do; the order is that of an administrator's grants."""

    ROM_VIEW = "rom.view"
    ROM_PLAY = "rom.play"
    ROM_DOWNLOAD = "rom.download"
    ROM_UPLOAD = "rom.upload"
    ROM_EDIT = "rom.edit"
    ROM_DELETE = "rom.delete"
    ROM_MATCH = "rom.match"
    ROM_REFRESH = "rom.refresh"
    ROM_FAVORITE = "rom.favorite"
    PLATFORM_VIEW = "platform.view"
    PLATFORM_CREATE = "platform.create"
    PLATFORM_EDIT = "platform.edit"
    PLATFORM_DELETE = "platform.delete"
    COLLECTION_VIEW = "collection.view"
    COLLECTION_CREATE = "collection.create"
    COLLECTION_EDIT = "collection.edit"
    COLLECTION_DELETE = "collection.delete"
    LIBRARY_SCAN = "library.scan"
    USER_VIEW = "user.view"
    USER_CREATE = "user.create"
    USER_EDIT = "user.edit"
    USER_DELETE = "user.delete"
    APP_ADMIN = "app.admin"


class PermissionScopeSchema(Schema):
    """Where a grant holds."""

    kind: Literal["global", "platform", "collection", "rom"] = "global"
    id: int | None = None


class GrantSchema(Schema):
    """One thing allowed."""

    action: ActionKey
    scope: PermissionScopeSchema


class HiddenEntitiesSchema(Schema):
    """Ids of what is hidden from the caller."""

    platforms: list[int]
    roms: list[int]


class PermissionsResponse(Schema):
    """Answer of ``GET /permissions/me``."""

    is_admin: bool
    grants: list[GrantSchema]
    hidden: HiddenEntitiesSchema


class PermissionCatalogSchema(Schema):
    """Everything rights can be about."""

    entities: list[PermEntity]
    actions: list[PermAction]


class GrantSchemaIO(Schema):
    """One right of a group, perhaps only over what is one's own."""

    entity: PermEntity
    action: PermAction
    own_only: bool = False


class OverrideSchemaIO(Schema):
    """An exception for one user: a right given, or taken away."""

    entity: PermEntity
    action: PermAction
    granted: bool
    own_only: bool = False


Right = TypeVar("Right", GrantSchemaIO, OverrideSchemaIO)


def _merge(rights: list[Right]) -> list[Right]:
    """The same list with each right once."""
    found: dict[tuple[str, str], Right] = {}
    for right in rights:
        if found.setdefault((right.entity, right.action), right) != right:
            raise ValueError(f"{right.entity} {right.action} is there twice and contradicts itself")
    return list(found.values())


GrantList = Annotated[list[GrantSchemaIO], AfterValidator(_merge)]
OverrideList = Annotated[list[OverrideSchemaIO], AfterValidator(_merge)]


class HiddenEntitySchema(Schema):
    """A platform or ROM that somebody does not see."""

    entity: PermEntity
    entity_id: int


class HiddenEntityCreate(BaseModel):
    """What to hide and from whom: one user or one group."""

    entity: PermEntity
    entity_id: Key
    user_id: Key | None = None
    group_id: Key | None = None


class HiddenEntityRemove(HiddenEntityCreate):
    """The same, to be shown again."""

    model_config = ConfigDict(title="Body_remove_hidden_entity_api_permissions_hidden_delete")


class AgeException(Schema):
    """A platform or ROM that is seen whatever its age rating."""

    entity: Literal["platforms", "roms"]
    entity_id: RowId


class AgeRule(Schema):
    """What is seen by age: ``max_age`` in years, null for no limit of its own; with a limit
    ``hide_unrated`` decides about games nobody rated. A user's null means as the group has it."""

    max_age: int | None = None
    hide_unrated: bool | None = None
    age_exceptions: list[AgeException] = []


class AgeRuleChange(BaseModel):
    """The same as it is sent; null exceptions change nothing."""

    max_age: int | None = Field(None, ge=0, le=99)
    hide_unrated: bool | None = None
    age_exceptions: list[AgeException] | None = Field(None, max_length=MOST_EXCEPTIONS)


GroupName = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=255)]
Description = Annotated[str, StringConstraints(max_length=DESCRIPTION_LENGTH)]
Color = Annotated[str, StringConstraints(pattern=r"^#[0-9A-Fa-f]{6}$")]


class PermissionGroupSchema(AgeRule):
    """A group. ``member_count`` leaves out those who are in the default group for want of one."""

    id: int
    name: str
    description: str
    is_default: bool
    is_system: bool
    color: str | None
    grants: list[GrantSchemaIO]
    member_count: int
    hidden: list[HiddenEntitySchema] = []


class PermissionGroupCreate(AgeRuleChange):
    """A new group."""

    name: GroupName
    description: Description = ""
    is_default: bool = False
    color: Color | None = None
    grants: GrantList = []


class PermissionGroupUpdate(AgeRuleChange):
    """What to change of a group; of RomM's own members null changes nothing."""

    name: GroupName | None = None
    description: Description | None = None
    is_default: bool | None = None
    color: Color | None = None
    grants: GrantList | None = None


class UserPermissionsSchema(AgeRule):
    """What was decided about one user."""

    user_id: int
    permission_group_id: int | None
    overrides: list[OverrideSchemaIO]
    hidden: list[HiddenEntitySchema]


class UserPermissionsUpdate(AgeRuleChange):
    """What to decide about one user; the group counts only with ``set_group``."""

    set_group: bool = False
    permission_group_id: Key | None = None
    overrides: OverrideList | None = None
