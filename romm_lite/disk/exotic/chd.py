"""Compressed Hunks of Data: MAME's images of discs and hard disks, version 5.

The header names four ways of packing, the size of a hunk, and the places of two things: the map,
which says of each hunk how it is packed and where, and the metadata, a chain of notes; those with
the tag CHT2 (or CHTR) describe the tracks of a CD. All numbers are big-endian.

A hunk of a CD holds frames of 2352 bytes of a sector and 96 of a subchannel. Its sectors are packed
without the bytes that follow from the others (of which data read here need none), its subchannels
apart from them. FLAC is not read: it is for music.
"""

import lzma
import struct
import sys
from binascii import crc_hqx
from collections.abc import Callable, Iterator
from typing import NamedTuple

from romm_lite.disk.exotic.cso import inflate
from romm_lite.disk.exotic.huffman import Bits, read_runs, unpack_huffman
from romm_lite.disk.exotic.sources import (
    LARGEST_TABLE,
    BlockSource,
    Source,
    Unreadable,
    check_stop,
)

_SIGNATURE = b"MComprHD"
_VERSION = slice(12, 16)
_SHA1 = slice(84, 104)
_HEADER = struct.Struct(">16s4s4s4s4sQQQII20s20s20s")
_MOST_HUNKS = 1 << 23
_MOST_NOTES = 256
_LARGEST_NOTE = 4096
_LONGEST_CHAIN = 4
_ZSTD_WINDOW = 21
_FRAME = 2448
_SECTOR = 2352
_PLAIN, _SAME, _PARENT, _SHORT_RUN, _LONG_RUN, _SAME_AS_LAST, _SAME_AS_NEXT = 4, 5, 6, 7, 8, 9, 10
"""What the map says of a hunk; 0 to 3 are the ways of packing, all beyond are of a parent."""
_FRAME_CODECS = (b"cdzl", b"cdlz", b"cdzs")
_STRIDE = 64


