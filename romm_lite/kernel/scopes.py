"""Scopes, roles and what a permission grant lets through.

The order of ``Scope`` is the order of ``oauth_scopes`` on the wire.
"""

from collections.abc import Iterable
from enum import StrEnum


class Scope(StrEnum):
    """One word of the OAuth2 vocabulary RomM's clients ask for."""

    ME_READ = "me.read"
    ROMS_READ = "roms.read"
    PLATFORMS_READ = "platforms.read"
    ASSETS_READ = "assets.read"
    DEVICES_READ = "devices.read"
    FIRMWARE_READ = "firmware.read"
    ROMS_USER_READ = "roms.user.read"
    COLLECTIONS_READ = "collections.read"
    PLAYLISTS_READ = "playlists.read"
    ME_WRITE = "me.write"
    ASSETS_WRITE = "assets.write"
    DEVICES_WRITE = "devices.write"
    ROMS_USER_WRITE = "roms.user.write"
    COLLECTIONS_WRITE = "collections.write"
    PLAYLISTS_WRITE = "playlists.write"
    ROMS_WRITE = "roms.write"
    PLATFORMS_WRITE = "platforms.write"
    FIRMWARE_WRITE = "firmware.write"
    USERS_READ = "users.read"
    USERS_WRITE = "users.write"
    TASKS_RUN = "tasks.run"
    LOGS_READ = "logs.read"


ALL_SCOPES: tuple[Scope, ...] = tuple(Scope)
READ_SCOPES: tuple[Scope, ...] = ALL_SCOPES[:9]
"""What a kiosk visitor may do."""

ALWAYS_GRANTED = frozenset(
    {Scope.ME_READ, Scope.ME_WRITE, Scope.ROMS_USER_READ, Scope.ROMS_USER_WRITE}
)


class Role(StrEnum):
    """The two roles of protocol 5.2; everything finer is a permission group."""

    USER = "user"
    ADMIN = "admin"


class Entity(StrEnum):
    """What a permission grant can be about, in the order of the catalogue."""

    PLATFORMS = "platforms"
    ROMS = "roms"
    COLLECTIONS = "collections"
    PLAYLISTS = "playlists"
    FIRMWARE = "firmware"
    ASSETS = "assets"
    DEVICES = "devices"
    USERS = "users"
    TASKS = "tasks"
    LOGS = "logs"


class Action(StrEnum):
    """What a grant allows."""

    READ = "read"
    WRITE = "write"
    DELETE = "delete"


def project(grants: Iterable[tuple[str, str]]) -> tuple[Scope, ...]:
    """Scopes that (entity, action) grants amount to, in canonical order; delete gives none."""
    words = {"tasks.run" if grant == ("tasks", "write") else ".".join(grant) for grant in grants}
    return tuple(scope for scope in ALL_SCOPES if scope in ALWAYS_GRANTED or scope in words)
