"""Save states."""

from pydantic import BaseModel, Field

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


class StateUploadQuery(BaseModel):
    """Of which ROM a state is, and which emulator can read it."""

    rom_id: Key
    emulator: str | None = Field(None, max_length=50)


class StateVisibilityPayload(BaseModel):
    """Whether others may read it."""

    is_public: bool


class StateDeletePayload(BaseModel):
    """Which states to delete: all of them, or none if one is unknown."""

    states: list[Key]
