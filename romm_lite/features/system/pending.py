"""Operations of the protocol that are not built yet.

They check credentials and scope like all others and then answer 501, or, where clients call them at
every start, that there is nothing. A line goes when its operation is built.
"""

import re
from collections.abc import Callable

from romm_lite.features.accounts.service import Identity
from romm_lite.kernel.errors import NotBuilt
from romm_lite.kernel.scopes import Scope
from romm_lite.web.operations import Operation, Router
from romm_lite.web.routing import PARAMETER
from romm_lite.wire.collections import (
    CollectionSchema,
    SmartCollectionSchema,
    VirtualCollectionListQuery,
    VirtualCollectionSchema,
)
from romm_lite.wire.common import UpdatedAfterQuery
from romm_lite.wire.devices import DeviceSchema
from romm_lite.wire.permissions import HiddenEntitiesSchema, PermissionsResponse
from romm_lite.wire.saves import SaveListQuery, SaveSchema
from romm_lite.wire.states import StateListQuery, StateSchema
from romm_lite.wire.streaming import StreamingConfig
from romm_lite.wire.tasks import TaskStatusResponse

UNBUILT = {
    "roms.user.read": """
        GET /api/activity
        GET /api/activity/rom/{rom_id}
        GET /api/play-sessions
    """,
    "roms.user.write": """
        DELETE /api/activity/heartbeat
        POST /api/activity/heartbeat
        POST /api/play-sessions
        DELETE /api/play-sessions/{session_id}
        POST /api/roms/{id}/notes
        DELETE /api/roms/{id}/notes/{note_id}
        PUT /api/roms/{id}/notes/{note_id}
        PUT /api/roms/{id}/props
        DELETE /api/streaming/sessions
        POST /api/streaming/sessions
        DELETE /api/streaming/sessions/{platform}
        POST /api/streaming/sessions/{platform}/load-state
        POST /api/streaming/sessions/{platform}/mute
        POST /api/streaming/sessions/{platform}/save-and-exit
        POST /api/streaming/sessions/{platform}/save-state
        POST /api/streaming/sessions/{platform}/volume
    """,
    "me.write": """
        POST /api/auth/device/approve
        POST /api/auth/device/deny
        POST /api/client-tokens
        DELETE /api/client-tokens/{token_id}
        POST /api/client-tokens/{token_id}/pair
        PUT /api/client-tokens/{token_id}/regenerate
        PUT /api/users/{id}
        POST /api/users/{id}/ra/refresh
    """,
    "": """
        POST /api/auth/device/init
        POST /api/auth/device/token
        POST /api/client-tokens/exchange
        GET /api/client-tokens/pair/{code}/status
        POST /api/forgot-password
        GET /api/login/openid
        GET /api/oauth/openid
        POST /api/reset-password
        POST /api/users/register
    """,
    "me.read": """
        GET /api/auth/device/pending/{user_code}
        GET /api/client-tokens
    """,
    "users.read": """
        GET /api/client-tokens/all
        GET /api/permissions/catalog
        GET /api/permissions/groups
        GET /api/permissions/users/{user_id}
    """,
    "users.write": """
        POST /api/users/invite-link
        DELETE /api/client-tokens/{token_id}/admin
        POST /api/permissions/groups
        DELETE /api/permissions/groups/{id}
        PUT /api/permissions/groups/{id}
        DELETE /api/permissions/hidden
        POST /api/permissions/hidden
        PUT /api/permissions/users/{user_id}
        DELETE /api/users/{id}
    """,
    "collections.write": """
        POST /api/collections
        POST /api/collections/smart
        DELETE /api/collections/smart/{id}
        PUT /api/collections/smart/{id}
        DELETE /api/collections/{id}
        PUT /api/collections/{id}
        DELETE /api/collections/{id}/roms
        POST /api/collections/{id}/roms
    """,
    "collections.read": """
        GET /api/collections/smart/{id}
        GET /api/collections/virtual/{id}
        GET /api/collections/{id}
    """,
    "platforms.write": """
        POST /api/platforms
        DELETE /api/platforms/{id}
        PUT /api/platforms/{id}
    """,
    "devices.write": """
        POST /api/devices
        DELETE /api/devices/{device_id}
        PUT /api/devices/{device_id}
        POST /api/saves/{id}/downloaded
        POST /api/saves/{id}/track
        POST /api/saves/{id}/untrack
        POST /api/sync/devices/{device_id}/push-pull
        POST /api/sync/sessions/{session_id}/complete
    """,
    "devices.read": """
        GET /api/devices/{device_id}
        GET /api/sync/sessions
        GET /api/sync/sessions/{session_id}
    """,
    "roms.read": """
        POST /api/export/gamelist-xml
        POST /api/export/pegasus
        GET /api/music/albums
        GET /api/music/artists
        GET /api/music/genres
        GET /api/music/tracks
        GET /api/music/years
        POST /api/roms/{id}/patch
        GET /api/roms/{id}/soundtracks/metadata
        GET /api/search/cover
        GET /api/search/roms
        GET /api/streaming/sessions
    """,
    "firmware.write": """
        POST /api/firmware
        POST /api/firmware/delete
    """,
    "logs.read": """
        GET /api/logs
    """,
    "playlists.write": """
        DELETE /api/music/favorites
        POST /api/music/favorites
        POST /api/music/playlists
        DELETE /api/music/playlists/{id}
        PUT /api/music/playlists/{id}
        DELETE /api/music/playlists/{id}/tracks
        POST /api/music/playlists/{id}/tracks
        PUT /api/music/playlists/{id}/tracks/order
    """,
    "playlists.read": """
        GET /api/music/favorites
        GET /api/music/playlists
        GET /api/music/playlists/{id}
        GET /api/music/playlists/{id}/tracks
    """,
    "assets.read": """
        GET /api/netplay/list
        GET /api/saves/summary
        GET /api/saves/{id}
        GET /api/saves/{id}/content
        GET /api/screenshots/{id}/content
        GET /api/states/{id}
        GET /api/states/{id}/content
        GET /api/users/{id}/avatar
    """,
    "roms.write": """
        POST /api/roms/delete
        POST /api/roms/upload/start
        PUT /api/roms/upload/{upload_id}
        POST /api/roms/upload/{upload_id}/cancel
        POST /api/roms/upload/{upload_id}/complete
        PUT /api/roms/{id}
        POST /api/roms/{id}/convert-to-folder
        DELETE /api/roms/{id}/manuals
        POST /api/roms/{id}/manuals
        POST /api/roms/{id}/manuals/files
        DELETE /api/roms/{id}/manuals/files/{file_id}
        POST /api/roms/{id}/manuals/redownload
        POST /api/roms/{id}/screenshots
        DELETE /api/roms/{id}/screenshots/{file_id}
        POST /api/roms/{id}/soundtracks
        DELETE /api/roms/{id}/soundtracks/{file_id}
        DELETE /api/roms/{rom_id}/files/{file_id}
    """,
    "assets.write": """
        POST /api/saves
        POST /api/saves/delete
        PUT /api/saves/{id}
        PUT /api/saves/{id}/visibility
        POST /api/screenshots
        DELETE /api/screenshots/{id}
        PUT /api/screenshots/{id}
        POST /api/states
        POST /api/states/delete
        PUT /api/states/{id}
        PUT /api/states/{id}/visibility
    """,
    "assets.read devices.read": """
        POST /api/sync/negotiate
    """,
    "tasks.run": """
        GET /api/tasks
        POST /api/tasks/run/{task_name}
        GET /api/tasks/{task_id}
    """,
}
"""The scopes an operation needs (none: public) and the operations that need just these."""

