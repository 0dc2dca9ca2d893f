"""Saves."""

from pydantic import BaseModel

from romm_lite.wire.assets import BaseAsset, Owner
from romm_lite.wire.common import Key
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
