"""Platforms."""

from pydantic import BaseModel, ConfigDict, Field, computed_field

from romm_lite.wire.common import Schema, Timestamp
from romm_lite.wire.firmware import FirmwareSchema


class PlatformSchema(Schema):
    """One platform; id -1 where it is only a folder or an entry of the catalogue.

    ``firmware`` is sorted by file name. ``rom_count`` must agree with the total of the platform's
    ROM list: clients page by either.
    """

    id: int
    slug: str
    fs_slug: str
    rom_count: int
    name: str
    igdb_slug: str | None
    moby_slug: str | None
    hltb_slug: str | None
    libretro_slug: str | None
    custom_name: str | None = None
    description: str | None = None
    igdb_id: int | None = None
    sgdb_id: int | None = None
    moby_id: int | None = None
    launchbox_id: int | None = None
    ss_id: int | None = None
    ra_id: int | None = None
    hasheous_id: int | None = None
    tgdb_id: int | None = None
    flashpoint_id: int | None = None
    category: str | None = None
    generation: int | None = None
    family_name: str | None = None
    family_slug: str | None = None
    url: str | None = None
    url_logo: str | None = None
    firmware: list[FirmwareSchema] = Field(default_factory=list)
    created_at: Timestamp
    updated_at: Timestamp
    fs_size_bytes: int
    is_unidentified: bool
    is_identified: bool
    missing_from_fs: bool

    @computed_field  # type: ignore[prop-decorator]
    @property
    def display_name(self) -> str:
        return self.custom_name or self.name

    @computed_field  # type: ignore[prop-decorator]
    @property
    def firmware_count(self) -> int:
        return len(self.firmware)


class PlatformCreate(BaseModel):
    """A new platform: the name of its folder."""

    model_config = ConfigDict(title="Body_add_platform_api_platforms_post")

    fs_slug: str = Field(min_length=1, max_length=400)


class PlatformChanges(BaseModel):
    """What changes of a platform; null or absent stays, an empty text clears."""

    model_config = ConfigDict(title="Body_update_platform_api_platforms__id__put")

    custom_name: str | None = Field(None, max_length=400)
    description: str | None = Field(None, max_length=65535)
