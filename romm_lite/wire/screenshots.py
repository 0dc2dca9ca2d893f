"""Screenshots: of a gallery, or the thumbnail of a save or state."""

from romm_lite.wire.assets import BaseAsset, Owner


class ScreenshotSchema(BaseAsset):
    """One screenshot."""

    is_gallery: bool = False
    is_public: bool = False


class UserScreenshotSchema(Owner, ScreenshotSchema):
    """A screenshot with its owner."""
