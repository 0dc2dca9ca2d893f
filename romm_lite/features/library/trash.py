"""What lies in the trash: told, brought back, removed for ever.

Each thing is an item of its own, ROMs that were deleted with their platform too; bringing back the
platform brings back all of them.
"""

import logging
import shutil
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext, suppress
from datetime import timedelta
from pathlib import PurePosixPath
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Row, delete, func, select
from sqlmodel import Session

from romm_lite.disk import trash
from romm_lite.disk.layout import Layout
from romm_lite.features.accounts.service import Identity, require
from romm_lite.features.library import service
from romm_lite.features.library.discarding import BATCH
from romm_lite.features.library.journal import (
    RETURNING,
    Move,
    begin,
    claim,
    drop,
    moving,
    settle,
)
from romm_lite.features.library.kept import Kept, Rows
from romm_lite.features.library.returning import put_back
from romm_lite.features.library.rows import update_rows
from romm_lite.features.library.store import Library
from romm_lite.kernel.errors import Conflict, NotFound, RommError, Unavailable, UnsafePath
from romm_lite.kernel.paths import safe_join
from romm_lite.kernel.scopes import Action, Entity
from romm_lite.kernel.times import now
from romm_lite.tables.files import ROM_FILES
from romm_lite.tables.firmware import FIRMWARE
from romm_lite.tables.platforms import PLATFORMS
from romm_lite.tables.roms import ROMS
from romm_lite.tables.trash import TRASH
from romm_lite.tables.users import USERS
from romm_lite.wire.trash import TrashKind, TrashQuery

log = logging.getLogger(__name__)

KEPT_FOR = timedelta(days=30)
WORDS: Mapping[str, str] = {
    "rom_user": "props",
    "rom_notes": "notes",
    "collections_roms": "collections",
    "saves": "saves",
    "states": "states",
    "screenshots": "screenshots",
    "play_sessions": "play_sessions",
    "playlist_tracks": "playlists",
    "music_favorites": "favorites",
}
"""What users had, by the table it lay in."""
_IS_SETTLED = TRASH.c.kept_rows.is_not(None)


class _Kind(NamedTuple):
    word: TrashKind
    entity: Entity


_KINDS: Mapping[str, _Kind] = {
    ROMS.name: _Kind(TrashKind.ROM, Entity.ROMS),
    ROM_FILES.name: _Kind(TrashKind.FILE, Entity.ROMS),
    PLATFORMS.name: _Kind(TrashKind.PLATFORM, Entity.PLATFORMS),
    FIRMWARE.name: _Kind(TrashKind.FIRMWARE, Entity.FIRMWARE),
}
"""By the table of the thing that was deleted."""


class Restored(NamedTuple):
    """How many items are back, and how many of their rows could not be."""

    restored: int
    left: int


def list_items(session: Session, user: Identity | None, query: TrashQuery) -> dict[str, Any]:
    """A part of the trash, the newest first; no user is the command line."""
    if user is not None:
        require(session, user, Entity.ROMS, Action.DELETE)
    seen = (_IS_SETTLED, *_see(user))
    total = session.scalar(select(func.count()).select_from(TRASH).where(*seen))
    rows = session.execute(
        select(TRASH, USERS.c.username)
        .outerjoin(USERS, USERS.c.id == TRASH.c.user_id)
        .where(*seen)
        .order_by(TRASH.c.created_at.desc(), TRASH.c.id.desc())
        .limit(query.limit)
        .offset(query.offset)
    )
    return {"items": [_describe(row) for row in rows], "total": total, **query.model_dump()}


def list_all(library: Library) -> Iterator[dict[str, Any]]:
    """The whole trash, the newest first."""
    query = TrashQuery(limit=500)
    while True:
        with library.database.read() as session:
            items = list_items(session, None, query)["items"]
        yield from items
        if len(items) < query.limit:
            return
        query.offset += query.limit


def restore(library: Library, user: Identity | None, item_id: int) -> Restored:
    """Bring something back as it was, a platform with all that was deleted with it.

    Conflict if something is at its place again.
    """
    with library.database.read() as session:
        item = _get(session, user, item_id)
    if item.trash_path:
        library.check_writable()
    layout = library.layout()
    places = library.settings.places
    moves = moving(library.database, layout, places) if item.trash_path else nullcontext()
    with moves:
        done = [_restore(library, layout, [item.id])]
        if item.kept_rows["root"] == PLATFORMS.name:
            ids = _find_companions(library, item)
            parts = [ids[start : start + BATCH] for start in range(0, len(ids), BATCH)]
            done += [_restore(library, layout, part) for part in parts]
    return Restored(sum(each.restored for each in done), sum(each.left for each in done))


def erase(library: Library, user: Identity | None, item_id: int) -> None:
    """Remove something from the trash for ever."""
    with library.database.read() as session:
        item = _get(session, user, item_id)
    if item.trash_path:
        library.check_writable()
    _erase_file(library.layout(), item)
    _forget(library, [item])


