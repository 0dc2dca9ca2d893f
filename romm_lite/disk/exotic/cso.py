"""Compressed images of UMDs: CSO (CISO), ZSO (ZISO) and DAX.

CSO and ZSO: magic, size of the header, size of the content (8 bytes), size of a block, version,
shift of the places, two bytes of nothing; then a place for each block and one for the end, in 4
bytes whose highest bit says that the block is stored as it is. Blocks are raw deflate, or LZ4.

DAX: magic, size of the content, version, number of ranges that are stored as they are, 16 bytes of
nothing; then places (4 bytes) and sizes (2 bytes) of blocks of 8 KiB packed by zlib, and the
ranges as first block and number of blocks. All numbers are little-endian.
"""

import struct
import zlib
from bisect import bisect_right

from romm_lite.disk.exotic.lz4 import unpack_lz4
from romm_lite.disk.exotic.sources import LARGEST_TABLE, BlockSource, Source, Unreadable

_HEADER = struct.Struct("<4sIQIBB2x")
_DAX_HEADER = struct.Struct("<4sIII16x")
_DAX_BLOCK = 0x2000
_IS_PLAIN = 1 << 31


def open_cso(file: Source) -> BlockSource:
    """The image in a container; ``Unreadable`` if it makes no sense."""
    return _Dax(file) if file.read(0, 4) == b"DAX\0" else _Cso(file)


class _Cso(BlockSource):
    def __init__(self, file: Source) -> None:
        magic, _, size, block_size, _, shift = _HEADER.unpack(file.read(0, _HEADER.size))
        super().__init__(size, block_size)
        self._is_lz4 = magic == b"ZISO"
        self._file = file
        self._shift = shift
        if shift > 16:
            raise Unreadable("its table of blocks is damaged")

    def unpack(self, number: int) -> bytes:
        pair = self._file.read(_HEADER.size + 4 * number, 8)
        here, end = struct.unpack("<II", pair)
        start = (here & ~_IS_PLAIN) << self._shift
        packed = ((end & ~_IS_PLAIN) << self._shift) - start
        size = min(self._block_size, self.size - number * self._block_size)
        if packed <= 0 or packed > 2 * self._block_size + (1 << self._shift):
            raise Unreadable("its table of blocks is damaged")
        if here & _IS_PLAIN:
            return self._file.read(start, size)
        data = self._file.read(start, min(packed, self._file.size - start))
        return unpack_lz4(data, size) if self._is_lz4 else inflate(data, size, is_raw=True)


class _Dax(BlockSource):
    def __init__(self, file: Source) -> None:
        _, size, version, plain = _DAX_HEADER.unpack(file.read(0, _DAX_HEADER.size))
        super().__init__(size, _DAX_BLOCK)
        self._file = file
        self._count = -(-size // _DAX_BLOCK)
        self._starts: list[int] = []
        self._ends: list[int] = []
        if version and plain:
            self._read_plain(plain)

    def _read_plain(self, count: int) -> None:
        if count > self._count or 8 * count > LARGEST_TABLE:
            raise Unreadable("its list of plain blocks is damaged")
        found = self._file.read(_DAX_HEADER.size + 6 * self._count, 8 * count)
        for first, blocks in sorted(struct.iter_unpack("<II", found)):
            self._starts.append(first)
            self._ends.append(first + blocks)

    def unpack(self, number: int) -> bytes:
        table = _DAX_HEADER.size
        (start,) = struct.unpack("<I", self._file.read(table + 4 * number, 4))
        sizes = table + 4 * self._count
        (packed,) = struct.unpack("<H", self._file.read(sizes + 2 * number, 2))
        size = min(_DAX_BLOCK, self.size - number * _DAX_BLOCK)
        place = bisect_right(self._starts, number) - 1
        if place >= 0 and number < self._ends[place]:
            return self._file.read(start, size)
        return inflate(self._file.read(start, packed), size, is_raw=False)


def inflate(data: bytes, size: int, *, is_raw: bool) -> bytes:
    """A block packed by deflate; ``Unreadable`` if it does not give so many bytes."""
    try:
        found = zlib.decompressobj(-15 if is_raw else 15).decompress(data, size)
    except zlib.error as error:
        raise Unreadable(f"a block is damaged ({error})") from error
    if len(found) < size:
        raise Unreadable("a block is cut short")
    return found
