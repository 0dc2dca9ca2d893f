"""Every operation of the library."""

from romm_lite.features.library import (
    routes_collections,
    routes_downloads,
    routes_firmware,
    routes_music,
    routes_notes,
    routes_patching,
    routes_platforms,
    routes_props,
    routes_roms,
    routes_search,
)
from romm_lite.web.operations import Operation

OPERATIONS: tuple[Operation, ...] = (
    *routes_platforms.router.operations,
    *routes_roms.router.operations,
    *routes_collections.router.operations,
    *routes_downloads.router.operations,
    *routes_patching.router.operations,
    *routes_music.router.operations,
    *routes_notes.router.operations,
    *routes_props.router.operations,
    *routes_search.router.operations,
    *routes_firmware.router.operations,
)
