"""A library on the disk, scanned into a real database."""

import hashlib
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Row, event, select

from romm_lite.db.engine import Database
from romm_lite.features.scan import service
from romm_lite.features.scan.kinds import ScanKind, ScanRequest, Status
from romm_lite.features.scan.runs import Run
from romm_lite.features.scan.service import Outcome
from romm_lite.kernel.paths import Places
from romm_lite.kernel.settings import Settings
from romm_lite.tables.files import ROM_FILES
from romm_lite.tables.platforms import PLATFORMS
from romm_lite.tables.roms import FACETS, ROM_FACETS, ROMS


class Shelf:
    """A library and what the database knows of it."""

    def __init__(self, places: Places, database: Database) -> None:
        self.places = places
        self.database = database
        self.settings = Settings.model_validate({"romm_base_path": places.data, "scan_workers": 2})
        self.root = places.library
        self._written = time.time_ns() - 3600 * 10**9

    def put(self, path: str, content: bytes | str = b"content") -> Path:
        """Write a file of the library; an hour ago, so that a scan need not wait for more."""
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content.encode() if isinstance(content, str) else content)
        self._written += 10**6
        os.utime(file, ns=(self._written, self._written))
        return file

    def put_huge(self, path: str) -> Path:
        """A file that takes long to read and no space."""
        file = self.put(path)
        os.truncate(file, 64 << 30)
        os.utime(file, ns=(self._written, self._written))
        return file

    def configure(self, text: str) -> None:
        self.places.config_file.write_text(text)

    def scan(
        self,
        kind: ScanKind = ScanKind.QUICK,
        platforms: tuple[str, ...] | None = None,
        started: service.Started | None = None,
        roms: tuple[int, ...] | None = None,
    ) -> Outcome:
        request = ScanRequest(kind, platforms, roms=roms)
        return service.run(self.database, self.settings, request, started=started)

    def scan_well(self, kind: ScanKind = ScanKind.QUICK) -> Outcome:
        """Scan, and nothing is amiss."""
        outcome = self.scan(kind)
        assert (outcome.status, outcome.message, outcome.problems) == (Status.DONE, None, [])
        return outcome

    def rows(self, query: Any) -> list[Row[Any]]:
        with self.database.read() as session:
            return list(session.execute(query).all())

    def roms(self) -> dict[str, Row[Any]]:
        return {row.fs_name: row for row in self.rows(select(ROMS))}

    def files(self) -> dict[str, Row[Any]]:
        rows = self.rows(select(ROM_FILES))
        return {f"{row.file_path}/{row.file_name}": row for row in rows}

    def platforms(self) -> dict[str, Row[Any]]:
        return {row.fs_slug: row for row in self.rows(select(PLATFORMS))}

    def missing(self) -> set[str]:
        return {name for name, rom in self.roms().items() if rom.missing_from_fs}

    def all_facets(self) -> set[tuple[str, str, str]]:
        """(file name of the ROM, kind, value)."""
        joined = ROM_FACETS.join(FACETS).join(ROMS, ROMS.c.id == ROM_FACETS.c.rom_id)
        query = select(ROMS.c.fs_name, FACETS.c.kind, FACETS.c.value).select_from(joined)
        return {(row.fs_name, row.kind, row.value) for row in self.rows(query)}

    def facets(self, fs_name: str) -> set[tuple[str, str]]:
        return {(kind, value) for name, kind, value in self.all_facets() if name == fs_name}

    def everything(self) -> list[tuple[Any, ...]]:
        """All rows of the library, without ids and moments, in one order."""
        hidden = {"id", "rom_id", "platform_id", "created_at", "updated_at"}
        slugs = {row.id: row.fs_slug for row in self.platforms().values()}
        names = {row.id: row.fs_name for row in self.roms().values()}
        found: list[tuple[Any, ...]] = []
        for row in [*self.platforms().values(), *self.roms().values(), *self.files().values()]:
            values = row._mapping
            shown = {k: str(v) for k, v in values.items() if k not in hidden}
            owner = slugs.get(values.get("platform_id")), names.get(values.get("rom_id"))
            found.append((str(owner), *sorted(shown.items())))
        return sorted([*found, *self.all_facets()], key=str)

    @contextmanager
    def noting_writes(self) -> Iterator[list[str]]:
        """Collects the statements that change anything but the rows of scans."""
        seen: list[str] = []

        def note(_c: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
            word, _, rest = statement.lstrip().partition(" ")
            if word in ("INSERT", "UPDATE", "DELETE") and "scan_runs" not in rest[:20]:
                seen.append(statement)

        event.listen(self.database.engine, "before_cursor_execute", note)
        yield seen
        event.remove(self.database.engine, "before_cursor_execute", note)


@pytest.fixture
def shelf(places: Places, database: Database) -> Shelf:
    return Shelf(places, database)


@pytest.fixture
def every_shelf(places: Places, every_database: Database) -> Shelf:
    return Shelf(places, every_database)


def wait_for(condition: Callable[[], bool]) -> None:
    """Until something is so; fails after a minute."""
    for _ in range(1200):
        if condition():
            return
        time.sleep(0.05)
    pytest.fail("waited in vain")


def stop_in(
    phase: str, when: Callable[[Run], bool] = lambda _: True, *, later: bool = False
) -> service.Started:
    """Stops a run once it is in a phase, and something is so."""

    def watch(run: Run) -> None:
        wait_for(lambda: run.phase == phase and when(run))
        run.stop(later=later)

    return lambda run: threading.Thread(target=watch, args=(run,)).start()


def md5(content: bytes) -> str:
    return hashlib.md5(content).hexdigest()


def touch(file: Path) -> None:
    """Move a file's mtime on by a second."""
    stamp = file.stat().st_mtime_ns + 1_000_000_000
    os.utime(file, ns=(stamp, stamp))
