"""The trash: where what was deleted from the library waits, on the file system it was on.

What is deleted is renamed into ``.romm_lite_trash/<room>/<name>`` at the root of its library or
mapped folder. Where a part of that is mounted by itself the trash lies at the top of the part. A
room takes what is deleted together from one folder; its name is given once, so that it tells which
of the trash folders it is in. Scans pass over all of them, and nobody but ``erase`` removes a file.
"""

import errno
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from romm_lite.disk.exclusions import TRASH
from romm_lite.disk.layout import Layout
from romm_lite.kernel.errors import UnsafePath
from romm_lite.kernel.paths import safe_join, sync_folder

_ELSEWHERE = frozenset({errno.EXDEV, errno.EACCES, errno.EPERM, errno.EROFS, errno.EEXIST})
"""Why one folder cannot hold the trash of another: the next nearer one may."""


class Spot(NamedTuple):
    """Where something lies in the trash, and where it goes back to."""

    thing: Path
    place: Path


def exists(path: Path) -> bool:
    """Whether there is anything by this name, be it a link to nowhere; ``OSError`` if the system
    does not tell."""
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True


def locate(layout: Layout, relative: str) -> Path | None:
    """Where a path of the library is on the disk; None if nowhere."""
    return next((place for place in layout.places(relative) if exists(place)), None)


def check_inside(layout: Layout, relative: str, place: Path) -> None:
    """``UnsafePath`` for a place in a folder that is a link out of the library and of all folders
    that config.yml names: such a folder may be read, but nothing is moved or written there."""
    folder = Path(os.path.realpath(place.parent))
    if not any(folder.is_relative_to(os.path.realpath(root)) for root in layout.roots):
        raise UnsafePath(
            f"{relative} lies behind a link that leads out of the library; config.yml can name "
            "the folder it leads to"
        )


def name_room(moment: datetime) -> str:
    """A name that no room has yet."""
    return f"{moment:%Y%m%d-%H%M%S}-{secrets.token_hex(4)}"


def name_beside(place: Path, room: str) -> Path:
    """Where a room is while it is beside the place that it is for."""
    return place.with_name(f"{TRASH}-{room}")


def make_room(layout: Layout, place: Path, name: str) -> Path:
    """An empty folder in the trash that what is at ``place`` can be moved to by renaming.

    It is made beside the place and then moved: where a folder can go, so can its neighbours.
    """
    room = name_beside(place, name)
    room.mkdir()
    for folder in _folders_above(layout, place):
        try:
            (folder / TRASH).mkdir(exist_ok=True)
            sync(folder)
            if not (folder / TRASH).is_symlink():
                return room.rename(folder / TRASH / name)
        except OSError as error:
            if error.errno not in _ELSEWHERE:
                room.rmdir()
                raise
            with suppress(OSError):
                (folder / TRASH).rmdir()  # made for nothing
    return room


def find(layout: Layout, relative: str, trash_path: str) -> Spot | None:
    """Where what lay at ``relative`` is in the trash; None if nowhere."""
    return next((s for s in _spots(layout, relative, trash_path) if exists(s.thing)), None)


def take_back(spot: Spot) -> None:
    """Move something back to its place; ``FileExistsError`` if that is taken."""
    if exists(spot.place):
        raise FileExistsError(errno.EEXIST, "There is something at its place again")
    spot.place.parent.mkdir(parents=True, exist_ok=True)
    spot.thing.rename(spot.place)
    leave(spot.thing.parent)
    sync(spot.place.parent)


def put_in(layout: Layout, relative: str, trash_path: str, place: Path) -> None:
    """Move something that was taken back into the room again where it was."""
    name = trash_path.partition("/")[0]
    rooms = (spot.thing.parent for spot in _spots(layout, relative, trash_path))
    room = next(filter(exists, rooms), None) or make_room(layout, place, name)
    place.rename(room / place.name)
    sync(room)
    sync(place.parent)


def erase(layout: Layout, relative: str, trash_path: str, mark: str) -> None:
    """Remove something from the trash for ever; what a killed try has left of it, too.

    ``mark`` is a name of its own. In one step it is no more to be taken back, then it is removed
    file by file; links are removed, not what they lead to.
    """
    for spot in _spots(layout, relative, trash_path):
        going = spot.thing.with_name(f".erasing-{mark}")
        if exists(spot.thing):
            spot.thing.rename(going)
        if exists(going):
            _remove(going)
            leave(going.parent)


def is_present(layout: Layout, relative: str, trash_path: str) -> bool:
    """Whether every folder that could have it in its trash is there, and not empty as if its drive
    were not mounted."""
    return all(
        _has_entries(_root_of(layout, spot.place)) for spot in _spots(layout, relative, trash_path)
    )


def leave(room: Path) -> None:
    """Remove a room if it is empty."""
    with suppress(OSError):
        room.rmdir()
    sync(room.parent)


def sync(folder: Path) -> None:
    """Make renames in a folder of the library outlast a power cut, where its file system can."""
    with suppress(OSError):
        sync_folder(folder)


def _spots(layout: Layout, relative: str, trash_path: str) -> Iterator[Spot]:
    """All there may be, nearest last; the last ones are those of rooms that are still beside the
    place."""
    own = safe_join(layout.library, relative, found=True)
    room, _, name = trash_path.partition("/")
    for place in dict.fromkeys([*layout.places(relative), own]):
        for folder in _folders_above(layout, place):
            yield Spot(safe_join(folder / TRASH, trash_path, found=True), place)
        yield Spot(name_beside(place, room) / name, place)


def _folders_above(layout: Layout, place: Path) -> list[Path]:
    """The folders above a place from the root of its library on."""
    root = _root_of(layout, place)
    return [each for each in reversed(place.parents) if each.is_relative_to(root)]


def _root_of(layout: Layout, place: Path) -> Path:
    return max(
        (root for root in layout.roots if place.is_relative_to(root)),
        key=lambda root: len(root.parts),
    )


def _has_entries(folder: Path) -> bool:
    try:
        with os.scandir(folder) as entries:
            return next(entries, None) is not None
    except OSError:
        return False


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
