"""The setup wizard."""

from typing import Literal

from romm_lite.wire.common import Schema
from romm_lite.wire.platforms import PlatformSchema


class ExistingPlatform(Schema):
    """A platform folder on disk; ``rom_count`` counts the entries of its ROM folder."""

    fs_slug: str
    rom_count: int


class SetupLibraryResponse(Schema):
    """What the wizard found: ``struct_a`` is ``roms/<platform>``, ``struct_b`` the other order."""

    detected_structure: Literal["struct_a", "struct_b"] | None
    existing_platforms: list[ExistingPlatform]
    supported_platforms: list[PlatformSchema]


class SetupPlatformsResponse(Schema):
    """What the wizard created; folders that were there are not counted."""

    success: bool
    created_count: int
    message: str
