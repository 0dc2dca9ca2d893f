"""Save states."""

from pydantic import BaseModel

from romm_lite.wire.assets import BaseAsset, Owner
from romm_lite.wire.common import Key
from romm_lite.wire.screenshots import ScreenshotSchema


class StateListQuery(BaseModel):
    """Which states to list."""

    rom_id: Key | None = None
    platform_id: Key | None = None


class StateSchema(BaseAsset):
    """One save state."""

    emulator: str | None
    is_public: bool = False
    screenshot: ScreenshotSchema | None


class UserStateSchema(Owner, StateSchema):
    """A save state with its owner."""
