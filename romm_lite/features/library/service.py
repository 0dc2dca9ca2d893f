"""Every write to platforms, ROMs, their files, facets and firmware.

Rows come in bulk and a call is a handful of statements however many there are. The caller holds the
unit of work, keeps it to ``BATCH`` ROMs, and ends it with ``note_change``.
"""

import logging
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any, NamedTuple

from sqlalchemy import Table, bindparam, delete, insert, select, tuple_, update
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session

from romm_lite.db import versions
from romm_lite.db.engine import announce
from romm_lite.disk.layout import RomFile
from romm_lite.disk.names import is_prerelease, parse_tags, split_name, title_of
from romm_lite.features.library.facets import KINDS
from romm_lite.kernel.events import LibraryChanged
from romm_lite.kernel.text import fold, sort_key
from romm_lite.metadata.ages import minimum_age
from romm_lite.tables.files import ROM_FILES
from romm_lite.tables.firmware import FIRMWARE
from romm_lite.tables.platforms import PLATFORMS
from romm_lite.tables.roms import FACETS, ROM_FACETS, ROMS

log = logging.getLogger(__name__)

BATCH = 500
EXTENSION_LENGTH = 100
NAME_FACETS = {KINDS[column]: column for column in ("regions", "languages", "tags")}
"""The column of a ROM by the kind of facet its values are; a name decides them."""
NO_HASHES: Mapping[str, Any] = {"crc_hash": None, "md5_hash": None, "sha1_hash": None}
NO_FILE_HASHES: Mapping[str, Any] = {
    **NO_HASHES,
    "chd_sha1_hash": None,
    "archive_members": None,
    "hashed": False,
}

NEVER_READ: Mapping[str, Any] = dict.fromkeys(NO_HASHES, "")
"""The hashes of what is not read on purpose: nothing is waited for."""
FILE_NEVER_READ: Mapping[str, Any] = {**NEVER_READ, "chd_sha1_hash": ""}

Columns = Mapping[str, Any]


class NewRom(NamedTuple):
    """A ROM to be stored: ``files`` are columns as ``describe_file`` gives them, hashes or not."""

    fs_name: str
    is_dir: bool
    fs_path: str
    files: Sequence[Columns]
    hashes: Columns = NO_HASHES


def note_change(session: Session) -> None:
    """Tell everyone that the library is another one, once this unit of work is committed."""
    versions.bump(session, versions.LIBRARY)
    announce(session, LibraryChanged())


def describe_stem(name: str) -> dict[str, str]:
    """What a name without tags, without extension and its extension are, cut to their columns."""
    parts = split_name(name)
    return {
        "no_tags": parts.no_tags,
        "no_ext": parts.no_ext,
        "extension": parts.extension[:EXTENSION_LENGTH],
    }


def describe_name(fs_name: str) -> dict[str, Any]:
    """The columns of a ROM that its file name alone decides."""
    stem = describe_stem(fs_name)
    tags = parse_tags(fs_name)
    return {
        "fs_name": fs_name,
        "fs_name_no_tags": stem["no_tags"],
        "fs_name_no_ext": stem["no_ext"],
        "fs_extension": stem["extension"],
        "revision": tags.revision,
        "version": tags.version,
        "regions": list(tags.regions),
        "languages": list(tags.languages),
        "tags": list(tags.tags),
        "is_prerelease": is_prerelease(stem["no_ext"]),
    }


def describe_title(name: str, fs_name: str) -> dict[str, str]:
    """The columns of a ROM that follow from what it is called."""
    return {
        "name": name,
        "name_sort_key": sort_key(name),
        "search_text": f"{fold(name)}\n{fold(fs_name)}",
    }


def describe_ratings(age_ratings: Iterable[str]) -> dict[str, Any]:
    """The columns of a ROM's facts that its age ratings decide; whoever stores them uses this."""
    ratings = list(age_ratings)
    return {"age_ratings": ratings, "minimum_age": minimum_age(ratings)}


