"""ROMs that come in chunks: who may bring what where, until it lies in the library.

An upload is an entry that ends a day after the last chunk, and a file that is coming in, in the
folder where the ROM will lie. What was abandoned goes by ``purge_uploads``.
"""

import logging
import os
import shutil
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import select

from romm_lite.db.engine import announce
from romm_lite.db.entries import Entries, Owned
from romm_lite.disk.exclusions import OWN, TEMPORARY
from romm_lite.disk.layout import Layout
from romm_lite.features.accounts.service import Identity
from romm_lite.features.library.platform_changes import make_platform
from romm_lite.features.library.store import Library
from romm_lite.features.library.visibility import see_platforms
from romm_lite.kernel.errors import (
    Conflict,
    Forbidden,
    Invalid,
    LibraryUnavailable,
    NotFound,
    StorageFull,
    TooMany,
    Unprocessable,
)
from romm_lite.kernel.events import FilesArrived
from romm_lite.kernel.paths import check_name
from romm_lite.kernel.scopes import Scope
from romm_lite.tables.platforms import PLATFORMS
from romm_lite.web.inputs import missing
from romm_lite.web.render import describe
from romm_lite.web.uploads import (
    NO_SESSION,
    TAKEN,
    Chunk,
    ChunkedFile,
    Progress,
    Shape,
    explained,
    read_file_name,
    verify,
)
from romm_lite.wire.uploads import FileChecksums, UploadHeaders

log = logging.getLogger(__name__)

OWNER = "uploads"
MARK = f"{TEMPORARY}upload_"
LIFE = 24 * 3600
TOUCHED_AFTER = 3600
"""Seconds of an upload's life that pass before a chunk gives it a new one."""
STARTING = 60
"""Seconds within which an upload that was just announced gets its file."""
MOST_OPEN = 1000
"""Uploads of one user at the same time: clients announce all files that were dropped on them."""


@dataclass(frozen=True)
class Session:
    """An upload that was announced."""

    upload_id: str
    user_id: int | None
    platform_id: int
    fs_slug: str
    filename: str
    total_size: int
    total_chunks: int

    @property
    def shape(self) -> Shape:
        return Shape(self.total_size, self.total_chunks)

    def locate(self, layout: Layout) -> Path:
        """Where its file is coming in, or would."""
        folder = layout.roms_path(self.fs_slug)
        return layout.absolute(f"{folder}/{MARK}{self.upload_id}.tmp")