def purge(
    library: Library,
    older_than: timedelta = KEPT_FOR,
    tell: Callable[[int], None] = lambda _removed: None,
) -> int:
    """Remove for ever what was deleted longer ago; how many items. What cannot be removed is named
    in the log and stays. ``tell`` is told how many are gone after each batch; it may stop this."""
    layout = library.layout()
    conditions = [_IS_SETTLED, TRASH.c.created_at <= now() - older_than]
    if library.settings.romm_library_read_only:
        conditions.append(TRASH.c.trash_path == "")
    removed, last = 0, 0
    while True:
        query = select(TRASH).where(*conditions, TRASH.c.id > last)
        with library.database.read() as session:
            rows = session.execute(query.order_by(TRASH.c.id).limit(BATCH)).all()
        if not rows:
            return removed
        gone = [row for row in rows if _try_to_erase(layout, row)]
        _forget(library, gone)
        removed += len(gone)
        last = rows[-1].id
        tell(removed)


def _see(user: Identity | None) -> list[ColumnElement[bool]]:
    """Of what they deleted themselves people have seen that it is there, of the rest not all."""
    if user is None or user.sees_all:
        return []
    return [TRASH.c.user_id == user.user_id]


def _get(session: Session, user: Identity | None, item_id: int) -> Row[Any]:
    query = select(TRASH).where(TRASH.c.id == item_id, _IS_SETTLED, *_see(user))
    item = session.execute(query).first()
    if user is not None:
        require(session, user, Entity.ROMS, Action.DELETE)
    if item is None:
        raise NotFound(f"Trash item with id '{item_id}' not found")
    if user is not None:
        require(session, user, _KINDS[item.kept_rows["root"]].entity, Action.DELETE)
    return item


def _describe(row: Row[Any]) -> dict[str, Any]:
    kept = Kept.from_json(row.kept_rows)
    platforms = kept.rows.get(PLATFORMS.name) or kept.parents.get(PLATFORMS.name) or [{}]
    platform = platforms[0]
    counts = {
        word: len(kept.rows.get(table, ())) + len(kept.links.get(table, ()))
        for table, word in WORDS.items()
    }
    return {
        "id": row.id,
        "kind": _KINDS[kept.root].word,
        "name": row.name,
        "library_path": row.library_path,
        "platform_fs_slug": platform.get("fs_slug"),
        "platform_name": platform.get("custom_name") or platform.get("name"),
        "has_file": bool(row.trash_path),
        "size_bytes": row.size_bytes,
        "deleted_by": row.username,
        "deleted_at": row.created_at,
        "expires_at": row.created_at + KEPT_FOR,
        "kept": {word: count for word, count in counts.items() if count},
    }


def _find_companions(library: Library, item: Row[Any]) -> Sequence[int]:
    """What was deleted with a platform: it bears the same moment."""
    query = select(TRASH.c.id).where(
        TRASH.c.created_at == item.created_at,
        TRASH.c.user_id == item.user_id if item.user_id else TRASH.c.user_id.is_(None),
        _IS_SETTLED,
    )
    with library.database.read() as session:
        return session.scalars(query.order_by(TRASH.c.id)).all()


def _restore(library: Library, layout: Layout, ids: Sequence[int]) -> Restored:
    """Bring back items in one unit of work; their files come last, and go again if it fails."""
    query = select(TRASH).where(TRASH.c.id.in_(ids), _IS_SETTLED)
    with library.database.read() as session:
        items = session.execute(query).all()
        spots = {item.id: spot for item in items if (spot := _find_spot(session, layout, item))}
    begun = begin(library.database, [_describe_move(each) for each in items if each.id in spots])
    try:
        with library.database.write() as session:
            claim(session, begun)
            drop(session, begun)
            items = session.execute(query.with_for_update()).all()
            left = _put_back(session, layout, items, spots)
            for spot in spots.values():
                trash.take_back(spot)
    except BaseException as error:
        with suppress(Exception):  # what cannot be undone now is when somebody next moves files
            settle(library.database, layout)
        if isinstance(error, OSError):
            raise Conflict(f"The file cannot be brought back: {error.strerror}") from error
        raise
    return Restored(len(items), sum(len(rows) for each in left.values() for rows in each.values()))


def _put_back(
    session: Session, layout: Layout, items: Sequence[Row[Any]], spots: Collection[int]
) -> dict[int, Rows]:
    """Store the rows of items again; those that cannot be, by item. ``spots`` have a file."""
    kept = {item.id: Kept.from_json(item.kept_rows) for item in items}
    left = put_back(session, kept, spots)
    _drop(session, kept, left)
    _look(session, layout, [item for item in items if item.id not in spots])
    files = [row for each in kept.values() for row in each.rows.get(ROM_FILES.name, ())]
    alone = [each for each in kept.values() if each.root == ROM_FILES.name]
    service.reshape(session, [row["rom_id"] for row in files] if alone else [])
    service.note_change(session)
    return left


