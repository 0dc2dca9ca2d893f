"""bsdiff 4: the result put together from sums of old bytes and differences, and of new bytes.

``BSDIFF40``, three numbers of 8 bytes (size of the first two parts, size of the result), then
three parts packed by bzip2: commands, differences, new bytes. A command is three numbers: how many
bytes to add up, how many new ones follow, how far to move on in the source. It has no checksums.
"""

import bz2

from romm_lite.disk.patches.base import BLOCK, BadPatch, Job, Reader

_PACKED_BLOCK = 1 << 16
_MAGIC_SIZE = 8
_SIGN = 1 << 63


def apply_bsdiff(job: Job) -> bool:
    reader = Reader(job.patch, _MAGIC_SIZE)
    sizes = [_signed(reader.number(8)) for _ in range(3)]
    if min(sizes) < 0:
        raise BadPatch("a size in it is negative")
    commands, differences = _Part(reader.take(sizes[0])), _Part(reader.take(sizes[1]))
    new = _Part(reader.take(reader.left))
    target = job.create(sizes[2])
    position = source_position = 0
    while position < len(target):
        command = Reader(memoryview(commands.read(24)))
        added, copied, step = (_signed(command.number(8)) for _ in range(3))
        if min(added, copied) < 0 or position + added + copied > len(target):
            raise BadPatch("it writes beyond the end it names")
        _fill(target[position : position + added], differences)
        _add(target, position, job.source, source_position, added)
        position += added
        _fill(target[position : position + copied], new)
        position += copied
        source_position += added + step
    return False


def _signed(word: int) -> int:
    return _SIGN - word if word & _SIGN else word


class _Part:
    """What is packed in one of the three parts."""

    def __init__(self, packed: memoryview) -> None:
        self._packed = packed
        self._taken = 0
        self._unpacker = bz2.BZ2Decompressor()

    def read(self, size: int) -> bytes:
        """So many bytes; ``BadPatch`` if there are not as many."""
        found = b""
        while len(found) < size:
            found += self._unpack(size - len(found))
        return found

    def _unpack(self, size: int) -> bytes:
        """Up to ``size`` bytes, perhaps none yet."""
        packed = b""
        if self._unpacker.needs_input:
            packed = bytes(self._packed[self._taken : self._taken + _PACKED_BLOCK])
            self._taken += len(packed)
            if not packed:
                raise BadPatch("it is cut short")
        try:
            return self._unpacker.decompress(packed, size)
        except EOFError as error:
            raise BadPatch("it is cut short") from error
        except OSError as error:
            raise BadPatch("it is damaged: a part of it cannot be unpacked") from error


def _fill(target: memoryview, part: _Part) -> None:
    for start in range(0, len(target), BLOCK):
        piece = target[start : start + BLOCK]
        piece[:] = part.read(len(piece))


def _add(
    target: memoryview, position: int, source: memoryview, source_position: int, size: int
) -> None:
    """Add old bytes to the differences, each modulo 256; beyond the source there are zeros."""
    first = max(0, -source_position)
    last = min(size, len(source) - source_position)
    for start in range(first, last, BLOCK):
        stop = min(start + BLOCK, last)
        place = target[position + start : position + stop]
        old = source[source_position + start : source_position + stop]
        place[:] = _sum(old, bytes(place))


def _sum(old: memoryview, difference: bytes) -> memoryview | bytes:
    """All bytes at once: the sum of the lower seven bits cannot carry into the next byte."""
    size = len(difference)
    if difference.count(0) == size:
        return old
    left, right = int.from_bytes(old, "little"), int.from_bytes(difference, "little")
    low = int.from_bytes(b"\x7f" * size, "little")
    high = int.from_bytes(b"\x80" * size, "little")
    return (((left & low) + (right & low)) ^ ((left ^ right) & high)).to_bytes(size, "little")
