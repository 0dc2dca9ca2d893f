"""What goes into the archive of a ROM or of many."""

import logging
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from sqlalchemy import RowMapping

from romm_lite.disk.archives import SNIFFED, recognize
from romm_lite.features.library.store import Library
from romm_lite.kernel.errors import NotFound, UnsafePath
from romm_lite.web.zips import ZipEntry

log = logging.getLogger(__name__)
HIDDEN_FOLDER = ".hidden/"
_CHANGED = str.maketrans({"\\": "-", "/": "-", ":": "-", "|": "-", **dict.fromkeys('*?"<>+\0')})


def clean_name(name: str) -> str:
    """A file name without the characters that not every system takes; "" if nothing is left."""
    cleaned = name.rpartition("/")[2].translate(_CHANGED).strip()
    return "" if cleaned in (".", "..") else cleaned


def name_many(files: Iterable[RowMapping], roms: int) -> str:
    """What an archive of several ROMs is called: the same for the same content."""
    lines = "\n".join(f"{full_path(file)}:{file['file_size_bytes']}" for file in files)
    return f"{roms} ROMs ({zlib.crc32(lines.encode()):08x}).zip"


def full_path(file: RowMapping) -> str:
    """Relative to the library."""
    return f"{file['file_path']}/{file['file_name']}"


def collect_rom(
    library: Library, rom: RowMapping, files: Sequence[RowMapping], *, hidden_folder: bool
) -> list[ZipEntry]:
    """Entries of the files of one ROM, named from its folder on; NotFound if one is gone."""
    folder = f"{rom['fs_path']}/{rom['fs_name']}/"
    prefix = HIDDEN_FOLDER if hidden_folder else ""
    entries = []
    for file in files:
        path = full_path(file)
        inside = path.startswith(folder)
        name = path.removeprefix(folder) if inside else file["file_name"]
        try:
            entries.append(_enter(library, file, prefix + name))
        except (NotFound, UnsafePath) as error:
            raise not_on_disk(file, rom["id"]) from error
    return _distinct(entries)


def collect_many(library: Library, files: Iterable[RowMapping]) -> list[ZipEntry]:
    """Entries of the files of several ROMs, named by their place in the library.

    What is gone from the disk is left out: one file must not keep the others.
    """
    entries = []
    for file in files:
        try:
            entries.append(_enter(library, file, full_path(file)))
        except (NotFound, UnsafePath):
            log.warning("%s is left out of an archive: it is not on the disk", full_path(file))
    return _distinct(entries)


def not_on_disk(file: RowMapping, rom_id: int) -> NotFound:
    return NotFound(f"File {file['file_name']} not found on disk for ROM {rom_id}")


def write_playlist(name: str, entries: Sequence[ZipEntry]) -> ZipEntry:
    """The list of discs that emulators open: cue sheets if there are any, else everything."""
    names = [entry.name for entry in entries]
    sheets = [each for each in names if each.lower().endswith(".cue")]
    return ZipEntry.of_bytes(_portable(f"{name}.m3u"), "\n".join(sheets or names).encode())


def has_playlist(files: Iterable[RowMapping]) -> bool:
    return any(file["file_name"].lower().endswith(".m3u") for file in files)


def _enter(library: Library, file: RowMapping, name: str) -> ZipEntry:
    path = library.path(full_path(file))
    entry = ZipEntry.of_file(_portable(name), path)
    return replace(entry, crc=_known_crc(file, entry, path))


def _known_crc(file: RowMapping, entry: ZipEntry, path: Path) -> int | None:
    """The stored CRC-32 if it is that of the very bytes on the disk.

    That of a container is of what it holds.
    """
    known = entry.size, entry.mtime_ns
    if not (file["hashed"] and file["crc_hash"]):
        return None
    if known != (file["file_size_bytes"], file["modified_ns"]):
        return None
    try:
        with path.open("rb", buffering=0) as opened:
            is_container = recognize(path.name, opened.read(SNIFFED)) is not None
    except OSError as error:
        raise NotFound(f"File {path.name} cannot be read") from error
    return None if is_container else int(file["crc_hash"], 16)


def _portable(name: str) -> str:
    return name.replace("\\", "_")


def _distinct(entries: Sequence[ZipEntry]) -> list[ZipEntry]:
    """The same entries, a number before the name of what would stand there twice."""
    named: dict[str, ZipEntry] = {}
    for entry in entries:
        name, number = entry.name, 1
        while name in named:
            number += 1
            folder, slash, base = entry.name.rpartition("/")
            name = f"{folder}{slash}{number} {base}"
        named[name] = replace(entry, name=name)
    return list(named.values())
