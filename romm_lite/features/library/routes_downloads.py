"""Sending files of ROMs: one as it is, several as an archive of fixed length."""

from sqlmodel import Session
from starlette.responses import Response

from romm_lite.db.engine import Database
from romm_lite.features.accounts.service import Identity
from romm_lite.features.library.files import find_file
from romm_lite.features.library.sending import send_rom, send_roms, show_file
from romm_lite.features.library.store import Library
from romm_lite.kernel.scopes import Scope
from romm_lite.web.operations import Router
from romm_lite.wire.common import RowId
from romm_lite.wire.roms import RomContentQuery, RomDownloadQuery

router = Router("/api/roms", tags=["downloads"])
NO_SUCH_ROM = {404: "No such ROM, or no file of it on the disk"}
NO_SUCH_FILE = {404: "No such file"}


@router.head(
    "/{id}/content", Scope.ROMS_READ, download=True, heavy=True, hidden=True, responses=NO_SUCH_ROM
)
@router.get(
    "/{id}/content", Scope.ROMS_READ, download=True, heavy=True, hidden=True, responses=NO_SUCH_ROM
)
def get_rom_content_unnamed(
    db: Session, library: Library, user: Identity, id: RowId, query: RomContentQuery
) -> Response:
    return send_rom(db, library, user, id, query)


@router.head(
    "/{id}/content/{file_name:path}",
    Scope.ROMS_READ,
    download=True,
    heavy=True,
    responses=NO_SUCH_ROM,
)
@router.get(
    "/{id}/content/{file_name:path}",
    Scope.ROMS_READ,
    download=True,
    heavy=True,
    responses=NO_SUCH_ROM,
)
def get_rom_content(
    db: Session,
    library: Library,
    user: Identity,
    id: RowId,
    file_name: str,
    query: RomContentQuery,
) -> Response:
    """A ROM of one file is sent as it is, one of several as an archive named ``file_name``."""
    return send_rom(db, library, user, id, query, file_name)


@router.post(
    "/download/{id}/{file_name:path}", Scope.ROMS_READ, download=True, heavy=True, hidden=True
)
def get_rom_content_by_its_old_name(
    database: Database,
    library: Library,
    user: Identity,
    id: RowId,
    file_name: str,
    query: RomContentQuery,
) -> Response:
    with database.read() as session:
        return send_rom(session, library, user, id, query, file_name)


@router.get("/download", Scope.ROMS_READ, heavy=True, responses={404: "No such ROMs"})
def download_roms(
    db: Session, library: Library, user: Identity, query: RomDownloadQuery
) -> Response:
    return send_roms(db, library, user, query)


@router.head(
    "/{id}/files/content/{file_name:path}", Scope.ROMS_READ, download=True, responses=NO_SUCH_FILE
)
@router.get(
    "/{id}/files/content/{file_name:path}", Scope.ROMS_READ, download=True, responses=NO_SUCH_FILE
)
def get_rom_file_content(
    db: Session, library: Library, user: Identity, id: RowId, file_name: str
) -> Response:
    """``id`` is that of a file; ``file_name`` is only what the address ends with."""
    return show_file(library, find_file(db, user, id))
