"""BIOS and firmware files."""

from sqlalchemy import BigInteger, UniqueConstraint
from sqlmodel import Field

from romm_lite.kernel.paths import NAME_LENGTH
from romm_lite.tables.base import Stamped, arranged, file_name, file_path, key, parent, table_of


class Firmware(Stamped, table=True):
    """A file in a platform's firmware folder, verified against the known dumps."""

    __tablename__ = "firmware"
    __table_args__ = arranged(UniqueConstraint("platform_id", "file_name"))

    id: int | None = key()
    platform_id: int = parent("platforms.id")
    file_name: str = file_name()
    file_name_no_tags: str = Field(max_length=NAME_LENGTH)
    file_name_no_ext: str = Field(max_length=NAME_LENGTH)
    file_extension: str = Field(default="", max_length=100)
    file_path: str = file_path()
    file_size_bytes: int = Field(default=0, sa_type=BigInteger)
    modified_ns: int = Field(default=0, sa_type=BigInteger)
    crc_hash: str = Field(default="", max_length=100)
    md5_hash: str = Field(default="", max_length=100)
    sha1_hash: str = Field(default="", max_length=100)
    is_verified: bool = False
    missing_from_fs: bool = False


FIRMWARE = table_of(Firmware)
