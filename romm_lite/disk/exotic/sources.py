"""Bytes that can be read at any place: files, and containers that unpack as they are read."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Protocol, Self

from romm_lite.disk.members import Stopped
from romm_lite.kernel.errors import RommError

SMALLEST_BLOCK = 512
LARGEST_BLOCK = 1 << 20
"""Bytes; no honest container has blocks that unpack to less or more."""
LARGEST_TABLE = 64 << 20
"""Bytes of a container's table of blocks."""


class Unreadable(RommError):
    """What was looked for is not there, is damaged, or of a kind that is not understood."""


class Source(Protocol):
    """Bytes of a known number that can be read at any place."""

    size: int

    def read(self, offset: int, size: int) -> bytes:
        """Exactly these bytes; ``Unreadable`` if they do not exist."""
        ...


class FileSource:
    """An open file."""

    def __init__(self, path: Path) -> None:
        if not path.is_file():
            raise Unreadable(f"{path.name} is not there")
        self._file: IO[bytes] = path.open("rb", buffering=0)
        self.size = path.stat().st_size

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def read(self, offset: int, size: int) -> bytes:
        check_range(self.size, offset, size)
        self._file.seek(offset)
        found = bytearray()
        while len(found) < size and (more := self._file.read(size - len(found))):
            found += more
        if len(found) < size:
            raise Unreadable("the file is cut short")
        return bytes(found)


class BlockSource:
    """What lies in blocks of one size that are unpacked one by one; the last one is kept."""

    def __init__(self, size: int, block_size: int) -> None:
        if not SMALLEST_BLOCK <= block_size <= LARGEST_BLOCK:
            raise Unreadable(f"it has blocks of {block_size} bytes")
        self.size = size
        self._block_size = block_size
        self._kept = -1
        self._block = b""

    def unpack(self, number: int) -> bytes:
        """The content of a block."""
        raise NotImplementedError

    def read(self, offset: int, size: int) -> bytes:
        check_range(self.size, offset, size)
        found = bytearray()
        while len(found) < size:
            number, start = divmod(offset + len(found), self._block_size)
            block = self._get(number)
            piece = block[start : start + size - len(found)]
            if not piece:
                raise Unreadable("a block is cut short")
            found += piece
        return bytes(found)

    def _get(self, number: int) -> bytes:
        if number != self._kept:
            self._block = self.unpack(number)
            self._kept = number
        return self._block


def check_range(whole: int, offset: int, size: int) -> None:
    """``Unreadable`` if a range does not lie within so many bytes."""
    if offset < 0 or size < 0 or offset + size > whole:
        raise Unreadable("it points beyond its end")


def check_stop(stop: Callable[[], bool]) -> None:
    """``Stopped`` if asked to stop."""
    if stop():
        raise Stopped("stopped while reading a disc")


def split(size: int, piece: int) -> Iterator[int]:
    """Sizes of pieces that make up a size, all but the last of one size."""
    while size > 0:
        yield min(size, piece)
        size -= piece
