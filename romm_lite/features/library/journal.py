"""Moves of the library's files, written down before they are made.

A file and its rows cannot change in one step. So a move begins as a row of the trash that has no
``kept_rows`` yet; then the file is renamed; then one unit of work changes all rows that follow, and
this one with them. A process that is killed in between leaves such a row. Whoever moves something
next, the next scan and the next start find it and put the file back: what did not end did not
happen. So it is with what is brought back from the trash, which goes there again.

One process at a time moves files, so that nobody takes a move that is under way for one that died.
"""

import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from enum import Enum, auto
from typing import Any, NamedTuple

from sqlalchemy import Row, delete, select
from sqlmodel import Session

from romm_lite.db.engine import Database
from romm_lite.disk import trash
from romm_lite.disk.layout import Layout
from romm_lite.disk.names import split_name
from romm_lite.features.library.kept import Kept
from romm_lite.features.library.rows import insert_rows, update_rows
from romm_lite.kernel.errors import Conflict, Unavailable, UnsafePath
from romm_lite.kernel.locks import hold
from romm_lite.kernel.paths import Places
from romm_lite.tables.files import ROM_FILES
from romm_lite.tables.trash import TRASH

log = logging.getLogger(__name__)

PATIENCE = 30.0
TICK = 0.05
WRAPPING = "-wrap"
"""How the name of a room ends that becomes the folder of the file in it."""
RENAMING = "-rename"
"""How the name of a room ends that is none: what was to be moved gets another name in its place."""
RETURNING = "-return"
"""How the name of a room ends when what was in the room without this end was brought back."""
_UNDER_WAY = TRASH.c.kept_rows.is_(None)


class Move(NamedTuple):
    """Something about to be moved from ``library_path`` to ``trash_path``."""

    name: str
    library_path: str
    trash_path: str
    size_bytes: int
    user_id: int | None
    created_at: datetime


class _Fate(Enum):
    """What came of undoing a move."""

    UNDONE = auto()
    STAYS = auto()
    """Something else is in its place, so it stays in the trash."""
    UNKNOWN = auto()
    """It is nowhere to be seen; perhaps its drive is not mounted."""


@contextmanager
def moving(
    database: Database, layout: Layout, places: Places, patience: float = PATIENCE
) -> Iterator[None]:
    """While inside, nobody else moves files of the library, and no old move is unfinished.

    ``Unavailable`` if others do not end within ``patience`` seconds.
    """
    end = time.monotonic() + patience
    while True:
        with hold(places.moves_lock, {}) as held:
            if held:
                settle(database, layout)
                yield
                return
        if time.monotonic() >= end:
            raise Unavailable(
                "Other files of the library are being moved. Try again in a moment.",
                {"Retry-After": "5"},
            )
        time.sleep(TICK)


def settle_moves(database: Database, layout: Layout, places: Places) -> None:
    """Undo what was begun by somebody who died; not if somebody is moving files right now, who has
    done so already."""
    with hold(places.moves_lock, {}) as held:
        if held:
            settle(database, layout)


def begin(database: Database, moves: Sequence[Move]) -> list[int]:
    """Write moves down; the ids of their rows. The caller holds the lock."""
    if not moves:
        return []
    query = select(TRASH.c.trash_path, TRASH.c.id).where(
        TRASH.c.created_at.in_({move.created_at for move in moves}), _UNDER_WAY
    )
    with database.write() as session:
        insert_rows(session, TRASH, [move._asdict() for move in moves])
        ids = dict(tuple(row) for row in session.execute(query).all())
    return [ids[move.trash_path] for move in moves]


def claim(session: Session, ids: Sequence[int]) -> None:
    """Make sure that moves are still written down as under way; ``Conflict`` if one was undone."""
    query = select(TRASH.c.id).where(TRASH.c.id.in_(ids), _UNDER_WAY).with_for_update()
    if len(session.execute(query).all()) != len(ids):
        raise Conflict("The move was undone by somebody else meanwhile")


def drop(session: Session, ids: Sequence[int]) -> None:
    """Forget moves: they were made and leave nothing in the trash, or were not made."""
    session.execute(delete(TRASH).where(TRASH.c.id.in_(ids)))


def settle(database: Database, layout: Layout) -> None:
    """Undo all moves that are under way; the caller holds the lock and has none of its own."""
    with database.read() as session:
        if session.execute(select(TRASH.c.id).where(_UNDER_WAY).limit(1)).first() is None:
            return
    with database.write() as session:
        query = select(TRASH).where(_UNDER_WAY).order_by(TRASH.c.id).with_for_update()
        fates = {row.id: _undo(layout, row) for row in session.execute(query).all()}
        drop(session, [each for each, fate in fates.items() if fate is _Fate.UNDONE])
        only_file = Kept(ROM_FILES.name).as_json()
        stays = [each for each, fate in fates.items() if fate is _Fate.STAYS]
        update_rows(session, TRASH, [{"id": each, "kept_rows": only_file} for each in stays])


def _undo(layout: Layout, row: Row[Any]) -> _Fate:
    """Put what was to be moved back to its place."""
    try:
        spot = trash.find(layout, row.library_path, row.trash_path)
        if spot is not None:
            if trash.locate(layout, row.library_path) is not None:
                return _Fate.STAYS
            trash.take_back(spot)
            log.info("%s was being moved when the program was ended; it is back", row.library_path)
            return _Fate.UNDONE
        if _unwrap(layout, row) or _unname(layout, row) or _unreturn(layout, row):
            return _Fate.UNDONE
        if trash.locate(layout, row.library_path) is not None:
            return _Fate.UNDONE
    except (OSError, UnsafePath) as error:
        log.warning("%s cannot be put back yet: %s", row.library_path, error)
    return _Fate.UNKNOWN


def _unname(layout: Layout, row: Row[Any]) -> bool:
    """Give what was being renamed its name again; False if it has it still."""
    room, _, name = row.trash_path.partition("/")
    if not room.endswith(RENAMING) or trash.locate(layout, row.library_path) is not None:
        return False
    for place in layout.places(row.library_path):
        if trash.exists(place.with_name(name)):
            trash.take_back(trash.Spot(place.with_name(name), place))
            return True
    return False


def wrap_name(fs_name: str) -> str:
    """The folder that a ROM of one file becomes: its name without extension."""
    stem = split_name(fs_name).no_ext
    return fs_name if stem in ("", ".", "..") else stem


def _unwrap(layout: Layout, row: Row[Any]) -> bool:
    """Take a file out of the folder that was being made of it; False if there is none."""
    room, _, name = row.trash_path.partition("/")
    if not room.endswith(WRAPPING):
        return False
    for place in layout.places(row.library_path):
        folder = place.with_name(wrap_name(name))
        if not trash.exists(folder / name):
            continue
        if folder == place:
            folder = folder.rename(trash.name_beside(place, room))
        trash.take_back(trash.Spot(folder / name, place))
        return True
    return False


def _unreturn(layout: Layout, row: Row[Any]) -> bool:
    """Put what was being brought back into the trash again; False if that is not what was done, or
    cannot be told."""
    room, _, name = row.trash_path.partition("/")
    if not room.endswith(RETURNING):
        return False
    trash_path = f"{room.removesuffix(RETURNING)}/{name}"
    if trash.find(layout, row.library_path, trash_path) is None:
        place = trash.locate(layout, row.library_path)
        if place is None:
            return trash.is_present(layout, row.library_path, trash_path)
        trash.put_in(layout, row.library_path, trash_path, place)
    return True
