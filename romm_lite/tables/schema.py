"""Importing this knows every table: ``METADATA`` is complete."""

from romm_lite.tables import (
    assets,
    collections,
    devices,
    files,
    firmware,
    music,
    permissions,
    platforms,
    rom_users,
    roms,
    system,
    tasks,
    trash,
    users,
)
from romm_lite.tables.base import METADATA

MODULES = (
    users,
    permissions,
    platforms,
    roms,
    files,
    rom_users,
    collections,
    devices,
    assets,
    firmware,
    music,
    trash,
    system,
    tasks,
)

__all__ = ["METADATA", "MODULES"]