class Uploads:
    """All uploads to a library."""

    def __init__(self, library: Library, entries: Entries) -> None:
        self._library = library
        self._entries = entries
        self._is_alone = library.settings.database_url.startswith("sqlite")
        self._starting = threading.Lock()
        self._files: dict[str, ChunkedFile] = {}

    def start(self, user: Identity, asked: UploadHeaders) -> str:
        """Announce a file; the id of its upload. One of the same file by the same user goes.

        Raises Invalid, Forbidden, TooMany, StorageFull, or LibraryUnavailable when the folder
        cannot be written.
        """
        self._library.check_writable()
        session = self._plan(user, asked)
        layout = self._library.layout()
        name = f"{layout.roms_path(session.fs_slug)}/{session.filename}"
        with self._starting, _told(session.fs_slug):
            others = self._make_room_for(session)
            folder = _prepare_folder(layout, session.fs_slug)
            if any(map(os.path.lexists, layout.places(name))):
                raise Invalid(f"File {session.filename} already exists")
            _check_space(layout, folder, session, others)
            self._open(session, layout)
        return session.upload_id

    def _plan(self, user: Identity, asked: UploadHeaders) -> Session:
        Shape(asked.total_size, asked.total_chunks).check()
        filename = _check_file_name(read_file_name(asked.file_name))
        platform_id, fs_slug = self._find_platform(user, asked)
        return Session(
            upload_id=str(uuid.uuid4()),
            user_id=user.user_id,
            platform_id=platform_id,
            fs_slug=fs_slug,
            filename=filename,
            total_size=asked.total_size,
            total_chunks=asked.total_chunks,
        )

    def _find_platform(self, user: Identity, asked: UploadHeaders) -> tuple[int, str]:
        """The id and folder of the platform asked for; one asked for by its folder is made."""
        if asked.platform_id is not None:
            which = PLATFORMS.c.id == asked.platform_id
        elif asked.fs_slug is not None:
            which = PLATFORMS.c.fs_slug == read_file_name(asked.fs_slug)
        else:
            raise Unprocessable([missing("header", "x-upload-platform")])
        query = select(PLATFORMS.c.id, PLATFORMS.c.fs_slug).where(which)
        with self._library.database.read() as session:
            found = session.execute(query.where(*see_platforms(user, PLATFORMS.c.id))).first()
            is_new = session.execute(query).first() is None
        if found is not None:
            return found.id, found.fs_slug
        if is_new and asked.platform_id is None and asked.fs_slug is not None:
            return self._make_platform(user, read_file_name(asked.fs_slug))
        raise Invalid("Platform not found")

    def _make_platform(self, user: Identity, fs_slug: str) -> tuple[int, str]:
        if Scope.PLATFORMS_WRITE not in user.scopes:
            raise Forbidden
        with self._library.database.write() as session:
            return make_platform(session, self._library, fs_slug), fs_slug

    def _make_room_for(self, session: Session) -> list[Session]:
        """The other uploads that are open; one that this replaces goes."""
        others: list[Session] = []
        for other in map(_read, self._entries.list_owner(OWNER)):
            if _names(other) == _names(session):
                self._discard(other)
            else:
                others.append(other)
        for ended in set(self._files) - {other.upload_id for other in others}:
            self._files.pop(ended, None)
        if sum(other.user_id == session.user_id for other in others) >= MOST_OPEN:
            raise TooMany(f"{MOST_OPEN} of your uploads are open: complete or cancel some", 60)
        return others

    def _open(self, session: Session, layout: Layout) -> None:
        """The entry comes first, so that no file is without one."""
        key = _key(session.upload_id)
        self._entries.put(key, asdict(session), LIFE, OWNER)
        file = self._open_file(session, layout)
        try:
            file.create()
        except BaseException:
            with suppress(OSError):
                file.remove()
            self._forget(session)
            raise

    def begin_chunk(
        self,
        user: Identity,
        upload_id: str,
        index: int,
        length: int | None,
        sha256: bytes | None,
    ) -> Chunk:
        """A chunk of so many bytes, if that is known, with this digest, if one is given."""
        self._library.check_writable()
        owned = self._find(user, upload_id)
        if owned.expires_at < time.time() + LIFE - TOUCHED_AFTER:
            self._entries.touch(owned.key, LIFE)
        return self._open_file(_read(owned)).begin(index, length, sha256)

    def show(self, user: Identity, upload_id: str) -> tuple[Session, Progress, int]:
        """An upload, what of it is there, and when it ends in seconds since 1970."""
        owned = self._find(user, upload_id)
        session = _read(owned)
        return session, self._open_file(session).read(), owned.expires_at

    def complete(self, user: Identity, upload_id: str, checksums: FileChecksums) -> None:
        """Put the file into the library and tell that it is there.

        Invalid says what is missing; the upload stays open then. Conflict if another file has the
        name by now, or if this is done already.
        """
        self._library.check_writable()
        try:
            session = _read(self._find(user, upload_id))
            self._move(session, checksums)
        except NotFound:
            done = self._entries.get(_done(_check_id(upload_id)))
            if done is not None and done["user_id"] == user.user_id:
                raise Conflict(TAKEN) from None
            raise
        _announce(self._library, session)
        self._entries.put(_done(session.upload_id), {"user_id": session.user_id}, LIFE)
        self._forget(session)

    def _move(self, session: Session, checksums: FileChecksums) -> None:
        file = self._open_file(session)
        with file.completing(), explained("Error assembling file chunks"):
            file.check_whole()
            _verify(file.path, checksums)
            try:
                file.move_to(file.path.with_name(session.filename))
            except FileExistsError as error:
                raise Conflict(f"File {session.filename} already exists") from error

    def cancel(self, user: Identity, upload_id: str) -> None:
        """Remove what has come. Nothing happens if there is no such upload."""
        with suppress(NotFound):
            self._discard(_read(self._find(user, upload_id)))

    def _discard(self, session: Session) -> None:
        self._library.check_writable()
        file = self._open_file(session)
        with file.completing():
            file.remove()
        self._forget(session)

    def _find(self, user: Identity, upload_id: str) -> Owned:
        """The entry of a user's own upload; Invalid, NotFound or Forbidden for any other."""
        key = _key(_check_id(upload_id))
        for owned in self._entries.list_owner(OWNER, key):
            if owned.value["user_id"] != user.user_id:
                raise Forbidden
            return owned
        raise NotFound(NO_SESSION)

    def _open_file(self, session: Session, layout: Layout | None = None) -> ChunkedFile:
        """The one object of an upload's file in this process."""
        file = self._files.get(session.upload_id)
        if file is None:
            path = session.locate(layout or self._library.layout())
            made = ChunkedFile(path, session.shape, lazily=self._is_alone)
            file = self._files.setdefault(session.upload_id, made)
        return file

    def _forget(self, session: Session) -> None:
        self._entries.drop(_key(session.upload_id))
        self._files.pop(session.upload_id, None)


