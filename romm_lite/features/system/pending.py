"""Operations of the protocol that are not built yet.

They check credentials and scope like all others and then answer 501, or, where clients call them at
every start, that there is nothing. A line goes when its operation is built.
"""

import re
from collections.abc import Callable

from romm_lite.kernel.errors import NotBuilt
from romm_lite.kernel.scopes import Scope
from romm_lite.web.operations import Operation, Router
from romm_lite.web.routing import PARAMETER
from romm_lite.wire.saves import SaveListQuery, SaveSchema
from romm_lite.wire.states import StateListQuery, StateSchema

UNBUILT = {
    "roms.user.read": """
        GET /api/play-sessions
    """,
    "roms.user.write": """
        POST /api/play-sessions
        DELETE /api/play-sessions/{session_id}
    """,
    "devices.write": """
        POST /api/saves/{id}/downloaded
        POST /api/saves/{id}/track
        POST /api/saves/{id}/untrack
        POST /api/sync/devices/{device_id}/push-pull
        POST /api/sync/sessions/{session_id}/complete
    """,
    "devices.read": """
        GET /api/sync/sessions
        GET /api/sync/sessions/{session_id}
    """,
    "roms.read": """
        POST /api/export/gamelist-xml
        POST /api/export/pegasus
    """,
    "assets.read": """
        GET /api/saves/summary
        GET /api/saves/{id}
        GET /api/saves/{id}/content
        GET /api/screenshots/{id}/content
        GET /api/states/{id}
        GET /api/states/{id}/content
    """,
    "roms.write": """
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
