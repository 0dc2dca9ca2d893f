"""VCDIFF (RFC 3284) with what xdelta 3 adds: checksums of windows, a note, packed sections.

The result is made window by window. A window has three sections (bytes, instructions, addresses)
and copies from a segment of the source or of the result so far. xdelta packs sections by LZMA if
it is not told otherwise: each of the three kinds is one stream through all windows. Older programs
pack by Huffman codes, which only xdelta itself can undo.
"""

import lzma
from collections.abc import Iterator
from typing import NamedTuple
from zlib import adler32

from romm_lite.disk.patches.base import (
    BadPatch,
    Job,
    Reader,
    UnknownPatch,
    WrongSource,
    copy_back,
)
from romm_lite.disk.patches.xdelta import apply_by_xdelta

_MAGIC_SIZE = 4
_HAS_PACKER, _HAS_CODE, _HAS_NOTE = 1, 2, 4
_FROM_SOURCE, _FROM_TARGET, _HAS_CHECKSUM = 1, 2, 4
_NOT_PACKED, _LZMA = 0, 2
_HUFFMAN = (1, 16)
_LARGEST_SECTION = 64 << 20
"""Bytes of a packed section when it is unpacked; xdelta's windows have 16 MiB at the most."""
_LZMA_MEMORY = 256 << 20


class _Window(NamedTuple):
    origin: int
    """``_FROM_SOURCE``, ``_FROM_TARGET`` or 0 where there is no segment to copy from."""
    segment_start: int
    segment_size: int
    size: int
    packed: int
    """A bit a section."""
    sections: tuple[memoryview, memoryview, memoryview]
    checksum: int | None


def apply_vcdiff(job: Job) -> bool:
    reader = Reader(job.patch, _MAGIC_SIZE)
    packer = _read_head(reader)
    start, size, is_checked = reader.position, 0, reader.left > 0
    for window in _read_windows(reader):
        size += window.size
        is_checked = is_checked and window.checksum is not None
    if packer in _HUFFMAN:
        apply_by_xdelta(job, size)
    else:
        _write(job, Reader(job.patch, start), size, packer)
    return is_checked


def _read_head(reader: Reader) -> int:
    """The number of what sections are packed by."""
    flags, packer = reader.byte(), _NOT_PACKED
    if flags & _HAS_PACKER:
        packer = reader.byte()
        if packer != _LZMA and packer not in _HUFFMAN:
            raise UnknownPatch(f"a VCDIFF patch packed in an unknown way ({packer})")
    if flags & _HAS_CODE:
        raise UnknownPatch("a VCDIFF patch with a code table of its own")
    if flags & _HAS_NOTE:
        reader.take(reader.varint())
    return packer


def _read_windows(reader: Reader) -> Iterator[_Window]:
    while reader.left:
        flags = reader.byte()
        origin = flags & (_FROM_SOURCE | _FROM_TARGET)
        if origin == _FROM_SOURCE | _FROM_TARGET:
            raise BadPatch("it is damaged: a window copies from two places")
        segment_size = reader.varint() if origin else 0
        segment_start = reader.varint() if origin else 0
        end = reader.varint() + reader.position
        size, packed = reader.varint(), reader.byte()
        lengths = reader.varint(), reader.varint(), reader.varint()
        checksum = reader.big_number(4) if flags & _HAS_CHECKSUM else None
        data, codes, addresses = (reader.take(length) for length in lengths)
        if reader.position != end:
            raise BadPatch("it is damaged: the sizes in it contradict each other")
        sections = data, codes, addresses
        yield _Window(origin, segment_start, segment_size, size, packed, sections, checksum)


def _write(job: Job, reader: Reader, size: int, packer: int) -> None:
    target = job.create(size)
    unpackers = [_Unpacker() for _ in range(3)] if packer == _LZMA else []
    start = 0
    for window in _read_windows(reader):
        segment = _find_segment(job.source, target[:start], window)
        data, codes, addresses = _unpack(window, unpackers)
        place = target[start : start + window.size]
        _fill(place, segment, data, codes, _Addresses(addresses))
        if window.checksum is not None and adler32(place) != window.checksum:
            raise WrongSource("it is for another dump, or damaged: the result has a wrong checksum")
        start += window.size


def _find_segment(source: memoryview, done: memoryview, window: _Window) -> memoryview:
    whole = done if window.origin == _FROM_TARGET else source
    end = window.segment_start + window.segment_size
    if end > len(whole):
        if window.origin == _FROM_TARGET:
            raise BadPatch("it copies what is not there yet")
        raise WrongSource(
            f"it is for another dump: it wants {end} bytes at least, the file has {len(source)}"
        )
    return whole[window.segment_start : end]


