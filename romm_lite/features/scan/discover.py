"""Which platforms there are, and which are gone."""

import os
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

from sqlalchemy import false as sql_false
from sqlalchemy import func, select

from romm_lite.db.engine import Database
from romm_lite.disk.layout import Layout
from romm_lite.features.library.service import BATCH, change_platforms, mark_missing
from romm_lite.features.scan.kinds import KNOWN_ONLY, ScanKind
from romm_lite.features.scan.runs import Run, save
from romm_lite.features.scan.scan import Scan
from romm_lite.kernel.errors import Invalid, LibraryUnavailable
from romm_lite.tables.platforms import PLATFORMS
from romm_lite.tables.roms import ROMS

_ADVICE = "Is its drive mounted and readable? Nothing was marked missing; scan again once it is."


def discover(scan: Scan) -> list[str]:
    """The platform folders to scan, sorted.

    ``LibraryUnavailable`` if the library looks as if its drive were not mounted, ``Invalid`` if a
    platform asked for has no folder.
    """
    if scan.files is not None:
        scan.run.stats.total_platforms = len(scan.files)
        return sorted(scan.files)
    folders = _list_folders(scan)
    if not folders and (known := _count_present(scan)):
        raise LibraryUnavailable(
            f"The library {scan.layout.library} has no platform folder, "
            f"but {known} platforms are known to lie there. {_ADVICE}"
        )
    folders = _select(scan, choose(folders, scan.wanted))
    scan.estimates.update((name, _count_entries(scan.layout, name)) for name in folders)
    scan.run.stats.total_platforms = len(folders)
    scan.run.stats.total_roms = sum(scan.estimates.values())
    return folders


def _select(scan: Scan, folders: list[str]) -> list[str]:
    """The folders that a scan of this kind goes into.

    New platforms are those without a row, and those that a scan has begun with that was ended.
    """
    if scan.run.kind not in (ScanKind.NEW_PLATFORMS, *KNOWN_ONLY):
        return folders
    with scan.database.read() as session:
        known = set(session.execute(select(PLATFORMS.c.fs_slug)).scalars())
    if scan.run.kind in KNOWN_ONLY:
        return [name for name in folders if name in known]
    new = [name for name in folders if name not in known or name in scan.run.folders]
    scan.run.folders = new
    save(scan.database, scan.run)
    return new


def find_folders(database: Database, platform_ids: Iterable[int]) -> list[str]:
    """The folders of platforms; ids that no platform has are left out."""
    query = select(PLATFORMS.c.fs_slug).where(PLATFORMS.c.id.in_(set(platform_ids)))
    with database.read() as session:
        return sorted(session.execute(query).scalars())


def find_roms(database: Database, run: Run, rom_ids: Sequence[int]) -> dict[str, list[str]]:
    """The names of ROMs by the folder of their platform; tells of ids that no ROM has."""
    names: dict[str, list[str]] = {}
    unknown = set(rom_ids)
    columns = (ROMS.c.id, ROMS.c.fs_name, PLATFORMS.c.fs_slug)
    query = select(*columns).join(PLATFORMS, PLATFORMS.c.id == ROMS.c.platform_id)
    for start in range(0, len(rom_ids), BATCH):
        chosen = ROMS.c.id.in_(rom_ids[start : start + BATCH])
        with database.read() as session:
            rows = session.execute(query.where(chosen)).all()
        for row in rows:
            names.setdefault(row.fs_slug, []).append(row.fs_name)
            unknown.discard(row.id)
    for rom_id in sorted(unknown):
        run.report(f"There is no game with the id {rom_id}.")
    return names


def find_last_rom(database: Database) -> int:
    """The highest id of a ROM."""
    with database.read() as session:
        return session.execute(select(func.max(ROMS.c.id))).scalar() or 0


def choose(folders: Sequence[str], wanted: Sequence[str] | None) -> list[str]:
    """Those of the folders that are wanted; ``Invalid`` if one is not among them."""
    if wanted is None:
        return list(folders)
    if unknown := sorted(set(wanted) - set(folders)):
        raise Invalid(f"No platform folder in the library is called {', '.join(unknown)}")
    return sorted(set(wanted))


def _count_entries(layout: Layout, fs_slug: str) -> int:
    """About how many ROMs a platform has, without a look at each; 0 if it cannot be read."""
    total = 0
    for folder in layout.rom_folders(fs_slug):
        with suppress(OSError), os.scandir(folder) as entries:
            total += sum(1 for _ in entries)
    return total


def mark_missing_platforms(scan: Scan) -> None:
    """Mark platforms whose folder is gone, with all their ROMs.

    None is if config.yml cannot be understood: it may name folders outside of the library.
    """
    if scan.config.library_unknown:
        return
    present = set(_list_folders(scan))
    columns = (PLATFORMS.c.id, PLATFORMS.c.fs_slug, PLATFORMS.c.missing_from_fs)
    with scan.database.read() as session:
        platforms = session.execute(select(*columns).order_by(PLATFORMS.c.fs_slug)).all()
    if not present and any(not platform.missing_from_fs for platform in platforms):
        raise LibraryUnavailable(f"The library vanished during the scan. {_ADVICE}")
    for platform in platforms:
        if platform.fs_slug in present:
            continue
        if not _is_gone(scan.layout, platform.fs_slug):
            scan.run.report(
                f"The folder of platform {platform.fs_slug} cannot be read; "
                "nothing of it was marked missing."
            )
            continue
        if not platform.missing_from_fs:
            with scan.write() as session:
                change_platforms(session, [{"id": platform.id, "missing_from_fs": True}])
        _mark_missing_roms(scan, platform.id)


def _list_folders(scan: Scan) -> list[str]:
    try:
        return scan.layout.platform_folders()
    except LibraryUnavailable as error:
        text = str(error)
        raise LibraryUnavailable(f"{text[0].upper()}{text[1:]}. {_ADVICE}") from error


def _count_present(scan: Scan) -> int:
    query = select(func.count()).where(PLATFORMS.c.missing_from_fs == sql_false())
    with scan.database.read() as session:
        return int(session.execute(query).scalar_one())


def _mark_missing_roms(scan: Scan, platform_id: int) -> None:
    query = (
        select(ROMS.c.id)
        .where(ROMS.c.platform_id == platform_id, ROMS.c.missing_from_fs == sql_false())
        .limit(BATCH)
    )
    while True:
        scan.run.check()
        with scan.database.read() as session:
            ids = session.execute(query).scalars().all()
        if not ids:
            return
        with scan.write() as session:
            mark_missing(session, ids)


def _is_gone(layout: Layout, fs_slug: str) -> bool:
    """Whether a platform's folder was removed or left out by the user.

    It is not gone, and its ROMs are not either, if it is a link that leads nowhere or cannot be
    looked into.
    """
    folder = layout.rom_folders(fs_slug)[0]
    try:
        os.scandir(folder).close()
    except FileNotFoundError:
        ways: list[Path] = [folder, *folder.parents]
        return not any(way.is_symlink() and not way.exists() for way in ways)
    except OSError:
        return False
    return True
