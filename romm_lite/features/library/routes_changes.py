"""Changing a ROM by hand."""

from pydantic import ConfigDict
from starlette.responses import Response

from romm_lite.db.engine import Database
from romm_lite.features.accounts.service import Identity
from romm_lite.features.library.detail import render_whole
from romm_lite.features.library.rom_changes import change_rom
from romm_lite.features.library.store import Library
from romm_lite.features.library.view import View
from romm_lite.kernel.scopes import Scope
from romm_lite.web.inputs import Upload
from romm_lite.web.operations import Router
from romm_lite.web.render import json_response
from romm_lite.wire.common import RowId
from romm_lite.wire.rom_changes import RomChanges, RomChangesQuery
from romm_lite.wire.roms import DetailedRomSchema

router = Router("/api/roms", tags=["roms"])
RESPONSES = {
    400: "No picture, or an address that cannot be fetched",
    403: "The library is read-only",
    404: "No such ROM",
    409: "The file's name is taken, or the file is not on the disk",
    503: "The library is not there",
}


class RomForm(RomChanges):
    """What changes of a ROM; its cover is a file or an address."""

    model_config = ConfigDict(title="Body_update_rom_api_roms__id__put")

    artwork: Upload | None = None


@router.put("/{id}", Scope.ROMS_WRITE, heavy=True, returns=DetailedRomSchema, responses=RESPONSES)
def put_rom(
    database: Database,
    library: Library,
    user: Identity,
    id: RowId,
    query: RomChangesQuery,
    form: RomForm,
) -> Response:
    """Change what is known of a ROM, its pictures, and the name of its file."""
    change_rom(library, user, id, query, form, form.artwork)
    with database.read() as session:
        return json_response(render_whole(View.open(session, library, user), id))
