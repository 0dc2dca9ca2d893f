"""Saves."""

from typing import Annotated

from pydantic import BaseModel, Field

from romm_lite.wire.assets import BaseAsset, Owner
from romm_lite.wire.common import Key, RowId, Schema, Timestamp
from romm_lite.wire.devices import DeviceSyncSchema
from romm_lite.wire.screenshots import ScreenshotSchema


class SaveListQuery(BaseModel):
    """Which saves to list; naming a device fills each save's ``device_syncs``."""

    rom_id: Key | None = None
    platform_id: Key | None = None
    device_id: str | None = None
    slot: str | None = None


class SaveSchema(BaseAsset):
    """One save; ``content_hash`` is an MD5, of a zip's entries where the save is a zip."""

    emulator: str | None
    slot: str | None = None
    content_hash: str | None = None
    is_public: bool = False
    screenshot: ScreenshotSchema | None
    origin_device_id: str | None = None
    device_syncs: list[DeviceSyncSchema] = []


class UserSaveSchema(Owner, SaveSchema):
    """A save with its owner."""


class SlotSummarySchema(Schema):
    """A slot of a ROM and its newest save; slot null is that of all that are in none."""

    slot: str | None
    count: int
    latest: SaveSchema


class SaveSummarySchema(Schema):
    """The slots of a ROM, the one saved to last first."""

    total_count: int
    slots: list[SlotSummarySchema]


class SaveSummaryQuery(BaseModel):
    """Of which ROM."""

    rom_id: Key


class SaveUploadQuery(BaseModel):
    """What an upload is. An empty slot or device is none."""

    rom_id: Key
    emulator: str | None = Field(None, max_length=50)
    slot: str | None = Field(None, max_length=255)
    device_id: str | None = None
    session_id: Key | None = None
    overwrite: bool = False
    autocleanup: bool = False
    autocleanup_limit: Key = 10


class SaveDeviceQuery(BaseModel):
    """The device that asks."""

    device_id: str | None = None


class SaveContentQuery(SaveDeviceQuery):
    """``optimistic`` marks the device as current when it has got the whole content."""

    session_id: Key | None = None
    optimistic: bool = True


class SaveDevicePayload(BaseModel):
    """The device that has a save, or whether it is to follow one."""

    device_id: str


class SaveVisibilityPayload(BaseModel):
    """Whether others may read it."""

    is_public: bool


class SaveDeletePayload(BaseModel):
    """Which saves to delete: all of them, or none if one is unknown."""

    saves: list[Key]


class SaveVersionQuery(BaseModel):
    """Which versions to list, of all saves if none is named."""

    rom_id: Key | None = None
    slot: str | None = None
    limit: Annotated[int, Field(ge=1, le=1000)] = 100
    offset: Annotated[int, Field(ge=0, le=2**31 - 1)] = 0


class SaveVersionSchema(Schema):
    """A content that was kept once, whatever became of its save since.

    ``reason`` and ``ended_at`` are null for what a save has now. ``rom_id`` may be that of a ROM
    that is gone; ``rom_name`` says which it was.
    """

    id: RowId
    save_id: int
    rom_id: int | None
    rom_name: str
    platform_slug: str
    slot: str | None
    emulator: str | None
    file_name: str
    file_size_bytes: int
    sha256: str
    content_hash: str | None
    device_id: str | None
    locked: bool
    reason: str | None
    created_at: Timestamp
    ended_at: Timestamp | None
    download_path: str


class SaveVersionLockPayload(BaseModel):
    """Whether the version stays whatever the settings say of old ones."""

    locked: bool
