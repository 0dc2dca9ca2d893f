"""Reading the notes of a ROM."""

from pydantic import BaseModel
from sqlmodel import Session

from romm_lite.features.accounts.service import Identity
from romm_lite.features.library.detail import check_rom
from romm_lite.features.library.notes import read_notes
from romm_lite.features.library.store import Library
from romm_lite.features.library.view import View
from romm_lite.kernel.scopes import Scope
from romm_lite.kernel.text import fold
from romm_lite.web.operations import Router
from romm_lite.wire.common import RowId
from romm_lite.wire.notes import UserNoteSchema

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
