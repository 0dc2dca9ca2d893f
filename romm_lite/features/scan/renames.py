"""New names for missing ROMs: a new entry with the content of one missing ROM is that ROM."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

from sqlalchemy import Row, select
from sqlalchemy import true as sql_true
from sqlmodel import Session

from romm_lite.disk.exotic.achievements import find_system
from romm_lite.disk.names import title_of
from romm_lite.features.library import service as library
from romm_lite.features.scan.compare import compare
from romm_lite.features.scan.names import NewEntry, find_files, write_files
from romm_lite.features.scan.reading import (
    Reading,
    Source,
    Stop,
    make_groups,
    read_rom,
    run_in_threads,
)
from romm_lite.features.scan.scan import Scan
from romm_lite.kernel.events import RomsBegun, RomsFinished
from romm_lite.tables.roms import ROMS

Hashes = tuple[str, str, str]
_COLUMNS = (
    ROMS.c.id,
    ROMS.c.name,
    ROMS.c.name_sort_key,
    ROMS.c.search_text,
    ROMS.c.fs_name,
    ROMS.c.fs_path,
    ROMS.c.crc_hash,
    ROMS.c.md5_hash,
    ROMS.c.sha1_hash,
)


def store_renamed(scan: Scan, held: Sequence[NewEntry]) -> None:
    """Read entries that may be missing ROMs and store each as that ROM, or as a new one."""
    for platform_id, of_platform in groupby(held, lambda new: new.platform.id):
        entries = list(of_platform)
        for start in range(0, len(entries), library.BATCH):
            batch = entries[start : start + library.BATCH]
            readings = _read(scan, batch)
            for new, reading in zip(batch, readings, strict=True):
                for path in reading.late:
                    scan.leave(platform_id, new.entry.name, path)
            with scan.write() as session:
                added, renamed = _store(session, scan, platform_id, batch, readings)
            scan.run.stats.new_roms += len(added)
            for event in (RomsBegun, RomsFinished):
                scan.database.publish(event((*renamed, *added)))


def _read(scan: Scan, entries: Sequence[NewEntry]) -> list[Reading]:
    def read(group: Sequence[NewEntry], stop: Stop) -> list[Reading]:
        return [_read_entry(scan, entry, stop) for entry in group]

    readings: dict[str, Reading] = {}
    groups = make_groups(entries, lambda entry: (len(entry.files), entry.size))
    stop = scan.run.stopping.is_set
    for done in run_in_threads(read, groups, workers=scan.workers, stop=stop):
        for group, found in done:
            readings |= {new.entry.name: each for new, each in zip(group, found, strict=True)}
    return [readings[new.entry.name] for new in entries]


def _read_entry(scan: Scan, new: NewEntry, stop: Stop) -> Reading:
    sources = [
        Source(file.full_path, file.size, file.mtime_ns, file.is_top_level) for file in new.files
    ]
    timeout = scan.seven_zip_timeout
    is_flat = not new.entry.is_dir
    return read_rom(
        scan.layout,
        sources,
        is_flat=is_flat,
        system=find_system(new.platform.slug),
        stop=stop,
        timeout=timeout,
        is_settled=scan.is_settled,
    )


def _store(
    session: Session,
    scan: Scan,
    platform_id: int,
    entries: Sequence[NewEntry],
    readings: Sequence[Reading],
) -> tuple[list[int], list[int]]:
    """Store a batch of entries in the order of their names; the ids of new ROMs and of renamed."""
    missing = _find_missing(session, platform_id, readings)
    fs_path = scan.layout.roms_path(entries[0].platform.fs_slug)
    renamed: list[tuple[Row[Any], NewEntry, Reading]] = []
    new: list[library.NewRom] = []
    for entry, reading in zip(entries, readings, strict=True):
        same = missing.get(_hashes(reading), [])
        if len(same) == 1:
            renamed.append((same.pop(), entry, reading))
        else:
            files = list(_describe_files(entry, reading))
            hashes = reading.whole or library.NO_HASHES
            is_dir = entry.entry.is_dir
            new.append(library.NewRom(entry.entry.name, is_dir, fs_path, files, hashes))
    _rename(session, platform_id, fs_path, renamed)
    added = library.add_roms(session, platform_id, new)
    return list(added.values()), [rom.id for rom, _, _ in renamed]


def _hashes(reading: Reading) -> Hashes | None:
    """What a ROM must have to be the same; None if one is not known."""
    if reading.whole is None:
        return None
    hashes = reading.whole["crc_hash"], reading.whole["md5_hash"], reading.whole["sha1_hash"]
    return hashes if all(hashes) else None


def _find_missing(
    session: Session, platform_id: int, readings: Sequence[Reading]
) -> dict[Hashes | None, list[Row[Any]]]:
    """The missing ROMs of a platform that have hashes just read."""
    wanted = {hashes[2] for reading in readings if (hashes := _hashes(reading))}
    query = select(*_COLUMNS).where(
        ROMS.c.platform_id == platform_id,
        ROMS.c.missing_from_fs == sql_true(),
        ROMS.c.sha1_hash.in_(wanted),
    )
    missing: dict[Hashes | None, list[Row[Any]]] = defaultdict(list)
    for row in session.execute(query).all():
        missing[row.crc_hash, row.md5_hash, row.sha1_hash].append(row)
    return missing


def _describe_files(entry: NewEntry, reading: Reading) -> Iterator[dict[str, Any]]:
    for file, hashes in zip(entry.files, reading.files, strict=True):
        yield {**library.describe_file(file), **(hashes or library.NO_FILE_HASHES)}


def _rename(
    session: Session,
    platform_id: int,
    fs_path: str,
    renamed: Sequence[tuple[Row[Any], NewEntry, Reading]],
) -> None:
    """Give missing ROMs the names, places and files of what was found."""
    if not renamed:
        return
    rows = []
    changes = []
    known = find_files(session, [rom.id for rom, _, _ in renamed])
    for rom, new, reading in renamed:
        fs_name = new.entry.name
        root = f"{fs_path}/{fs_name}"
        old_root = f"{rom.fs_path}/{rom.fs_name}"
        changes.append((rom.id, compare(known.get(rom.id, []), old_root, new.files, root)))
        name = rom.name
        if name in library.list_placeholders(rom.fs_name):
            name = title_of(fs_name, is_dir=new.entry.is_dir)
        rows.append(
            {
                "id": rom.id,
                **library.describe_name(fs_name),
                **library.follow_title(rom, name, fs_name),
                **library.describe_shape(fs_path, map(library.describe_file, new.files)),
                # That of an arcade game is made of its name.
                **({"ra_hash": reading.whole["ra_hash"]} if reading.whole else {}),
            }
        )
    library.change_names(session, platform_id, rows)
    write_files(session, changes)
