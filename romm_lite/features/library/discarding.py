"""Taking things out of the library: files into the trash, rows into the trash's own row.

Either all of this happens to a thing or nothing: ``journal`` tells how. Folders are left as they
are, be they empty.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import Table, select
from sqlmodel import Session

from romm_lite.disk import trash
from romm_lite.disk.layout import Layout
from romm_lite.features.library import service
from romm_lite.features.library.journal import Move, begin, claim, drop, moving, settle
from romm_lite.features.library.kept import Kept, collect
from romm_lite.features.library.rows import insert_rows, update_rows
from romm_lite.features.library.store import Library
from romm_lite.kernel.errors import LibraryUnavailable, UnsafePath
from romm_lite.kernel.paths import PATH_LENGTH
from romm_lite.tables.firmware import FIRMWARE
from romm_lite.tables.platforms import PLATFORMS
from romm_lite.tables.trash import TRASH

BATCH = 100
"""Things in one unit of work: their rows are in memory at once."""


class Thing(NamedTuple):
    """What is to go: a row, and its file or folder if ``from_disk``; ``path`` is where it lies."""

    id: int
    name: str
    path: str
    size_bytes: int
    platform_id: int
    fs_slug: str
    is_missing: bool
    from_disk: bool


class Order(NamedTuple):
    """Who deletes rows of which table; all that one order deletes has the same moment."""

    table: Table
    user_id: int | None
    moment: datetime


class _Trip(NamedTuple):
    """A thing on its way to the trash."""

    thing: Thing
    place: Path
    room: str


@dataclass(frozen=True)
class Outcome:
    """Why things stayed, by their ids, and which had no file where one was to go."""

    failed: dict[int, Exception] = field(default_factory=dict)
    absent: set[int] = field(default_factory=set)


def do_nothing(_session: Session) -> None:
    pass


def discard(
    library: Library,
    order: Order,
    things: Sequence[Thing],
    also: Callable[[Session], None] = do_nothing,
) -> Outcome:
    """Delete up to ``BATCH`` things; ``also`` is done in the same unit of work once they are gone.

    The caller has checked that the library is there and may be written where files go.
    """
    outcome = Outcome()
    if not any(thing.from_disk for thing in things):
        _store(library, order, things, {}, outcome, also)
        return outcome
    layout = library.layout()
    with moving(library.database, layout, library.settings.places):
        trips = _plan(layout, order, things, outcome)
        begun = begin(library.database, [_describe(order, trip) for trip in trips])
        rows = {trip.thing.id: row for trip, row in zip(trips, begun, strict=True)}
        _travel(layout, trips, outcome)
        try:
            _store(library, order, things, rows, outcome, also)
        except BaseException:
            with suppress(Exception):  # what cannot be undone now is when somebody next moves files
                settle(library.database, layout)
            raise
    return outcome


def _plan(layout: Layout, order: Order, things: Iterable[Thing], outcome: Outcome) -> list[_Trip]:
    """The things that are on the disk, with a room for those of each folder."""
    trips = []
    rooms: dict[Path, str] = {}
    for thing in things:
        if not thing.from_disk:
            continue
        try:
            place = trash.locate(layout, thing.path)
            if place is None:
                _check_absent(layout, order.table, thing)
                outcome.absent.add(thing.id)
                continue
            trash.check_inside(layout, thing.path, place)
            _check_length(thing.path)
        except (UnsafePath, LibraryUnavailable, OSError) as error:
            outcome.failed[thing.id] = error
            continue
        room = rooms.setdefault(place.parent, trash.name_room(order.moment))
        trips.append(_Trip(thing, place, room))
    return trips


def _check_absent(layout: Layout, table: Table, thing: Thing) -> None:
    """``LibraryUnavailable`` if a thing that is not found may only be out of reach."""
    if not thing.is_missing and table is not FIRMWARE:
        layout.list_roms(thing.fs_slug)


def _check_length(path: str) -> None:
    if len(path) > PATH_LENGTH:
        raise UnsafePath("its path is too long to be kept")


def _describe(order: Order, trip: _Trip) -> Move:
    thing = trip.thing
    return Move(
        name=thing.name,
        library_path=thing.path,
        trash_path=f"{trip.room}/{trip.place.name}",
        size_bytes=thing.size_bytes,
        user_id=order.user_id,
        created_at=order.moment,
    )


def _travel(layout: Layout, trips: Iterable[_Trip], outcome: Outcome) -> None:
    """Rename things into their rooms, and make that last."""
    rooms: dict[str, Path] = {}
    for thing, place, room in trips:
        try:
            if room not in rooms:
                rooms[room] = trash.make_room(layout, place, room)
            place.rename(rooms[room] / place.name)
        except OSError as error:
            outcome.failed[thing.id] = error
    for folder in {place.parent for _, place, _ in trips}:
        trash.sync(folder)
    for made in rooms.values():
        trash.sync(made)
        trash.leave(made)


def _store(
    library: Library,
    order: Order,
    things: Sequence[Thing],
    moved: Mapping[int, int],
    outcome: Outcome,
    also: Callable[[Session], None],
) -> None:
    """Move the rows of things into the trash; ``moved`` are the rows that wait there by thing."""
    gone = [thing for thing in things if thing.id not in outcome.failed]
    with library.database.write() as session:
        claim(session, [moved[thing.id] for thing in gone if thing.id in moved])
        drop(session, [moved[key] for key in outcome.failed if key in moved])
        kept = collect(session, order.table, [thing.id for thing in gone])
        platforms = _read_platforms(session, {thing.platform_id for thing in gone})
        waiting, new = [], []
        for thing in gone:
            what = kept.get(thing.id) or Kept(order.table.name)
            if order.table is not PLATFORMS:
                what = replace(what, parents={PLATFORMS.name: platforms[thing.platform_id]})
            if thing.id in moved:
                waiting.append({"id": moved[thing.id], "kept_rows": what.as_json()})
            elif thing.id in kept:
                new.append(_make_row(order, thing, what))
        update_rows(session, TRASH, waiting)
        insert_rows(session, TRASH, new)
        service.remove_rows(session, order.table, list(kept))
        also(session)
        service.note_change(session)


def _read_platforms(session: Session, ids: Iterable[int]) -> dict[int, list[dict[str, Any]]]:
    found: dict[int, list[dict[str, Any]]] = {key: [] for key in ids}
    for row in session.execute(select(PLATFORMS).where(PLATFORMS.c.id.in_(found))).mappings():
        found[row["id"]].append(dict(row))
    return found


def _make_row(order: Order, thing: Thing, kept: Kept) -> dict[str, Any]:
    """A trash item that has no file."""
    return {
        "user_id": order.user_id,
        "name": thing.name,
        "library_path": thing.path[:PATH_LENGTH],
        "trash_path": "",
        "size_bytes": 0,
        "kept_rows": kept.as_json(),
        "created_at": order.moment,
    }


def explain(error: Exception) -> str:
    """Why a thing cannot be deleted, without a path of this machine."""
    if isinstance(error, LibraryUnavailable):
        return "its folder cannot be read; is its drive mounted?"
    if isinstance(error, OSError):
        return error.strerror or type(error).__name__
    return str(error)
