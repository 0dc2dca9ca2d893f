"""Reading firmware and sending its files."""

from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import Response

from romm_lite.features.accounts.service import Identity
from romm_lite.features.library.firmware import read_firmware
from romm_lite.features.library.store import Library
from romm_lite.kernel.errors import NotFound
from romm_lite.kernel.scopes import Scope
from romm_lite.tables.firmware import FIRMWARE
from romm_lite.web.downloads import file_response
from romm_lite.web.operations import Router
from romm_lite.wire.common import Key
from romm_lite.wire.firmware import FirmwareListQuery, FirmwareSchema

router = Router("/api/firmware", tags=["firmware"])
NO_SUCH_FIRMWARE = {404: "No such firmware"}


@router.get("", Scope.FIRMWARE_READ)
def get_firmware(db: Session, user: Identity, query: FirmwareListQuery) -> list[FirmwareSchema]:
    chosen = [] if query.platform_id is None else [FIRMWARE.c.platform_id == query.platform_id]
    return [FirmwareSchema(**row) for row in read_firmware(db, user, *chosen)]


@router.get("/identifiers", Scope.FIRMWARE_READ)
def get_firmware_ids(db: Session, user: Identity) -> list[int]:
    return [row["id"] for row in read_firmware(db, user)]


@router.get("/{id}", Scope.FIRMWARE_READ, download=True, responses=NO_SUCH_FIRMWARE)
def get_one_firmware(db: Session, user: Identity, id: Key) -> FirmwareSchema:
    for row in read_firmware(db, user, FIRMWARE.c.id == id):
        return FirmwareSchema(**row)
    raise NotFound(f"Firmware with ID {id} not found")


@router.head(
    "/{id}/content/{file_name}", Scope.FIRMWARE_READ, download=True, responses=NO_SUCH_FIRMWARE
)
@router.get(
    "/{id}/content/{file_name}", Scope.FIRMWARE_READ, download=True, responses=NO_SUCH_FIRMWARE
)
def get_firmware_content(
    request: Request, db: Session, library: Library, user: Identity, id: Key, file_name: str
) -> Response:
    """``file_name`` is for emulators, which take the name of a file from its address."""
    firmware = get_one_firmware(db, user, id)
    name = file_name if request.method == "HEAD" else firmware.file_name
    missing = f"Firmware file {firmware.file_name} not found on disk"
    return file_response(library.path(firmware.full_path), name=name, missing=missing)
