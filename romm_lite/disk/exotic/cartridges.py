"""RetroAchievements' hashes of cartridges, made while a file is read.

Each is an MD5 of the ROM without what dumpers put around it.
"""

import hashlib
from array import array
from collections.abc import Callable
from typing import Protocol

from romm_lite.disk.exotic.sources import Unreadable

HEAD = 1024
"""Bytes at the start of a ROM, after which it is known how to go on."""
COPIER_HEADER = 512
"""Bytes that copiers of floppy disks put before a ROM."""
_SUPERCARD = ((0, b"\x2e\x00\x00\xea"), (0xB0, b"\x44\x46\x96\x00"))
_NDS_HEADER = 0x160
_NDS_ICON = 0xA00
_NDS_LARGEST = 16 << 20


class Digest(Protocol):
    """A hash in the making."""

    def update(self, block: bytes | bytearray | memoryview, /) -> None: ...

    def hexdigest(self) -> str: ...


Rule = Callable[[bytes, int | None], Digest | None]
"""From the head of a ROM and its size, if that is known: how to hash it, None for just as it is.

``Unreadable`` if it is no ROM of the system.
"""


class RomHash:
    """Takes a ROM block by block."""

    def __init__(self, rule: Rule) -> None:
        self._rule = rule
        self.begin(None)

    def begin(self, size: int | None) -> None:
        """A ROM begins; whatever came before was none."""
        self._size = size
        self._head: bytearray | None = bytearray()
        self._digest: Digest | None = None
        self._problem: Unreadable | None = None

    def update(self, block: bytes | bytearray | memoryview) -> None:
        if self._head is None:
            if self._digest:
                self._digest.update(block)
            return
        self._head += block
        if len(self._head) >= HEAD:
            self._start(self._head)

    def finish(self, md5: str) -> str:
        """The hash; ``md5`` is that of all bytes. ``Unreadable`` if this is no ROM."""
        if self._head is not None:
            self._start(self._head)
        if self._problem:
            raise self._problem
        return self._digest.hexdigest() if self._digest else md5

    def _start(self, head: bytearray) -> None:
        self._head = None
        try:
            self._digest = self._rule(bytes(head[:HEAD]), self._size)
        except Unreadable as problem:
            self._problem = problem
        if self._digest:
            self._digest.update(head)


def whole(_head: bytes, _size: int | None) -> None:
    """All bytes."""


def after_header(magic: bytes, at: int, size: int) -> Rule:
    """All bytes after a header of this size, if there is one."""

    def start(head: bytes, _size: int | None) -> Digest | None:
        return _Skipping(size) if head[at : at + len(magic)] == magic else None

    return start


def after_copier_header(unit: int) -> Rule:
    """All bytes after a copier's header, which is there if the rest is whole units."""

    def start(_head: bytes, size: int | None) -> Digest | None:
        if size is None:
            return _MaybeSkipping(unit)
        return _Skipping(COPIER_HEADER) if size % unit == COPIER_HEADER else None

    return start


def n64(head: bytes, _size: int | None) -> Digest | None:
    """All bytes, in the order of the console: the first one tells which order they are in."""
    match head[:1]:
        case b"\x80":
            return None
        case b"\x37":
            return _Swapping("H")
        case b"\x40":
            return _Swapping("I")
    raise Unreadable("it does not begin as a ROM of the Nintendo 64")


def nds(head: bytes, _size: int | None) -> Digest:
    """Header, programs of both processors, icon and title."""
    start = 0
    if all(head[at : at + len(magic)] == magic for at, magic in _SUPERCARD):
        start = COPIER_HEADER
    header = head[start : start + _NDS_HEADER]
    if len(header) < _NDS_HEADER:
        raise Unreadable("it is smaller than the header of a ROM")
    arm9, arm9_size, arm7, arm7_size, icon = (
        int.from_bytes(header[at : at + 4], "little") for at in (0x20, 0x2C, 0x30, 0x3C, 0x68)
    )
    if arm9_size + arm7_size > _NDS_LARGEST:
        raise Unreadable("its programs are larger than the console's memory")
    programs = [(start + arm9, arm9_size), (start + arm7, arm7_size)]
    return _Pieces([(start, _NDS_HEADER), *programs], (start + icon, _NDS_ICON))


class _Skipping:
    """An MD5 of all but so many bytes at the start."""

    def __init__(self, skip: int) -> None:
        self._skip = skip
        self._md5 = hashlib.md5(usedforsecurity=False)

    def update(self, block: bytes | bytearray | memoryview) -> None:
        skipped = min(self._skip, len(block))
        self._skip -= skipped
        self._md5.update(memoryview(block)[skipped:])

    def hexdigest(self) -> str:
        return self._md5.hexdigest()


class _MaybeSkipping:
    """As ``_Skipping`` where only the end tells whether there is a copier's header."""

    def __init__(self, unit: int) -> None:
        self._unit = unit
        self._size = 0
        self._all = _Skipping(0)
        self._rest = _Skipping(COPIER_HEADER)

    def update(self, block: bytes | bytearray | memoryview) -> None:
        self._size += len(block)
        self._all.update(block)
        self._rest.update(block)

    def hexdigest(self) -> str:
        has_header = self._size % self._unit == COPIER_HEADER
        return (self._rest if has_header else self._all).hexdigest()


class _Swapping:
    """An MD5 of numbers with their bytes turned round; ``kind`` is a type code of ``array``."""

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._width = array(kind).itemsize
        self._left = b""
        self._md5 = hashlib.md5(usedforsecurity=False)

    def update(self, block: bytes | bytearray | memoryview) -> None:
        if self._left:
            missing = self._width - len(self._left)
            self._left += bytes(block[:missing])
            block = memoryview(block)[missing:]
            if len(self._left) < self._width:
                return
            self._swap(self._left)
        end = len(block) - len(block) % self._width
        self._left = bytes(block[end:])
        self._swap(memoryview(block)[:end])

    def hexdigest(self) -> str:
        if self._left:
            raise Unreadable("its size is odd")
        return self._md5.hexdigest()

    def _swap(self, block: bytes | bytearray | memoryview) -> None:
        numbers = array(self._kind)
        numbers.frombytes(block)
        numbers.byteswap()
        self._md5.update(numbers)


class _Pieces:
    """An MD5 of pieces, in an order that need not be that of the file."""

    def __init__(self, pieces: list[tuple[int, int]], last: tuple[int, int]) -> None:
        """Pieces are (offset, size); the last one may be missing and counts as zeros then."""
        self._wanted = [*pieces, last]
        self._found = [bytearray() for _ in self._wanted]
        self._at = 0

    def update(self, block: bytes | bytearray | memoryview) -> None:
        end = self._at + len(block)
        for (offset, size), found in zip(self._wanted, self._found, strict=True):
            start = max(offset, self._at)
            stop = min(offset + size, end)
            if start < stop:
                found += memoryview(block)[start - self._at : stop - self._at]
        self._at = end

    def hexdigest(self) -> str:
        sizes = [size for _, size in self._wanted]
        if any(len(found) < size for found, size in zip(self._found, sizes[:-1], strict=False)):
            raise Unreadable("it is cut short")
        md5 = hashlib.md5(usedforsecurity=False)
        for found, size in zip(self._found, sizes, strict=True):
            md5.update(found.ljust(size, b"\0"))
        return md5.hexdigest()
