"""Screenshots: of a gallery, or the thumbnail of a save or state."""

from pydantic import BaseModel

from romm_lite.wire.assets import BaseAsset, Owner
from romm_lite.wire.common import Key


class ScreenshotSchema(BaseAsset):
    """One screenshot."""

    is_gallery: bool = False
    is_public: bool = False


class UserScreenshotSchema(Owner, ScreenshotSchema):
    """A screenshot with its owner."""


class ScreenshotListQuery(BaseModel):
    """Which screenshots to list."""

    rom_id: Key | None = None
    platform_id: Key | None = None


class ScreenshotUploadQuery(BaseModel):
    """Of which ROM it is."""

    rom_id: Key


class ScreenshotVisibilityPayload(BaseModel):
    """Whether others may see it."""

    is_public: bool


class ScreenshotDeletePayload(BaseModel):
    """Which screenshots to delete: all of them, or none if one is unknown."""

    screenshots: list[Key]
