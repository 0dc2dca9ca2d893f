"""Firmware: reading and sending it, taking it in and deleting it."""

from pydantic import BaseModel, ConfigDict
from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import Response

from romm_lite.features.accounts.service import Identity, require
from romm_lite.features.library import deletions
from romm_lite.features.library.firmware import read_firmware
from romm_lite.features.library.firmware_changes import add_firmware
from romm_lite.features.library.sending import send_path
from romm_lite.features.library.store import Library
from romm_lite.kernel.errors import NotFound
from romm_lite.kernel.scopes import Action, Entity, Scope
from romm_lite.tables.firmware import FIRMWARE
from romm_lite.web.inputs import Upload
from romm_lite.web.operations import Router
from romm_lite.wire.bulk import FirmwareDelete
from romm_lite.wire.common import BulkOperationResponse, Key
from romm_lite.wire.firmware import AddFirmwareResponse, FirmwareListQuery, FirmwareSchema

router = Router("/api/firmware", tags=["firmware"])
NO_SUCH_FIRMWARE = {404: "No such firmware"}
BUSY = {503: "The library is not there, or other files of it are being moved"}


class FirmwareForm(BaseModel):
    """Firmware files under their own names."""

    model_config = ConfigDict(title="Body_add_firmware_api_firmware_post")

    files: list[Upload]


class FirmwareAddQuery(BaseModel):
    """The platform that firmware is for."""

    platform_id: Key


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
    return send_path(library, library.path(firmware.full_path), name, missing)


@router.post(
    "",
    Scope.FIRMWARE_WRITE,
    heavy=True,
    responses={
        **BUSY,
        400: "A name that no file of the library can have",
        403: "The library is read-only",
        404: "No such platform",
        409: "There is a folder of that name, or the folder is a link out of the library",
        413: "The files are too large",
        507: "The disk is full or refuses",
    },
)
def post_firmware(
    library: Library, user: Identity, query: FirmwareAddQuery, form: FirmwareForm
) -> AddFirmwareResponse:
    """Take in firmware; what was there under the same name goes into the trash."""
    add_firmware(library, user, query.platform_id, form.files)
    with library.database.read() as session:
        rows = read_firmware(session, user, FIRMWARE.c.platform_id == query.platform_id)
    return AddFirmwareResponse(
        uploaded=len(form.files), firmware=[FirmwareSchema(**row) for row in rows]
    )


@router.post(
    "/delete",
    Scope.FIRMWARE_WRITE,
    heavy=True,
    responses={**BUSY, 403: "No right to delete, or the library is read-only"},
)
def delete_firmware(
    library: Library, user: Identity, body: FirmwareDelete
) -> BulkOperationResponse:
    """Delete firmware; the files of what is in ``delete_from_fs`` go into the trash as well."""
    with library.database.read() as session:
        require(session, user, Entity.FIRMWARE, Action.DELETE)
    return deletions.delete_firmware(library, user, body)
