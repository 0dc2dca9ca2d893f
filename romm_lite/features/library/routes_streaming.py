"""Games played in emulator containers."""

from romm_lite.features.accounts.service import Identity
from romm_lite.features.library.streaming import Streaming
from romm_lite.kernel.scopes import Scope
from romm_lite.web.operations import Router
from romm_lite.wire.streaming import (
    ClaimSessionRequest,
    LoadStateRequest,
    LoadStateResponse,
    MuteRequest,
    MuteResponse,
    ReleasedAllResponse,
    ReleaseResponse,
    SaveAndExitRequest,
    SaveAndExitResponse,
    SaveStateRequest,
    SaveStateResponse,
    SessionOwner,
    StreamingConfig,
    StreamingSession,
    VolumeRequest,
    VolumeResponse,
)

router = Router("/api/streaming", tags=["streaming"])

CLAIMING = {
    404: "No such ROM, or no container for its platform",
    409: "Somebody plays there",
    502: "The broker refused",
    503: "The broker cannot be reached",
}
STEERING = {
    403: "Another user plays there",
    404: "No container for the platform, or nobody plays there",
    502: "The broker failed",
}


@router.get("/config", Scope.ROMS_READ)
def get_streaming_config(streaming: Streaming) -> StreamingConfig:
    return streaming.describe()


@router.get("/sessions", Scope.ROMS_READ)
def get_sessions(streaming: Streaming, user: Identity) -> dict[str, SessionOwner]:
    """Who plays where, by the address of the broker; for administrators."""
    return {key: SessionOwner(**each) for key, each in streaming.list_sessions(user).items()}


@router.post("/sessions", Scope.ROMS_USER_WRITE, heavy=True, responses=CLAIMING)
def claim_session(
    streaming: Streaming, user: Identity, body: ClaimSessionRequest
) -> StreamingSession:
    """Start a game in the container of its platform."""
    return streaming.claim(user, body.rom_id)


@router.delete("/sessions", Scope.ROMS_USER_WRITE, heavy=True)
def release_all_sessions(streaming: Streaming, user: Identity) -> ReleasedAllResponse:
    """End all games; for administrators."""
    return ReleasedAllResponse(count=streaming.release_all(user))


@router.delete("/sessions/{platform}", Scope.ROMS_USER_WRITE, heavy=True, responses=STEERING)
def release_session(streaming: Streaming, user: Identity, platform: str) -> ReleaseResponse:
    """End a game without saving."""
    status = "released" if streaming.release(user, platform) else "not_found"
    return ReleaseResponse(status=status, platform=platform)


@router.post(
    "/sessions/{platform}/save-and-exit", Scope.ROMS_USER_WRITE, heavy=True, responses=STEERING
)
def save_and_exit(
    streaming: Streaming, user: Identity, platform: str, body: SaveAndExitRequest
) -> SaveAndExitResponse:
    saved = streaming.save_and_exit(user, platform, body.slot, wait=body.wait)
    return SaveAndExitResponse(saved=saved, platform=platform)


@router.post("/sessions/{platform}/volume", Scope.ROMS_USER_WRITE, heavy=True, responses=STEERING)
def set_volume(
    streaming: Streaming, user: Identity, platform: str, body: VolumeRequest
) -> VolumeResponse:
    streaming.set_volume(user, platform, body.level)
    return VolumeResponse(level=body.level, platform=platform)


@router.post("/sessions/{platform}/mute", Scope.ROMS_USER_WRITE, heavy=True, responses=STEERING)
def set_mute(
    streaming: Streaming, user: Identity, platform: str, body: MuteRequest
) -> MuteResponse:
    return MuteResponse(mute=streaming.mute(user, platform, body.mute), platform=platform)


@router.post(
    "/sessions/{platform}/save-state", Scope.ROMS_USER_WRITE, heavy=True, responses=STEERING
)
def save_state(
    streaming: Streaming, user: Identity, platform: str, body: SaveStateRequest
) -> SaveStateResponse:
    streaming.save_state(user, platform, body.slot)
    return SaveStateResponse(slot=body.slot, platform=platform)


@router.post(
    "/sessions/{platform}/load-state", Scope.ROMS_USER_WRITE, heavy=True, responses=STEERING
)
def load_state(
    streaming: Streaming, user: Identity, platform: str, body: LoadStateRequest
) -> LoadStateResponse:
    streaming.load_state(user, platform, body.slot)
    return LoadStateResponse(slot=body.slot, platform=platform)
