"""Blocks of LZ4: runs of bytes as they are, each followed by a copy of bytes that came before."""

from romm_lite.disk.exotic.sources import Unreadable

_SHORTEST_COPY = 4
_MORE = 15


def unpack_lz4(data: bytes, size: int) -> bytes:
    """The first ``size`` bytes of a block; what follows it is left alone."""
    found = bytearray()
    at = 0
    try:
        while len(found) < size:
            token = data[at]
            count, at = _read_count(data, at + 1, token >> 4)
            if at + count > len(data):
                raise IndexError
            found += data[at : at + count]
            at += count
            if len(found) >= size:
                break
            distance = data[at] | data[at + 1] << 8
            count, at = _read_count(data, at + 2, token & _MORE)
            _copy(found, distance, min(count + _SHORTEST_COPY, size - len(found)))
    except IndexError:
        raise Unreadable("a block is damaged") from None
    return bytes(found[:size])


def _read_count(data: bytes, at: int, count: int) -> tuple[int, int]:
    """A count, of which more bytes follow while they are full; and where they end."""
    if count == _MORE:
        while data[at] == 255:
            count += 255
            at += 1
        count += data[at]
        at += 1
    return count, at


def _copy(found: bytearray, distance: int, count: int) -> None:
    start = len(found) - distance
    if distance == 0 or start < 0:
        raise IndexError
    if distance >= count:
        found += found[start : start + count]
    else:
        piece = found[start:]
        found += (piece * (count // distance + 1))[:count]
