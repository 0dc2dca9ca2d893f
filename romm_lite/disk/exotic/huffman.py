"""Canonical Huffman codes and single bits, as Compressed Hunks of Data have them."""

from romm_lite.disk.exotic.sources import Unreadable

_LONGEST = 32


class Bits:
    """Bits of a piece of data, highest first; ``at`` is the number of the next one."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def read(self, count: int) -> int:
        """A number of at most 48 bits; ``Unreadable`` beyond the end."""
        value = self.peek(count)
        self.at += count
        if self.at > 8 * len(self.data):
            raise Unreadable("packed data end too early")
        return value

    def peek(self, count: int) -> int:
        """As ``read``, and stay; beyond the end all bits are 0."""
        first = self.at >> 3
        window = int.from_bytes(self.data[first : first + 7].ljust(7, b"\0"), "big")
        return window >> (56 - (self.at & 7) - count) & ((1 << count) - 1)


class Codes:
    """A code for each number from 0 on; those of a length in order, the longest ones first."""

    def __init__(self, lengths: list[int], longest: int) -> None:
        self._longest = longest
        self._table = [0] * (1 << longest)
        """By the next bits: the number times 32, and the length of its code."""
        starts = _find_starts(lengths)
        for number, length in enumerate(lengths):
            if length:
                if length > longest:
                    raise Unreadable("a table of codes is damaged")
                span = 1 << (longest - length)
                first = starts[length] * span
                starts[length] += 1
                self._table[first : first + span] = [number << 5 | length] * span
        if len(self._table) != 1 << longest:
            raise Unreadable("a table of codes is damaged")

    def read(self, bits: Bits) -> int:
        """The number the next code stands for."""
        entry = self._table[bits.peek(self._longest)]
        if not entry & 31:
            raise Unreadable("packed data are damaged")
        bits.read(entry & 31)
        return entry >> 5


def _find_starts(lengths: list[int]) -> list[int]:
    """The first code of each length."""
    counts = [0] * (_LONGEST + 1)
    for length in lengths:
        counts[length] += 1
    starts = [0] * (_LONGEST + 1)
    start = 0
    for length in range(_LONGEST, 0, -1):
        starts[length] = start
        total = start + counts[length]
        if length > 1 and total & 1:
            raise Unreadable("a table of codes is damaged")
        start = total >> 1
    return starts


def read_runs(bits: Bits, count: int, longest: int) -> Codes:
    """Codes by their lengths, written as they are; 1 announces a length that is repeated."""
    width = 5 if longest >= 16 else 4 if longest >= 8 else 3
    lengths: list[int] = []
    while len(lengths) < count:
        length = bits.read(width)
        if length != 1:
            lengths.append(length)
            continue
        length = bits.read(width)
        times = 1 if length == 1 else bits.read(width) + 3
        lengths += [length] * times
    if len(lengths) > count:
        raise Unreadable("a table of codes is damaged")
    return Codes(lengths, longest)


def read_packed(bits: Bits, count: int, longest: int) -> Codes:
    """Codes by their lengths, which are themselves packed with a small set of codes."""
    small = _read_small(bits)
    widest = max(1, (count - 9).bit_length())
    lengths: list[int] = []
    last = 0
    while len(lengths) < count:
        value = small.read(bits)
        if value:
            last = value - 1
            lengths.append(last)
        else:
            times = bits.read(3) + 2
            if times == 9:
                times += bits.read(widest)
            lengths += [last] * min(times, count - len(lengths))
    return Codes(lengths, longest)


def _read_small(bits: Bits) -> Codes:
    lengths = [0] * 24
    lengths[0] = bits.read(3)
    start = bits.read(3) + 1
    for place in range(start, 24):
        length = bits.read(3)
        if length == 7:
            break
        lengths[place] = length
    return Codes(lengths, 6)


def unpack_huffman(data: bytes, size: int) -> bytes:
    """Bytes packed one by one."""
    bits = Bits(data)
    codes = read_packed(bits, 256, 16)
    return bytes(codes.read(bits) for _ in range(size))
