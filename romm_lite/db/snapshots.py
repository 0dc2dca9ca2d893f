"""Whole copies of the SQLite file, taken while others work in it."""

import shutil
from contextlib import closing
from pathlib import Path

from sqlalchemy import Engine

from romm_lite.kernel.paths import Places, sync, sync_folder
from romm_lite.kernel.times import now

KEPT = 5
COMPANIONS = ("-wal", "-shm", "-journal")
"""Files SQLite keeps beside the database; those of one file must never meet another."""


def file_of(engine: Engine) -> Path:
    """The database file of a SQLite engine."""
    return Path(engine.url.database or "")


def copy(engine: Engine, target: Path) -> None:
    """Copy the database to a new file through SQLite's backup: one moment's state, on the disk."""
    partial = target.with_name(f".{target.name}.tmp")
    partial.unlink(missing_ok=True)
    try:
        with (
            closing(engine.raw_connection()) as source,
            closing(engine.dialect.loaded_dbapi.connect(str(partial))) as sink,
        ):
            source.driver_connection.backup(sink)  # type: ignore[union-attr]
        _settle(partial, target)
    finally:
        partial.unlink(missing_ok=True)


def take(engine: Engine, places: Places, reason: str) -> Path:
    """A copy named by its reason and time among the snapshots, of which the newest five stay."""
    places.snapshots.mkdir(mode=0o700, parents=True, exist_ok=True)
    for unfinished in places.snapshots.glob(".*.tmp*"):
        unfinished.unlink()
    snapshot = places.snapshots / f"{reason}-{now():%Y%m%dT%H%M%SZ}.db"
    copy(engine, snapshot)
    by_time = sorted(places.snapshots.glob("*-*Z.db"), key=lambda path: path.stem[-16:])
    for old in by_time[:-KEPT]:
        old.unlink(missing_ok=True)
    return snapshot


def restore(engine: Engine, snapshot: Path) -> None:
    """Put a snapshot in the database's place; nobody else may have the database open."""
    database = file_of(engine)
    partial = database.with_name(f".{database.name}.tmp")
    shutil.copyfile(snapshot, partial)
    engine.dispose()
    remove_companions(database)
    _settle(partial, database)


def remove(engine: Engine) -> None:
    """Remove the database; nobody else may have it open."""
    engine.dispose()
    remove_companions(file_of(engine))
    file_of(engine).unlink(missing_ok=True)


def remove_companions(database: Path) -> None:
    """Remove what SQLite left beside a database that is closed."""
    for suffix in COMPANIONS:
        database.with_name(database.name + suffix).unlink(missing_ok=True)


def _settle(partial: Path, target: Path) -> None:
    with partial.open("r+b") as file:
        sync(file)
    partial.replace(target)
    sync_folder(target.parent)
