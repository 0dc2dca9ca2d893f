"""PPF, the patches of disc images, versions 1 to 3.

A magic, a byte for the method and 50 for people. Version 2 goes on with the size of the image and
1024 bytes that stand at a certain place in it. Version 3 has four bytes instead (kind of image, are
there such bytes, can it be undone, nothing) and perhaps the 1024. Then records to the end or to a
text for people: place (4 bytes, in version 3 8), size 1, the bytes, and those to undo it with.
Lowest byte first. In version 1 a record of size 0 has a byte and how often to repeat it.

The size of the image is not compared: the format's own author found it to be wrong too often.
"""

from collections.abc import Iterator

from romm_lite.disk.patches.base import BadPatch, Job, Reader, WrongSource, copy_source

_HEAD = 56
_BLOCK = 1024
_BLOCK_PLACES = (0x9320, 0x80A0)
"""Where an image has the bytes it is known by: a plain one, one of PrimoDVD."""
_TEXT_BEGINS, _TEXT_ENDS = b"@BEGIN_FILE_ID.DIZ", b"@END_FILE_ID.DIZ"
_LONGEST_TEXT = 1 << 16


def apply_ppf1(job: Job) -> bool:
    return _apply(job, _HEAD, 4, repeats=True)


def apply_ppf2(job: Job) -> bool:
    reader = Reader(job.patch, _HEAD + 4)
    _check_block(job.source, reader.take(_BLOCK), _BLOCK_PLACES[0])
    return _apply(job, reader.position, 4, is_known=True)


def apply_ppf3(job: Job) -> bool:
    reader = Reader(job.patch, _HEAD)
    kind, has_block, can_undo, _ = reader.take(4)
    if kind >= len(_BLOCK_PLACES):
        raise BadPatch(f"it is for an unknown kind of image ({kind})")
    if has_block:
        _check_block(job.source, reader.take(_BLOCK), _BLOCK_PLACES[kind])
    return _apply(job, reader.position, 8, can_undo=bool(can_undo), is_known=bool(has_block))


def _check_block(source: memoryview, expected: memoryview, place: int) -> None:
    if source[place : place + _BLOCK] != expected:
        raise WrongSource(
            f"it is for another dump: the {_BLOCK} bytes at {place:#x} are not those it wants"
        )


def _apply(
    job: Job,
    start: int,
    width: int,
    *,
    repeats: bool = False,
    can_undo: bool = False,
    is_known: bool = False,
) -> bool:
    end = _find_end(job.patch, start)

    def read() -> Iterator[tuple[int, memoryview | bytes]]:
        reader = Reader(job.patch, start, end)
        while reader.left:
            place, size = reader.number(width), reader.byte()
            if repeats and not size:
                byte, count = reader.take(2)
                yield place, bytes([byte]) * count
                continue
            yield place, reader.take(size)
            reader.take(size * can_undo)

    ends = (place + len(data) for place, data in read())
    target = copy_source(job, max(len(job.source), max(ends, default=0)))
    for place, data in read():
        target[place : place + len(data)] = data
    return is_known


def _find_end(patch: memoryview, start: int) -> int:
    """Where the records end: before the text for people, if there is one."""
    tail = bytes(patch[max(start, len(patch) - _LONGEST_TEXT) :])
    if _TEXT_ENDS not in tail[-len(_TEXT_ENDS) - 4 :]:
        return len(patch)
    begin = tail.rfind(_TEXT_BEGINS)
    return len(patch) - len(tail) + begin if begin >= 0 else len(patch)
