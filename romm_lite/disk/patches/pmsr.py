"""PMSR: the mods of Paper Mario made with Star Rod, for one dump and no other.

``PMSR``, how many records, then each with its place, its size and its bytes; all numbers are of 4
bytes, the highest first.
"""

from collections.abc import Iterator
from zlib import crc32

from romm_lite.disk.patches.base import Job, Reader, WrongSource, copy_source

_SIZE, _CRC = 41_943_040, 0xA7F5CD7E
"""Of Paper Mario (USA)."""


def apply_pmsr(job: Job) -> bool:
    if len(job.source) != _SIZE or crc32(job.source) != _CRC:
        raise WrongSource(f"it is for Paper Mario (USA): {_SIZE} bytes with CRC-32 {_CRC:08x}")
    ends = (place + len(data) for place, data in _read(job.patch))
    target = copy_source(job, max(_SIZE, max(ends, default=0)))
    for place, data in _read(job.patch):
        target[place : place + len(data)] = data
    return True


def _read(patch: memoryview) -> Iterator[tuple[int, memoryview]]:
    reader = Reader(patch, 4)
    for _ in range(reader.big_number(4)):
        place, size = reader.big_number(4), reader.big_number(4)
        yield place, reader.take(size)
