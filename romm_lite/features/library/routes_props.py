"""What users keep about ROMs."""

from sqlmodel import Session

from romm_lite.features.accounts.service import Identity
from romm_lite.features.library.detail import check_rom
from romm_lite.features.library.props import change_props
from romm_lite.features.library.store import Library
from romm_lite.features.library.view import View
from romm_lite.kernel.scopes import Scope
from romm_lite.web.operations import Router
from romm_lite.wire.common import RowId
from romm_lite.wire.roms import LastPlayedQuery, RomUserData, RomUserSchema

router = Router("/api/roms", tags=["roms"])
RESPONSES = {400: "Played just now and never at once", 404: "No such ROM"}


@router.put("/{id}/props", Scope.ROMS_USER_WRITE, responses=RESPONSES)
def put_props(
    db: Session,
    library: Library,
    user: Identity,
    id: RowId,
    query: LastPlayedQuery,
    body: RomUserData,
) -> RomUserSchema:
    """Change one's flags and ratings of a ROM, and when one played it last."""
    view = View.open(db, library, user)
    check_rom(view, id)
    asked = query if query.model_fields_set else body.played
    return RomUserSchema.model_validate(dict(change_props(view, id, asked, body)))


@router.put("/{id}/user", Scope.ROMS_USER_WRITE, hidden=True)
def put_props_by_their_old_name(
    db: Session,
    library: Library,
    user: Identity,
    id: RowId,
    query: LastPlayedQuery,
    body: RomUserData,
) -> RomUserSchema:
    return put_props(db, library, user, id, query, body)
