"""Files on a disc, found by their path."""

from collections.abc import Iterator
from typing import NamedTuple

from romm_lite.disk.exotic.sources import Unreadable
from romm_lite.disk.exotic.tracks import SECTOR, Track

_DESCRIPTOR = 16
_ROOT = slice(156, 190)
_LARGEST_FOLDER = 4 << 20
_IS_FOLDER = 2


class DiscFile(NamedTuple):
    """Where a file lies on a disc: its first sector and its size in bytes."""

    sector: int
    size: int


def find_file(track: Track, path: str) -> DiscFile | None:
    """A file by its path, with slashes, in any case and without version; None if there is none.

    ``Unreadable`` if the track has no file system.
    """
    descriptor = track.read(_DESCRIPTOR, SECTOR)
    if descriptor[:6] != b"\x01CD001":
        raise Unreadable("it has no ISO 9660 file system")
    found = _describe(descriptor[_ROOT])
    is_folder = True
    for name in path.upper().encode("latin-1", "replace").split(b"/"):
        if not is_folder:
            return None
        entries = _list(track, found)
        match = next((record for record in entries if _name(record) == name), None)
        if match is None:
            return None
        found, is_folder = _describe(match), bool(match[25] & _IS_FOLDER)
    return None if is_folder else found


def _list(track: Track, folder: DiscFile) -> Iterator[bytes]:
    """The records of a folder; none crosses the end of a sector."""
    if folder.size > _LARGEST_FOLDER:
        raise Unreadable("it has a folder of an absurd size")
    for number in range(-(-folder.size // SECTOR)):
        sector = track.read(folder.sector + number, SECTOR)
        at = 0
        while at < SECTOR and (length := sector[at]):
            record = sector[at : at + length]
            if length < 34 or len(record) < length or 33 + record[32] > length:
                raise Unreadable("a folder on it is damaged")
            yield record
            at += length


def _describe(record: bytes) -> DiscFile:
    """Place and size; numbers are there in both byte orders."""
    return DiscFile(int.from_bytes(record[2:6], "little"), int.from_bytes(record[10:14], "little"))


def _name(record: bytes) -> bytes:
    name = record[33 : 33 + record[32]]
    return name.partition(b";")[0].rstrip(b".").upper()
