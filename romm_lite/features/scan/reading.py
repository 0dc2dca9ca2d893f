"""Reading files in threads, so that all cores and the disk are busy."""

import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from threading import Event
from typing import Any, NamedTuple, TypeVar

from romm_lite.disk.exotic.achievements import System
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
SETTLE_SECONDS = 2.0
"""A file written more lately may still be being written, and FAT's times are no finer."""
SETTLE_POLL_SECONDS = 0.05
CHANGED = "it changed"


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
    counts for the ROM. ``problems`` are sentences, ``late`` files that are still being written.
    """

    files: list[dict[str, Any] | None]
    whole: dict[str, Any] | None
    problems: list[str] = field(default_factory=list)
    late: list[str] = field(default_factory=list)


def read_rom(
    layout: Layout,
    sources: Sequence[Source],
    *,
    is_flat: bool,
    system: System | None,
    stop: Stop,
    timeout: float,
    is_settled: bool,
) -> Reading:
    """Hash the files of one ROM; the columns of the files and of the ROM.

    ``system`` is the rule for the hash of RetroAchievements, if there is one; ``timeout`` is how
    many seconds a 7z or rar may take. Unless it ``is_settled``, what was written a moment ago is
    waited for; nothing is read while something is still being written. ``Stopped`` as soon as
    ``stop()``.
    """
    if stop():
        raise Stopped("the scan was stopped")
    if not is_settled:
        _settle(sources, stop)
    paths = [layout.absolute(source.path) for source in sources]
    found = list(zip(paths, sources, strict=True))
    if late := [source.path for path, source in found if _find_change(path, source) is CHANGED]:
        return Reading([None] * len(sources), None, late=late)
    if is_flat:
        hashes = [hash_flat(paths[0], system=system, stop=stop, seven_zip_timeout=timeout)]
        whole = hashes[0].digests
    else:
        pairs = [(path, source.is_top_level) for path, source in found]
        hashes, whole = hash_folder(pairs, system=system, stop=stop, seven_zip_timeout=timeout)
    files: list[dict[str, Any] | None] = []
    problems: list[str] = []
    is_whole = True
    for path, source, hashed in zip(paths, sources, hashes, strict=True):
        change = _find_change(path, source)
        is_sound = not change and (not hashed.note or hashed.digests != Digests())
        files.append(describe_hashes(hashed) if is_sound else None)
        is_whole = is_whole and (is_sound or not source.is_top_level)
        if change is CHANGED:
            late.append(source.path)
        elif problem := hashed.note or change:
            problems.append(f"{source.path}: {problem}.")
    if not is_whole:
        return Reading(files, None, problems, late)
    ra_hash = next((hashed.ra for hashed in hashes if hashed.ra), None)
    return Reading(files, {**describe_digests(whole), "ra_hash": ra_hash}, problems, late)


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
    return CHANGED


def _settle(sources: Sequence[Source], stop: Stop) -> None:
    """Wait until what was written a moment ago has been left alone for a while.

    All sizes and times were found before anything is read, so that a scan waits once.
    """
    latest = time.time() + SETTLE_SECONDS
    written = [at for source in sources if (at := source.mtime_ns / 1e9) < latest]
    while written and time.time() < max(written) + SETTLE_SECONDS:
        if stop():
            raise Stopped("the scan was stopped")
        time.sleep(SETTLE_POLL_SECONDS)
