"""BPS: the result put together from the source, the patch and what is there already.

``BPS1``, sizes of source, target and a note for people, the note, then actions: the lowest two bits
say which, the others how many bytes less one. Twelve bytes of checksums at the end.
"""

from romm_lite.disk.patches.base import BadPatch, Checksums, Job, Reader, copy_back

_SOURCE_READ, _TARGET_READ, _SOURCE_COPY = range(3)


def apply_bps(job: Job) -> bool:
    checksums = Checksums.read(job.patch)
    reader = Reader(job.patch, 4, len(job.patch) - Checksums.SIZE)
    source_size, target_size = reader.offset(), reader.offset()
    reader.take(reader.offset())
    checksums.check_source(job.source, source_size)
    target = job.create(target_size)
    _write(reader, job.source, target)
    checksums.check_target(target)
    return True


def _write(reader: Reader, source: memoryview, target: memoryview) -> None:
    position = source_position = target_position = 0
    while reader.left:
        word = reader.offset()
        action, size = word & 3, (word >> 2) + 1
        end = position + size
        if end > len(target):
            raise BadPatch("it writes beyond the end it names")
        if action == _SOURCE_READ:
            target[position:end] = _cut(source, position, size)
        elif action == _TARGET_READ:
            target[position:end] = reader.take(size)
        elif action == _SOURCE_COPY:
            source_position += _step(reader)
            target[position:end] = _cut(source, source_position, size)
            source_position += size
        else:
            target_position += _step(reader)
            if not 0 <= target_position < position:
                raise BadPatch("it copies what is not there yet")
            copy_back(target, position, position - target_position, size)
            target_position += size
        position = end
    if position < len(target):
        raise BadPatch("it is cut short")


def _step(reader: Reader) -> int:
    """How far to move, with the direction in the lowest bit."""
    word = reader.offset()
    return -(word >> 1) if word & 1 else word >> 1


def _cut(source: memoryview, position: int, size: int) -> memoryview:
    if position < 0 or position + size > len(source):
        raise BadPatch("it reads beyond the ends of the file")
    return source[position : position + size]