class ChdTrack(NamedTuple):
    """A track of a CD; ``pregap`` counts the frames before it that are in the file."""

    number: int
    kind: str
    frames: int
    pregap: int

    @property
    def padded_frames(self) -> int:
        return -(-self.frames // 4) * 4


class _State(NamedTuple):
    """How far the map is read: its next bit, the place of the next hunk, the last one copied."""

    at: int
    place: int
    copied: int


class _Hunk(NamedTuple):
    kind: int
    place: int
    size: int
    crc: int


def read_sha1(head: bytes) -> str:
    """SHA-1 of the data and metadata inside, as a version 5 header says; "" for anything else.

    ``head`` is the start of the file, 104 bytes at least.
    """
    if not head.startswith(_SIGNATURE) or int.from_bytes(head[_VERSION], "big") != 5:
        return ""
    sha1 = head[_SHA1]
    return sha1.hex() if len(sha1) == 20 else ""


class Chd(BlockSource):
    """What is inside; ``Unreadable`` if it cannot be understood or needs another file."""

    def __init__(self, file: Source, stop: Callable[[], bool]) -> None:
        head = file.read(0, min(file.size, _HEADER.size))
        if head[_VERSION] != b"\0\0\0\5" or len(head) < _HEADER.size:
            raise Unreadable("it is a CHD of another version than 5")
        fields = _HEADER.unpack(head)
        self._codecs: tuple[bytes, ...] = fields[1:5]
        size, self._map_at, self.notes_at, hunk_size, self.unit_size = fields[5:10]
        super().__init__(size, hunk_size)
        if any(fields[12]):
            raise Unreadable("it needs the CHD it was made from")
        self.file = file
        self._stop = stop
        self._count = -(-size // hunk_size)
        if self._count > _MOST_HUNKS or not 0 < self.unit_size <= hunk_size:
            raise Unreadable("its size is absurd")
        self._is_packed = any(self._codecs[0])
        if self._is_packed:
            self._read_map()

    def unpack(self, number: int) -> bytes:
        if not self._is_packed:
            place = int.from_bytes(self.file.read(self._map_at + 4 * number, 4), "big")
            if not place:
                return bytes(self._block_size)
            return self.file.read(place * self._block_size, self._block_size)
        hunk = self._find(number)
        data = self.file.read(hunk.place, hunk.size)
        codec = b"" if hunk.kind == _PLAIN else self._codecs[hunk.kind]
        if codec in _FRAME_CODECS:
            return self._unpack_frames(codec, data)
        found = _unpack(codec, data, self._block_size) if codec else data
        if crc_hqx(found, 0xFFFF) != hunk.crc:
            raise Unreadable("a hunk is damaged")
        return found

    def _unpack_frames(self, codec: bytes, data: bytes) -> bytes:
        frames = self._block_size // _FRAME
        marks = -(-frames // 8)
        width = 2 if self._block_size < 1 << 16 else 3
        start = marks + width
        packed = int.from_bytes(data[marks:start], "big")
        if not frames or packed > len(data) - start:
            raise Unreadable("a hunk is damaged")
        sectors = _unpack(codec, data[start : start + packed], frames * _SECTOR)
        pieces = (sectors[at : at + _SECTOR] for at in range(0, len(sectors), _SECTOR))
        return b"".join(piece.ljust(_FRAME, b"\0") for piece in pieces)

    def _read_map(self) -> None:
        """Kinds of all hunks; their places follow, and are looked up as they are needed."""
        head = self.file.read(self._map_at, 16)
        size, first, _, self._size_bits, self._same_bits, _ = struct.unpack(">I6sHBBBx", head)
        if size > LARGEST_TABLE or max(self._size_bits, self._same_bits) > 32:
            raise Unreadable("its map is damaged")
        self._bits = Bits(self.file.read(self._map_at + 16, size))
        self._kinds = bytearray()
        codes = read_runs(self._bits, 16, 8)
        last = 0
        while len(self._kinds) < self._count:
            check_stop(self._stop)
            value = codes.read(self._bits)
            if value == _SHORT_RUN:
                times = 3 + codes.read(self._bits)
            elif value == _LONG_RUN:
                times = 19 + (codes.read(self._bits) << 4)
                times += codes.read(self._bits)
            else:
                last, times = value, 1
            self._kinds += bytes([last]) * times
        del self._kinds[self._count :]
        self._states = [_State(self._bits.at, int.from_bytes(first, "big"), 0)]

    def _find(self, number: int) -> _Hunk:
        """How and where a hunk lies, itself or the one it is equal to."""
        for _ in range(_LONGEST_CHAIN):
            hunk = self._look_up(number)
            if hunk.kind < _SAME:
                return hunk
            if hunk.place >= number:
                break
            number = hunk.place
        raise Unreadable("its map is damaged")

    def _look_up(self, number: int) -> _Hunk:
        while len(self._states) <= number // _STRIDE:
            check_stop(self._stop)
            first = (len(self._states) - 1) * _STRIDE
            state = self._states[-1]
            for each in range(first, first + _STRIDE):
                _, state = self._step(each, state)
            self._states.append(state)
        state = self._states[number // _STRIDE]
        for each in range(number - number % _STRIDE, number + 1):
            hunk, state = self._step(each, state)
        return hunk

    def _step(self, number: int, state: _State) -> tuple[_Hunk, _State]:
        """One hunk of the map, and where the next one is; ``place`` of a copy is its number."""
        kind = self._kinds[number]
        bits = self._bits
        bits.at, place, copied = state
        if kind <= _PLAIN:
            size = bits.read(self._size_bits) if kind < _PLAIN else self._block_size
            hunk = _Hunk(kind, place, size, bits.read(16))
            return hunk, _State(bits.at, place + size, copied)
        if kind == _SAME:
            copied = bits.read(self._same_bits)
        elif kind == _SAME_AS_NEXT:
            copied += 1
        elif kind != _SAME_AS_LAST:
            raise Unreadable("it needs the CHD it was made from")
        return _Hunk(_SAME, copied, 0, 0), _State(bits.at, place, copied)


def read_tracks(chd: Chd) -> list[ChdTrack]:
    """The tracks of a CD by their numbers; none if it is no CD."""
    found = []
    for tag, text in _read_notes(chd):
        if tag in (b"CHT2", b"CHTR"):
            fields = {name: value for name, _, value in (f.partition(":") for f in text.split())}
            try:
                pregap = int(fields.get("PREGAP", 0))
                is_inside = fields.get("PGTYPE", "").startswith("V")
                number, frames = int(fields["TRACK"]), int(fields["FRAMES"])
            except (KeyError, ValueError):
                raise Unreadable("its list of tracks is damaged") from None
            found.append(ChdTrack(number, fields.get("TYPE", ""), frames, pregap * is_inside))
    return sorted(found)


def _read_notes(chd: Chd) -> Iterator[tuple[bytes, str]]:
    """Tags and texts of the metadata, as far as they are short."""
    at = chd.notes_at
    for _ in range(_MOST_NOTES):
        if not at:
            return
        tag, size, following = struct.unpack(">4sIQ", chd.file.read(at, 16))
        size &= 0xFFFFFF
        if size <= _LARGEST_NOTE:
            yield tag, chd.file.read(at + 16, size).decode("latin-1").rstrip("\0")
        at = following
    raise Unreadable("its list of tracks has no end")


def _unpack(codec: bytes, data: bytes, size: int) -> bytes:
    match codec:
        case b"zlib" | b"cdzl":
            return inflate(data, size, is_raw=True)
        case b"lzma" | b"cdlz":
            return _unpack_lzma(data, size)
        case b"zstd" | b"cdzs":
            return _unpack_zstd(data, size)
        case b"huff":
            return unpack_huffman(data, size)
    name = codec.decode("latin-1")
    raise Unreadable(f"what is needed of it is packed in a way that is not read here ({name})")


def _unpack_lzma(data: bytes, size: int) -> bytes:
    window = max(4096, 1 << (size - 1).bit_length())
    packing = {"id": lzma.FILTER_LZMA1, "lc": 3, "lp": 0, "pb": 2, "dict_size": window}
    try:
        found = lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=[packing]).decompress(data, size)
    except lzma.LZMAError as error:
        raise Unreadable("a hunk is damaged") from error
    return _whole(found, size)


def _unpack_zstd(data: bytes, size: int) -> bytes:
    if sys.version_info >= (3, 14):
        from compression import zstd
    else:
        from backports import zstd
    try:
        limit = {int(zstd.DecompressionParameter.window_log_max): _ZSTD_WINDOW}
        found = zstd.ZstdDecompressor(options=limit).decompress(data, size)
    except zstd.ZstdError as error:
        raise Unreadable("a hunk is damaged") from error
    return _whole(found, size)


def _whole(found: bytes, size: int) -> bytes:
    if len(found) < size:
        raise Unreadable("a hunk is cut short")
    return found
