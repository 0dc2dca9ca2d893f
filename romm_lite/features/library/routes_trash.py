"""The trash of the library. This part of the API is our own."""

from sqlmodel import Session

from romm_lite.features.accounts.service import Identity
from romm_lite.features.library import trash
from romm_lite.features.library.store import Library
from romm_lite.kernel.scopes import Scope
from romm_lite.web.operations import Router
from romm_lite.wire.common import RowId
from romm_lite.wire.trash import TrashPage, TrashQuery, TrashRestored

router = Router("/api/trash", tags=["trash"])

REFUSED = {403: "No right to delete, or the library is read-only"}
MOVING = {
    **REFUSED,
    404: "No such item",
    409: "Something is in its place, or the system refuses",
    503: "The library is not there, or other files of it are being moved",
}


@router.get("", Scope.ROMS_WRITE, responses=REFUSED)
def get_trash(db: Session, user: Identity, query: TrashQuery) -> TrashPage:
    """What was deleted, the newest first. Who does not see the whole library is told of what they
    deleted themselves."""
    return TrashPage(**trash.list_items(db, user, query))


@router.post("/{id}/restore", Scope.ROMS_WRITE, heavy=True, responses=MOVING)
def restore_trash(library: Library, user: Identity, id: RowId) -> TrashRestored:
    """Bring something back: its file, its id, and all that users had of it. A platform comes with
    all that was deleted with it."""
    return TrashRestored.model_validate(trash.restore(library, user, id))


@router.delete("/{id}", Scope.ROMS_WRITE, heavy=True, responses=MOVING)
def delete_trash(library: Library, user: Identity, id: RowId) -> None:
    """Remove something for ever."""
    trash.erase(library, user, id)
