"""IPS: records of new bytes, no checksums at all.

``PATCH``, records (place 3 bytes, size 2, the bytes; of size 0: count 2 and one byte to repeat),
``EOF``, and perhaps the size to cut the result to. EarthBound's EBP has JSON for people there.
IPS32 has places of 4 bytes, begins with ``IPS32`` and ends with ``EEOF``. Highest byte first.
"""

from collections.abc import Iterator
from typing import NamedTuple

from romm_lite.disk.patches.base import Job, Reader, copy_source

_MAGIC_SIZE = 5


class _Record(NamedTuple):
    position: int
    size: int
    data: memoryview
    """One byte where that is to be repeated."""


def apply_ips(job: Job) -> bool:
    reader = Reader(job.patch, _MAGIC_SIZE)
    size = _measure(job, reader, b"EOF")
    if reader.left == 3:
        size = min(size, reader.big_number(3))
    _write(job, b"EOF", size)
    return False


def apply_ips32(job: Job) -> bool:
    _write(job, b"EEOF", _measure(job, Reader(job.patch, _MAGIC_SIZE), b"EEOF"))
    return False


def _measure(job: Job, reader: Reader, end: bytes) -> int:
    ends = (record.position + record.size for record in _read(reader, end))
    return max(len(job.source), max(ends, default=0))


def _write(job: Job, end: bytes, size: int) -> None:
    target = copy_source(job, size)
    for position, length, data in _read(Reader(job.patch, _MAGIC_SIZE), end):
        fitting = min(length, size - position)
        if fitting > 0:
            piece = data if len(data) == length else bytes(data) * length
            target[position : position + fitting] = piece[:fitting]


def _read(reader: Reader, end: bytes) -> Iterator[_Record]:
    """The records; leaves the reader behind the word that ends them."""
    while not _is_end(reader, end):
        position, size = reader.big_number(len(end)), reader.big_number(2)
        if size:
            yield _Record(position, size, reader.take(size))
        else:
            yield _Record(position, reader.big_number(2), reader.take(1))


def _is_end(reader: Reader, end: bytes) -> bool:
    """Whether the records end here; a record can begin with the same bytes by its place."""
    word = reader.take(len(end))
    if word == end and _is_no_record(reader, end):
        return True
    reader.position -= len(end)
    return False


def _is_no_record(reader: Reader, end: bytes) -> bool:
    """Whether what follows is too short for a record and the end behind it, or EBP's text."""
    if reader.left < 3 + len(end):
        return True
    return reader.data[reader.position] == ord("{") and reader.data[-len(end) :] != end
