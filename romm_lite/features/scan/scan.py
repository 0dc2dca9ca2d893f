"""What every phase is given: where to look, where to write, whom to tell."""

from array import array
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Row, Select
from sqlmodel import Session

from romm_lite.db.engine import Database
from romm_lite.disk.config import LibraryConfig
from romm_lite.disk.hashable import NEVER_HASHED
from romm_lite.disk.layout import Layout
from romm_lite.features.library.service import note_change
from romm_lite.features.scan.kinds import READ_ALL, ScanKind
from romm_lite.features.scan.runs import Run
from romm_lite.kernel.paths import Places


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
    is_of_roms: bool
    """Whether these are ROMs that somebody chose: read anew, and gone if they are not there."""
    is_settled: bool
    """Whether nothing is being written any more."""
    sources: Sequence[str] | None
    """The providers to ask; None means all there are."""
    last_known: int
    """The highest id of a ROM before the scan."""
    workers: int
    seven_zip_timeout: float
    places: Places
    """Where pictures are kept."""
    estimates: dict[str, int] = field(default_factory=dict)
    """About how many ROMs each platform has, by folder."""
    platforms: dict[int, PlatformFolder] = field(default_factory=dict)
    """By id, those whose names have been read."""
    unread: "dict[int, array[int]]" = field(default_factory=dict)
    """New ROMs of a platform that are not going to be read and have yet to be told of."""
    returned: "dict[int, array[int]]" = field(default_factory=dict)
    """ROMs of a platform that were missing and have yet to be told of."""
    late: dict[str, set[str]] = field(default_factory=dict)
    """ROMs, by platform folder, of which something is still being written."""

    @property
    def reads_all(self) -> bool:
        """Whether files are read that have not changed."""
        return self.is_of_roms or self.run.kind in READ_ALL

    @property
    def renews_names(self) -> bool:
        """Whether what names tell is found out again."""
        return self.is_of_roms or self.run.is_complete

    def read_pages(
        self, query: Select[Any], key: ColumnElement[int], size: int
    ) -> Iterator[Sequence[Row[Any]]]:
        """So many rows at a time by a key, which is the row's ``id``; between them is a place to
        stop."""
        query, last = query.order_by(key).limit(size), 0
        while True:
            self.run.check()
            with self.database.read() as session:
                page = session.execute(query.where(key > last)).all()
            if not page:
                return
            yield page
            last = page[-1].id

    @contextmanager
    def write(self) -> Iterator[Session]:
        """One batch: committed together with the library's new version."""
        with self.database.write() as session:
            yield session
            note_change(session)

    @property
    def resources(self) -> Path:
        return self.places.resources

    def leave(self, platform_id: int, fs_name: str, path: str) -> None:
        """Have a ROM's file read later, for it is still being written."""
        self.late.setdefault(self.platforms[platform_id].fs_slug, set()).add(fs_name)
        if self.run.kind is not ScanKind.FILES:
            self.run.report(f"{path}: it is still being written, and read once that has ended.")

    def is_hashed(self, platform: PlatformFolder) -> bool:
        """Whether the files of a platform are read, not only looked at."""
        return not self.config.skip_hash_calculation and platform.slug not in NEVER_HASHED


def differences(row: object, columns: Mapping[str, object]) -> dict[str, object]:
    """Those of the columns whose value in a row is another."""
    return {name: value for name, value in columns.items() if getattr(row, name) != value}
