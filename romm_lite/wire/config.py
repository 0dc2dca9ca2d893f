"""The effective ``config.yml`` as clients read it."""

from enum import StrEnum
from typing import NotRequired

from pydantic import BaseModel
from typing_extensions import TypedDict

from romm_lite.wire.common import Schema


class MetadataMediaType(StrEnum):
    """A kind of media a scan can fetch."""

    BEZEL = "bezel"
    BOX2D = "box2d"
    BOX2D_BACK = "box2d_back"
    BOX2D_SIDE = "box2d_side"
    BOX3D = "box3d"
    MIXIMAGE = "miximage"
    MIXIMAGE_V2 = "miximage_v2"
    PHYSICAL = "physical"
    SCREENSHOT = "screenshot"
    TITLE_SCREEN = "title_screen"
    MARQUEE = "marquee"
    LOGO = "logo"
    FANART = "fanart"
    VIDEO = "video"
    VIDEO_NORMALIZED = "video_normalized"
    MANUAL = "manual"


class NetplayICEServer(TypedDict):
    """A STUN or TURN server."""

    urls: str
    username: NotRequired[str]
    credential: NotRequired[str]


class EjsControlsButton(TypedDict, total=False):
    """What one button is bound to: a key, a gamepad control."""

    value: str
    value2: str


class EjsControls(TypedDict):
    """Buttons of the four players of one core, by button number."""

    _0: dict[str, EjsControlsButton]
    _1: dict[str, EjsControlsButton]
    _2: dict[str, EjsControlsButton]
    _3: dict[str, EjsControlsButton]


class ConfigResponse(Schema):
    """Answer of ``GET /config``; the parse error and the ICE servers are for the logged-in."""

    CONFIG_FILE_MOUNTED: bool
    CONFIG_FILE_WRITABLE: bool
    CONFIG_FILE_PARSE_ERROR: str | None
    EXCLUDED_PLATFORMS: list[str]
    EXCLUDED_SINGLE_EXT: list[str]
    EXCLUDED_SINGLE_FILES: list[str]
    EXCLUDED_MULTI_FILES: list[str]
    EXCLUDED_MULTI_PARTS_EXT: list[str]
    EXCLUDED_MULTI_PARTS_FILES: list[str]
    DEFAULT_EXCLUDED_DIRS: list[str]
    DEFAULT_EXCLUDED_FILES: list[str]
    DEFAULT_EXCLUDED_EXTENSIONS: list[str]
    PLATFORMS_BINDING: dict[str, str]
    PLATFORMS_VERSIONS: dict[str, str]
    SKIP_HASH_CALCULATION: bool
    EJS_DEBUG: bool
    EJS_CACHE_LIMIT: int | None
    EJS_DISABLE_AUTO_UNLOAD: bool
    EJS_DISABLE_BATCH_BOOTUP: bool
    EJS_NETPLAY_ENABLED: bool
    EJS_NETPLAY_ICE_SERVERS: list[NetplayICEServer]
    EJS_SETTINGS: dict[str, dict[str, str]]
    EJS_CONTROLS: dict[str, EjsControls]
    SCAN_METADATA_PRIORITY: list[str]
    SCAN_ARTWORK_PRIORITY: list[str]
    SCAN_ARTWORK_PRIORITY_OVERRIDES: dict[str, list[str]]
    SCAN_REGION_PRIORITY: list[str]
    SCAN_LANGUAGE_PRIORITY: list[str]
    SCAN_MEDIA: list[str]
    GAMELIST_AUTO_EXPORT_ON_SCAN: bool
    GAMELIST_MEDIA_THUMBNAIL: MetadataMediaType
    GAMELIST_MEDIA_IMAGE: MetadataMediaType
    PEGASUS_AUTO_EXPORT_ON_SCAN: bool


class PlatformBindingPayload(BaseModel):
    """A folder's name and the platform its ROMs belong to, or whose version they are of."""

    fs_slug: str
    slug: str


class ExclusionPayload(BaseModel):
    """A value to leave out; the type is a field of ``ConfigResponse``: EXCLUDED_PLATFORMS …"""

    exclusion_value: str
    exclusion_type: str


class ScanSettingsPayload(BaseModel):
    """The whole ``scan`` section; an override that is null is cleared."""

    metadata_priority: list[str]
    artwork_priority: list[str]
    cover_priority: list[str] | None = None
    screenshot_priority: list[str] | None = None
    manual_priority: list[str] | None = None
    region_priority: list[str]
    language_priority: list[str]
    media: list[MetadataMediaType]
    gamelist_export: bool
    gamelist_thumbnail: MetadataMediaType
    gamelist_image: MetadataMediaType
    pegasus_export: bool
