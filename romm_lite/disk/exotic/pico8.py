"""Cartridges of PICO-8 that are pictures of themselves: the game is hidden in their pixels."""

from pathlib import Path

from romm_lite.disk.exotic.sources import FileSource, Unreadable

SLUG = "pico"
ENDING = ".p8.png"
_LARGEST = 1 << 20


def read_picture(path: Path) -> bytes:
    """The picture on a cartridge; ``Unreadable`` if it is none."""
    with FileSource(path) as file:
        if file.size > _LARGEST:
            raise Unreadable("it is larger than any cartridge")
        content = file.read(0, file.size)
    if not content.startswith(b"\x89PNG"):
        raise Unreadable("it is no picture")
    return content
