"""The notes of a ROM: those a user may read, and writing one's own."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import ColumnElement, CursorResult, delete, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from romm_lite.db import versions
from romm_lite.features.library.assets import OWNER
from romm_lite.features.library.view import View
from romm_lite.kernel.errors import Conflict, NotFound
from romm_lite.kernel.times import now
from romm_lite.tables.rom_users import ROM_NOTES
from romm_lite.tables.users import USERS
from romm_lite.wire.notes import NewNote, NoteChanges


def read_notes(view: View, rom_id: int) -> list[dict[str, Any]]:
    """One's own and public ones as ``UserNoteSchema`` has them, the last changed first."""
    if view.user.user_id is None:
        return []
    readable = or_(ROM_NOTES.c.is_public, ROM_NOTES.c.user_id == view.user.user_id)
    query = (
        select(ROM_NOTES, *OWNER)
        .join(USERS, USERS.c.id == ROM_NOTES.c.user_id)
        .where(ROM_NOTES.c.rom_id == rom_id, readable)
        .order_by(ROM_NOTES.c.updated_at.desc(), ROM_NOTES.c.id.desc())
    )
    return [dict(row) for row in view.session.execute(query).mappings()]


def add_note(view: View, rom_id: int, note: NewNote) -> int:
    """Write a note; its id. Conflict if the user has one of that title on this ROM."""
    values = {**note.model_dump(), "rom_id": rom_id, "user_id": view.user.user_id}
    with _unique(view, note.title):
        query = insert(ROM_NOTES).values(values)
        key = view.session.connection().execute(query).inserted_primary_key
    _note_change(view)
    assert key is not None
    return int(key[0])


def change_note(view: View, rom_id: int, note_id: int, changes: NoteChanges) -> None:
    """Change a note of one's own; NotFound for any other."""
    values = changes.model_dump(exclude_none=True)
    with _unique(view, values.get("title", "")):
        change = update(ROM_NOTES).where(*_own(view, rom_id, note_id))
        _check_found(view.session.connection().execute(change.values(**values, updated_at=now())))
    _note_change(view)


def delete_note(view: View, rom_id: int, note_id: int) -> None:
    """Delete a note of one's own; NotFound for any other."""
    gone = delete(ROM_NOTES).where(*_own(view, rom_id, note_id))
    _check_found(view.session.connection().execute(gone))
    _note_change(view)


def _own(view: View, rom_id: int, note_id: int) -> tuple[ColumnElement[bool], ...]:
    table = ROM_NOTES.c
    mine = table.user_id == view.user.user_id
    return table.id == note_id, table.rom_id == rom_id, mine


def _check_found(result: CursorResult[Any]) -> None:
    if not result.rowcount:
        raise NotFound("Note not found or not owned by user")


@contextmanager
def _unique(view: View, title: str) -> Iterator[None]:
    try:
        with view.session.begin_nested():
            yield
    except IntegrityError as error:
        raise Conflict(f"You have a note with the title '{title}' on this game") from error


def _note_change(view: View) -> None:
    assert view.user.user_id is not None
    versions.bump(view.session, versions.of_user(view.user.user_id))
