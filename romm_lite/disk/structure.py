"""The two ways RomM lays out a library.

A: ``roms/<platform>/…`` and ``bios/<platform>/…``. B: ``<platform>/roms/…`` and
``<platform>/bios/…``.
"""

import os
from enum import Enum
from pathlib import Path


class Structure(Enum):
    """How a library is laid out; the values are the words of the setup wizard."""

    A = "struct_a"
    B = "struct_b"
    NONE = None


def detect(library: Path, roms_folder: str) -> Structure:
    """Which structure a library has; NONE if it has neither or cannot be read."""
    if is_dir(library / roms_folder):
        return Structure.A
    try:
        with os.scandir(library) as entries:
            folders = [entry.path for entry in entries if not entry.name.startswith(".")]
    except OSError:
        return Structure.NONE
    is_b = any(is_dir(Path(folder, roms_folder)) for folder in folders)
    return Structure.B if is_b else Structure.NONE


def place(fs_slug: str, folder: str, structure: Structure) -> str:
    """Where a platform's folder of one kind lies, relative to the library."""
    return f"{fs_slug}/{folder}" if structure is Structure.B else f"{folder}/{fs_slug}"


def is_dir(path: Path) -> bool:
    """Whether this is a folder that can be reached."""
    try:
        return path.is_dir()
    except OSError:
        return False