def purge_uploads(
    library: Library, entries: Entries, check: Callable[[], None] = lambda: None
) -> None:
    """Clear away abandoned files, and uploads that have none; to be called now and then.

    ``check`` is called between files; it may stop this.

    A file goes a day after its last chunk, so that one of another server on the same library stays.
    An upload without a file whose ROM is there was completed when the server was cut short.
    """
    if library.settings.romm_library_read_only:
        return
    try:
        files = list(_find_files(library.layout()))
    except LibraryUnavailable as error:
        log.info("Abandoned uploads are not cleared away: %s", error)
        return
    found = entries.list_owner(OWNER)
    open_ids = {_read(owned).upload_id for owned in found}
    for path in files:
        check()
        if path.name.removeprefix(MARK).partition(".")[0] not in open_ids and _is_old(path):
            log.info("Removing what is left of an upload: %s", path)
            path.unlink(missing_ok=True)
    just_started = time.time() + LIFE - STARTING
    for session in (_read(owned) for owned in found if owned.expires_at < just_started):
        _end_without_file(library, entries, session)


def _end_without_file(library: Library, entries: Entries, session: Session) -> None:
    path = session.locate(library.layout())
    if path.exists() or not path.parent.is_dir():
        return
    if path.with_name(session.filename).exists():
        _announce(library, session)
    entries.drop(_key(session.upload_id))


def _announce(library: Library, session: Session) -> None:
    with library.database.write() as db:
        announce(db, FilesArrived(session.fs_slug, (session.filename,)))


def _find_files(layout: Layout) -> Iterator[Path]:
    """What is coming in, or was, in all folders of platforms."""
    for fs_slug in layout.platform_folders():
        for folder in layout.rom_folders(fs_slug):
            try:
                names = os.listdir(folder)  # noqa: PTH208  no Path each
            except OSError as error:
                log.warning("Uploads to %s cannot be looked for: %s", fs_slug, error.strerror)
                continue
            yield from (folder / name for name in names if name.startswith(MARK))


def _is_old(path: Path) -> bool:
    try:
        return path.stat().st_mtime < time.time() - LIFE
    except OSError:
        return False


def _key(upload_id: str) -> str:
    return f"upload:{upload_id}"


def _done(upload_id: str) -> str:
    return f"uploaded:{upload_id}"


def _read(owned: Owned) -> Session:
    return Session(**owned.value)


def _names(session: Session) -> tuple[Any, ...]:
    """What two uploads of the same file by the same user have in common."""
    return session.user_id, session.fs_slug, session.filename


def _check_id(upload_id: str) -> str:
    try:
        return str(uuid.UUID(upload_id))
    except ValueError as error:
        raise Invalid("Invalid upload ID") from error


def _check_file_name(name: str) -> str:
    if name.startswith(OWN):
        raise Invalid(f"{name!r} is a name that romm_lite uses itself")
    return check_name(name)


def _prepare_folder(layout: Layout, fs_slug: str) -> Path:
    """The folder for new ROMs of a platform, made if that is in the library itself."""
    folder = layout.rom_folders(fs_slug)[0]
    if not folder.is_dir() and folder.is_relative_to(layout.library):
        layout.create_platform(fs_slug)
    if not folder.is_dir():
        raise LibraryUnavailable(f"The folder of {fs_slug} is not there")
    return folder


def _check_space(layout: Layout, folder: Path, session: Session, others: Iterable[Session]) -> None:
    """StorageFull if the disk has too little for this and for what is promised to others."""
    device = folder.stat().st_dev
    promised = sum(_count_missing_bytes(other, layout, device) for other in others)
    short = session.total_size + promised - shutil.disk_usage(folder).free
    if short > 0:
        raise StorageFull(f"The disk has {short} bytes too few for {session.filename}")


def _count_missing_bytes(session: Session, layout: Layout, device: int) -> int:
    """How many bytes an upload has yet to take of a disk."""
    try:
        status = session.locate(layout).stat()
    except OSError:
        return 0
    if status.st_dev != device:
        return 0
    # Blocks, not the size: there are holes where chunks are missing.
    taken = status.st_blocks * 512 if hasattr(status, "st_blocks") else status.st_size
    return max(0, session.total_size - taken)


def _verify(path: Path, checksums: FileChecksums) -> None:
    for algorithm, expected in checksums:
        if expected is not None:
            verify(path, algorithm, expected)
            return


@contextmanager
def _told(fs_slug: str) -> Iterator[None]:
    """Trouble with a platform's folder in words."""
    try:
        yield
    except OSError as error:
        if known := describe(error):
            raise known from error
        why = error.strerror
        raise LibraryUnavailable(f"The folder of {fs_slug} cannot be written: {why}") from error
