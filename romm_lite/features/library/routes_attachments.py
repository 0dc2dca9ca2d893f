"""Manuals, soundtracks and screenshots of a ROM: bringing them, reading of them, deleting them.

An upload is a form with one file. Its field is called as the file is; the header
``x-upload-filename`` says the name too.
"""

from typing import IO

from pydantic import BaseModel, ConfigDict
from sqlmodel import Session
from starlette.responses import Response

from romm_lite.features.accounts.service import Identity
from romm_lite.features.library.attachments import (
    MANUAL,
    SCREENSHOT,
    SOUNDTRACK,
    Kind,
    add_attachment,
    read_track_metas,
    remove_attachment,
)
from romm_lite.features.library.manuals import fetch_manual, remove_manual, upload_manual
from romm_lite.features.library.store import Library
from romm_lite.kernel.errors import Invalid
from romm_lite.kernel.scopes import Scope
from romm_lite.web.inputs import Upload
from romm_lite.web.operations import Router
from romm_lite.web.uploads import read_file_name
from romm_lite.wire.attachments import AttachmentHeaders, SoundtrackTrackMetaSchema
from romm_lite.wire.common import RowId

router = Router("/api/roms", tags=["roms"])

NO_SUCH_ROM = {404: "No such ROM"}
NO_SUCH_FILE = {404: "No such file of the ROM"}
READ_ONLY = {403: "The library is read-only"}
NOT_THERE = {503: "The library is not there"}
TOO_LARGE = {413: "The file is too large"}
KEEPING = NO_SUCH_ROM | TOO_LARGE | {400: "No file of a kind that is taken"}
ADDING = KEEPING | READ_ONLY | NOT_THERE | {409: "There is no place for it beside the game"}
REMOVING = NO_SUCH_FILE | READ_ONLY | NOT_THERE


class AttachmentForm(BaseModel):
    """One file, in a field of any name."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, Upload]

    def choose(self, told: str) -> tuple[str, IO[bytes]]:
        """The file's name as a header told it, and its content; Invalid if there is none."""
        files = self.__pydantic_extra__
        name = told if told in files else read_file_name(told)
        if name not in files and len(files) != 1:
            raise Invalid(f"The form has no file called {name}")
        return name, files.get(name, next(iter(files.values()))).file


@router.post("/{id}/manuals", Scope.ROMS_WRITE, status=201, heavy=True, responses=KEEPING)
def add_manual(
    library: Library, user: Identity, id: RowId, headers: AttachmentHeaders, form: AttachmentForm
) -> Response:
    """Make a file the manual of a ROM, in place of the one it has."""
    upload_manual(library, user, id, *form.choose(headers.file_name))
    return Response(status_code=201)


@router.post(
    "/{id}/manuals/redownload",
    Scope.ROMS_WRITE,
    heavy=True,
    responses=NO_SUCH_ROM | {400: "No address of a manual is known, or nothing there can be used"},
)
def redownload_manual(library: Library, user: Identity, id: RowId) -> Response:
    """Fetch the manual again from where metadata says it is."""
    fetch_manual(library, user, id)
    return Response()


@router.delete("/{id}/manuals", Scope.ROMS_WRITE, responses={404: "No such ROM, or no manual"})
def delete_manual(db: Session, library: Library, user: Identity, id: RowId) -> Response:
    """Remove the manual of a ROM; those in its folder stay."""
    remove_manual(db, library, user, id)
    return Response()


@router.post("/{id}/manuals/files", Scope.ROMS_WRITE, status=201, heavy=True, responses=ADDING)
def add_manual_file(
    library: Library, user: Identity, id: RowId, headers: AttachmentHeaders, form: AttachmentForm
) -> Response:
    """Put a manual into the folder of a ROM. A ROM that is one file becomes a folder."""
    return _add(library, user, id, MANUAL, headers, form)


@router.delete("/{id}/manuals/files/{file_id}", Scope.ROMS_WRITE, heavy=True, responses=REMOVING)
def delete_manual_file(library: Library, user: Identity, id: RowId, file_id: RowId) -> Response:
    """Move a manual in the folder of a ROM into the trash."""
    remove_attachment(library, user, id, MANUAL, file_id)
    return Response()


@router.post("/{id}/soundtracks", Scope.ROMS_WRITE, status=201, heavy=True, responses=ADDING)
def add_soundtrack(
    library: Library, user: Identity, id: RowId, headers: AttachmentHeaders, form: AttachmentForm
) -> Response:
    """Put a track into the folder of a ROM. A ROM that is one file becomes a folder."""
    return _add(library, user, id, SOUNDTRACK, headers, form)


@router.get("/{id}/soundtracks/metadata", Scope.ROMS_READ, responses=NO_SUCH_ROM)
def get_soundtrack_metadata(
    db: Session, user: Identity, id: RowId
) -> list[SoundtrackTrackMetaSchema]:
    """The tracks of a ROM and what their tags say."""
    return [SoundtrackTrackMetaSchema(**each) for each in read_track_metas(db, user, id)]


@router.delete("/{id}/soundtracks/{file_id}", Scope.ROMS_WRITE, heavy=True, responses=REMOVING)
def delete_soundtrack(library: Library, user: Identity, id: RowId, file_id: RowId) -> Response:
    """Move a track of a ROM into the trash."""
    remove_attachment(library, user, id, SOUNDTRACK, file_id)
    return Response()


@router.post("/{id}/screenshots", Scope.ROMS_WRITE, status=201, heavy=True, responses=ADDING)
def add_rom_screenshot(
    library: Library, user: Identity, id: RowId, headers: AttachmentHeaders, form: AttachmentForm
) -> Response:
    """Put a picture into the folder of a ROM. A ROM that is one file becomes a folder."""
    return _add(library, user, id, SCREENSHOT, headers, form)


@router.delete("/{id}/screenshots/{file_id}", Scope.ROMS_WRITE, heavy=True, responses=REMOVING)
def delete_rom_screenshot(library: Library, user: Identity, id: RowId, file_id: RowId) -> Response:
    """Move a picture in the folder of a ROM into the trash."""
    remove_attachment(library, user, id, SCREENSHOT, file_id)
    return Response()


def _add(
    library: Library,
    user: Identity,
    rom_id: int,
    kind: Kind,
    headers: AttachmentHeaders,
    form: AttachmentForm,
) -> Response:
    add_attachment(library, user, rom_id, kind, *form.choose(headers.file_name))
    return Response(status_code=201)
