"""Streaming from emulator containers."""

from typing import Literal

from pydantic import BaseModel, Field

from romm_lite.wire.common import Schema


class StreamingCapabilities(Schema):
    """The state slots of a container."""

    max_slots: int
    has_autosave: bool
    autosave_slot: int | None


class StreamingContainer(Schema):
    """One emulator container."""

    platform: str
    host: str
    label: str
    capabilities: StreamingCapabilities


class StreamingConfig(Schema):
    """Answer of ``GET /streaming/config``."""

    enabled: bool
    containers: list[StreamingContainer]


class ClaimSessionRequest(BaseModel):
    """Body of ``POST /streaming/sessions``."""

    rom_id: int = Field(ge=1)


class StreamingSession(Schema):
    """A game that was started."""

    platform: str
    host: str
    label: str
    rom_name: str
    claimed_at: str


class SessionOwner(Schema):
    """A game that is played, in ``GET /streaming/sessions``."""

    rom_name: str
    claimed_at: str
    user_id: int | None


class SaveAndExitRequest(BaseModel):
    """Slot 0 is for the emulator to choose."""

    slot: int = Field(0, ge=0, le=10)
    wait: bool = True


class SaveAndExitResponse(Schema):
    status: Literal["ok"] = "ok"
    saved: bool
    platform: str


class VolumeRequest(BaseModel):
    level: int = Field(ge=0, le=100)


class VolumeResponse(Schema):
    status: Literal["ok"] = "ok"
    level: int
    platform: str


class MuteRequest(BaseModel):
    """Null turns it round."""

    mute: bool | None = None


class MuteResponse(Schema):
    status: Literal["ok"] = "ok"
    mute: bool
    platform: str


class SaveStateRequest(BaseModel):
    slot: int = Field(1, ge=1, le=9)


class SaveStateResponse(Schema):
    status: Literal["saving"] = "saving"
    slot: int
    platform: str


class LoadStateRequest(BaseModel):
    slot: int = Field(1, ge=1, le=10)


class LoadStateResponse(Schema):
    status: Literal["ok"] = "ok"
    loaded: bool = True
    slot: int
    platform: str


class ReleaseResponse(Schema):
    status: Literal["released", "not_found"]
    platform: str


class ReleasedAllResponse(Schema):
    status: Literal["released"] = "released"
    count: int
