"""What goes over the sockets, and the routes beside them."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from romm_lite.wire.common import Key, Schema


class ScanOptions(BaseModel):
    """Payload of the event ``scan``. Neither platforms nor folders means all of them."""

    model_config = ConfigDict(extra="ignore")

    platforms: list[Key] = []
    platform_fs_slugs: list[str] = []
    type: str = "quick"
    roms_ids: list[Key] = []
    apis: list[str] = []
    launchbox_remote_enabled: bool = True
    playmatch_enabled: bool = True


class ActivityEntrySchema(Schema):
    """Somebody plays a game now."""

    user_id: int
    username: str
    avatar_path: str
    rom_id: int
    rom_name: str
    rom_cover_path: str = ""
    screenshot_path: str = ""
    platform_slug: str
    platform_name: str
    device_id: str
    device_type: str
    started_at: str


class DeviceHeartbeatPayload(BaseModel):
    """Body of ``POST /activity/heartbeat``."""

    rom_id: int = Field(ge=1, le=2**31 - 1)
    device_id: str = Field(min_length=1, max_length=255)


class ActivityQuery(BaseModel):
    """Which device stopped."""

    device_id: str


class NetplayQuery(BaseModel):
    """For which game rooms are looked for."""

    game_id: str


class RoomsResponse(Schema):
    """A room for playing together that has a place left."""

    room_name: str
    current: int
    max: int
    player_name: str
    hasPassword: bool  # noqa: N815


class RoomExtra(BaseModel):
    """What EmulatorJS tells of a player and their room."""

    model_config = ConfigDict(extra="ignore", coerce_numbers_to_str=True)

    sessionid: str = Field(min_length=1, max_length=128, pattern=r"^[\w.:-]+$")
    userid: str | None = Field(None, max_length=128)
    playerId: str | None = Field(None, max_length=128)  # noqa: N815
    room_name: str | None = Field(None, max_length=100)
    game_id: str | None = Field(None, max_length=255)
    domain: str | None = Field(None, max_length=255)
    player_name: str | None = Field(None, max_length=100)
    room_password: str | None = Field(None, max_length=255)


class RoomRequest(BaseModel):
    """Payload of ``open-room`` and ``join-room``."""

    model_config = ConfigDict(extra="ignore", coerce_numbers_to_str=True)

    extra: RoomExtra
    maxPlayers: Any = None  # noqa: N815
    password: str | None = Field(None, max_length=255)
