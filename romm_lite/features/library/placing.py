"""Putting a file into the library. What was there by the same name goes into the trash.

Either all of this happens or nothing: ``journal`` tells how.
"""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from sqlmodel import Session

from romm_lite.disk import trash
from romm_lite.disk.exclusions import OWN, Rule
from romm_lite.disk.hashing import hash_file
from romm_lite.disk.layout import Layout
from romm_lite.features.library.journal import Move, begin, claim, settle
from romm_lite.features.library.kept import Kept
from romm_lite.features.library.rows import update_rows
from romm_lite.features.library.service import note_change
from romm_lite.features.library.store import Library
from romm_lite.kernel.errors import Conflict, Invalid, UnsafePath
from romm_lite.kernel.paths import check_name
from romm_lite.kernel.times import now
from romm_lite.tables.trash import TRASH


class Arrival(NamedTuple):
    """A staged file, where it is to lie, on the disk and in the library, and who brings it."""

    staged: Path
    place: Path
    path: str
    user_id: int | None


Store = Callable[[Session], Kept]
"""Stores the rows of what lies in its place now; what was known of the file that lay there."""


def check_upload_name(name: str, is_left_out: Rule | None = None) -> str:
    """``name`` if it can be a file's on every system and no scan leaves it out, else Invalid."""
    if "/" in name or "\\" in name:
        raise Invalid("Upload filename must be a plain file name, not a path")
    try:
        check_name(name)
    except UnsafePath as error:
        raise Invalid(f"Invalid upload filename: {error}") from error
    if name.startswith(OWN) or (is_left_out and is_left_out(name)):
        raise Invalid(f"Invalid upload filename: {name} is left out of scans")
    return name


def put_in_place(library: Library, layout: Layout, arrival: Arrival, store: Store) -> None:
    """Put a file in its place and store its rows; one that is there with the same content stays.

    The caller is ``moving``. Conflict if there is a folder of that name, ``OSError`` as the disk
    has it.
    """
    place = arrival.place
    if place.is_dir() and not place.is_symlink():
        raise Conflict(f"There is a folder called {place.name}")
    if _is_same(place, arrival.staged):
        _store(library, store, None)
        return
    row = None
    is_placed = False
    try:
        if trash.exists(place):
            row = _make_room(library, layout, arrival)
        arrival.staged.rename(place)
        is_placed = True
        trash.sync(place.parent)
        _store(library, store, row)
    except BaseException:
        with suppress(Exception):  # what cannot be undone now is when somebody next moves files
            if is_placed:
                place.unlink()
            settle(library.database, layout)
        raise


def _is_same(place: Path, staged: Path) -> bool:
    if place.is_symlink() or not place.exists():
        return False
    return place.stat().st_size == staged.stat().st_size and hash_file(place) == hash_file(staged)


def _make_room(library: Library, layout: Layout, arrival: Arrival) -> int:
    """Move what is in a place into the trash; the row that waits there."""
    place = arrival.place
    moment = now()
    room = trash.name_room(moment)
    move = Move(
        name=place.name,
        library_path=arrival.path,
        trash_path=f"{room}/{place.name}",
        size_bytes=place.lstat().st_size,
        user_id=arrival.user_id,
        created_at=moment,
    )
    (row,) = begin(library.database, [move])
    made = trash.make_room(layout, place, room)
    place.rename(made / place.name)
    trash.sync(made)
    return row


def _store(library: Library, store: Store, row: int | None) -> None:
    """Store what is in a place now, and of a file in the trash what was known of it."""
    with library.database.write() as session:
        if row is not None:
            claim(session, [row])
        kept = store(session)
        if row is not None:
            update_rows(session, TRASH, [{"id": row, "kept_rows": kept.as_json()}])
        note_change(session)
