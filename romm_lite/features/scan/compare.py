"""What changed among the files of a ROM since they were stored."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from romm_lite.disk.layout import RomFile
from romm_lite.features.library.service import NO_FILE_HASHES, describe_file
from romm_lite.features.scan.scan import differences


class KnownFile(NamedTuple):
    """A file as the database has it."""

    id: int
    rom_id: int
    file_name: str
    file_path: str
    file_size_bytes: int
    modified_ns: int
    category: str | None
    is_top_level: bool
    missing_from_fs: bool


@dataclass
class FileChanges:
    """What to do to the files of a ROM; ``changed`` are columns by id."""

    new: list[RomFile] = field(default_factory=list)
    changed: dict[int, dict[str, Any]] = field(default_factory=dict)
    gone: list[int] = field(default_factory=list)
    voids_rom: bool = False
    """Whether the ROM's own hashes are those of another content now."""


Pair = tuple[KnownFile, RomFile]


def compare(
    known: Sequence[KnownFile], known_root: str, found: Sequence[RomFile], root: str
) -> FileChanges:
    """What turns the known files into those found.

    A file is the same if it lies in the same place below its ROM's root (``known_root``,
    ``root``: path of the folder, or of the one file), or if it is the only one that left and came
    with this size and mtime. A ROM whose files directly in it changed has to be read again.
    """
    changes = FileChanges()
    pairs, gone, new = _match(known, known_root, found, root)
    changes.new = new
    changes.gone = [file.id for file in gone]
    for old, file in pairs:
        columns = differences(old, describe_file(file))
        if "file_size_bytes" in columns:
            columns |= NO_FILE_HASHES
        elif "modified_ns" in columns:
            columns["hashed"] = False
        if "hashed" in columns and file.category == "soundtrack":
            columns["track_meta"] = None
        if columns:
            changes.changed[old.id] = columns
    _read_again(pairs, changes, [*gone, *new])
    return changes


def _match(
    known: Sequence[KnownFile], known_root: str, found: Sequence[RomFile], root: str
) -> tuple[list[Pair], list[KnownFile], list[RomFile]]:
    """Pairs of the same file, and what is left over on both sides."""
    before = {_place(old.file_path, old.file_name, known_root): old for old in known}
    pairs: list[Pair] = []
    left: list[RomFile] = []
    for file in found:
        old = before.pop(_place(file.file_path, file.file_name, root), None)
        if old is None:
            left.append(file)
        else:
            pairs.append((old, file))
    moved = _match_moved(before.values(), left)
    pairs += moved
    taken = {old.id for old, _ in moved}
    came = {file.full_path for _, file in moved}
    gone = [old for old in before.values() if old.id not in taken]
    return pairs, gone, [file for file in left if file.full_path not in came]


def _match_moved(left: Iterable[KnownFile], came: Iterable[RomFile]) -> list[Pair]:
    by_stamp: dict[tuple[int, int], tuple[list[KnownFile], list[RomFile]]]
    by_stamp = defaultdict(lambda: ([], []))
    for old in left:
        by_stamp[old.file_size_bytes, old.modified_ns][0].append(old)
    for file in came:
        by_stamp[file.size, file.mtime_ns][1].append(file)
    return [
        (olds[0], files[0]) for olds, files in by_stamp.values() if len(olds) == len(files) == 1
    ]


def _read_again(
    pairs: Iterable[Pair], changes: FileChanges, others: Sequence[KnownFile | RomFile]
) -> None:
    """The ROM's hashes are of all files directly in it: if one changed all are to be read."""
    top = [(old, file) for old, file in pairs if old.is_top_level or file.is_top_level]
    marks = {name for old, _ in top for name in changes.changed.get(old.id, ())}
    changes.voids_rom = any(file.is_top_level for file in others) or not marks.isdisjoint(
        {"file_size_bytes", "is_top_level"}
    )
    was_renamed = len(top) > 1 and "file_name" in marks
    if changes.voids_rom or was_renamed or "modified_ns" in marks:
        for old, _ in top:
            changes.changed.setdefault(old.id, {})["hashed"] = False


def _place(file_path: str, file_name: str, root: str) -> str:
    return f"{file_path}/{file_name}".removeprefix(root)
