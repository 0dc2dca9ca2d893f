"""The folders to be watched, and which ROM or platform a path below them belongs to."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from romm_lite.disk.config import LibraryConfig
from romm_lite.disk.exclusions import OWN, compile_folders, compile_names
from romm_lite.disk.layout import Layout
from romm_lite.disk.names import is_text
from romm_lite.disk.structure import Structure, detect


class Root(NamedTuple):
    """A folder that is watched: a whole library, or the ROMs of one platform."""

    path: Path
    structure: Structure
    fs_slug: str | None = None
    is_there: tuple[int, int] | None = None
    """Device and number of the folder; None if it cannot be reached."""


class Change(NamedTuple):
    """What is to be scanned: a ROM, a platform if no name is given, all without a platform."""

    fs_slug: str | None = None
    name: str | None = None


def find_roots(library: Path, config: LibraryConfig) -> list[Root]:
    """Everything to be watched, also what is not there now."""
    layout = Layout(library, config)
    roots = [Root(library, layout.structure)]
    for folder in config.library:
        path = library / Path(folder.path).expanduser()
        if folder.platform is not None:
            roots.append(Root(path, Structure.NONE, folder.platform))
        elif folder.layout == "auto":
            roots.append(Root(path, detect(path, config.roms_folder)))
        else:
            roots.append(Root(path, Structure.A if folder.layout == "a" else Structure.B))
    links = [link for root in roots if root.fs_slug is None for link in _find_links(root, config)]
    return [root._replace(is_there=_identify(root.path)) for root in (*roots, *links)]


def _find_links(root: Root, config: LibraryConfig) -> list[Root]:
    """Platform folders that lie elsewhere: no event of what is below a link comes by itself."""
    if root.structure is Structure.NONE:
        return []
    in_b = root.structure is Structure.B
    folder = root.path if in_b else root.path / config.roms_folder
    found = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                path = Path(entry.path, config.roms_folder) if in_b else Path(entry.path)
                if entry.is_symlink() or (in_b and path.is_symlink()):
                    found.append(Root(path, Structure.NONE, entry.name))
    except OSError:
        return []
    return sorted(found)


def _identify(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


class Reader:
    """Tells what a path below a root means to the library."""

    def __init__(self, config: LibraryConfig) -> None:
        self._roms = tuple(Path(config.roms_folder).parts)
        self._firmware = tuple(Path(config.firmware_folder).parts)
        self._is_no_platform = compile_names(config.excluded_platforms)
        self._is_no_file = compile_names(config.excluded_single_files, config.excluded_single_ext)
        self._is_no_folder = compile_folders(config.excluded_multi_files)
        self._is_no_part = compile_names(
            config.excluded_multi_parts_files, config.excluded_multi_parts_ext
        )

    def read(self, root: Root, relative: str, *, is_dir: bool) -> Change | None:
        """What a change there is about; None if the library does not care."""
        parts = Path(relative).parts
        if not all(map(is_text, parts)) or any(part.startswith(OWN) for part in parts):
            return None
        if root.fs_slug is not None:
            return self._read_rom(root.fs_slug, parts, is_dir)
        if root.structure is Structure.B:
            return self._read_in_b(parts, is_dir)
        if root.structure is Structure.NONE:
            return Change()
        return self._read_in_a(parts, is_dir)

    def _read_in_a(self, parts: Sequence[str], is_dir: bool) -> Change | None:
        for folder in (self._roms, self._firmware):
            if tuple(parts[: len(folder)]) != folder:
                continue
            rest = parts[len(folder) :]
            if not rest:
                return Change()
            return self._read_platform(rest[0], rest[1:], is_dir, is_roms=folder is self._roms)
        return None

    def _read_in_b(self, parts: Sequence[str], is_dir: bool) -> Change | None:
        if not parts:
            return None
        fs_slug, below = parts[0], tuple(parts[1:])
        for folder in (self._roms, self._firmware):
            if below[: len(folder)] == folder:
                rest = below[len(folder) :]
                return self._read_platform(fs_slug, rest, is_dir, is_roms=folder is self._roms)
        return self._read_platform(fs_slug, (), is_dir, is_roms=True) if not below else None

    def _read_platform(
        self, fs_slug: str, rest: Sequence[str], is_dir: bool, *, is_roms: bool
    ) -> Change | None:
        if self._is_no_platform(fs_slug) or not (rest or is_dir):
            return None
        if is_roms:
            return self._read_rom(fs_slug, rest, is_dir)
        return Change(fs_slug)

    def _read_rom(self, fs_slug: str, rest: Sequence[str], is_dir: bool) -> Change | None:
        if not rest:
            return Change(fs_slug)
        is_folder = is_dir or len(rest) > 1
        if (self._is_no_folder if is_folder else self._is_no_file)(rest[0]):
            return None
        if len(rest) > 1 and not is_dir and self._is_no_part(rest[-1]):
            return None
        return Change(fs_slug, rest[0])
