"""The notes of a ROM."""

from pydantic import BaseModel
from sqlmodel import Session

from romm_lite.features.accounts.service import Identity
from romm_lite.features.library.detail import check_rom
from romm_lite.features.library.notes import add_note, change_note, delete_note, read_notes
from romm_lite.features.library.store import Library
from romm_lite.features.library.view import View
from romm_lite.kernel.scopes import Scope
from romm_lite.kernel.text import fold
from romm_lite.web.operations import Router
from romm_lite.wire.common import RowId
from romm_lite.wire.notes import NewNote, NoteChanges, UserNoteSchema

router = Router("/api/roms", tags=["notes"])
NO_SUCH_ROM = {404: "No such ROM"}


class NoteListQuery(BaseModel):
    """Narrows a list of notes; every tag must be there."""

    public_only: bool = False
    search: str = ""
    tags: list[str] = []

    def fits(self, note: UserNoteSchema) -> bool:
        text = fold(f"{note.title}\n{note.content}")
        is_shown = note.is_public or not self.public_only
        return is_shown and fold(self.search) in text and set(self.tags) <= set(note.tags or ())


@router.get("/{id}/notes", Scope.ROMS_READ, responses=NO_SUCH_ROM)
def get_rom_notes(
    db: Session, library: Library, user: Identity, id: RowId, query: NoteListQuery
) -> list[UserNoteSchema]:
    view = View.open(db, library, user)
    check_rom(view, id)
    notes = map(UserNoteSchema.model_validate, read_notes(view, id))
    return [note for note in notes if query.fits(note)]


@router.get("/{id}/notes/identifiers", Scope.ROMS_READ, responses=NO_SUCH_ROM)
def get_rom_note_ids(db: Session, library: Library, user: Identity, id: RowId) -> list[int]:
    view = View.open(db, library, user)
    check_rom(view, id)
    return [note["id"] for note in read_notes(view, id)]


@router.post(
    "/{id}/notes", Scope.ROMS_USER_WRITE, responses={**NO_SUCH_ROM, 409: "The title is taken"}
)
def post_rom_note(
    db: Session, library: Library, user: Identity, id: RowId, body: NewNote
) -> UserNoteSchema:
    """Write a note on a ROM."""
    view = View.open(db, library, user)
    check_rom(view, id)
    return _show(view, id, add_note(view, id, body))


@router.put(
    "/{id}/notes/{note_id}",
    Scope.ROMS_USER_WRITE,
    responses={404: "No such ROM, or no such note of one's own", 409: "The title is taken"},
)
def put_rom_note(
    db: Session, library: Library, user: Identity, id: RowId, note_id: RowId, body: NoteChanges
) -> UserNoteSchema:
    """Change a note of one's own."""
    view = View.open(db, library, user)
    check_rom(view, id)
    change_note(view, id, note_id, body)
    return _show(view, id, note_id)


@router.delete(
    "/{id}/notes/{note_id}",
    Scope.ROMS_USER_WRITE,
    responses={404: "No such ROM, or no such note of one's own"},
)
def delete_rom_note(
    db: Session, library: Library, user: Identity, id: RowId, note_id: RowId
) -> dict[str, str]:
    """Delete a note of one's own."""
    view = View.open(db, library, user)
    check_rom(view, id)
    delete_note(view, id, note_id)
    return {"message": "Note deleted successfully"}


def _show(view: View, rom_id: int, note_id: int) -> UserNoteSchema:
    found = next(note for note in read_notes(view, rom_id) if note["id"] == note_id)
    return UserNoteSchema.model_validate(found)
