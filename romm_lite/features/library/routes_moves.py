"""Moving ROMs within the library."""

from starlette.responses import Response

from romm_lite.features.accounts.service import Identity
from romm_lite.features.library.detail import check_rom, render_detail
from romm_lite.features.library.moves import promote
from romm_lite.features.library.store import Library
from romm_lite.features.library.view import View
from romm_lite.kernel.scopes import Scope
from romm_lite.web.operations import Router
from romm_lite.web.render import json_response
from romm_lite.wire.common import RowId
from romm_lite.wire.roms import DetailedRomSchema

router = Router("/api/roms", tags=["roms"])


@router.post(
    "/{id}/convert-to-folder",
    Scope.ROMS_WRITE,
    heavy=True,
    returns=DetailedRomSchema,
    responses={
        403: "The library is read-only",
        404: "No such ROM",
        409: "The name is taken, or the file cannot be moved",
        503: "Other files of the library are being moved",
    },
)
def convert_to_folder(library: Library, user: Identity, id: RowId) -> Response:
    """Put a ROM that is one file into a folder of its own; one that is a folder stays as it is."""
    with library.database.read() as session:
        check_rom(View.open(session, library, user), id)
    promote(library, id)
    with library.database.read() as session:
        return json_response(render_detail(View.open(session, library, user), id))
