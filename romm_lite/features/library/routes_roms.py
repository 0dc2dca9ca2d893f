"""Lists of ROMs and single ROMs."""

from random import choice

from sqlmodel import Session
from starlette.responses import Response

from romm_lite.db.engine import Database
from romm_lite.features.accounts.service import Identity
from romm_lite.features.library.detail import (
    find_by_hash,
    find_by_provider,
    render_detail,
    render_simple,
)
from romm_lite.features.library.files import read_file
from romm_lite.features.library.listing import Listing
from romm_lite.features.library.pages import render_page
from romm_lite.features.library.store import Library
from romm_lite.features.library.view import View
from romm_lite.kernel.errors import Invalid, NotFound
from romm_lite.kernel.scopes import Scope
from romm_lite.web.operations import Router
from romm_lite.web.render import json_response
from romm_lite.wire.common import RowId
from romm_lite.wire.files import RomFileSchema
from romm_lite.wire.roms import (
    DetailedRomSchema,
    RomFiltersDict,
    RomHashQuery,
    RomListQuery,
    RomPage,
    RomProviderQuery,
    RomSelection,
    SimpleRomSchema,
)

router = Router("/api/roms", tags=["roms"])
NO_SUCH_ROM = {404: "No such ROM"}
NOT_FOUND = {400: "Nothing to look for was given", **NO_SUCH_ROM}


@router.get("", Scope.ROMS_READ, returns=RomPage)
def get_roms(db: Session, library: Library, user: Identity, query: RomListQuery) -> Response:
    return json_response(render_page(View.open(db, library, user), query))


@router.post("/unidentified", Scope.ROMS_READ, hidden=True, returns=RomPage)
def get_unidentified_roms(
    database: Database, library: Library, user: Identity, query: RomListQuery
) -> Response:
    query.matched = False
    with database.read() as session:
        return get_roms(session, library, user, query)


@router.get("/identifiers", Scope.ROMS_READ, returns=list[int])
def get_rom_ids(db: Session, library: Library, user: Identity) -> Response:
    return json_response(Listing(View.open(db, library, user), RomListQuery()).id_index())


@router.get("/filters", Scope.ROMS_READ, returns=RomFiltersDict)
def get_rom_filters(db: Session, library: Library, user: Identity) -> Response:
    return json_response(Listing(View.open(db, library, user), RomListQuery()).filter_values())


@router.get("/random", Scope.ROMS_READ, returns=SimpleRomSchema | None)
def get_random_rom(db: Session, library: Library, user: Identity, query: RomSelection) -> Response:
    view = View.open(db, library, user)
    ids = Listing(view, RomListQuery(**query.model_dump())).ids
    if not ids:
        return json_response(None)
    return json_response(render_simple(view, choice(ids)))  # noqa: S311  nobody gains by guessing


@router.get(
    "/by-metadata-provider",
    Scope.ROMS_READ,
    download=True,
    returns=DetailedRomSchema,
    responses=NOT_FOUND,
)
def get_rom_by_provider(
    db: Session, library: Library, user: Identity, query: RomProviderQuery
) -> Response:
    if not any(query.model_dump().values()):
        raise Invalid("At least one metadata ID must be provided")
    view = View.open(db, library, user)
    rom_id = find_by_provider(view, query)
    if rom_id is None:
        raise NotFound("ROM not found with given metadata IDs")
    return json_response(render_detail(view, rom_id))


@router.get(
    "/by-hash", Scope.ROMS_READ, download=True, returns=DetailedRomSchema, responses=NOT_FOUND
)
def get_rom_by_hash(db: Session, library: Library, user: Identity, query: RomHashQuery) -> Response:
    if not any(query.model_dump().values()):
        raise Invalid("At least one metadata hash value must be provided")
    view = View.open(db, library, user)
    rom_id = find_by_hash(view, query)
    if rom_id is None:
        raise NotFound("No ROM or file found with given hash values")
    return json_response(render_detail(view, rom_id))


@router.get(
    "/{id}", Scope.ROMS_READ, download=True, returns=DetailedRomSchema, responses=NO_SUCH_ROM
)
def get_rom(db: Session, library: Library, user: Identity, id: RowId) -> Response:
    return json_response(render_detail(View.open(db, library, user), id))


@router.get(
    "/{id}/simple", Scope.ROMS_READ, download=True, returns=SimpleRomSchema, responses=NO_SUCH_ROM
)
def get_simple_rom(db: Session, library: Library, user: Identity, id: RowId) -> Response:
    return json_response(render_simple(View.open(db, library, user), id))


@router.get("/{id}/files", Scope.ROMS_READ, returns=RomFileSchema, responses={404: "No such file"})
def get_rom_file(db: Session, user: Identity, id: RowId) -> Response:
    """``id`` is that of a file."""
    return json_response(read_file(db, user, id))
