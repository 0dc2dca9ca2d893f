"""More places of ROMs than the library itself, as the ``library`` key of config.yml names them.

A platform may lie in several folders: the one in the library, one in each further library, and
those that are mapped to it. Stored paths do not tell them apart: ``roms/snes/Game.sfc`` is that
entry in whichever of the platform's folders has it, the first one if several do. So a mapped folder
may move, and a platform may be spread over drives, without any row being changed.
"""

import os
from pathlib import Path
from typing import NamedTuple

from romm_lite.disk.config import LibraryConfig
from romm_lite.disk.structure import Structure, detect, place


class _Root(NamedTuple):
    """A further library."""

    path: Path
    structure: Structure


class MoreFolders:
    """The folders of ROMs that lie outside of the library's own structure."""

    def __init__(self, library: Path, config: LibraryConfig) -> None:
        self._roms_folder = config.roms_folder
        self.roots: list[_Root] = []
        self._mapped: dict[str, list[Path]] = {}
        for folder in config.library:
            path = library / Path(folder.path).expanduser()
            if folder.platform is None:
                self.roots.append(_Root(path, self._read_structure(path, folder.layout)))
            else:
                self._mapped.setdefault(folder.platform, []).append(path)

    def __bool__(self) -> bool:
        return bool(self.roots or self._mapped)

    @property
    def paths(self) -> list[Path]:
        """All of them, as config.yml names them."""
        mapped = [path for paths in self._mapped.values() for path in paths]
        return [root.path for root in self.roots] + mapped

    @property
    def platforms(self) -> list[str]:
        """The platforms that have a folder of their own."""
        return list(self._mapped)

    def of(self, fs_slug: str) -> list[Path]:
        """The further folders of one platform; those that were mapped must be there to be read."""
        in_roots = [
            root.path / place(fs_slug, self._roms_folder, root.structure) for root in self.roots
        ]
        return [each for each in in_roots if os.path.lexists(each)] + self._mapped.get(fs_slug, [])

    def is_mapped(self, fs_slug: str, folder: Path) -> bool:
        """Whether config.yml names this very folder."""
        return folder in self._mapped.get(fs_slug, ())

    def _read_structure(self, root: Path, layout: str) -> Structure:
        if layout == "auto":
            return detect(root, self._roms_folder)
        return Structure.A if layout == "a" else Structure.B
