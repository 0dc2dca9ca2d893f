"""Consoles and computers, a row for each folder of the library."""

from sqlalchemy import Column, Index
from sqlmodel import Field

from romm_lite.tables.base import Stamped, arranged, key, long, ordered_text, table_of


class Platform(Stamped, table=True):
    """A platform folder. ``fs_slug`` is the folder's literal name, ``slug`` the canonical word."""

    __tablename__ = "platforms"
    __table_args__ = arranged(Index(None, "slug"), Index(None, "name", "id"))

    id: int | None = key()
    slug: str = Field(max_length=400)
    fs_slug: str = Field(sa_column=Column(ordered_text(400), nullable=False, unique=True))
    name: str = Field(sa_column=Column(ordered_text(400), nullable=False))
    custom_name: str | None = Field(default="", max_length=400)
    description: str = long()
    igdb_slug: str | None = Field(default=None, max_length=400)
    moby_slug: str | None = Field(default=None, max_length=400)
    hltb_slug: str | None = Field(default=None, max_length=400)
    libretro_slug: str | None = Field(default=None, max_length=400)
    igdb_id: int | None = None
    sgdb_id: int | None = None
    moby_id: int | None = None
    launchbox_id: int | None = None
    ss_id: int | None = None
    ra_id: int | None = None
    hasheous_id: int | None = None
    tgdb_id: int | None = None
    flashpoint_id: int | None = None
    category: str | None = Field(default="", max_length=100)
    generation: int | None = None
    family_name: str | None = Field(default="", max_length=1000)
    family_slug: str | None = Field(default="", max_length=1000)
    url: str | None = Field(default="", max_length=1000)
    url_logo: str | None = Field(default="", max_length=1000)
    missing_from_fs: bool = False


PLATFORMS = table_of(Platform)
