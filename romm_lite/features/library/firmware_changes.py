"""Taking in firmware. What was there under the same name, with another content, goes into the
trash."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import RowMapping, select
from sqlmodel import Session
from starlette.datastructures import UploadFile

from romm_lite.db.upsert import upsert
from romm_lite.disk import trash
from romm_lite.disk.exclusions import compile_names
from romm_lite.disk.hashing import Digests, hash_file
from romm_lite.disk.layout import Entry, Layout
from romm_lite.disk.staging import stage
from romm_lite.features.accounts.service import Identity
from romm_lite.features.library import service
from romm_lite.features.library.journal import moving
from romm_lite.features.library.kept import Kept
from romm_lite.features.library.placing import Arrival, check_upload_name, put_in_place
from romm_lite.features.library.store import Library
from romm_lite.features.library.visibility import see_platforms
from romm_lite.kernel.errors import Conflict, NotFound, StorageFull, UnsafePath
from romm_lite.tables.firmware import FIRMWARE
from romm_lite.tables.platforms import PLATFORMS


class _Shelf(NamedTuple):
    """Where the firmware of a platform goes, and who brings it."""

    library: Library
    layout: Layout
    user_id: int | None
    platform: RowMapping

    @property
    def path(self) -> str:
        return self.layout.firmware_path(self.platform["fs_slug"])

    @property
    def folder(self) -> Path:
        return self.layout.absolute(self.path)


def add_firmware(
    library: Library, user: Identity, platform_id: int, files: Sequence[UploadFile]
) -> None:
    """Store uploads as firmware of a platform; each is there, with its hashes, or not at all.

    Invalid for a name that is none, before anything is stored.
    """
    with library.database.read() as session:
        platform = _find_platform(session, user, platform_id)
    library.check_writable()
    names = [_check_name(library, file.filename or "") for file in files]
    library.check_there()
    shelf = _Shelf(library, library.layout(), user.user_id, platform)
    try:
        _open(shelf)
        for name, file in zip(names, files, strict=True):
            _add(shelf, name, file)
    except UnsafePath as error:
        raise Conflict(str(error)) from error
    except OSError as error:
        raise StorageFull(f"The firmware cannot be stored: {error.strerror}") from error


def _find_platform(session: Session, user: Identity, platform_id: int) -> RowMapping:
    seen = see_platforms(user, PLATFORMS.c.id)
    query = select(PLATFORMS).where(PLATFORMS.c.id == platform_id, *seen)
    platform = session.execute(query).mappings().first()
    if platform is None:
        raise NotFound(f"Platform with ID {platform_id} not found")
    return platform


def _check_name(library: Library, name: str) -> str:
    config = library.config.read()
    is_out = compile_names(config.excluded_single_files, config.excluded_single_ext)
    return check_upload_name(name, is_out)


def _open(shelf: _Shelf) -> None:
    """Make the folder where there is none yet."""
    trash.check_inside(shelf.layout, shelf.path, shelf.folder)
    shelf.folder.mkdir(parents=True, exist_ok=True)
    trash.check_inside(shelf.layout, shelf.path, shelf.folder / "any")


def _add(shelf: _Shelf, name: str, file: UploadFile) -> None:
    place, places = shelf.folder / name, shelf.library.settings.places
    with (
        stage(shelf.folder, "", file.file) as staged,
        moving(shelf.library.database, shelf.layout, places),
    ):
        digests = hash_file(staged)

        def store(session: Session) -> Kept:
            return _store(session, shelf, place, digests)

        arrival = Arrival(staged, place, f"{shelf.path}/{name}", shelf.user_id)
        put_in_place(shelf.library, shelf.layout, arrival, store)


def _store(session: Session, shelf: _Shelf, place: Path, digests: Digests) -> Kept:
    """Store what is in a place now; what was known of the file that was there."""
    platform = dict(shelf.platform)
    status = place.stat()
    entry = Entry(place.name, False, status.st_size, status.st_mtime_ns)
    columns = service.describe_firmware(platform["slug"], shelf.path, entry, digests)
    same = {"platform_id": platform["id"], "file_name": columns.pop("file_name")}
    query = select(FIRMWARE).filter_by(**same).with_for_update()
    known = {FIRMWARE.name: [dict(each) for each in session.execute(query).mappings()]}
    upsert(session, FIRMWARE, same, columns)
    return Kept(FIRMWARE.name, known, parents={PLATFORMS.name: [platform]})
