"""Artwork of ROMs and platforms that are gone for good."""

import logging
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import select

from romm_lite.features.library.discarding import BATCH
from romm_lite.features.library.store import Library
from romm_lite.tables.platforms import PLATFORMS
from romm_lite.tables.roms import ROMS
from romm_lite.tables.trash import TRASH

log = logging.getLogger(__name__)


@dataclass
class Folders:
    """The folders of artwork by the id of the platform, with those of its ROMs by theirs."""

    root: Path
    platforms: dict[int, list[int]] = field(default_factory=dict)

    @classmethod
    def find(cls, resources: Path) -> "Folders":
        """Those that are there; a link is nobody's."""
        found = cls(resources / "roms")
        for platform in _list_numbered(found.root):
            found.platforms[int(platform.name)] = [
                int(rom.name) for rom in _list_numbered(platform)
            ]
        return found

    @property
    def roms(self) -> int:
        return sum(map(len, self.platforms.values()))


@dataclass
class Known:
    """Ids that are in the library, and those that are in the trash and may come back."""

    platforms: set[int]
    roms: set[int]
    trashed_platforms: set[int] = field(default_factory=set)
    trashed_roms: set[int] = field(default_factory=set)

    @classmethod
    def read(cls, library: Library) -> "Known":
        with library.database.read() as session:
            known = cls(
                set(session.scalars(select(PLATFORMS.c.id))),
                set(session.scalars(select(ROMS.c.id))),
            )
            query = select(TRASH.c.id, TRASH.c.kept_rows).order_by(TRASH.c.id).limit(BATCH)
            last = 0
            while items := session.execute(query.where(TRASH.c.id > last)).all():
                last = items[-1].id
                for item in items:
                    known._keep(item.kept_rows or {})
        return known

    def _keep(self, kept: dict[str, Any]) -> None:
        for rows in (kept.get("rows", {}), kept.get("parents", {})):
            self.trashed_platforms.update(row["id"] for row in rows.get(PLATFORMS.name, ()))
            self.trashed_roms.update(row["id"] for row in rows.get(ROMS.name, ()))

    def is_empty(self) -> bool:
        """Whether the database looks as if it were another's, or new."""
        return not self.platforms or not self.roms

    def has_rom(self, rom_id: int) -> bool:
        return rom_id in self.roms or rom_id in self.trashed_roms

    def has_platform(self, platform_id: int) -> bool:
        return platform_id in self.platforms or platform_id in self.trashed_platforms


def find_orphans(folders: Folders, known: Known, platform_id: int) -> tuple[bool, list[int]]:
    """Whether a platform's folder may go as a whole, and which of its ROMs' may.

    ``folders`` were looked for before ``known`` was read, so that a new ROM's is none of them. A
    ROM counts wherever its folder lies, for its platform may be another now.
    """
    roms = folders.platforms[platform_id]
    orphans = [rom_id for rom_id in roms if not known.has_rom(rom_id)]
    return not known.has_platform(platform_id) and len(orphans) == len(roms), orphans


def remove(folder: Path) -> bool:
    """Remove a folder with all that is in it; False, and a word in the log, if it stays."""
    try:
        shutil.rmtree(folder)
    except OSError as error:
        log.warning("Artwork nobody needs stays at %s: %s", folder, error.strerror)
        return False
    return True


def _list_numbered(folder: Path) -> Iterator[Path]:
    if not folder.is_dir():
        return
    for path in folder.iterdir():
        name = path.name
        is_id = name.isascii() and name.isdecimal() and str(int(name)) == name
        if is_id and path.is_dir() and not path.is_symlink():
            yield path
