"""What all patch formats share: the job, the errors, and how bytes are taken, copied and mixed."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from zlib import crc32

from romm_lite.kernel.errors import RommError

BLOCK = 1 << 18
"""Bytes that are calculated with at once."""

_LARGEST = 2**63 - 1


class BadPatch(RommError):
    """The patch cannot be applied; the text is what to say of it ("it is cut short")."""


class WrongSource(BadPatch):
    """The patch was made for another file than this one."""


class UnknownPatch(RommError):
    """It is no patch of a kind that can be applied; the text says what it is."""


@dataclass(frozen=True)
class Job:
    """A patch to be applied.

    ``create`` makes the result, all zeros, and must be called once with its size before anything
    is written; ``BadPatch`` if that is too large. The paths are those of the same three files.
    """

    source: memoryview
    patch: memoryview
    create: Callable[[int], memoryview]
    source_path: Path
    patch_path: Path
    target_path: Path


Apply = Callable[[Job], bool]
"""Write the result; whether checks in the patch have proved the source to be the right one."""


class Reader:
    """Takes a patch apart from front to back; ``BadPatch`` where it ends too early."""

    __slots__ = ("data", "end", "position")

    def __init__(self, data: memoryview, position: int = 0, end: int | None = None) -> None:
        self.data = data
        self.position = position
        self.end = len(data) if end is None else end

    @property
    def left(self) -> int:
        return self.end - self.position

    def take(self, size: int) -> memoryview:
        start = self.position
        if size > self.end - start:
            raise BadPatch("it is cut short")
        self.position = start + size
        return self.data[start : start + size]

    def number(self, size: int) -> int:
        """An unsigned number, its lowest byte first."""
        return int.from_bytes(self.take(size), "little")

    def big_number(self, size: int) -> int:
        """An unsigned number, its highest byte first."""
        return int.from_bytes(self.take(size), "big")

    def byte(self) -> int:
        if self.position >= self.end:
            raise BadPatch("it is cut short")
        value = self.data[self.position]
        self.position += 1
        return value

    def varint(self) -> int:
        """A number of any length as VCDIFF writes it: seven bits a byte, the highest first."""
        value = 0
        while True:
            byte = self.byte()
            value = value << 7 | byte & 0x7F
            if value > _LARGEST:
                raise BadPatch("a number in it is absurd")
            if byte < 0x80:
                return value

    def offset(self) -> int:
        """A number of any length as UPS and BPS write it: each has only one spelling."""
        value, unit = 0, 1
        while True:
            byte = self.byte()
            value += (byte & 0x7F) * unit
            if byte & 0x80:
                return value
            unit <<= 7
            value += unit
            if value > _LARGEST:
                raise BadPatch("a number in it is absurd")


@dataclass(frozen=True)
class Checksums:
    """The twelve bytes UPS and BPS end in: CRC-32 of source, target and the patch before it."""

    source: int
    target: int
    patch: int

    SIZE = 12

    @classmethod
    def read(cls, patch: memoryview) -> "Checksums":
        """The last bytes of a patch; ``BadPatch`` if the patch is not what it was."""
        if len(patch) < cls.SIZE:
            raise BadPatch("it is cut short")
        ending = Reader(patch, len(patch) - cls.SIZE)
        found = cls(ending.number(4), ending.number(4), ending.number(4))
        if crc32(patch[:-4]) != found.patch:
            raise BadPatch("it is damaged: its checksum is wrong")
        return found

    def check_source(self, source: memoryview, size: int) -> None:
        found = crc32(source)
        if (len(source), found) == (size, self.source):
            return
        if found == self.target:
            raise WrongSource("the file is the patched one already")
        raise WrongSource(
            f"it is for another dump: it wants {size} bytes with CRC-32 {self.source:08x}, "
            f"the file has {len(source)} with {found:08x}"
        )

    def check_target(self, target: memoryview) -> None:
        if crc32(target) != self.target:
            raise BadPatch("the checksum of the result is wrong")


def copy_source(job: Job, size: int) -> memoryview:
    """The result with this size, filled from the source as far as that goes."""
    target = job.create(size)
    shared = min(size, len(job.source))
    target[:shared] = job.source[:shared]
    return target


def copy_back(target: memoryview, position: int, distance: int, size: int) -> None:
    """Repeat what lies ``distance`` bytes before; the two pieces may overlap.

    All of it must lie within the target.
    """
    start = position - distance
    done = 0
    while done < size:
        piece = min(size - done, distance + done)
        target[position + done : position + done + piece] = target[start : start + piece]
        done += piece


def mix(target: memoryview, position: int, data: memoryview) -> None:
    """Exclusive or with ``data``, as far as the target goes."""
    end = min(len(target), position + len(data))
    for start in range(position, end, BLOCK):
        stop = min(start + BLOCK, end)
        old = int.from_bytes(target[start:stop], "little")
        new = int.from_bytes(data[start - position : stop - position], "little")
        target[start:stop] = (old ^ new).to_bytes(stop - start, "little")
