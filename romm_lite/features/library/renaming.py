"""Giving a ROM another file name, on the disk and in the database.

The two cannot change in one step. So the rename is written down first (``journal``), then the file
or folder is renamed, then one unit of work changes all rows and strikes what was written down.
Killed before the rename, nothing has happened. Killed after it, the next who moves files, the next
scan or the next start finds what was written and gives the file its old name again before it looks
at anything else. So a scan finds every ROM under the name that its row has, and a ROM keeps its id
even where files are never read and nothing but the name could tell what it is.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import Row, select
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session

from romm_lite.disk import trash
from romm_lite.disk.exclusions import OWN, compile_folders, compile_names
from romm_lite.disk.layout import Layout, categorize
from romm_lite.features.accounts.service import Identity
from romm_lite.features.library import service
from romm_lite.features.library.archive import clean_name
from romm_lite.features.library.detail import rom_not_found
from romm_lite.features.library.journal import (
    RENAMING,
    Move,
    begin,
    claim,
    drop,
    moving,
    settle,
)
from romm_lite.features.library.rows import Columns
from romm_lite.features.library.store import Library
from romm_lite.kernel.errors import Conflict, Unprocessable, UnsafePath
from romm_lite.kernel.paths import PATH_LENGTH, check_name
from romm_lite.kernel.times import now
from romm_lite.tables.files import ROM_FILES
from romm_lite.tables.roms import ROMS

_ROM = select(ROMS.c.id, ROMS.c.platform_id, ROMS.c.fs_path, ROMS.c.fs_name, ROMS.c.fs_extension)
_FILES = select(
    *(ROM_FILES.c.id, ROM_FILES.c.file_path, ROM_FILES.c.file_name, ROM_FILES.c.category),
    *(ROM_FILES.c.file_size_bytes, ROM_FILES.c.is_top_level),
)


class Renaming(NamedTuple):
    """A ROM under its old name, where it lies, and the name it gets."""

    rom: Row[Any]
    place: Path
    fs_name: str
    is_dir: bool
    move: int = 0
    """The row in which the rename is written down."""

    @property
    def old(self) -> str:
        return f"{self.rom.fs_path}/{self.rom.fs_name}"

    @property
    def new(self) -> str:
        return f"{self.rom.fs_path}/{self.fs_name}"


def read_fs_name(wanted: str | None, fs_name: str) -> str:
    """The name that a form asks for, fit for every system; ``fs_name``, the one there is, if it
    asks for none, and that stays as it is even if it is not fit."""
    name = fs_name if wanted in (None, fs_name) else clean_name(str(wanted))
    if name == fs_name:
        return fs_name
    if not name:
        raise _refuse("nothing of this can be the name of a file", wanted)
    try:
        return check_name(name)
    except UnsafePath as error:
        raise _refuse(str(error), wanted) from error


@contextmanager
def renamed(library: Library, user: Identity, rom_id: int, fs_name: str) -> Iterator[Renaming]:
    """While inside, a ROM has another name on the disk; ``store_rename`` is to make that lasting.
    What is raised inside gives it the old name again.

    Conflict if the name is taken or the ROM is not there, Unprocessable if a scan would pass over
    it. Units of work of its own: call it inside no other.
    """
    library.check_writable()
    library.check_there()
    layout = library.layout()
    with moving(library.database, layout, library.settings.places):
        with library.database.read() as session:
            renaming = _plan(session, layout, rom_id, fs_name)
        _check_exclusions(library, renaming)
        (move,) = begin(library.database, [_describe(renaming, user)])
        try:
            _rename(renaming)
            yield renaming._replace(move=move)
        except BaseException:
            with suppress(Exception):  # what cannot be undone now is when somebody next moves files
                settle(library.database, layout)
            raise


def store_rename(session: Session, renaming: Renaming) -> dict[str, Any]:
    """Give the files of a ROM their new names and paths; the columns of the ROM that follow.

    The caller stores them by ``change_name``, with all else that changes.
    """
    rom = renaming.rom
    claim(session, [renaming.move])
    drop(session, [renaming.move])
    same = (ROMS.c.id == rom.id, ROMS.c.fs_path == rom.fs_path, ROMS.c.fs_name == rom.fs_name)
    if session.execute(_ROM.where(*same).with_for_update()).first() is None:
        raise Conflict(f"{renaming.old} has changed meanwhile. Try again.")
    name = service.describe_name(renaming.fs_name)
    rows = session.execute(_FILES.where(ROM_FILES.c.rom_id == rom.id)).mappings().all()
    files = [{**row, **_place(renaming, row["file_path"], row["file_name"])} for row in rows]
    changed = [file for file, row in zip(files, rows, strict=True) if file != dict(row)]
    if name["fs_extension"] != rom.fs_extension and not renaming.is_dir:
        # What is read of a file depends on what its name says that it is.
        changed = [{**file, "hashed": False} for file in changed]
    service.change_files(session, changed)
    return {**name, **service.describe_shape(rom.fs_path, files)}


def change_name(session: Session, renaming: Renaming, columns: Columns) -> None:
    """Store the columns of a renamed ROM; Conflict if its name was given to another meanwhile."""
    try:
        with session.begin_nested():
            service.change_names(session, renaming.rom.platform_id, [columns])
    except IntegrityError as error:
        raise _taken(renaming) from error


def _plan(session: Session, layout: Layout, rom_id: int, fs_name: str) -> Renaming:
    rom = session.execute(_ROM.where(ROMS.c.id == rom_id)).first()
    if rom is None:
        raise rom_not_found(rom_id)
    path = f"{rom.fs_path}/{rom.fs_name}"
    try:
        place = trash.locate(layout, path)
        if place is None:
            raise Conflict(f"{path} is not on the disk")
        trash.check_inside(layout, path, place)
        renaming = Renaming(rom, place, fs_name, place.is_dir())
        _check_free(session, layout, renaming)
    except UnsafePath as error:
        raise Conflict(str(error)) from error
    except OSError as error:
        raise Conflict(f"{path} cannot be read: {error.strerror}") from error
    _check_lengths(session, renaming)
    return renaming


def _check_exclusions(library: Library, renaming: Renaming) -> None:
    """Unprocessable for a name that config.yml or a built-in rule leaves out."""
    config = library.config.read()
    is_out = compile_names(config.excluded_single_files, config.excluded_single_ext)
    if renaming.is_dir:
        is_out = compile_folders(config.excluded_multi_files)
    if renaming.fs_name.startswith(OWN) or is_out(renaming.fs_name):
        raise _refuse(f"a scan would not find {renaming.fs_name}", renaming.fs_name)


def _check_free(session: Session, layout: Layout, renaming: Renaming) -> None:
    rom = renaming.rom
    same = (ROMS.c.platform_id == rom.platform_id, ROMS.c.fs_name == renaming.fs_name)
    if session.execute(select(ROMS.c.id).where(*same, ROMS.c.id != rom.id)).first() is not None:
        raise _taken(renaming)
    others = [each for each in layout.places(renaming.new) if trash.exists(each)]
    if any(not is_same_entry(renaming.place, each) for each in others):
        raise _taken(renaming)


def is_same_entry(place: Path, other: Path) -> bool:
    """Whether two names are one entry of a folder, as names that differ by case alone can be."""
    if place.parent != other.parent or not other.samefile(place):
        return False
    return other == place or other.name not in {each.name for each in place.parent.iterdir()}


def _check_lengths(session: Session, renaming: Renaming) -> None:
    longer = len(renaming.fs_name) - len(renaming.rom.fs_name)
    paths = select(ROM_FILES.c.file_path).where(ROM_FILES.c.rom_id == renaming.rom.id).distinct()
    longest = max((len(path) for path in session.scalars(paths)), default=0)
    if max(longest + longer, len(renaming.new)) > PATH_LENGTH:
        raise _refuse(f"a path can have {PATH_LENGTH} characters at most", renaming.fs_name)


def _describe(renaming: Renaming, user: Identity) -> Move:
    return Move(
        name=renaming.rom.fs_name,
        library_path=renaming.old,
        trash_path=f"{trash.name_room(now())}{RENAMING}/{renaming.fs_name}",
        size_bytes=0,
        user_id=user.user_id,
        created_at=now(),
    )


def _rename(renaming: Renaming) -> None:
    place = renaming.place
    try:
        place.rename(place.with_name(renaming.fs_name))
    except OSError as error:
        raise Conflict(f"{renaming.old} cannot be renamed: {error.strerror}") from error
    trash.sync(place.parent)


def _place(renaming: Renaming, file_path: str, file_name: str) -> dict[str, str | None]:
    """Where a file lies now: only what stands for the ROM itself has another name."""
    top = ""
    if f"{file_path}/{file_name}" == renaming.old:
        file_name = renaming.fs_name
    elif f"{file_path}/".startswith(f"{renaming.old}/"):
        top = renaming.new
        file_path = top + file_path.removeprefix(renaming.old)
    category = categorize(file_path, top)
    return {"file_path": file_path, "file_name": file_name, "category": category}


def _refuse(why: str, wanted: str | None) -> Unprocessable:
    return Unprocessable.field("body", "fs_name", f"Value error, {why}", wanted)


def _taken(renaming: Renaming) -> Conflict:
    return Conflict(f"There is something called {renaming.fs_name} already")
