"""Reading files in threads, so that all cores and the disk are busy."""

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from threading import Event
from typing import Any, NamedTuple, TypeVar

from romm_lite.disk.hashing import Digests, hash_flat, hash_folder
from romm_lite.disk.layout import Layout
from romm_lite.disk.members import Stopped
from romm_lite.features.library.service import describe_digests, describe_hashes

Item = TypeVar("Item")
Result = TypeVar("Result")
Stop = Callable[[], bool]

GROUP_FILES = 64
GROUP_BYTES = 16 << 20
TICK_SECONDS = 0.5


class Source(NamedTuple):
    """A file to read; ``path`` is relative to the library."""

    path: str
    size: int
    mtime_ns: int
    is_top_level: bool


@dataclass(frozen=True)
class Reading:
    """What reading the files of a ROM gave: ``files`` in the order asked for.

    A file is None if it could not be read or changed meanwhile; ``whole`` then is None too if it
    counts for the ROM. ``problems`` are sentences.
    """

    files: list[dict[str, Any] | None]
    whole: dict[str, Any] | None
    problems: list[str]


def read_rom(
    layout: Layout, sources: Sequence[Source], *, is_flat: bool, stop: Stop, timeout: float
) -> Reading:
    """Hash the files of one ROM; the columns of the files and of the ROM.

    ``timeout`` is how many seconds a 7z or rar may take. ``Stopped`` as soon as ``stop()``.
    """
    if stop():
        raise Stopped("the scan was stopped")
    paths = [layout.absolute(source.path) for source in sources]
    if is_flat:
        hashes = [hash_flat(paths[0], stop=stop, seven_zip_timeout=timeout)]
        whole = hashes[0].digests
    else:
        pairs = [(path, s.is_top_level) for path, s in zip(paths, sources, strict=True)]
        hashes, whole = hash_folder(pairs, stop=stop, seven_zip_timeout=timeout)
    files: list[dict[str, Any] | None] = []
    problems: list[str] = []
    is_whole = True
    for path, source, hashed in zip(paths, sources, hashes, strict=True):
        change = _find_change(path, source)
        is_sound = not change and (not hashed.note or hashed.digests != Digests())
        files.append(describe_hashes(hashed) if is_sound else None)
        is_whole = is_whole and (is_sound or not source.is_top_level)
        if problem := hashed.note or change:
            problems.append(f"{source.path}: {problem}.")
    return Reading(files, describe_digests(whole) if is_whole else None, problems)


def make_groups(
    items: Iterable[Item], measure: Callable[[Item], tuple[int, int]]
) -> Iterator[list[Item]]:
    """Items in tasks worth a thread's while; ``measure`` tells an item's files and bytes.

    Many small ones make one task, a large one makes its own.
    """
    group: list[Item] = []
    files = size = 0
    for item in items:
        more_files, more_bytes = measure(item)
        if group and (files + more_files > GROUP_FILES or size + more_bytes > GROUP_BYTES):
            yield group
            group, files, size = [], 0, 0
        group.append(item)
        files += more_files
        size += more_bytes
    if group:
        yield group


def run_in_threads(
    work: Callable[[Item, Stop], Result],
    items: Iterable[Item],
    *,
    workers: int,
    stop: Stop,
) -> Generator[list[tuple[Item, Result]], None, None]:
    """Do ``work(item, stop)`` on all items; gives what is done as it gets done.

    Gives an empty list when nothing was done for half a second. An exception of the work goes
    through, and the rest of the work is then stopped.
    """
    closed = Event()
    waiting = iter(items)
    running: dict[Future[Result], Item] = {}

    def is_over() -> bool:
        return closed.is_set() or stop()

    with ThreadPoolExecutor(workers, "scan-read") as pool:
        try:
            while True:
                for item in islice(waiting, 3 * workers - len(running)):
                    running[pool.submit(work, item, is_over)] = item
                if not running:
                    return
                done, _ = wait(running, TICK_SECONDS, FIRST_COMPLETED)
                yield [(running.pop(future), future.result()) for future in done]
        finally:
            closed.set()
            pool.shutdown(cancel_futures=True)


def _find_change(path: Path, source: Source) -> str:
    """Why the hashes are not those of the file that was listed, "" if they are."""
    try:
        status = path.stat()
    except OSError as error:
        return f"it cannot be read: {error.strerror}"
    if (status.st_size, status.st_mtime_ns) == (source.size, source.mtime_ns):
        return ""
    return "it changed while it was read; the next scan reads it again"
