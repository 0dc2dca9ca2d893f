"""RUP, the patches of NINJA 2: differences as exclusive or, known by MD5, to be undone as well.

2048 bytes that begin with ``NINJA2`` and are for people, then commands: 1 opens a file (name, kind,
sizes and MD5 of source and target, and if the sizes differ a letter and the bytes only the larger
one has, inverted), 2 mixes bytes in at a place, 0 ends. A number is a byte that tells how many
bytes follow, the lowest first.
"""

import hashlib
from typing import NamedTuple

from romm_lite.disk.patches.base import (
    BLOCK,
    BadPatch,
    Job,
    Reader,
    WrongSource,
    copy_source,
    mix,
)

_HEAD = 2048
_END, _OPEN, _MIX = range(3)


class _File(NamedTuple):
    source_size: int
    target_size: int
    source_md5: bytes
    target_md5: bytes
    rest: memoryview
    """What only the larger of the two has, every bit turned over."""


def apply_rup(job: Job) -> bool:
    reader = Reader(job.patch, _HEAD)
    if len(job.patch) < _HEAD or reader.byte() != _OPEN:
        raise BadPatch("it is cut short")
    file = _open(reader)
    _check_source(job.source, file)
    target = copy_source(job, file.target_size)
    mix(target, file.source_size, file.rest)
    for start in range(file.source_size, file.target_size, BLOCK):
        stop = min(start + BLOCK, file.target_size)
        mix(target, start, memoryview(b"\xff" * (stop - start)))
    while (command := reader.byte()) != _END:
        if command != _MIX:
            raise BadPatch("it is for several files at once" if command == _OPEN else "it is odd")
        position = _number(reader)
        mix(target, position, reader.take(_number(reader)))
    if _digest(target) != file.target_md5:
        raise BadPatch("the checksum of the result is wrong")
    return True


def _open(reader: Reader) -> _File:
    reader.take(_number(reader))
    reader.byte()
    sizes = _number(reader), _number(reader)
    digests = bytes(reader.take(16)), bytes(reader.take(16))
    rest = reader.take(0)
    if sizes[0] != sizes[1]:
        reader.byte()
        rest = reader.take(_number(reader))
    return _File(*sizes, *digests, rest)


def _number(reader: Reader) -> int:
    return reader.number(reader.byte())


def _check_source(source: memoryview, file: _File) -> None:
    found = _digest(source)
    if (len(source), found) == (file.source_size, file.source_md5):
        return
    if found == file.target_md5:
        raise WrongSource("the file is the patched one already")
    raise WrongSource(
        f"it is for another dump: it wants {file.source_size} bytes with MD5 "
        f"{file.source_md5.hex()}, the file has {len(source)} with {found.hex()}"
    )


def _digest(data: memoryview) -> bytes:
    return hashlib.md5(data, usedforsecurity=False).digest()