def _describe_move(item: Row[Any]) -> Move:
    room, _, name = item.trash_path.partition("/")
    return Move(
        name=item.name,
        library_path=item.library_path,
        trash_path=f"{room}{RETURNING}/{name}",
        size_bytes=0,
        user_id=item.user_id,
        created_at=now(),
    )


def _find_spot(session: Session, layout: Layout, item: Row[Any]) -> trash.Spot | None:
    """Where an item's file lies; None if there is none to bring back."""
    if not item.trash_path:
        return None
    path = item.library_path
    spot = trash.find(layout, path, item.trash_path)
    is_there = trash.locate(layout, path) is not None
    if spot is None:
        if not is_there and not trash.is_present(layout, path, item.trash_path):
            raise Unavailable("The file is out of reach. Is its drive mounted?")
        return None
    if is_there:
        raise Conflict(f"{path} is there again: move or delete that first")
    try:
        trash.check_inside(layout, path, spot.place)
    except UnsafePath as error:
        raise Conflict(str(error)) from error
    above = [str(each) for each in PurePosixPath(path).parents]
    query = select(TRASH.c.name).where(TRASH.c.library_path.in_(above), TRASH.c.trash_path != "")
    whole = session.scalar(query.limit(1))
    if whole is not None and not trash.exists(spot.place.parent):
        raise Conflict(f"{whole} is in the trash too: bring that back first")
    return spot


def _drop(session: Session, kept: Mapping[int, Kept], left: Mapping[int, Rows]) -> None:
    """Take items out of the trash but for the rows that are left over."""
    done = [item for item in kept if item not in left]
    session.execute(delete(TRASH).where(TRASH.c.id.in_(done)))
    rest = [
        {
            "id": item,
            "trash_path": "",
            "size_bytes": 0,
            "kept_rows": Kept(kept[item].root, rows, parents=kept[item].parents).as_json(),
        }
        for item, rows in left.items()
    ]
    update_rows(session, TRASH, rest)


def _look(session: Session, layout: Layout, items: Sequence[Row[Any]]) -> None:
    """Note which of the ROMs that are back have nothing on the disk."""
    missing = []
    for item in items:
        roms = item.kept_rows["rows"].get(ROMS.name, ())
        if roms and trash.locate(layout, item.library_path) is None:
            folders = [place.parent for place in layout.places(item.library_path)]
            missing += [rom["id"] for rom in roms if any(map(trash.exists, folders))]
    if missing:
        service.mark_missing(session, missing)


def _try_to_erase(layout: Layout, item: Row[Any]) -> bool:
    try:
        _erase_file(layout, item)
    except RommError as error:
        log.warning("%s stays in the trash: %s", item.library_path, error)
        return False
    return True


def _erase_file(layout: Layout, item: Row[Any]) -> None:
    """Remove an item's file from the disk; Unavailable if its drive seems not to be there, Conflict
    if the system refuses."""
    if not item.trash_path:
        return
    try:
        if not trash.is_present(layout, item.library_path, item.trash_path):
            raise Unavailable("The file is out of reach. Is its drive mounted?")
        trash.erase(layout, item.library_path, item.trash_path, str(item.id))
    except OSError as error:
        raise Conflict(f"The file cannot be removed: {error.strerror}") from error


def _list_covers(items: Iterable[Row[Any]]) -> dict[int, str]:
    """The pictures of tracks that were deleted by themselves, by the id of the file."""
    files = [
        row
        for item in items
        if item.kept_rows["root"] == ROM_FILES.name
        for row in item.kept_rows["rows"].get(ROM_FILES.name, ())
    ]
    return {
        row["id"]: path for row in files if (path := (row["track_meta"] or {}).get("cover_path"))
    }


def _forget(library: Library, items: Sequence[Row[Any]]) -> None:
    """Remove items from the trash, and the artwork of ROMs and tracks that are gone for good."""
    roms = {row["id"] for item in items for row in item.kept_rows["rows"].get(ROMS.name, ())}
    covers = _list_covers(items)
    with library.database.write() as session:
        session.execute(delete(TRASH).where(TRASH.c.id.in_([item.id for item in items])))
        roms.difference_update(session.scalars(select(ROMS.c.id).where(ROMS.c.id.in_(roms))))
        there = session.scalars(select(ROM_FILES.c.id).where(ROM_FILES.c.id.in_(covers))).all()
    for file_id in covers.keys() - set(there):
        safe_join(library.settings.places.resources, covers[file_id]).unlink(missing_ok=True)
    folders = library.settings.places.resources / "roms"
    if roms and folders.is_dir():
        for platform in folders.iterdir():
            for rom_id in roms:
                shutil.rmtree(platform / str(rom_id), ignore_errors=True)
