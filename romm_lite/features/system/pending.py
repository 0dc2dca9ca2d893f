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

UNBUILT = {
    "devices.write": """
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
    "roms.write": """
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
