"""Looking for what a game is and for its covers, as the page that matches games by hand does."""

from sqlmodel import Session

from romm_lite.features.accounts.service import Identity
from romm_lite.features.library.candidates import find_candidates
from romm_lite.features.library.store import Library
from romm_lite.features.library.view import View
from romm_lite.kernel.scopes import Scope
from romm_lite.web.operations import Router
from romm_lite.wire.search import (
    SearchCoverQuery,
    SearchCoverSchema,
    SearchRomSchema,
    SearchRomsQuery,
)

router = Router("/api/search", tags=["search"])


@router.get("/roms", Scope.ROMS_READ, responses={400: "The id is no number"})
def search_roms(
    db: Session, library: Library, user: Identity, query: SearchRomsQuery
) -> list[SearchRomSchema]:
    """Games that a ROM may be; empty for a ROM that is not there or cannot be seen."""
    return find_candidates(View.open(db, library, user), query)


@router.get("/cover", Scope.ROMS_READ)
def search_covers(query: SearchCoverQuery) -> list[SearchCoverSchema]:
    """Covers of a game; none while no source of covers is set up."""
    return []
