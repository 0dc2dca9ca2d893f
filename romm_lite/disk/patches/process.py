"""Applying patches in processes of their own, which can be stopped and take nothing with them.

A patch is a program somebody else wrote. Its process has limits of time, memory and file size, and
whatever ends it is an answer: the server goes on.
"""

import asyncio
import multiprocessing
import shutil
import signal
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from pathlib import Path

from anyio import to_thread

from romm_lite.disk.archives import open_archive
from romm_lite.disk.members import Archive, BadArchive, Member
from romm_lite.disk.patches.base import BadPatch
from romm_lite.disk.patches.formats import apply_patch
from romm_lite.kernel.errors import RommError

POLL_SECONDS = 0.05
MEMORY = 1 << 30
"""Bytes a process may have for itself; files it has mapped do not count."""

_DYING_SECONDS = 1
"""Longer takes only a process whose disk does not answer, which nobody can wait for."""
_FORGOTTEN_SECONDS = 24 * 3600
_TARGET, _UNPACKED = "result", "source"

Watch = Callable[[], Awaitable[None]]
"""Called while waiting; raises when the result is not wanted any more."""


class Busy(RommError):
    """There were always as many patches at work as are allowed."""


@dataclass(frozen=True)
class Patched:
    """A result: where it lies, and what the file it was made of is called."""

    path: Path
    source_name: str
    is_validated: bool
    """Whether checks in the patch have proved that it is for this file."""


@dataclass(frozen=True)
class _Task:
    source: Path
    patch: Path
    folder: Path
    largest: int
    seconds: int


_Answer = Patched | Exception


class Patcher:
    """Applies so many patches at once, each within so many seconds and bytes.

    Results and what is needed on the way lie below ``folder``.
    """

    def __init__(self, folder: Path, *, largest: int, seconds: int, at_once: int) -> None:
        self.largest = largest
        self._folder = folder
        self._seconds = seconds
        self._slots = threading.BoundedSemaphore(at_once)

    def make_folder(self) -> Path:
        """A new folder for one patch, to be removed by whoever asked for it."""
        self._folder.mkdir(parents=True, exist_ok=True)
        for left in self._folder.iterdir():
            with suppress(OSError):
                if left.stat().st_mtime < time.time() - _FORGOTTEN_SECONDS:
                    shutil.rmtree(left)
        return Path(tempfile.mkdtemp(dir=self._folder))

    async def apply(self, source: Path, patch: Path, folder: Path, watch: Watch) -> Patched:
        """Apply a patch to a file, or to the only file in an archive; the result is in ``folder``.

        Raises ``BadPatch``, ``UnknownPatch``, ``BadArchive``, ``Busy`` and ``OSError``.
        """
        task = _Task(source, patch, folder, self.largest, self._seconds)
        await self._enter(watch)
        try:
            return await _run(task, watch)
        finally:
            self._slots.release()

    async def _enter(self, watch: Watch) -> None:
        # Requests can come from several event loops, so that none of asyncio's locks would do.
        deadline = time.monotonic() + self._seconds
        while not self._slots.acquire(blocking=False):
            if time.monotonic() > deadline:
                raise Busy("Other patches are being applied")
            await watch()
            await asyncio.sleep(POLL_SECONDS)


async def _run(task: _Task, watch: Watch) -> Patched:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(theirs, task), daemon=True)
    try:
        await to_thread.run_sync(process.start)
        theirs.close()
        answer = await _hear(ours, task.seconds, watch)
    finally:
        ours.close()
        theirs.close()
        _end(process)
    if isinstance(answer, Exception):
        raise answer
    return answer


def _end(process: SpawnProcess) -> None:
    if process.pid is None:
        return
    process.kill()
    process.join(_DYING_SECONDS)
    if process.exitcode is not None:
        process.close()


async def _hear(pipe: "Connection[_Answer, _Answer]", seconds: int, watch: Watch) -> _Answer:
    deadline = time.monotonic() + seconds
    while not pipe.poll():
        if time.monotonic() > deadline:
            raise BadPatch(f"it takes longer than {seconds} seconds")
        await watch()
        await asyncio.sleep(POLL_SECONDS)
    try:
        return pipe.recv()
    except EOFError:
        raise BadPatch("applying it was ended by the system") from None


def _work(pipe: "Connection[_Answer, _Answer]", task: _Task) -> None:
    """What runs in a process of its own."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the server says when to stop
    _set_limits(task)
    answer: _Answer
    try:
        answer = _patch(task)
    except MemoryError:
        answer = BadPatch("it needs more memory than a patch may take")
    except Exception as error:
        if not isinstance(error, RommError | OSError):
            error.add_note(traceback.format_exc())
        answer = error
    pipe.send(answer)


def _set_limits(task: _Task) -> None:
    """Limits the system itself keeps, even when the server is gone."""
    if sys.platform == "win32":
        return
    import resource

    for kind, limit in (
        (resource.RLIMIT_FSIZE, task.largest),
        (resource.RLIMIT_CPU, task.seconds + 1),
        (resource.RLIMIT_DATA, MEMORY),
        (resource.RLIMIT_CORE, 0),
    ):
        hard = resource.getrlimit(kind)[1]
        allowed = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
        resource.setrlimit(kind, (allowed, hard))


def _patch(task: _Task) -> Patched:
    target = task.folder / _TARGET
    with _opened(task) as (source, name):
        is_validated = apply_patch(source, task.patch, target, task.largest)
    return Patched(target, name, is_validated)


@contextmanager
def _opened(task: _Task) -> Iterator[tuple[Path, str]]:
    """The file to patch and its name; one that lies in an archive is taken out meanwhile."""
    archive = open_archive(task.source, seven_zip_timeout=task.seconds)
    if archive is None:
        yield task.source, task.source.name
        return
    unpacked = task.folder / _UNPACKED
    with archive:
        member = _find_only(archive)
        _unpack(archive, member, unpacked, task.largest)
    try:
        yield unpacked, member.name.rpartition("/")[2]
    finally:
        unpacked.unlink()


def _find_only(archive: Archive) -> Member:
    files = archive.files()
    if len(files) != 1:
        raise BadArchive(f"it holds {len(files)} files, and a patch is for one")
    return files[0]


def _unpack(archive: Archive, member: Member, path: Path, largest: int) -> None:
    with path.open("xb") as file:

        def write(_member: Member, block: bytes) -> None:
            if file.tell() + len(block) > largest:
                raise BadArchive(f"it unpacks to more than the {largest} bytes that are allowed")
            file.write(block)

        archive.feed([member], write)
