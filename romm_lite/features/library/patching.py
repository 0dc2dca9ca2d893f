"""Patching a file of a ROM and sending the result; the library stays as it is."""

import errno
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath

from anyio import to_thread
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import RowMapping
from starlette.datastructures import UploadFile
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from romm_lite.disk.members import BadArchive
from romm_lite.disk.patches.base import BadPatch, UnknownPatch
from romm_lite.disk.patches.formats import FORMATS
from romm_lite.disk.patches.process import Busy, Patched, Patcher
from romm_lite.features.accounts.service import Identity
from romm_lite.features.library.archive import clean_name, full_path, not_on_disk
from romm_lite.features.library.files import find_file
from romm_lite.features.library.store import Library
from romm_lite.kernel.errors import Invalid, NotFound, RequestError, TooMany, UnsafePath
from romm_lite.kernel.paths import NAME_LENGTH
from romm_lite.web.downloads import PIECE, Download, FileSource, content_disposition
from romm_lite.web.inputs import Upload
from romm_lite.web.static import DEFAULT_TYPE
from romm_lite.wire.common import Key

_NO_SPACE = {errno.ENOSPC, errno.EDQUOT}
_BUSY_SECONDS = 10


class PatchForm(BaseModel):
    """A patch, uploaded or by the id of its file in the library, and a name for the result."""

    model_config = ConfigDict(title="Body_patch_rom_api_roms__id__patch_post")

    patch_file_id: Key | None = None
    patch_file: Upload | None = None
    output_file_name: str | None = Field(None, max_length=NAME_LENGTH)


class UnsupportedPatch(RequestError):
    """No patch of a kind that can be applied."""

    status = 415


@dataclass(frozen=True)
class Plan:
    """What is to be patched by what; both are there and of a size that is allowed."""

    patcher: Patcher
    source: Path
    patch: Path | UploadFile
    patch_name: str
    output_name: str | None


def plan_patch(library: Library, user: Identity, file_id: int, form: PatchForm) -> Plan:
    """NotFound or Invalid if that cannot be."""
    upload, patch_id = form.patch_file, form.patch_file_id
    patch: Path | UploadFile
    with library.database.read() as session:
        source = _locate(library, find_file(session, user, file_id))
        if upload is not None and patch_id is None:
            patch, name = upload, (upload.filename or "patch")[:NAME_LENGTH]
            _check_size(name, upload.size or 0, library.patcher.largest)
        elif upload is None and patch_id is not None:
            row = find_file(session, user, patch_id)
            patch, name = _locate(library, row), row["file_name"]
        else:
            raise Invalid("Provide exactly one of a library patch file or an uploaded patch file")
    return Plan(library.patcher, source, patch, name, form.output_file_name)


def _locate(library: Library, file: RowMapping) -> Path:
    missing = not_on_disk(file, file["rom_id"])
    try:
        path = library.path(full_path(file))
        found = path.stat()
    except (OSError, ValueError, UnsafePath) as error:
        raise missing from error
    if not stat.S_ISREG(found.st_mode):
        raise missing
    _check_size(path.name, found.st_size, library.patcher.largest)
    return path


def _check_size(name: str, size: int, largest: int) -> None:
    if size > largest:
        raise Invalid(f"{name} is larger than the {largest} bytes that can be patched")


async def send_patched(request: Request, plan: Plan) -> Response:
    """Patch, and send the result, which is removed when it is sent or not wanted any more."""

    async def watch() -> None:
        if await request.is_disconnected():
            raise ClientDisconnect

    folder = await to_thread.run_sync(plan.patcher.make_folder)
    try:
        patch = await to_thread.run_sync(_place, plan.patch, folder)
        with _explained(plan):
            patched = await plan.patcher.apply(plan.source, patch, folder, watch)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    headers = {
        "content-type": DEFAULT_TYPE,
        "content-disposition": content_disposition(_name_result(plan, patched)),
        "accept-ranges": "none",
        "x-patch-validated": str(patched.is_validated).lower(),
    }
    return Download(partial(_Result, patched.path, folder), headers)


def _place(patch: Path | UploadFile, folder: Path) -> Path:
    """The patch as a file that another process can open."""
    if isinstance(patch, Path):
        return patch
    path = folder / "patch"
    with path.open("xb") as file:
        shutil.copyfileobj(patch.file, file, PIECE)
    return path


@contextmanager
def _explained(plan: Plan) -> Iterator[None]:
    """Errors of patching as answers that name the files."""
    source = plan.source.name
    try:
        yield
    except UnknownPatch as error:
        kinds = ", ".join(known.name for known in FORMATS)
        text = f"{plan.patch_name} is {error}. What can be applied: {kinds}"
        raise UnsupportedPatch(text) from error
    except BadPatch as error:
        text = f"{plan.patch_name} cannot be applied to {source}: {error}"
        raise Invalid(text) from error
    except BadArchive as error:
        raise Invalid(f"{source} cannot be unpacked: {error}") from error
    except Busy as error:
        raise TooMany(f"{error}. Try again in a while", _BUSY_SECONDS) from error
    except OSError as error:
        if error.errno in _NO_SPACE:
            raise
        raise NotFound(f"File {source} cannot be read") from error


def _name_result(plan: Plan, patched: Patched) -> str:
    source = PurePosixPath(clean_name(patched.source_name))
    wanted = PurePosixPath(clean_name(plan.output_name or "")).stem
    patch = PurePosixPath(clean_name(plan.patch_name)).stem
    return (wanted or f"{source.stem} (patched-{patch})") + source.suffix


class _Result(FileSource):
    """A result, which goes with its folder when it is closed."""

    def __init__(self, path: Path, folder: Path) -> None:
        self._folder = folder
        super().__init__(path, "Patched file not found", {})

    def close(self) -> None:
        super().close()
        shutil.rmtree(self._folder, ignore_errors=True)
