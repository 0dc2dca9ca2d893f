"""Patches in processes of their own. Each takes a moment to start, so there are few tests."""

import asyncio
import io
import multiprocessing
import os
import time
import zipfile
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from romm_lite.disk.members import BadArchive
from romm_lite.disk.patches.base import BadPatch, UnknownPatch, WrongSource
from romm_lite.disk.patches.process import Busy, Patched, Patcher

from .making import LARGEST, SAMPLES, make_bps, make_ips, write_sample
from .test_vcdiff import needs_xdelta

SOURCE = bytes(range(64))
TARGET = b"patched" + SOURCE


class Left(Exception):
    """Nobody wants the result any more."""


async def stay() -> None:
    pass


class Bench:
    """A folder with one file and one patch for it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.work = folder / "work"
        self.source, self.patch = folder / "game.bin", folder / "game.patch"
        self.source.write_bytes(SOURCE)
        self.patch.write_bytes(make_bps(SOURCE, TARGET))

    def patcher(self, *, largest: int = LARGEST, seconds: int = 60, at_once: int = 1) -> Patcher:
        return Patcher(self.work, largest=largest, seconds=seconds, at_once=at_once)

    def apply(
        self, patcher: Patcher | None = None, watch: Callable[[], Awaitable[None]] = stay
    ) -> Patched:
        patcher = patcher or self.patcher()
        return asyncio.run(patcher.apply(self.source, self.patch, patcher.make_folder(), watch))

    def keep_busy(self) -> None:
        """Make the patch one that writes over the same bytes for many seconds."""
        record = b"\0\0\0\0\0\xff\xffz"
        self.patch.write_bytes(b"PATCH" + record * 4_000_000 + b"EOF")

    def zip(self, *names: str, content: bytes = SOURCE) -> None:
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            for name in names:
                archive.writestr(name, content)
        self.source.write_bytes(packed.getvalue())


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_result_lies_in_the_folder(bench: Bench) -> None:
    patched = bench.apply()
    assert patched.path.read_bytes() == TARGET
    assert patched.path.parent.parent == bench.work
    assert (patched.source_name, patched.is_validated) == ("game.bin", True)
    assert bench.source.read_bytes() == SOURCE


def test_only_file_of_an_archive_is_patched(bench: Bench) -> None:
    bench.zip("folder/", "folder/Game (USA).sfc")
    patched = bench.apply()
    assert (patched.path.read_bytes(), patched.source_name) == (TARGET, "Game (USA).sfc")
    assert [path.name for path in patched.path.parent.iterdir()] == ["result"]


@pytest.mark.parametrize("names", [(), ("one", "two")])
def test_archive_of_no_or_many_files_is_refused(bench: Bench, names: tuple[str, ...]) -> None:
    bench.zip(*names)
    with pytest.raises(BadArchive, match=f"it holds {len(names)} files, and a patch is for one"):
        bench.apply()


def test_archive_that_unpacks_to_too_much_is_refused(bench: Bench) -> None:
    bench.zip("bomb", content=bytes(LARGEST + 1))
    with pytest.raises(BadArchive, match="more than the 1048576 bytes that are allowed"):
        bench.apply()


def test_damaged_archive_is_refused(bench: Bench) -> None:
    bench.zip("game")
    bench.source.write_bytes(bench.source.read_bytes()[:-10])
    with pytest.raises(BadArchive, match="damaged"):
        bench.apply()


@needs_xdelta
@pytest.mark.parametrize("packed", ["static", "adaptive"])
def test_what_only_xdelta_can_unpack(bench: Bench, packed: str) -> None:
    source, target = write_sample()
    bench.source.write_bytes(source)
    bench.patch.write_bytes((SAMPLES / f"{packed}.xdelta").read_bytes())
    assert bench.apply().path.read_bytes() == target


@pytest.mark.parametrize(
    ("source", "patch", "kind"),
    [
        (SOURCE[1:], make_bps(SOURCE, TARGET), WrongSource),
        (SOURCE, make_bps(SOURCE, TARGET)[:-1], BadPatch),
        (SOURCE, b"hello", UnknownPatch),
    ],
    ids=["another dump", "damaged", "no patch"],
)
def test_errors_come_back_as_they_are(
    bench: Bench, source: bytes, patch: bytes, kind: type[Exception]
) -> None:
    bench.source.write_bytes(source)
    bench.patch.write_bytes(patch)
    with pytest.raises(kind) as caught:
        bench.apply()
    assert type(caught.value) is kind


def test_file_that_is_gone(bench: Bench) -> None:
    bench.source.unlink()
    with pytest.raises(FileNotFoundError):
        bench.apply()


def test_patch_that_takes_too_long_is_ended(bench: Bench) -> None:
    bench.keep_busy()
    with pytest.raises(BadPatch, match="it takes longer than 1 seconds"):
        bench.apply(bench.patcher(seconds=1))


def test_patch_nobody_waits_for_is_ended(bench: Bench) -> None:
    bench.keep_busy()
    asked = 0

    async def leave() -> None:
        nonlocal asked
        asked += 1
        if asked == 3:
            raise Left

    patcher = bench.patcher()
    with pytest.raises(Left):
        bench.apply(patcher, leave)
    bench.patch.write_bytes(make_ips(SOURCE, TARGET))
    assert bench.apply(patcher).path.read_bytes() == TARGET


def test_process_that_dies_is_an_error(bench: Bench) -> None:
    bench.keep_busy()

    async def kill() -> None:
        for child in multiprocessing.active_children():
            child.kill()

    with pytest.raises(BadPatch, match="ended by the system"):
        bench.apply(watch=kill)


def test_only_so_many_at_once(bench: Bench) -> None:
    patcher = bench.patcher(seconds=1)

    async def wait_behind_another() -> None:
        is_over = asyncio.Event()
        folder = patcher.make_folder()

        async def hold_on() -> None:
            await is_over.wait()

        first = asyncio.create_task(patcher.apply(bench.source, bench.patch, folder, hold_on))
        await asyncio.sleep(0)
        with pytest.raises(Busy):
            await patcher.apply(bench.source, bench.patch, folder, stay)
        is_over.set()
        await asyncio.gather(first, return_exceptions=True)

    asyncio.run(wait_behind_another())
    assert bench.apply(bench.patcher()).path.read_bytes() == TARGET


def test_who_waits_for_a_place_can_leave(bench: Bench) -> None:
    bench.keep_busy()
    patcher = bench.patcher()
    at_work: list[int] = []

    async def leave() -> None:
        at_work.append(len(multiprocessing.active_children()))
        if sum(at_work) >= 5:
            raise Left

    async def wait_behind_another() -> None:
        folder = patcher.make_folder()
        first = asyncio.create_task(patcher.apply(bench.source, bench.patch, folder, stay))
        await asyncio.sleep(0)
        with pytest.raises(Left):
            await patcher.apply(bench.source, bench.patch, folder, leave)
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first

    asyncio.run(wait_behind_another())
    assert max(at_work) == 1
    assert multiprocessing.active_children() == []


def test_folders_somebody_forgot_are_removed_after_a_day(bench: Bench) -> None:
    patcher = bench.patcher()
    old, new = patcher.make_folder(), patcher.make_folder()
    (old / "result").write_bytes(TARGET)
    long_ago = time.time() - 25 * 3600
    os.utime(old, (long_ago, long_ago))
    latest = patcher.make_folder()
    assert sorted(bench.work.iterdir()) == sorted([new, latest])
