"""Containers of discs, packed by the simplest means that their formats allow."""

import lzma
import struct
import sys
import zlib
from collections.abc import Callable, Sequence

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

FRAME = 2448
HUNK = 8 * FRAME
Pack = Callable[[bytes], bytes]


def deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return packer.compress(data) + packer.flush()


def pack_lzma(data: bytes) -> bytes:
    packing = {"id": lzma.FILTER_LZMA1, "lc": 3, "lp": 0, "pb": 2, "dict_size": 1 << 16}
    return lzma.compress(data, lzma.FORMAT_RAW, filters=[packing])


def pack_lz4(data: bytes) -> bytes:
    """Literals alone; a run of one byte at the start becomes a copy that overlaps itself."""
    run = len(data) - len(data.lstrip(data[:1]))
    packed = b""
    if run > 40:
        packed = b"\x1f" + data[:1] + b"\x01\x00" + _count(run - 1 - 4 - 15)
        data = data[run:]
    if data:
        token = min(len(data), 15) << 4
        packed += bytes([token]) + (_count(len(data) - 15) if len(data) >= 15 else b"") + data
    return packed


def _count(rest: int) -> bytes:
    return b"\xff" * (rest // 255) + bytes([rest % 255])


def make_cso(image: bytes, magic: bytes, pack: Pack, *, block: int = 2048, shift: int = 0) -> bytes:
    """CSO or ZSO; what does not become smaller is stored as it is."""
    blocks = [image[at : at + block] for at in range(0, len(image), block)]
    place = 24 + 4 * (len(blocks) + 1)
    places, packed = [], []
    for each in blocks:
        place += -place % (1 << shift)
        data = pack(each)
        is_plain = len(data) >= len(each)
        packed.append((place, each if is_plain else data))
        places.append(place >> shift | is_plain << 31)
        place += len(packed[-1][1])
    place += -place % (1 << shift)
    header = struct.pack("<4sIQIBB2x", magic, 24, len(image), block, 1, shift)
    out = bytearray(header + struct.pack(f"<{len(blocks) + 1}I", *places, place >> shift))
    for at, data in packed:
        out = out.ljust(at, b"\0") + data
    return bytes(out.ljust(place, b"\0"))


def make_dax(image: bytes, plain: Sequence[tuple[int, int]] = ()) -> bytes:
    """DAX; ``plain`` are ranges (first block, number) stored as they are."""
    blocks = [image[at : at + 8192] for at in range(0, len(image), 8192)]
    kept = {number for first, count in plain for number in range(first, first + count)}
    packed = [data if n in kept else zlib.compress(data) for n, data in enumerate(blocks)]
    place = 32 + 6 * len(blocks) + 8 * len(plain)
    places = []
    for data in packed:
        places.append(place)
        place += len(data)
    header = struct.pack("<4sIII16x", b"DAX\0", len(image), int(bool(plain)), len(plain))
    table = struct.pack(f"<{len(blocks)}I", *places)
    sizes = struct.pack(f"<{len(blocks)}H", *map(len, packed))
    ranges = b"".join(struct.pack("<II", *each) for each in plain)
    return header + table + sizes + ranges + b"".join(packed)


def make_frames(sectors: bytes, size: int) -> bytes:
    """Sectors of a size as the frames of a CHD, so many that hunks are whole."""
    frames = (sectors[at : at + size].ljust(FRAME, b"\0") for at in range(0, len(sectors), size))
    data = b"".join(frames)
    return data.ljust(-(-len(data) // HUNK) * HUNK, b"\0")


def make_chd(
    data: bytes,
    codec: bytes,
    pack: Pack,
    *,
    hunk: int = HUNK,
    unit: int = FRAME,
    tracks: Sequence[str] = (),
) -> bytes:
    """A CHD; of equal hunks one is kept, and all kinds have codes of four bits."""
    place = 124
    hunks: dict[bytes, int] = {}
    kinds, fields, packed = "", "", b""
    count = -(-len(data) // hunk)
    for number in range(count):
        piece = data[number * hunk : (number + 1) * hunk].ljust(hunk, b"\0")
        if piece in hunks:
            kinds += f"{5:04b}"
            fields += f"{hunks[piece]:024b}"
            continue
        hunks[piece] = number
        small = _pack_frames(piece, pack) if unit == FRAME else pack(piece)
        kinds += f"{0:04b}"
        fields += f"{len(small):024b}{_crc16(piece):016b}"
        packed += small
    lengths = "0100" * 16
    bits = lengths + kinds + fields
    bits += "0" * (-len(bits) % 8)
    packed_map = int(bits, 2).to_bytes(len(bits) // 8, "big")
    head = struct.pack(">I6sHBBBx", len(packed_map), place.to_bytes(6, "big"), 0, 24, 24, 0)
    map_at = place + len(packed)
    notes_at = map_at + 16 + len(packed_map)
    notes = b""
    for number, text in enumerate(tracks):
        body = text.encode() + b"\0"
        following = notes_at + len(notes) + 16 + len(body)
        last = number == len(tracks) - 1
        notes += struct.pack(">4sIQ", b"CHT2", 1 << 24 | len(body), 0 if last else following) + body
    header = struct.pack(
        ">8sII4s12xQQQII20s20s20s",
        *(b"MComprHD", 124, 5, codec, len(data), map_at, notes_at if tracks else 0, hunk, unit),
        *(b"\1" * 20, b"\2" * 20, bytes(20)),
    )
    return header + packed + head + packed_map + notes


def _pack_frames(piece: bytes, pack: Pack) -> bytes:
    sectors = b"".join(piece[at : at + 2352] for at in range(0, len(piece), FRAME))
    packed = pack(sectors)
    return b"\0" + len(packed).to_bytes(2, "big") + packed + pack(b"\0" * 96 * 8)


def _crc16(data: bytes) -> int:
    crc = 0xFFFF
    for byte in data:
        crc ^= byte << 8
        for _ in range(8):
            crc = crc << 1 ^ (0x1021 if crc & 0x8000 else 0)
        crc &= 0xFFFF
    return crc


def pack_zstd(data: bytes) -> bytes:
    return zstd.compress(data)