UNBUILT_FEEDS = """
    GET /api/feeds/tinfoil
    GET /api/feeds/fpkgi/{platform_slug}
    GET /api/feeds/kekatsu/{platform_slug}
    GET /api/feeds/pkgi/ps3/{content_type}
    GET /api/feeds/pkgi/psp/{content_type}
    GET /api/feeds/pkgi/psvita/{content_type}
    GET /api/feeds/pkgj/psp/dlc
    GET /api/feeds/pkgj/psp/games
    GET /api/feeds/pkgj/psvita/dlc
    GET /api/feeds/pkgj/psvita/games
    GET /api/feeds/pkgj/psx/games
    GET /api/feeds/webrcade
"""

router = Router("/api", tags=["not built yet"])


@router.get("/collections", Scope.COLLECTIONS_READ)
def get_collections(query: UpdatedAfterQuery) -> list[CollectionSchema]:
    return []


@router.get("/collections/smart", Scope.COLLECTIONS_READ)
def get_smart_collections(query: UpdatedAfterQuery) -> list[SmartCollectionSchema]:
    return []


@router.get("/collections/virtual", Scope.COLLECTIONS_READ)
def get_virtual_collections(query: VirtualCollectionListQuery) -> list[VirtualCollectionSchema]:
    return []


@router.get("/collections/identifiers", Scope.COLLECTIONS_READ)
def get_collection_ids() -> list[int]:
    return []


