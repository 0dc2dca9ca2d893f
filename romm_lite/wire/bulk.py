"""Deleting many at once; the outcome is a ``BulkOperationResponse``."""

from pydantic import BaseModel, ConfigDict, Field

from romm_lite.wire.common import Key


class RomsDelete(BaseModel):
    """The ROMs to delete, and those of them whose files go as well."""

    model_config = ConfigDict(title="Body_delete_roms_api_roms_delete_post")

    roms: list[Key]
    delete_from_fs: list[Key] = Field(default_factory=list)


class FirmwareDelete(BaseModel):
    """The firmware to delete, and what of it goes from the disk as well."""

    model_config = ConfigDict(title="Body_delete_firmware_api_firmware_delete_post")

    firmware: list[Key]
    delete_from_fs: list[Key] = Field(default_factory=list)
