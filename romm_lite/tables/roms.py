"""Games: the ROM itself, what providers know of it, and the facets it is filtered by."""

from typing import Any

from sqlalchemy import BigInteger, Column, Double, Index, UniqueConstraint
from sqlmodel import Field

from romm_lite.kernel.paths import NAME_LENGTH
from romm_lite.kernel.text import SORT_KEY_LENGTH
from romm_lite.tables.base import (
    Base,
    Json,
    Stamped,
    arranged,
    digest,
    file_name,
    file_path,
    json_list,
    key,
    long_text,
    ordered_text,
    parent,
    table_of,
)


class Rom(Stamped, table=True):
    """One file or one folder directly in a platform's folder."""

    __tablename__ = "roms"
    __table_args__ = arranged(
        UniqueConstraint("platform_id", "fs_name"),
        Index(None, "name_sort_key", "id"),
        Index(None, "platform_id", "name_sort_key", "id"),
        Index(None, "platform_id", "fs_size_bytes"),
        Index(None, "updated_at"),
        Index(None, "created_at"),
        Index(None, "fs_size_bytes"),
        Index(None, "missing_from_fs", "platform_id"),
        Index(None, "crc_hash"),
        Index(None, "md5_hash"),
        Index(None, "sha1_hash"),
        Index(None, "ra_hash"),
        # A search reads this instead of the rows; other databases limit what an index can hold.
        Index(None, "search_text").ddl_if(dialect="sqlite"),
    )

    id: int | None = key()
    platform_id: int = parent("platforms.id")
    fs_name: str = file_name()
    fs_name_no_tags: str = Field(max_length=NAME_LENGTH)
    fs_name_no_ext: str = Field(max_length=NAME_LENGTH)
    fs_extension: str = Field(default="", max_length=100)
    fs_path: str = file_path()
    fs_size_bytes: int = Field(default=0, sa_type=BigInteger)
    name: str = Field(max_length=NAME_LENGTH)
    name_sort_key: str = Field(sa_column=Column(ordered_text(SORT_KEY_LENGTH), nullable=False))
    search_text: str = Field(default="", sa_column=Column(long_text(), nullable=False, default=""))
    """Folded name and file name, one a line: what a search looks through."""
    slug: str | None = Field(default=None, max_length=400)
    summary: str | None = Field(default=None, sa_column=Column(long_text()))
    revision: str | None = Field(default=None, max_length=NAME_LENGTH)
    version: str | None = Field(default=None, max_length=NAME_LENGTH)
    regions: list[str] = json_list()
    languages: list[str] = json_list()
    tags: list[str] = json_list()
    crc_hash: str | None = digest()
    md5_hash: str | None = digest()
    sha1_hash: str | None = digest()
    ra_hash: str | None = digest()
    url_cover: str | None = Field(default=None, sa_column=Column(long_text()))
    path_cover_s: str | None = Field(default=None, max_length=1000)
    path_cover_l: str | None = Field(default=None, max_length=1000)
    path_manual: str | None = Field(default=None, max_length=1000)
    url_manual: str | None = Field(default=None, sa_column=Column(long_text()))
    path_screenshots: list[str] = json_list()
    url_screenshots: list[str] = json_list()
    top_level_files: int = 0
    """How many of its files lie directly in it; with ``nested_files`` tells its shape."""
    nested_files: int = 0
    """How many of its files lie in another folder than ``fs_path``."""
    has_soundtrack: bool = False
    is_prerelease: bool = False
    missing_from_fs: bool = False


class RomSource(Stamped, table=True):
    """What one provider knows of one ROM: its id there and the payload, wire-shaped."""

    __tablename__ = "rom_sources"
    __table_args__ = arranged(
        Index(None, "source", "external_id", "rom_id"),
        Index(None, "platform_id", "source", "external_id", "rom_id"),
    )

    rom_id: int = Field(primary_key=True, foreign_key="roms.id", ondelete="CASCADE")
    source: str = Field(primary_key=True, max_length=20)
    platform_id: int
    external_id: str | None = Field(default=None, max_length=100)
    payload: dict[str, Any] | None = Field(default=None, sa_type=Json, nullable=True)


class RomMetadata(Stamped, table=True):
    """The facts of a ROM, taken from all its providers by fixed precedence."""

    __tablename__ = "roms_metadata"
    __table_args__ = arranged(
        Index(None, "first_release_date"),
        Index(None, "average_rating"),
        Index(None, "minimum_age"),
    )

    rom_id: int = Field(primary_key=True, foreign_key="roms.id", ondelete="CASCADE")
    genres: list[str] = json_list()
    franchises: list[str] = json_list()
    collections: list[str] = json_list()
    companies: list[str] = json_list()
    game_modes: list[str] = json_list()
    age_ratings: list[str] = json_list()
    minimum_age: int | None = None
    """Years: the highest that one of the age ratings asks for. None: nobody rated it."""
    player_count: str = Field(default="1", max_length=100)
    first_release_date: int | None = Field(default=None, sa_type=BigInteger)
    """Milliseconds since 1970."""
    average_rating: float | None = Field(default=None, sa_type=Double)
    """0 to 100."""


class Facet(Base, table=True):
    """One value of one kind that ROMs can be filtered by: (genre, Puzzle), (region, Japan)."""

    __tablename__ = "facets"
    __table_args__ = arranged(UniqueConstraint("kind", "value"))

    id: int | None = key()
    kind: str = Field(max_length=20)
    value: str = Field(sa_column=Column(ordered_text(450), nullable=False))


class RomFacet(Base, table=True):
    """A ROM has a facet."""

    __tablename__ = "rom_facets"
    __table_args__ = arranged(
        Index(None, "rom_id"), Index(None, "platform_id", "facet_id"), sqlite_with_rowid=False
    )

    facet_id: int = Field(primary_key=True, foreign_key="facets.id", ondelete="CASCADE")
    rom_id: int = Field(primary_key=True, foreign_key="roms.id", ondelete="CASCADE")
    platform_id: int


ROMS = table_of(Rom)
ROM_SOURCES = table_of(RomSource)
ROM_METADATA = table_of(RomMetadata)
FACETS = table_of(Facet)
ROM_FACETS = table_of(RomFacet)
