"""What the caller may do, in the words of the web interface."""

from enum import StrEnum
from typing import Literal

from romm_lite.wire.common import Schema


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
