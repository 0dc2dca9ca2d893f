"""Every operation of the library."""

from romm_lite.features.library import (
    routes_attachments,
    routes_changes,
    routes_collections,
    routes_deletions,
    routes_downloads,
    routes_firmware,
    routes_moves,
    routes_music,
    routes_notes,
    routes_patching,
    routes_platforms,
    routes_props,
    routes_roms,
    routes_search,
    routes_streaming,
    routes_trash,
    routes_uploads,
)
from romm_lite.web.operations import Operation

OPERATIONS: tuple[Operation, ...] = (
    *routes_platforms.router.operations,
    *routes_roms.router.operations,
    *routes_changes.router.operations,
    *routes_collections.router.operations,
    *routes_attachments.router.operations,
    *routes_downloads.router.operations,
    *routes_patching.router.operations,
    *routes_music.router.operations,
    *routes_notes.router.operations,
    *routes_props.router.operations,
    *routes_search.router.operations,
    *routes_streaming.router.operations,
    *routes_firmware.router.operations,
    *routes_uploads.router.operations,
    *routes_deletions.router.operations,
    *routes_moves.router.operations,
    *routes_trash.router.operations,
)
