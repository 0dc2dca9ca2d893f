"""What users made while playing: saves, states, screenshots."""

from sqlalchemy import BigInteger, Index, UniqueConstraint
from sqlmodel import Field

from romm_lite.kernel.paths import NAME_LENGTH
from romm_lite.tables.base import Stamped, arranged, file_path, key, parent, table_of


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


class Screenshot(Asset, table=True):
    """A picture of a game being played: of a save or state, or for the gallery."""

    __tablename__ = "screenshots"
    __table_args__ = arranged(
        UniqueConstraint("user_id", "rom_id", "file_name"),
        Index(None, "rom_id"),
    )

    is_gallery: bool = False


SAVES = table_of(Save)
STATES = table_of(State)
SCREENSHOTS = table_of(Screenshot)
