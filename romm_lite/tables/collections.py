"""Collections people make by hand or by rule; those by genre and kin come from the facets."""

from typing import Any

from sqlalchemy import Index, UniqueConstraint
from sqlmodel import Field

from romm_lite.tables.base import (
    Base,
    Json,
    Stamped,
    arranged,
    key,
    long,
    parent,
    table_of,
)


class Collection(Stamped, table=True):
    """A collection made by hand."""

    __tablename__ = "collections"
    __table_args__ = arranged(UniqueConstraint("user_id", "name"), Index(None, "is_public", "name"))

    id: int | None = key()
    user_id: int = parent("users.id")
    name: str = Field(max_length=400)
    description: str = long()
    is_public: bool = False
    is_favorite: bool = False
    path_cover_s: str | None = Field(default=None, max_length=1000)
    path_cover_l: str | None = Field(default=None, max_length=1000)
    url_cover: str | None = Field(default=None, max_length=1000)


class CollectionRom(Base, table=True):
    """A ROM is in a collection."""

    __tablename__ = "collections_roms"
    __table_args__ = arranged(Index(None, "rom_id"), sqlite_with_rowid=False)

    collection_id: int = Field(primary_key=True, foreign_key="collections.id", ondelete="CASCADE")
    rom_id: int = Field(primary_key=True, foreign_key="roms.id", ondelete="CASCADE")


class SmartCollection(Stamped, table=True):
    """A collection by rule: whatever the criteria find when it is read."""

    __tablename__ = "smart_collections"
    __table_args__ = arranged(UniqueConstraint("user_id", "name"), Index(None, "is_public", "name"))

    id: int | None = key()
    user_id: int = parent("users.id")
    name: str = Field(max_length=400)
    description: str = long()
    is_public: bool = False
    filter_criteria: dict[str, Any] = Field(default_factory=dict, sa_type=Json)


COLLECTIONS = table_of(Collection)
COLLECTION_ROMS = table_of(CollectionRom)
SMART_COLLECTIONS = table_of(SmartCollection)
