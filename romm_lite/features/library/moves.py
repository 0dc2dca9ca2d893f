"""Turning a ROM that is one file into a folder that holds it, so that more can lie beside it."""

from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import Row, select
from sqlmodel import Session

from romm_lite.disk import trash
from romm_lite.disk.exclusions import OWN, compile_folders, compile_names
from romm_lite.disk.layout import Layout, categorize
from romm_lite.disk.names import title_of
from romm_lite.features.library import service
from romm_lite.features.library.detail import rom_not_found
from romm_lite.features.library.journal import (
    WRAPPING,
    Move,
    begin,
    claim,
    drop,
    moving,
    settle,
    wrap_name,
)
from romm_lite.features.library.store import Library
from romm_lite.kernel.errors import Conflict, UnsafePath
from romm_lite.kernel.times import now
from romm_lite.tables.files import ROM_FILES
from romm_lite.tables.platforms import PLATFORMS
from romm_lite.tables.roms import ROMS

_ROM = select(
    *(ROMS.c.id, ROMS.c.platform_id, ROMS.c.name, ROMS.c.name_sort_key, ROMS.c.fs_name),
    *(ROMS.c.fs_path, ROMS.c.fs_size_bytes, ROMS.c.search_text, PLATFORMS.c.fs_slug),
).join(PLATFORMS, PLATFORMS.c.id == ROMS.c.platform_id)


class _Wrapping(NamedTuple):
    """A ROM, where its file lies, and the name of the folder it becomes."""

    rom: Row[Any]
    place: Path
    folder: str

    @property
    def path(self) -> str:
        return f"{self.rom.fs_path}/{self.rom.fs_name}"


def promote(library: Library, rom_id: int) -> None:
    """Make a folder of a ROM that is one file, under the same id; one that is a folder is left
    alone.

    Conflict if the name is taken or a scan would not find it there. A unit of work of its own: call
    it inside no other. When it is ended half way, the file is put back before anybody looks.
    """
    library.check_writable()
    layout = library.layout()
    with moving(library.database, layout, library.settings.places):
        with library.database.read() as session:
            wrapping = _plan(session, layout, rom_id)
        if wrapping is None:
            return
        _check_exclusions(library, wrapping)
        room = f"{trash.name_room(now())}{WRAPPING}"
        (row,) = begin(library.database, [_describe(wrapping, room)])
        try:
            _wrap(layout, wrapping, room)
            with library.database.write() as session:
                claim(session, [row])
                drop(session, [row])
                _store(session, wrapping)
        except BaseException as error:
            with suppress(Exception):  # what cannot be undone now is when somebody next moves files
                settle(library.database, layout)
            if isinstance(error, OSError):
                raise Conflict(f"The folder cannot be made: {error.strerror}") from error
            raise


def _plan(session: Session, layout: Layout, rom_id: int) -> _Wrapping | None:
    rom = session.execute(_ROM.where(ROMS.c.id == rom_id)).first()
    if rom is None:
        raise rom_not_found(rom_id)
    path = f"{rom.fs_path}/{rom.fs_name}"
    try:
        place = trash.locate(layout, path)
        if place is None:
            raise Conflict(f"{path} is not on the disk")
        if place.is_dir():
            return None
        trash.check_inside(layout, path, place)
        wrapping = _Wrapping(rom, place, wrap_name(rom.fs_name))
        _check_free(session, layout, wrapping)
    except UnsafePath as error:
        raise Conflict(str(error)) from error
    except OSError as error:
        raise Conflict(f"{path} cannot be read: {error.strerror}") from error
    return wrapping


def _check_free(session: Session, layout: Layout, wrapping: _Wrapping) -> None:
    rom, folder = wrapping.rom, wrapping.folder
    if folder == rom.fs_name:
        return
    same = (ROMS.c.platform_id == rom.platform_id, ROMS.c.fs_name == folder)
    is_known = session.execute(select(ROMS.c.id).where(*same)).first() is not None
    if is_known or trash.locate(layout, f"{rom.fs_path}/{folder}") is not None:
        raise Conflict(f"There is something called {folder} already")


def _check_exclusions(library: Library, wrapping: _Wrapping) -> None:
    """Conflict if config.yml or a built-in rule leaves the folder, or the file in it, out."""
    config = library.config.read()
    is_out = compile_names(config.excluded_multi_parts_files, config.excluded_multi_parts_ext)
    is_folder_out = compile_folders(config.excluded_multi_files)
    folder, name = wrapping.folder, wrapping.rom.fs_name
    if folder.startswith(OWN) or is_folder_out(folder) or is_out(name):
        raise Conflict(f"A scan would not find {name} in a folder called {folder}")


def _describe(wrapping: _Wrapping, room: str) -> Move:
    return Move(
        name=wrapping.rom.fs_name,
        library_path=wrapping.path,
        trash_path=f"{room}/{wrapping.rom.fs_name}",
        size_bytes=wrapping.rom.fs_size_bytes,
        user_id=None,
        created_at=now(),
    )


def _wrap(layout: Layout, wrapping: _Wrapping, room: str) -> None:
    """Move the file into a room, and the room to where the folder is to be."""
    place = wrapping.place
    made = trash.make_room(layout, place, room)
    try:
        place.rename(made / place.name)
        trash.sync(made)
        made.rename(place.with_name(wrapping.folder))
    finally:
        trash.leave(made)
        trash.sync(place.parent)


def _store(session: Session, wrapping: _Wrapping) -> None:
    """Give the rows of a ROM the names and paths that a scan would give them."""
    rom, folder = wrapping.rom, wrapping.folder
    inside = f"{rom.fs_path}/{folder}"
    names = ("id", "file_name", "file_size_bytes", "is_top_level", "category")
    query = select(*(ROM_FILES.c[name] for name in names)).where(ROM_FILES.c.rom_id == rom.id)
    files = [
        {**row, "file_path": inside, "is_top_level": True, "category": categorize(inside)}
        for row in session.execute(query).mappings()
    ]
    name = rom.name
    if name in service.list_placeholders(rom.fs_name):
        name = title_of(folder, is_dir=True)
    columns = {
        "id": rom.id,
        **service.describe_name(folder),
        **service.follow_title(rom, name, folder),
        **service.describe_shape(rom.fs_path, files),
    }
    service.change_files(session, files)
    service.change_names(session, rom.platform_id, [columns])
    service.note_change(session)
