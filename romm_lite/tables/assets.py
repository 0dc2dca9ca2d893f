"""What users made while playing: saves, states, screenshots, and every version of them.

Bytes lie in files named by their SHA-256; ``file_path`` and ``file_name`` of an asset are the names
that clients see. ``features/saves/store.py`` tells how the tables work together.
"""

from datetime import datetime

from sqlalchemy import BigInteger, Index, UniqueConstraint
from sqlmodel import Field

from romm_lite.kernel.paths import NAME_LENGTH
from romm_lite.tables.base import (
    Stamped,
    arranged,
    digest,
    file_path,
    key,
    optional_moment,
    parent,
    table_of,
)


class Asset(Stamped):
    """What the three kinds share."""

    id: int | None = key()
    rom_id: int = parent("roms.id")
    user_id: int = parent("users.id")
    file_name: str = Field(max_length=NAME_LENGTH)
    file_name_no_tags: str = Field(max_length=NAME_LENGTH)
    file_name_no_ext: str = Field(max_length=NAME_LENGTH)
    file_extension: str = Field(default="", max_length=100)
    file_path: str = file_path()
    file_size_bytes: int = Field(default=0, sa_type=BigInteger)
    is_public: bool = False
    missing_from_fs: bool = False
    sha256: str | None = digest(64)
    """The content; None while it lies where RomM put it."""


class Save(Asset, table=True):
    """A battery save. ``slot_key`` is the slot, or "" where there is none, so that it is unique."""

    __tablename__ = "saves"
    __table_args__ = arranged(
        UniqueConstraint("user_id", "rom_id", "slot_key", "file_name"),
        Index(None, "user_id", "rom_id", "slot_key", "updated_at"),
        Index(None, "rom_id"),
        Index(None, "is_public", "rom_id"),
    )

    emulator: str | None = Field(default=None, max_length=50)
    slot: str | None = Field(default=None, max_length=255)
    slot_key: str = Field(default="", max_length=255)
    content_hash: str | None = Field(default=None, max_length=32)
    screenshot_id: int | None = None
    """Its picture. No foreign key: MariaDB deletes no ROM or user whose rows clear each other."""
    origin_device_id: str | None = parent("devices.id", on_delete="SET NULL", length=255)


class State(Asset, table=True):
    """An emulator's snapshot of a running game."""

    __tablename__ = "states"
    __table_args__ = arranged(
        UniqueConstraint("user_id", "rom_id", "file_name"),
        Index(None, "rom_id"),
        Index(None, "is_public", "rom_id"),
    )

    emulator: str | None = Field(default=None, max_length=50)
    screenshot_id: int | None = None


class Screenshot(Asset, table=True):
    """A picture of a game being played: of a save or state, or for the gallery."""

    __tablename__ = "screenshots"
    __table_args__ = arranged(
        UniqueConstraint("user_id", "rom_id", "file_name"),
        Index(None, "rom_id"),
    )

    is_gallery: bool = False


class Blob(Stamped, table=True):
    """A content that lies in the store. Its row is the lock of who adds or frees it."""

    __tablename__ = "blobs"
    __table_args__ = arranged()

    sha256: str = Field(primary_key=True, max_length=64)
    size_bytes: int = Field(sa_type=BigInteger)


class AssetVersion(Stamped, table=True):
    """A content that somebody kept, and under what name. It outlives the row it was made for, the
    ROM and the device, so these are no foreign keys; the names say what they were.

    ``ended_at`` and ``reason`` are None while it is what its row has now. One that ended because it
    was deleted is the tombstone of what was deleted.
    """

    __tablename__ = "asset_versions"
    __table_args__ = arranged(
        Index(None, "kind", "asset_id"),
        Index(None, "user_id", "rom_id"),
        Index(None, "sha256"),
        Index(None, "ended_at"),
    )

    id: int | None = key()
    kind: str = Field(max_length=20)
    """The table its row is or was in."""
    asset_id: int
    user_id: int = parent("users.id")
    rom_id: int | None = None
    rom_name: str = Field(default="", max_length=NAME_LENGTH)
    platform_slug: str = Field(default="", max_length=NAME_LENGTH)
    slot: str | None = Field(default=None, max_length=255)
    emulator: str | None = Field(default=None, max_length=50)
    file_name: str = Field(max_length=NAME_LENGTH)
    sha256: str = Field(max_length=64)
    content_hash: str | None = digest(32)
    size_bytes: int = Field(sa_type=BigInteger)
    device_id: str | None = Field(default=None, max_length=255)
    locked: bool = False
    """Whether it stays whatever the settings say of old versions."""
    ended_at: datetime | None = optional_moment()
    reason: str | None = Field(default=None, max_length=20)


SAVES = table_of(Save)
STATES = table_of(State)
SCREENSHOTS = table_of(Screenshot)
BLOBS = table_of(Blob)
ASSET_VERSIONS = table_of(AssetVersion)
