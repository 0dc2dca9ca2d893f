"""Devices, and how far each has followed a save."""

from enum import StrEnum
from typing import Any

from romm_lite.wire.common import Schema, Timestamp


class SyncMode(StrEnum):
    """How a device exchanges its saves."""

    API = "api"
    FILE_TRANSFER = "file_transfer"
    PUSH_PULL = "push_pull"


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
    sync_config: dict[str, Any] | None
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