@router.get("/collections/smart/identifiers", Scope.COLLECTIONS_READ)
def get_smart_collection_ids() -> list[int]:
    return []


@router.get("/collections/virtual/identifiers", Scope.COLLECTIONS_READ)
def get_virtual_collection_ids() -> list[str]:
    return []


@router.get("/saves", Scope.ASSETS_READ)
def get_saves(query: SaveListQuery) -> list[SaveSchema]:
    return []


@router.get("/saves/identifiers", Scope.ASSETS_READ)
def get_save_ids() -> list[int]:
    return []


@router.get("/states", Scope.ASSETS_READ)
def get_states(query: StateListQuery) -> list[StateSchema]:
    return []


@router.get("/states/identifiers", Scope.ASSETS_READ)
def get_state_ids() -> list[int]:
    return []


@router.get("/devices", Scope.DEVICES_READ)
def get_devices() -> list[DeviceSchema]:
    return []


@router.get("/tasks/status", Scope.TASKS_RUN)
def get_tasks_status() -> list[TaskStatusResponse]:
    return []


@router.get("/permissions/me", Scope.ME_READ)
def get_my_permissions(user: Identity) -> PermissionsResponse:
    nothing = HiddenEntitiesSchema(platforms=[], roms=[])
    return PermissionsResponse(is_admin=user.is_admin, grants=[], hidden=nothing)


@router.get("/streaming/config", Scope.ROMS_READ)
def get_streaming_config() -> StreamingConfig:
    return StreamingConfig(enabled=False, containers=[])


def _refuse(path: str) -> Callable[..., None]:
    """A handler that takes the parameters of its path and answers 501."""

    def not_built(**_values: str) -> None:
        raise NotBuilt

    names = [match[1] for match in PARAMETER.finditer(path)]
    not_built.__annotations__ = {**dict.fromkeys(names, str), "return": None}
    not_built.__name__ = re.sub(r"\W+", "_", path.removeprefix("/api/")).strip("_")
    return not_built


def _unbuilt(lines: str, scopes: tuple[Scope, ...], *, download: bool = False) -> None:
    for line in lines.split("\n"):
        method, _, path = line.strip().partition(" ")
        if path:
            handler = _refuse(path)
            public = not scopes
            router.operations.append(
                Operation(
                    method, path, handler, scopes, router.tags, public=public, download=download
                )
            )


for _words, _lines in UNBUILT.items():
    _unbuilt(_lines, tuple(Scope(word) for word in _words.split()))
_unbuilt(UNBUILT_FEEDS, (Scope.ROMS_READ,), download=True)