def _unpack(window: _Window, unpackers: list["_Unpacker"]) -> list[Reader]:
    if window.packed and not unpackers:
        raise BadPatch("it is damaged: it does not say what it is packed by")
    return [
        Reader(unpackers[kind].unpack(section) if window.packed >> kind & 1 else section)
        for kind, section in enumerate(window.sections)
    ]


class _Unpacker:
    """The LZMA stream of one kind of section, which goes on from window to window."""

    def __init__(self) -> None:
        self._stream = lzma.LZMADecompressor(lzma.FORMAT_XZ, _LZMA_MEMORY)

    def unpack(self, section: memoryview) -> memoryview:
        reader = Reader(section)
        size = reader.varint()
        if size > _LARGEST_SECTION:
            raise BadPatch("a window in it is absurdly large")
        try:
            found = self._stream.decompress(bytes(reader.take(reader.left)), size)
        except (lzma.LZMAError, EOFError) as error:
            raise BadPatch("it is damaged: a part of it cannot be unpacked") from error
        if len(found) != size:
            raise BadPatch("it is cut short")
        return memoryview(found)


def _fill(
    target: memoryview, segment: memoryview, data: Reader, codes: Reader, addresses: "_Addresses"
) -> None:
    """Make one window."""
    position = 0
    while codes.left:
        for kind, known_size, mode in _CODE[codes.byte()]:
            size = known_size or codes.varint()
            if position + size > len(target):
                raise BadPatch("it writes beyond the end it names")
            if kind == _ADD:
                target[position : position + size] = data.take(size)
            elif kind == _COPY:
                address = addresses.read(len(segment) + position, mode)
                _copy(target, position, segment, address, size)
            else:
                _run(target, position, data.take(1), size)
            position += size
    if position < len(target):
        raise BadPatch("it is cut short")


def _run(target: memoryview, position: int, byte: memoryview, size: int) -> None:
    if size:
        target[position : position + 1] = byte
        copy_back(target, position + 1, 1, size - 1)


def _copy(target: memoryview, position: int, segment: memoryview, address: int, size: int) -> None:
    """Copy from the segment with the target behind it, which is where addresses point to."""
    piece = segment[address : address + size]
    target[position : position + len(piece)] = piece
    start = max(0, address - len(segment))
    copied = position + len(piece)
    copy_back(target, copied, copied - start, size - len(piece))


class _Addresses:
    """Where to copy from: as a number, or told by the last addresses there were."""

    def __init__(self, section: Reader) -> None:
        self._section = section
        self._near = [0] * _NEAR
        self._next = 0
        self._same = [0] * (_SAME * 256)

    def read(self, here: int, mode: int) -> int:
        """The next address; it must lie before ``here``, where the copy goes to."""
        if mode >= 2 + _NEAR:
            address = self._same[(mode - 2 - _NEAR) * 256 + self._section.byte()]
        elif mode == 1:
            address = here - self._section.varint()
        else:
            address = self._section.varint() + (self._near[mode - 2] if mode else 0)
        if not 0 <= address < here:
            raise BadPatch("it copies what is not there yet")
        self._near[self._next] = address
        self._next = (self._next + 1) % _NEAR
        self._same[address % (_SAME * 256)] = address
        return address


_ADD, _RUN, _COPY = range(3)
_NEAR, _SAME = 4, 3
_MODES = 2 + _NEAR + _SAME
_Instruction = tuple[int, int, int]
"""What to do, with how many bytes (0: a number follows), and how an address is told."""


def _make_code() -> Iterator[tuple[_Instruction, ...]]:
    """What each byte of the instructions means, as section 5.6 of the RFC lays it out."""
    yield ((_RUN, 0, 0),)
    yield from (((_ADD, size, 0),) for size in range(18))
    for mode in range(_MODES):
        yield from (((_COPY, size, mode),) for size in (0, *range(4, 19)))
    for mode in range(_MODES):
        longest = 6 if mode < 2 + _NEAR else 4
        for added in range(1, 5):
            for copied in range(4, longest + 1):
                yield (_ADD, added, 0), (_COPY, copied, mode)
    yield from (((_COPY, 4, mode), (_ADD, 1, 0)) for mode in range(_MODES))


_CODE = tuple(_make_code())
