"""What every phase is given: where to look, where to write, whom to tell."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from sqlmodel import Session

from romm_lite.db.engine import Database
from romm_lite.disk.config import LibraryConfig
from romm_lite.disk.hashable import NEVER_HASHED
from romm_lite.disk.layout import Layout
from romm_lite.features.library.service import note_change
from romm_lite.features.scan.runs import Run


class PlatformFolder(NamedTuple):
    """A platform that is both on the disk and in the database."""

    id: int
    fs_slug: str
    slug: str


@dataclass(frozen=True)
class Scan:
    """One scan on one library and one database."""

    database: Database
    layout: Layout
    config: LibraryConfig
    run: Run
    wanted: Sequence[str] | None
    """The platform folders to scan; None means all."""
    files: Mapping[str, Sequence[str]] | None
    """Names of ROMs by platform folder, if they alone are to be scanned."""
    workers: int
    seven_zip_timeout: float
    resources: Path
    """Where the pictures of tracks are kept."""
    estimates: dict[str, int] = field(default_factory=dict)
    """About how many ROMs each platform has, by folder."""
    platforms: dict[int, PlatformFolder] = field(default_factory=dict)
    """By id, those whose names have been read."""

    @contextmanager
    def write(self) -> Iterator[Session]:
        """One batch: committed together with the library's new version."""
        with self.database.write() as session:
            yield session
            note_change(session)

    def is_hashed(self, platform: PlatformFolder) -> bool:
        """Whether the files of a platform are read, not only looked at."""
        return not self.config.skip_hash_calculation and platform.slug not in NEVER_HASHED


def differences(row: object, columns: Mapping[str, object]) -> dict[str, object]:
    """Those of the columns whose value in a row is another."""
    return {name: value for name, value in columns.items() if getattr(row, name) != value}