def describe_file(file: RomFile) -> dict[str, Any]:
    """The columns of a file that the disk decides."""
    return {
        "file_name": file.file_name,
        "file_path": file.file_path,
        "file_size_bytes": file.size,
        "modified_ns": file.mtime_ns,
        "category": file.category,
        "is_top_level": file.is_top_level,
        "missing_from_fs": False,
    }


def describe_shape(fs_path: str, files: Iterable[Columns]) -> dict[str, Any]:
    """The columns of a ROM that its files decide."""
    files = list(files)
    return {
        "fs_path": fs_path,
        "fs_size_bytes": sum(file["file_size_bytes"] for file in files),
        "top_level_files": sum(file["is_top_level"] for file in files),
        "nested_files": sum(file["file_path"] != fs_path for file in files),
        "has_soundtrack": any(file["category"] == "soundtrack" for file in files),
        "missing_from_fs": False,
    }


def add_platform(session: Session, columns: Columns) -> int:
    """Store a platform; its id."""
    session.execute(insert(PLATFORMS).values(**columns))
    query = select(PLATFORMS.c.id).where(PLATFORMS.c.fs_slug == columns["fs_slug"])
    return int(session.execute(query).scalar_one())


def change_platforms(session: Session, rows: Sequence[Columns]) -> None:
    """Give platforms new values; a row is its ``id`` and the columns that change."""
    _change(session, PLATFORMS, rows)


def add_roms(session: Session, platform_id: int, roms: Sequence[NewRom]) -> int:
    """Store ROMs with their files and facets; how many, for those there already are left alone."""
    there = _ids_by_name(session, platform_id, [rom.fs_name for rom in roms])
    new = [rom for rom in roms if rom.fs_name not in there]
    if not new:
        return 0
    rows = [
        {
            "platform_id": platform_id,
            **describe_name(rom.fs_name),
            **describe_title(title_of(rom.fs_name, is_dir=rom.is_dir), rom.fs_name),
            **describe_shape(rom.fs_path, rom.files),
            **rom.hashes,
        }
        for rom in new
    ]
    _insert(session, ROMS, rows)
    ids = _ids_by_name(session, platform_id, [rom.fs_name for rom in new])
    add_files(session, {ids[rom.fs_name]: rom.files for rom in new})
    _add_facets(session, platform_id, {ids[row["fs_name"]]: row for row in rows})
    return len(new)


def change_roms(session: Session, rows: Sequence[Columns]) -> None:
    """Give ROMs new values; a row is its ``id`` and the columns that change."""
    _change(session, ROMS, rows)


def change_names(session: Session, platform_id: int, rows: Sequence[Columns]) -> None:
    """As ``change_roms`` for rows with all of ``describe_name``; their facets follow."""
    _change(session, ROMS, rows)
    by_id = {row["id"]: row for row in rows}
    kinds = select(FACETS.c.id).where(FACETS.c.kind.in_(NAME_FACETS))
    session.execute(
        delete(ROM_FACETS).where(ROM_FACETS.c.rom_id.in_(by_id), ROM_FACETS.c.facet_id.in_(kinds))
    )
    _add_facets(session, platform_id, by_id)


def mark_missing(session: Session, rom_ids: Sequence[int]) -> None:
    """Note that ROMs are no longer on the disk; everything known of them stays."""
    for table, column in ((ROMS, ROMS.c.id), (ROM_FILES, ROM_FILES.c.rom_id)):
        session.execute(update(table).where(column.in_(rom_ids)).values(missing_from_fs=True))


def add_files(session: Session, files: Mapping[int, Sequence[Columns]]) -> None:
    """Store files by the id of their ROM."""
    rows = [{**file, "rom_id": rom_id} for rom_id, of_rom in files.items() for file in of_rom]
    _insert(session, ROM_FILES, rows)


def change_files(session: Session, rows: Sequence[Columns]) -> None:
    """Give files new values; a row is its ``id`` and the columns that change."""
    _change(session, ROM_FILES, rows)


