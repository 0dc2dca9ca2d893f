"""Devices and what they did: sync sessions, play sessions, tokens."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Index, UniqueConstraint
from sqlmodel import Field

from romm_lite.tables.base import (
    Moment,
    Stamped,
    arranged,
    key,
    optional_json,
    optional_moment,
    parent,
    table_of,
)


class Device(Stamped, table=True):
    """A handheld, an emulator or a browser of one user; ``id`` is a UUID as text."""

    __tablename__ = "devices"
    __table_args__ = arranged(Index(None, "user_id"))

    id: str = Field(primary_key=True, max_length=255)
    user_id: int = parent("users.id")
    name: str | None = Field(default=None, max_length=255)
    platform: str | None = Field(default=None, max_length=50)
    client: str | None = Field(default=None, max_length=50)
    client_version: str | None = Field(default=None, max_length=50)
    client_device_identifier: str | None = Field(default=None, max_length=255)
    hostname: str | None = Field(default=None, max_length=255)
    ip_address: str | None = Field(default=None, max_length=45)
    mac_address: str | None = Field(default=None, max_length=17)
    sync_mode: str = Field(default="api", max_length=20)
    sync_enabled: bool = True
    sync_config: dict[str, Any] | None = optional_json(is_secret=True)
    last_seen: datetime | None = optional_moment()


class DeviceSaveSync(Stamped, table=True):
    """When a device last had a save's newest content."""

    __tablename__ = "device_save_sync"
    __table_args__ = arranged(Index(None, "save_id"))

    device_id: str = Field(
        primary_key=True, max_length=255, foreign_key="devices.id", ondelete="CASCADE"
    )
    save_id: int = Field(primary_key=True, foreign_key="saves.id", ondelete="CASCADE")
    last_synced_at: datetime = Field(sa_type=Moment)
    is_untracked: bool = False


class SyncSession(Stamped, table=True):
    """One round of syncing: what was planned and what became of it. Status is upper case."""

    __tablename__ = "sync_sessions"
    __table_args__ = arranged(Index(None, "device_id", "status"), Index(None, "user_id"))

    id: int | None = key()
    device_id: str = parent("devices.id", length=255)
    user_id: int = parent("users.id")
    status: str = Field(max_length=20)
    initiated_at: datetime = Field(sa_type=Moment)
    completed_at: datetime | None = optional_moment()
    operations_planned: int = 0
    operations_completed: int = 0
    operations_failed: int = 0
    error_message: str | None = Field(default=None, max_length=1000)


class PlaySession(Stamped, table=True):
    """A stretch of play."""

    __tablename__ = "play_sessions"
    __table_args__ = arranged(
        UniqueConstraint("user_id", "device_id", "rom_id", "start_time"),
        Index(None, "rom_id", "user_id"),
        Index(None, "user_id", "start_time"),
        Index(None, "device_id"),
        Index(None, "sync_session_id"),
    )

    id: int | None = key()
    user_id: int = parent("users.id")
    device_id: str | None = parent("devices.id", on_delete="SET NULL", length=255)
    rom_id: int | None = parent("roms.id", on_delete="SET NULL")
    asked_rom_id: int | None = None
    """The ROM as the client named it, whether there is such a one or not."""
    sync_session_id: int | None = parent("sync_sessions.id", on_delete="SET NULL")
    save_slot: str | None = Field(default=None, max_length=255)
    start_time: datetime = Field(sa_type=Moment)
    end_time: datetime = Field(sa_type=Moment)
    duration_ms: int = Field(sa_type=BigInteger)


class ClientToken(Stamped, table=True):
    """A long-lived token; only its SHA-256 in hex is kept."""

    __tablename__ = "client_tokens"
    __table_args__ = arranged(Index(None, "user_id"), Index(None, "device_id"))

    id: int | None = key()
    user_id: int = parent("users.id")
    device_id: str | None = parent("devices.id", on_delete="SET NULL", length=255)
    name: str = Field(max_length=255)
    hashed_token: str = Field(max_length=64, unique=True)
    scopes: str = Field(max_length=1000)
    expires_at: datetime | None = optional_moment()
    last_used_at: datetime | None = optional_moment()


DEVICES = table_of(Device)
DEVICE_SAVE_SYNC = table_of(DeviceSaveSync)
SYNC_SESSIONS = table_of(SyncSession)
PLAY_SESSIONS = table_of(PlaySession)
CLIENT_TOKENS = table_of(ClientToken)
