"""Who plays what, and rooms for playing together, without a socket."""

from romm_lite.db.engine import Database
from romm_lite.features.accounts.service import Identity, note_device
from romm_lite.features.live.server import Live
from romm_lite.kernel.scopes import Scope
from romm_lite.web.operations import Operation, Router
from romm_lite.wire.common import RowId
from romm_lite.wire.live import (
    ActivityEntrySchema,
    ActivityQuery,
    DeviceHeartbeatPayload,
    NetplayQuery,
    RoomsResponse,
)

activity = Router("/api/activity", tags=["activity"])
netplay = Router("/api/netplay", tags=["netplay"])
UNKNOWN = "unknown"


@activity.get("", Scope.ROMS_USER_READ)
def get_activity(live: Live, user: Identity) -> list[ActivityEntrySchema]:
    """Who plays what now."""
    return [ActivityEntrySchema(**each) for each in live.activity.find(user)]


@activity.get("/rom/{rom_id}", Scope.ROMS_USER_READ)
def get_rom_activity(live: Live, user: Identity, rom_id: RowId) -> list[ActivityEntrySchema]:
    """Who plays a ROM now."""
    return [ActivityEntrySchema(**each) for each in live.activity.find(user, rom_id)]


@activity.post(
    "/heartbeat", Scope.ROMS_USER_WRITE, responses={404: "No such ROM, or not your device"}
)
def post_heartbeat(
    live: Live, database: Database, user: Identity, body: DeviceHeartbeatPayload
) -> ActivityEntrySchema:
    """Tell that one plays; to be repeated before a minute and a half has passed."""
    with database.write() as session:
        client = note_device(session, user.user_id, body.device_id)
    entry = live.activity.note(user, body.rom_id, body.device_id, client or UNKNOWN)
    return ActivityEntrySchema(**entry)


@activity.delete("/heartbeat", Scope.ROMS_USER_WRITE, status=204)
def delete_heartbeat(live: Live, user: Identity, query: ActivityQuery) -> None:
    """Tell that one stopped."""
    live.activity.stop(user.user_id, query.device_id)


@netplay.get("/list", Scope.ASSETS_READ)
def list_rooms(live: Live, query: NetplayQuery) -> dict[str, RoomsResponse]:
    """The rooms for a game that have a place left."""
    return {key: RoomsResponse(**each) for key, each in live.netplay.find(query.game_id).items()}


OPERATIONS: tuple[Operation, ...] = (*activity.operations, *netplay.operations)
