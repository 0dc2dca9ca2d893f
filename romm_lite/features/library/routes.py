"""Every operation of the library."""

from romm_lite.features.library import (
    routes_downloads,
    routes_firmware,
    routes_notes,
    routes_platforms,
    routes_roms,
)
from romm_lite.web.operations import Operation

OPERATIONS: tuple[Operation, ...] = (
    *routes_platforms.router.operations,
    *routes_roms.router.operations,
    *routes_downloads.router.operations,
    *routes_notes.router.operations,
    *routes_firmware.router.operations,
)
