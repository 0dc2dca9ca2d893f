"""RetroAchievements' hashes of discs: an MD5 of what a console starts from."""

import hashlib
import re
from collections.abc import Callable

from romm_lite.disk.exotic.iso9660 import DiscFile, find_file
from romm_lite.disk.exotic.sources import Unreadable
from romm_lite.disk.exotic.tracks import SECTOR, Track

LARGEST_FILE = 64 << 20
"""Bytes of a file that count."""
_LARGEST_CONFIG = 64 << 10
_BOOT_SECTOR = 512

Rule = Callable[[Track], str]
"""The hash of a disc; ``Unreadable`` if it is none of the system."""


def first_bytes(*magics: bytes) -> Rule:
    """The first bytes of the disc, which name the system."""

    def make(track: Track) -> str:
        head = track.read(0, _BOOT_SECTOR)
        if not head.startswith(magics):
            raise Unreadable("it does not begin as a disc of its system")
        return hashlib.md5(head, usedforsecurity=False).hexdigest()

    return make


def psx(track: Track) -> str:
    """Name and content of the program that SYSTEM.CNF names, or of PSX.EXE."""
    name = _find_boot(track, "BOOT", "cdrom:") or "PSX.EXE"
    file = _find(track, name)
    head = track.read(file.sector, min(file.size, SECTOR))
    if head.startswith(b"PS-X EXE"):
        file = DiscFile(file.sector, int.from_bytes(head[28:32], "little") + SECTOR)
    return _hash(track, name, [file])


def ps2(track: Track) -> str:
    """Name and content of the program that SYSTEM.CNF names."""
    name = _find_boot(track, "BOOT2", "cdrom0:")
    if name is None:
        raise Unreadable("it names no program to start")
    return _hash(track, name, [_find(track, name)])


def psp(track: Track) -> str:
    """What the disc says of itself, and the program."""
    names = ("PSP_GAME/PARAM.SFO", "PSP_GAME/SYSDIR/EBOOT.BIN")
    return _hash(track, "", [_find(track, name) for name in names])


def _find_boot(track: Track, key: str, device: str) -> str | None:
    """The path that SYSTEM.CNF names by a key, without the device and the version."""
    config = find_file(track, "SYSTEM.CNF")
    if config is None:
        return None
    text = track.read(config.sector, min(config.size, _LARGEST_CONFIG)).decode("latin-1")
    pattern = rf"^[ \t]*{key}[ \t]*=[ \t]*(?:{device})?\\*([^\s;]+)"
    found = re.search(pattern, text, re.IGNORECASE | re.MULTILINE)
    return found[1] if found else None


def _find(track: Track, name: str) -> DiscFile:
    file = find_file(track, name.replace("\\", "/"))
    if file is None:
        raise Unreadable(f"{name} is not on it")
    return file


def _hash(track: Track, name: str, files: list[DiscFile]) -> str:
    md5 = hashlib.md5(name.encode("latin-1"), usedforsecurity=False)
    for file in files:
        for block in track.stream(file.sector, min(file.size, LARGEST_FILE)):
            md5.update(block)
    return md5.hexdigest()
