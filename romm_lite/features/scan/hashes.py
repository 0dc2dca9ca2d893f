"""Reading every file that has no hashes of its present content, in parallel, one writer."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Row, and_, func, or_, select
from sqlalchemy import false as sql_false
from sqlalchemy import true as sql_true
from sqlmodel import Session

from romm_lite.disk.exotic.achievements import find_system
from romm_lite.disk.hashing import Digests, identify
from romm_lite.disk.members import Stopped
from romm_lite.features.library.service import (
    change_roms,
    change_same_files,
    describe_digests,
)
from romm_lite.features.scan.kinds import ScanKind
from romm_lite.features.scan.reading import (
    Reading,
    Source,
    Stop,
    make_groups,
    read_rom,
    run_in_threads,
)
from romm_lite.features.scan.scan import Scan, differences
from romm_lite.kernel.events import RomsBegun, RomsFinished
from romm_lite.tables.files import ROM_FILES
from romm_lite.tables.roms import ROMS

PAGE = 500
FULL = 500
FULL_AFTER = 1.0
_ROM_COLUMNS = (
    ROMS.c.id,
    ROMS.c.platform_id,
    ROMS.c.fs_name,
    ROMS.c.fs_path,
    ROMS.c.top_level_files,
    ROMS.c.crc_hash,
    ROMS.c.md5_hash,
    ROMS.c.sha1_hash,
    ROMS.c.ra_hash,
)
_FILE_COLUMNS = (
    ROM_FILES.c.id,
    ROM_FILES.c.rom_id,
    ROM_FILES.c.file_name,
    ROM_FILES.c.file_path,
    ROM_FILES.c.file_size_bytes,
    ROM_FILES.c.modified_ns,
    ROM_FILES.c.is_top_level,
    ROM_FILES.c.hashed,
    ROM_FILES.c.crc_hash,
    ROM_FILES.c.md5_hash,
    ROM_FILES.c.sha1_hash,
    ROM_FILES.c.chd_sha1_hash,
    ROM_FILES.c.archive_members,
)
_UNHASHED = ROM_FILES.c.hashed == sql_false()


class Task(NamedTuple):
    """A ROM and those of its files that are to be read."""

    rom: Row[Any]
    files: list[Row[Any]]
    is_only_listed: bool
    """Not read: all there is to learn is what an archive lists about itself."""

    @property
    def is_flat(self) -> bool:
        return len(self.files) == 1 and self.files[0].file_path == self.rom.fs_path


Group = list[Task]


def read_hashes(scan: Scan) -> None:
    """Hash what is not hashed, or everything if the scan reads all, and store it as it comes."""
    scan.run.progress.files_total, scan.run.progress.bytes_total = _measure(scan)
    if not scan.run.progress.files_total:
        return
    work = _Work(scan)
    stop = scan.run.stopping.is_set
    reading = run_in_threads(work.read, work.groups(), workers=scan.workers, stop=stop)
    try:
        with closing(reading):
            for done in reading:
                work.take(done)
    except Stopped:
        work.write()
        raise
    work.write()


class _Work:
    """What is being read, what was read and is not yet stored."""

    def __init__(self, scan: Scan) -> None:
        self._scan = scan
        self._open: dict[int, int] = {}
        """Groups not yet stored, oldest first: their last ROM by their first."""
        self._done: list[tuple[Group, list[Reading]]] = []
        self._roms = 0
        self._written = time.monotonic()

    def groups(self) -> Iterator[Group]:
        """Tasks for the threads, by rising id of ROMs in what was left over, then in the rest."""
        for group in make_groups(_find_tasks(self._scan), _measure_task):
            self._open[group[0].rom.id] = group[-1].rom.id
            self._scan.database.publish(RomsBegun(tuple(task.rom.id for task in group)))
            yield group

    def read(self, group: Group, stop: Stop) -> list[Reading]:
        """Read a group, in a thread."""
        return [self._read(task, stop) for task in group]

    def _read(self, task: Task, stop: Stop) -> Reading:
        scan = self._scan
        if task.is_only_listed:
            return _look_inside(scan, task, stop)
        sources = [
            Source(
                f"{file.file_path}/{file.file_name}",
                file.file_size_bytes,
                file.modified_ns,
                file.is_top_level,
            )
            for file in task.files
        ]
        timeout = scan.seven_zip_timeout
        return read_rom(
            scan.layout,
            sources,
            is_flat=task.is_flat,
            system=find_system(scan.platforms[task.rom.platform_id].slug),
            stop=stop,
            timeout=timeout,
            is_settled=scan.is_settled,
        )

    def take(self, done: Sequence[tuple[Group, list[Reading]]]) -> None:
        """Keep what was read, and store all of it when it is much or has waited for a second."""
        progress = self._scan.run.progress
        for group, readings in done:
            self._done.append((group, readings))
            self._roms += len(group)
            for task, reading in zip(group, readings, strict=True):
                files, size = _measure_task(task)
                progress.files += files
                progress.bytes += size
                for problem in reading.problems:
                    self._scan.run.report(problem)
                for path in reading.late:
                    self._scan.leave(task.rom.platform_id, task.rom.fs_name, path)
        if self._roms >= FULL or time.monotonic() - self._written > FULL_AFTER:
            self.write()

    def write(self) -> None:
        """Store what was read and differs from what is stored."""
        files: list[dict[str, Any]] = []
        roms: list[dict[str, Any]] = []
        for group, readings in self._done:
            for task, reading in zip(group, readings, strict=True):
                files += _changed_files(task, reading)
                roms += _changed_rom(task, reading)
        if files or roms:
            with self._scan.write() as session:
                change_same_files(session, files)
                change_roms(session, roms)
        if self._done and self._scan.run.kind is not ScanKind.HASHES:
            ids = tuple(task.rom.id for group, _ in self._done for task in group)
            self._scan.database.publish(RomsFinished(ids))
        self._advance()
        self._roms = 0
        self._written = time.monotonic()

    def _advance(self) -> None:
        """Note up to which ROM a scan that reads all is committed without a gap."""
        run = self._scan.run
        last = 0
        for group, _ in self._done:
            last = max(last, self._open.pop(group[0].rom.id))
        self._done = []
        if self._scan.reads_all:
            safe = min(self._open) - 1 if self._open else last
            run.done_up_to = max(run.done_up_to, safe)


def _measure_task(task: Task) -> tuple[int, int]:
    return len(task.files), sum(file.file_size_bytes for file in task.files)


def _look_inside(scan: Scan, task: Task, stop: Stop) -> Reading:
    """No hashes but, for an archive, the checksum it lists of its largest member."""
    found: list[dict[str, Any]] = []
    for file in task.files:
        if stop():
            raise Stopped("the scan was stopped")
        listed = identify(scan.layout.absolute(f"{file.file_path}/{file.file_name}"))
        crc = listed[0] if listed else ""
        found.append({**describe_digests(Digests(crc=crc)), "chd_sha1_hash": ""})
    if task.rom.crc_hash is not None:
        return Reading([*found], None)
    crc = str(found[0]["crc_hash"]) if task.is_flat else ""
    return Reading([*found], describe_digests(Digests(crc=crc)))


def _changed_files(task: Task, reading: Reading) -> Iterator[dict[str, Any]]:
    for file, columns in zip(task.files, reading.files, strict=True):
        if columns and differences(file, columns):
            stamp = {"file_size_bytes": file.file_size_bytes, "modified_ns": file.modified_ns}
            yield {"id": file.id, **stamp, **columns}


def _changed_rom(task: Task, reading: Reading) -> Iterator[dict[str, Any]]:
    counts = any(file.is_top_level for file in task.files) or not task.rom.top_level_files
    if counts and reading.whole and differences(task.rom, reading.whole):
        yield {"id": task.rom.id, **reading.whole}


def _platform_ids(scan: Scan, *, hashed: bool) -> list[int]:
    return [p.id for p in scan.platforms.values() if scan.is_hashed(p) is hashed]


def _is_wanted(scan: Scan) -> ColumnElement[bool]:
    """The files to read: those not hashed, and all of ROMs a scan of all has yet to come to."""
    unread: ColumnElement[bool] = _UNHASHED
    if scan.reads_all:
        unread = or_(_UNHASHED, ROMS.c.id > scan.run.start_after)
    return and_(
        ROMS.c.missing_from_fs == sql_false(),
        is_named(scan),
        or_(
            and_(ROMS.c.platform_id.in_(_platform_ids(scan, hashed=True)), unread),
            and_(
                ROMS.c.platform_id.in_(_platform_ids(scan, hashed=False)),
                _UNHASHED,
                ROM_FILES.c.crc_hash.is_(None),
            ),
        ),
    )


def is_named(scan: Scan) -> ColumnElement[bool]:
    """The ROMs that are meant, where some are by their names."""
    if scan.files is None:
        return sql_true()
    each = (
        and_(ROMS.c.platform_id == platform.id, ROMS.c.fs_name.in_(scan.files[platform.fs_slug]))
        for platform in scan.platforms.values()
    )
    return or_(sql_false(), *each)


def _measure(scan: Scan) -> tuple[int, int]:
    """How many files there are to read, and how many bytes."""
    joined = ROM_FILES.join(ROMS, ROM_FILES.c.rom_id == ROMS.c.id)
    size = func.coalesce(func.sum(ROM_FILES.c.file_size_bytes), 0)
    query = select(func.count(), size).select_from(joined).where(_is_wanted(scan))
    with scan.database.read() as session:
        files, size_bytes = session.execute(query).one()
    return files, int(size_bytes)


def _find_tasks(scan: Scan) -> Iterator[Task]:
    only_listed = set(_platform_ids(scan, hashed=False))
    for ids in _find_ids(scan):
        with scan.database.read() as session:
            rows = _find_rows(session, scan, ids)
        for rom, files in rows:
            yield Task(rom, files, rom.platform_id in only_listed)


def _find_ids(scan: Scan) -> Iterator[Sequence[int]]:
    """Ids of ROMs to look at, in pages: with something not hashed, then all if all are read."""
    if scan.files is not None:
        yield from _page(scan, select(ROMS.c.id).where(is_named(scan)), ROMS.c.id, 0)
        return
    start = scan.run.start_after if scan.reads_all else None
    unhashed = select(ROM_FILES.c.rom_id).distinct().where(_UNHASHED)
    if start is None:
        yield from _page(scan, unhashed, ROM_FILES.c.rom_id, 0)
        return
    if start:
        left_over = unhashed.where(ROM_FILES.c.rom_id <= start)
        yield from _page(scan, left_over, ROM_FILES.c.rom_id, 0)
    yield from _page(scan, select(ROMS.c.id), ROMS.c.id, start)


def _page(scan: Scan, query: Any, column: ColumnElement[Any], last: int) -> Iterator[Sequence[int]]:
    query = query.order_by(column).limit(PAGE)
    while True:
        with scan.database.read() as session:
            ids = session.execute(query.where(column > last)).scalars().all()
        if not ids:
            return
        yield ids
        last = ids[-1]


def _find_rows(
    session: Session, scan: Scan, ids: Sequence[int]
) -> list[tuple[Row[Any], list[Row[Any]]]]:
    """The ROMs of a page with their files to read; those with none are left out."""
    joined = ROM_FILES.join(ROMS, ROM_FILES.c.rom_id == ROMS.c.id)
    query = select(*_FILE_COLUMNS).select_from(joined).where(ROMS.c.id.in_(ids), _is_wanted(scan))
    files: dict[int, list[Row[Any]]] = {}
    for file in session.execute(query).all():
        files.setdefault(file.rom_id, []).append(file)
    roms = session.execute(
        select(*_ROM_COLUMNS).where(ROMS.c.id.in_(files)).order_by(ROMS.c.id)
    ).all()
    for file in _find_rest(session, scan, roms, files):
        files[file.rom_id].append(file)
    return [(rom, files[rom.id]) for rom in roms]


def _find_rest(
    session: Session, scan: Scan, roms: Sequence[Row[Any]], files: Mapping[int, Sequence[Row[Any]]]
) -> Sequence[Row[Any]]:
    """What else lies directly in ROMs of which a part is to be read: their hash is of all of it."""
    hashed = set(_platform_ids(scan, hashed=True))
    tops = {rom.id: sum(file.is_top_level for file in files[rom.id]) for rom in roms}
    partly = [
        rom.id
        for rom in roms
        if 0 < tops[rom.id] < rom.top_level_files and rom.platform_id in hashed
    ]
    if not partly:
        return []
    there = [file.id for rom_id in partly for file in files[rom_id]]
    query = select(*_FILE_COLUMNS).where(
        ROM_FILES.c.rom_id.in_(partly),
        ROM_FILES.c.is_top_level == sql_true(),
        ROM_FILES.c.id.not_in(there),
    )
    return session.execute(query).all()
