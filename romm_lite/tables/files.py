"""The files a ROM is made of."""

from typing import Any

from sqlalchemy import BigInteger, Index
from sqlmodel import Field

from romm_lite.tables.base import (
    Stamped,
    arranged,
    digest,
    file_name,
    file_path,
    key,
    optional_json,
    parent,
    table_of,
)


class RomFile(Stamped, table=True):
    """One file of a ROM: the ROM itself if that is flat, else any file below its folder."""

    __tablename__ = "rom_files"
    __table_args__ = arranged(
        Index(None, "rom_id"),
        Index(None, "hashed", "rom_id"),
        Index(None, "crc_hash"),
        Index(None, "md5_hash"),
        Index(None, "sha1_hash"),
        Index(None, "ra_hash"),
        Index(None, "chd_sha1_hash"),
        Index(None, "category", "rom_id"),
    )

    id: int | None = key()
    rom_id: int = parent("roms.id")
    file_name: str = file_name()
    file_path: str = file_path()
    file_size_bytes: int = Field(default=0, sa_type=BigInteger)
    modified_ns: int = Field(default=0, sa_type=BigInteger)
    """The file's mtime in nanoseconds; with the size it tells whether the file changed."""
    category: str | None = Field(default=None, max_length=20)
    is_top_level: bool = True
    hashed: bool = False
    """Whether the hashes below belong to this size and mtime."""
    crc_hash: str | None = digest()
    md5_hash: str | None = digest()
    sha1_hash: str | None = digest()
    ra_hash: str | None = digest()
    chd_sha1_hash: str | None = digest()
    archive_members: list[dict[str, Any]] | None = optional_json()
    track_meta: dict[str, Any] | None = optional_json()
    missing_from_fs: bool = False


ROM_FILES = table_of(RomFile)
