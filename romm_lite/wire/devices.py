"""Devices, and how far each has followed a save."""

from enum import StrEnum
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, Field, field_validator

from romm_lite.wire.common import Schema, Timestamp

MASK = "********"
"""What is sent in place of a secret, and what clients send back for one they leave as it is."""
SECRETS = frozenset({"ssh_password", "ssh_key_path"})
"""Members of ``sync_config``, however deep, that are told to nobody."""


class SyncMode(StrEnum):
    """How a device exchanges its saves."""

    API = "api"
    FILE_TRANSFER = "file_transfer"
    PUSH_PULL = "push_pull"


def mask_secrets(value: Any) -> Any:
    """A JSON value with MASK in place of each secret; one that is empty stays, as it is none."""
    if isinstance(value, dict):
        return {
            name: MASK if name in SECRETS and part else mask_secrets(part)
            for name, part in value.items()
        }
    return [mask_secrets(part) for part in value] if isinstance(value, list) else value


class DeviceFields(BaseModel):
    """What a client may say of its device, no longer than the database has room for."""

    name: str | None = Field(None, max_length=255)
    platform: str | None = Field(None, max_length=50)
    client: str | None = Field(None, max_length=50)
    client_version: str | None = Field(None, max_length=50)
    ip_address: str | None = Field(None, max_length=45)
    mac_address: str | None = Field(None, max_length=17)
    hostname: str | None = Field(None, max_length=255)
    sync_mode: SyncMode | None = None
    sync_config: dict[str, Any] | None = None


class DeviceCreatePayload(DeviceFields):
    """A device that registers, perhaps not for the first time; without a mode it is ``api``."""

    allow_existing: bool = True
    allow_duplicate: bool = False
    reset_syncs: bool = False


class DeviceUpdatePayload(DeviceFields):
    """What to change of a device; null clears a field that can be empty."""

    sync_enabled: bool | None = None

    @field_validator("sync_mode", "sync_enabled")
    @classmethod
    def _refuse_null(cls, value: Any) -> Any:
        if value is None:
            raise ValueError("null is no value of this field; leave it out to keep what it is")
        return value


class DeviceCreateResponse(Schema):
    """The device that was made or found."""

    device_id: str
    name: str | None
    created_at: Timestamp


class DeviceSchema(Schema):
    """One device; the secrets in ``sync_config`` are sent masked."""

    id: str
    user_id: int
    name: str | None
    platform: str | None
    client: str | None
    client_version: str | None
    ip_address: str | None
    mac_address: str | None
    hostname: str | None
    client_device_identifier: str | None
    sync_mode: SyncMode
    sync_enabled: bool
    sync_config: Annotated[dict[str, Any] | None, AfterValidator(mask_secrets)]
    last_seen: Timestamp | None
    created_at: Timestamp
    updated_at: Timestamp


class DeviceSyncSchema(Schema):
    """What one device has of a save."""

    device_id: str
    device_name: str | None
    last_synced_at: Timestamp
    is_untracked: bool
    is_current: bool
