"""What a user says of a ROM: flags, ratings, notes."""

from datetime import datetime

from sqlalchemy import Index, UniqueConstraint
from sqlmodel import Field

from romm_lite.tables.base import (
    Stamped,
    arranged,
    key,
    long,
    optional_json,
    optional_moment,
    parent,
    table_of,
)


class RomUser(Stamped, table=True):
    """One user's flags and ratings of one ROM."""

    __tablename__ = "rom_user"
    __table_args__ = arranged(
        UniqueConstraint("rom_id", "user_id"),
        Index(None, "user_id", "hidden", "rom_id"),
        Index(None, "user_id", "last_played"),
        Index(None, "user_id", "status"),
    )

    id: int | None = key()
    rom_id: int = parent("roms.id")
    user_id: int = parent("users.id")
    is_main_sibling: bool = False
    last_played: datetime | None = optional_moment()
    backlogged: bool = False
    now_playing: bool = False
    hidden: bool = False
    rating: int = 0
    difficulty: int = 0
    completion: int = 0
    status: str | None = Field(default=None, max_length=20)


class RomNote(Stamped, table=True):
    """A note a user wrote on a ROM."""

    __tablename__ = "rom_notes"
    __table_args__ = arranged(
        UniqueConstraint("rom_id", "user_id", "title"), Index(None, "user_id", "rom_id")
    )

    id: int | None = key()
    rom_id: int = parent("roms.id")
    user_id: int = parent("users.id")
    title: str = Field(max_length=400)
    content: str = long()
    is_public: bool = False
    tags: list[str] | None = optional_json()


ROM_USER = table_of(RomUser)
ROM_NOTES = table_of(RomNote)
