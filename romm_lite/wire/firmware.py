"""BIOS and firmware files."""

from pydantic import BaseModel

from romm_lite.wire.common import Key, Schema, Timestamp


class FirmwareListQuery(BaseModel):
    """Which firmware to list."""

    platform_id: Key | None = None


class FirmwareSchema(Schema):
    """One firmware file; native clients need every text non-null, hashes included."""

    id: int
    file_name: str
    file_name_no_tags: str
    file_name_no_ext: str
    file_extension: str
    file_path: str
    file_size_bytes: int
    full_path: str
    is_verified: bool
    crc_hash: str
    md5_hash: str
    sha1_hash: str
    missing_from_fs: bool
    created_at: Timestamp
    updated_at: Timestamp


class AddFirmwareResponse(Schema):
    """How many files came, and all the firmware of the platform."""

    uploaded: int
    firmware: list[FirmwareSchema]
