"""The two formats called APS: the Advanced Patching System of the Nintendo 64, and the GBA's.

N64: ``APS10``, a byte for the kind (1: it knows its ROM), the method, 50 bytes for people; what it
knows of the ROM's header (byte order, cartridge, country, checksum, 5 unused); the size of the
result; records (place 4 bytes, size 1, the bytes; of size 0: a byte and how often).

GBA: ``APS1``, sizes of source and target, then blocks of 64 KiB: place, CRC-16 of the old and of
the new block, exclusive or of the two. Lowest byte first in both.
"""

from binascii import crc_hqx
from collections.abc import Iterator

from romm_lite.disk.patches.base import BadPatch, Job, Reader, WrongSource, copy_source, mix

_N64_HEAD = 5
_N64_TEXT = 50
_GBA_BLOCK = 1 << 16
_BIG_ENDIAN, _SWAPPED = b"\x80\x37", b"\x37\x80"


def apply_aps_n64(job: Job) -> bool:
    reader = Reader(job.patch, _N64_HEAD)
    kind, method = reader.take(2)
    if kind > 1 or method:
        raise BadPatch(f"it is of an unknown kind ({kind}.{method})")
    reader.take(_N64_TEXT)
    if kind:
        _check_header(job.source, reader)
    target = copy_source(job, reader.number(4))
    for place, data in _read(reader):
        if place + len(data) > len(target):
            raise BadPatch("it writes beyond the end it names")
        target[place : place + len(data)] = data
    return bool(kind)


def _check_header(source: memoryview, reader: Reader) -> None:
    is_plain = reader.byte()
    expected = bytes(reader.take(3)), bytes(reader.take(8))
    reader.take(5)
    header = bytes(source[:0x40])
    if header[:2] != (_BIG_ENDIAN if is_plain else _SWAPPED):
        order = "z64" if is_plain else "v64"
        raise WrongSource(f"it is for a ROM in the byte order called {order}")
    if not is_plain:
        header = bytes(header[place ^ 1] for place in range(len(header) & ~1))
    if (header[0x3C:0x3F], header[0x10:0x18]) != expected:
        raise WrongSource("it is for another dump: the header of the ROM is not the one it wants")


def _read(reader: Reader) -> Iterator[tuple[int, memoryview | bytes]]:
    while reader.left:
        place, size = reader.number(4), reader.byte()
        if size:
            yield place, reader.take(size)
        else:
            byte, count = reader.take(2)
            yield place, bytes([byte]) * count


def apply_aps_gba(job: Job) -> bool:
    reader = Reader(job.patch, 4)
    source_size, target_size = reader.number(4), reader.number(4)
    if len(job.source) != source_size:
        raise WrongSource(
            f"it is for another dump: it wants {source_size} bytes, the file has {len(job.source)}"
        )
    target = copy_source(job, target_size)
    while reader.left:
        _mix_block(job.source, target, reader)
    return True


def _mix_block(source: memoryview, target: memoryview, reader: Reader) -> None:
    place, before, after = reader.number(4), reader.number(2), reader.number(2)
    end = place + _GBA_BLOCK
    if _checksum(source[place:end]) != before:
        raise WrongSource(f"it is for another dump: the file differs at {place:#x}")
    block = target[place:end]
    mix(block, 0, reader.take(_GBA_BLOCK))
    if _checksum(block) != after:
        raise BadPatch("the checksum of the result is wrong")


def _checksum(block: memoryview) -> int:
    return crc_hqx(block, 0xFFFF)
