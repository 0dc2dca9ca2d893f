"""Deleting from the library. Nothing is lost: see the trash."""

from starlette.responses import Response

from romm_lite.features.accounts.service import Identity, require
from romm_lite.features.library import deletions
from romm_lite.features.library.store import Library
from romm_lite.kernel.scopes import Action, Entity, Scope
from romm_lite.web.operations import Router
from romm_lite.wire.bulk import RomsDelete
from romm_lite.wire.common import BulkOperationResponse, RowId

router = Router("/api/roms", tags=["roms"])

REFUSED = {
    403: "No right to delete, or the library is read-only",
    503: "The library is not there, or other files of it are being moved",
}


@router.post("/delete", Scope.ROMS_WRITE, heavy=True, responses=REFUSED)
def delete_roms(library: Library, user: Identity, body: RomsDelete) -> BulkOperationResponse:
    """Delete ROMs; the files of those in ``delete_from_fs`` go into the trash as well."""
    with library.database.read() as session:
        require(session, user, Entity.ROMS, Action.DELETE)
    return deletions.delete_roms(library, user, body)


@router.delete(
    "/{rom_id}/files/{file_id}",
    Scope.ROMS_WRITE,
    heavy=True,
    responses={**REFUSED, 404: "No such file", 409: "The file cannot be moved"},
)
def delete_rom_file(library: Library, user: Identity, rom_id: RowId, file_id: RowId) -> Response:
    """Move one file of a ROM into the trash."""
    with library.database.read() as session:
        require(session, user, Entity.ROMS, Action.DELETE)
    deletions.delete_file(library, user, rom_id, file_id)
    return Response()
