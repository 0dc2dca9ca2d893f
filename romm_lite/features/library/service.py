"""Every write to platforms, ROMs, their files, facets and firmware.

Rows come in bulk and a call is a handful of statements however many there are. The caller holds the
unit of work, keeps it to ``BATCH`` ROMs, and ends it with ``note_change``.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any, NamedTuple

from sqlalchemy import Row, RowMapping, Table, bindparam, delete, insert, select, update
from sqlmodel import Session

from romm_lite.db import versions
from romm_lite.db.engine import announce
from romm_lite.disk.bios import is_verified
from romm_lite.disk.hashing import Digests, FileHashes
from romm_lite.disk.layout import Entry, RomFile
from romm_lite.disk.names import is_prerelease, parse_tags, split_name, title_of
from romm_lite.features.library.announced import describe_played as describe_played
from romm_lite.features.library.announced import keep_seen as keep_seen
from romm_lite.features.library.announced import render_announced as render_announced
from romm_lite.features.library.announced import sees_platform as sees_platform
from romm_lite.features.library.artwork import keep_cover as keep_cover
from romm_lite.features.library.assets import illustrate as illustrate
from romm_lite.features.library.assets import render_asset as render_asset
from romm_lite.features.library.facets import KINDS
from romm_lite.features.library.facts import Facet, add_facets, replace_facets
from romm_lite.features.library.facts import Source as Source
from romm_lite.features.library.facts import change_sources as change_sources
from romm_lite.features.library.facts import describe_ratings as describe_ratings
from romm_lite.features.library.journal import settle_moves as settle_moves
from romm_lite.features.library.props import note_played as note_played
from romm_lite.features.library.props import note_sessions as note_sessions
from romm_lite.features.library.rows import Columns, insert_rows, update_rows
from romm_lite.features.library.search_texts import make_text, retitle
from romm_lite.features.library.sources import IDENTIFYING as IDENTIFYING
from romm_lite.features.library.visibility import see_roms as see_roms
from romm_lite.kernel.events import LibraryChanged
from romm_lite.kernel.text import sort_key
from romm_lite.tables.files import ROM_FILES
from romm_lite.tables.firmware import FIRMWARE
from romm_lite.tables.platforms import PLATFORMS
from romm_lite.tables.roms import ROMS

BATCH = 500
EXTENSION_LENGTH = 100
NAME_FACETS = {KINDS[column]: column for column in ("regions", "languages", "tags")}
"""The column of a ROM by the kind of facet its values are; a name decides them."""
_NO_DIGESTS: Mapping[str, Any] = {"crc_hash": None, "md5_hash": None, "sha1_hash": None}
NO_HASHES: Mapping[str, Any] = {**_NO_DIGESTS, "ra_hash": None}
NO_FILE_HASHES: Mapping[str, Any] = {
    **_NO_DIGESTS,
    "chd_sha1_hash": None,
    "archive_members": None,
    "hashed": False,
}

NEVER_READ: Mapping[str, Any] = {**dict.fromkeys(_NO_DIGESTS, ""), "ra_hash": None}
"""The hashes of what is not read on purpose: nothing is waited for."""
FILE_NEVER_READ: Mapping[str, Any] = {**dict.fromkeys(_NO_DIGESTS, ""), "chd_sha1_hash": ""}


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
        "search_text": make_text(name, fs_name),
    }


def follow_title(rom: Row[Any], name: str, fs_name: str) -> dict[str, str]:
    """As ``describe_title`` for a ROM that has a title already: a sort key of its own, which its
    name does not explain, stays, and so do the names that searches find it by besides."""
    title = describe_title(name, fs_name)
    title["search_text"] = retitle(rom.search_text, name, fs_name)
    if rom.name_sort_key != sort_key(rom.name):
        title["name_sort_key"] = rom.name_sort_key
    return title


def list_placeholders(fs_name: str) -> set[str]:
    """Names that a ROM has when nobody knew a better one."""
    return {
        "",
        fs_name,
        describe_stem(fs_name)["no_tags"],
        title_of(fs_name, is_dir=True),
        title_of(fs_name, is_dir=False),
    }


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


def describe_digests(digests: Digests) -> dict[str, str]:
    """The columns for digests."""
    return {
        "crc_hash": digests.crc,
        "md5_hash": digests.md5,
        "sha1_hash": digests.sha1,
    }


def describe_hashes(hashes: FileHashes) -> dict[str, Any]:
    """The columns of a file for its hashes."""
    members = hashes.archive_members
    return {
        **describe_digests(hashes.digests),
        "chd_sha1_hash": hashes.chd_sha1,
        "archive_members": None if members is None else [asdict(member) for member in members],
        "hashed": True,
    }


def describe_firmware(slug: str, file_path: str, file: Entry, digests: Digests) -> dict[str, Any]:
    """The columns of a firmware file; ``slug`` is the platform's, for the table of known dumps."""
    stem = describe_stem(file.name)
    return {
        "file_name": file.name,
        "file_path": file_path,
        "file_size_bytes": file.size,
        "modified_ns": file.mtime_ns,
        **describe_digests(digests),
        "file_name_no_tags": stem["no_tags"],
        "file_name_no_ext": stem["no_ext"],
        "file_extension": stem["extension"],
        "is_verified": is_verified(slug, file.name, file.size, digests),
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
    update_rows(session, PLATFORMS, rows)


def add_roms(session: Session, platform_id: int, roms: Sequence[NewRom]) -> dict[str, int]:
    """Store ROMs with their files and facets; their ids by file name. Those there already are left
    alone."""
    there = _ids_by_name(session, platform_id, [rom.fs_name for rom in roms])
    new = [rom for rom in roms if rom.fs_name not in there]
    if not new:
        return {}
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
    insert_rows(session, ROMS, rows)
    ids = _ids_by_name(session, platform_id, [rom.fs_name for rom in new])
    add_files(session, {ids[rom.fs_name]: rom.files for rom in new})
    named = ({**row, "id": ids[row["fs_name"]]} for row in rows)
    add_facets(session, platform_id, _list_facets(named))
    return ids


def change_roms(session: Session, rows: Sequence[Columns]) -> None:
    """Give ROMs new values; a row is its ``id`` and the columns that change."""
    update_rows(session, ROMS, rows)


def change_names(session: Session, platform_id: int, rows: Sequence[Columns]) -> None:
    """As ``change_roms`` for rows with all of ``describe_name``; their facets follow."""
    update_rows(session, ROMS, rows)
    replace_facets(session, platform_id, NAME_FACETS, _list_facets(rows))


def mark_missing(session: Session, rom_ids: Sequence[int]) -> None:
    """Note that ROMs are no longer on the disk; everything known of them stays."""
    for table, column in ((ROMS, ROMS.c.id), (ROM_FILES, ROM_FILES.c.rom_id)):
        session.execute(update(table).where(column.in_(rom_ids)).values(missing_from_fs=True))


def add_files(session: Session, files: Mapping[int, Sequence[Columns]]) -> None:
    """Store files by the id of their ROM."""
    rows = [{**file, "rom_id": rom_id} for rom_id, of_rom in files.items() for file in of_rom]
    insert_rows(session, ROM_FILES, rows)


def change_files(session: Session, rows: Sequence[Columns]) -> None:
    """Give files new values; a row is its ``id`` and the columns that change."""
    update_rows(session, ROM_FILES, rows)


def remove_files(session: Session, ids: Sequence[int]) -> None:
    """Forget files that are no longer part of their ROM."""
    for start in range(0, len(ids), BATCH):
        some = ids[start : start + BATCH]
        session.execute(delete(ROM_FILES).where(ROM_FILES.c.id.in_(some)))


def change_same_files(session: Session, rows: Sequence[Columns]) -> None:
    """As ``change_files``, for a file that still has the size and mtime its row here names."""
    size, modified = ROM_FILES.c.file_size_bytes, ROM_FILES.c.modified_ns
    guard = (size == bindparam("same_size"), modified == bindparam("same_ns"))
    renamed = {"file_size_bytes": "same_size", "modified_ns": "same_ns"}
    rows = [{renamed.get(name, name): value for name, value in row.items()} for row in rows]
    update_rows(session, ROM_FILES, rows, *guard)


def add_firmware(session: Session, rows: Sequence[Columns]) -> None:
    """Store firmware files."""
    insert_rows(session, FIRMWARE, rows)


def change_firmware(session: Session, rows: Sequence[Columns]) -> None:
    """Give firmware files new values; a row is its ``id`` and the columns that change."""
    update_rows(session, FIRMWARE, rows)


def remove_rows(session: Session, table: Table, ids: Sequence[int]) -> None:
    """Forget platforms, ROMs, files or firmware with all that goes with them."""
    for start in range(0, len(ids), BATCH):
        session.execute(delete(table).where(table.c.id.in_(ids[start : start + BATCH])))


def reshape(session: Session, rom_ids: Sequence[int]) -> None:
    """Bring ROMs in line with their files after some of these came or went.

    A ROM that was one file and has none is missing. Where files directly in a ROM changed hands,
    its hashes are those of another content: the next scan makes them anew.
    """
    columns = (ROMS.c.id, ROMS.c.fs_path, ROMS.c.top_level_files, ROMS.c.nested_files)
    roms = session.execute(select(*columns).where(ROMS.c.id.in_(rom_ids))).all()
    files: dict[int, list[RowMapping]] = {rom.id: [] for rom in roms}
    names = ("id", "rom_id", "file_path", "file_size_bytes", "is_top_level", "category")
    query = select(*(ROM_FILES.c[name] for name in names)).where(ROM_FILES.c.rom_id.in_(files))
    for file in session.execute(query).mappings():
        files[file["rom_id"]].append(file)
    rows = []
    for rom in roms:
        shape = describe_shape(rom.fs_path, map(dict, files[rom.id]))
        was_flat = rom.top_level_files == 1 and not rom.nested_files
        shape["missing_from_fs"] = was_flat and not files[rom.id]
        if shape["top_level_files"] != rom.top_level_files:
            shape |= NO_HASHES
        rows.append({"id": rom.id, **shape})
    change_roms(session, rows)
    again = [
        {"id": file["id"], "hashed": False}
        for row in rows
        if "sha1_hash" in row
        for file in files[row["id"]]
        if file["is_top_level"]
    ]
    change_files(session, again)


def _ids_by_name(session: Session, platform_id: int, names: Sequence[str]) -> dict[str, int]:
    query = select(ROMS.c.fs_name, ROMS.c.id).where(
        ROMS.c.platform_id == platform_id, ROMS.c.fs_name.in_(names)
    )
    return {row.fs_name: row.id for row in session.execute(query).all()}


def _list_facets(rows: Iterable[Columns]) -> dict[int, list[Facet]]:
    """The facets that the name columns of ROMs say, by ROM."""
    return {
        row["id"]: [(kind, value) for kind, column in NAME_FACETS.items() for value in row[column]]
        for row in rows
    }
