"""Bringing the firmware rows of each platform in line with its folder."""

from typing import Any

from sqlalchemy import Row, select

from romm_lite.disk.hashing import Digests, hash_file
from romm_lite.disk.layout import Entry
from romm_lite.disk.names import show
from romm_lite.features.library import service as library
from romm_lite.features.scan.scan import PlatformFolder, Scan, differences
from romm_lite.features.scan.telling import tell_platform
from romm_lite.kernel.errors import LibraryUnavailable
from romm_lite.tables.firmware import FIRMWARE


def read_firmware(scan: Scan) -> None:
    """Store what changed among the firmware of the platforms whose names were read."""
    for platform in scan.platforms.values():
        scan.run.check()
        try:
            listing = scan.layout.list_firmware(platform.fs_slug)
        except LibraryUnavailable as error:
            scan.run.report(f"{error}; no firmware of {platform.fs_slug} was marked missing.")
            tell_platform(scan, platform, 0)
            continue
        for name in listing.unreadable_names:
            scan.run.report(f"{show(name)}: the name of this firmware is not valid UTF-8.")
        tell_platform(scan, platform, _store(scan, platform, listing.entries))


def _store(scan: Scan, platform: PlatformFolder, entries: list[Entry]) -> int:
    """Store what changed; how many files are new."""
    with scan.database.read() as session:
        query = select(FIRMWARE).where(FIRMWARE.c.platform_id == platform.id)
        known = {row.file_name: row for row in session.execute(query).all()}
    new: list[dict[str, Any]] = []
    changed: list[dict[str, Any]] = []
    for entry in entries:
        scan.run.check()
        scan.run.stats.scanned_firmware += 1
        row = known.pop(entry.name, None)
        columns = _describe(scan, platform, entry, row)
        if columns is None:
            continue
        if row is None:
            new.append({"platform_id": platform.id, **columns})
        elif different := differences(row, columns):
            changed.append({"id": row.id, **different})
    gone = [row for row in known.values() if not row.missing_from_fs]
    changed += [{"id": row.id, "missing_from_fs": True} for row in gone]
    if new or changed:
        with scan.write() as session:
            library.add_firmware(session, new)
            library.change_firmware(session, changed)
        scan.run.stats.new_firmware += len(new)
    return len(new)


def _describe(
    scan: Scan, platform: PlatformFolder, entry: Entry, row: Row[Any] | None
) -> dict[str, Any] | None:
    """The columns of a firmware file, read only if it changed; None if it cannot be read."""
    file_path = scan.layout.firmware_path(platform.fs_slug)
    columns: dict[str, Any] = {
        "file_name": entry.name,
        "file_path": file_path,
        "file_size_bytes": entry.size,
        "modified_ns": entry.mtime_ns,
    }
    if row is not None and row.md5_hash and not scan.reads_all:
        is_known = not differences(row, columns)
    else:
        is_known = False
    if row is not None and is_known:
        digests = Digests(row.crc_hash, row.md5_hash, row.sha1_hash)
    else:
        try:
            path = scan.layout.absolute(f"{file_path}/{entry.name}")
            digests = hash_file(path, scan.run.stopping.is_set)
        except OSError as error:
            scan.run.report(f"{file_path}/{entry.name}: it cannot be read: {error.strerror}.")
            return None
    return library.describe_firmware(platform.slug, file_path, entry, digests)
