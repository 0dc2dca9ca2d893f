"""UPS: the differences of two files as exclusive or, with checksums of everything.

``UPS1``, sizes of source and target, then pieces: how many bytes to pass over, and bytes to mix in
that end with a zero, which counts as a byte passed over. Twelve bytes of checksums at the end.
"""

from romm_lite.disk.patches.base import (
    BLOCK,
    BadPatch,
    Checksums,
    Job,
    Reader,
    copy_source,
    mix,
)

_FIRST_LOOK = 256


def apply_ups(job: Job) -> bool:
    checksums = Checksums.read(job.patch)
    reader = Reader(job.patch, 4, len(job.patch) - Checksums.SIZE)
    source_size, target_size = reader.offset(), reader.offset()
    checksums.check_source(job.source, source_size)
    target = copy_source(job, target_size)
    position = 0
    while reader.left:
        position = _mix_piece(reader, target, position + reader.offset())
    checksums.check_target(target)
    return True


def _mix_piece(reader: Reader, target: memoryview, position: int) -> int:
    """Mix bytes in up to the next zero; the position behind that."""
    look = _FIRST_LOOK
    while reader.left:
        piece = reader.take(min(look, reader.left))
        size = bytes(piece).find(0)
        if size >= 0:
            mix(target, position, piece[:size])
            reader.position += size + 1 - len(piece)
            return position + size + 1
        mix(target, position, piece)
        position += len(piece)
        look = BLOCK
    raise BadPatch("it is cut short")