def remove_files(session: Session, ids: Sequence[int]) -> None:
    """Forget files that are no longer part of their ROM."""
    for start in range(0, len(ids), BATCH):
        some = ids[start : start + BATCH]
        session.execute(delete(ROM_FILES).where(ROM_FILES.c.id.in_(some)))


def store_hashes(session: Session, rows: Sequence[Columns]) -> None:
    """As ``change_files``, for a file that still has the size and mtime its row here names."""
    size, modified = ROM_FILES.c.file_size_bytes, ROM_FILES.c.modified_ns
    guard = (size == bindparam("same_size"), modified == bindparam("same_ns"))
    renamed = {"file_size_bytes": "same_size", "modified_ns": "same_ns"}
    rows = [{renamed.get(name, name): value for name, value in row.items()} for row in rows]
    _change(session, ROM_FILES, rows, *guard)


def add_firmware(session: Session, rows: Sequence[Columns]) -> None:
    """Store firmware files."""
    _insert(session, FIRMWARE, rows)


def change_firmware(session: Session, rows: Sequence[Columns]) -> None:
    """Give firmware files new values; a row is its ``id`` and the columns that change."""
    _change(session, FIRMWARE, rows)


def _insert(session: Session, table: Table, rows: Sequence[Columns]) -> None:
    """Insert rows in as few statements as their sets of columns allow."""
    for _, same in groupby(sorted(rows, key=_keys), _keys):
        session.connection().execute(insert(table), [dict(row) for row in same])


def _change(session: Session, table: Table, rows: Sequence[Columns], *guard: Any) -> None:
    statement = update(table).where(table.c.id == bindparam("row_id"), *guard)
    for _, same in groupby(sorted(rows, key=_keys), _keys):
        values = [
            {("row_id" if name == "id" else name): value for name, value in row.items()}
            for row in same
        ]
        session.connection().execute(statement, values)


def _keys(row: Columns) -> list[str]:
    return sorted(row)


def _ids_by_name(session: Session, platform_id: int, names: Sequence[str]) -> dict[str, int]:
    query = select(ROMS.c.fs_name, ROMS.c.id).where(
        ROMS.c.platform_id == platform_id, ROMS.c.fs_name.in_(names)
    )
    return {row.fs_name: row.id for row in session.execute(query).all()}


def _add_facets(session: Session, platform_id: int, roms: Mapping[int, Columns]) -> None:
    """Give ROMs the facets that their name columns say."""
    wanted = {
        (rom_id, kind, value)
        for rom_id, columns in roms.items()
        for kind, column in NAME_FACETS.items()
        for value in columns[column]
    }
    ids = _facet_ids(session, {(kind, value) for _, kind, value in wanted})
    rows = [
        {"rom_id": rom_id, "facet_id": ids[kind, value], "platform_id": platform_id}
        for rom_id, kind, value in sorted(wanted)
    ]
    _insert(session, ROM_FACETS, rows)


def _facet_ids(session: Session, wanted: set[tuple[str, str]]) -> dict[tuple[str, str], int]:
    """Ids of facets, stored now where there are none yet; others may be storing the same."""
    while True:
        found = _find_facets(session, sorted(wanted))
        new = sorted(wanted - found.keys())
        if not new:
            return found
        try:
            with session.begin_nested():
                _insert(session, FACETS, [{"kind": kind, "value": value} for kind, value in new])
        except IntegrityError:
            log.debug("Another process stored one of these facets at the same moment")


def _find_facets(session: Session, wanted: Sequence[tuple[str, str]]) -> dict[tuple[str, str], int]:
    found: dict[tuple[str, str], int] = {}
    for start in range(0, len(wanted), BATCH):
        some = wanted[start : start + BATCH]
        query = select(FACETS.c.kind, FACETS.c.value, FACETS.c.id).where(
            tuple_(FACETS.c.kind, FACETS.c.value).in_(some)
        )
        found |= {(row.kind, row.value): row.id for row in session.execute(query).all()}
    return found
