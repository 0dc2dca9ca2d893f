"""Manuals, soundtracks and screenshots that lie in the folder of a ROM, beside the game.

They are files of the library like any other: a scan finds them where uploads put them, and gives
them the same category.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any, NamedTuple

from sqlalchemy import RowMapping, select
from sqlmodel import Session

from romm_lite.disk import trash
from romm_lite.disk.exclusions import compile_names
from romm_lite.disk.hashable import NEVER_HASHED
from romm_lite.disk.hashing import hash_folder
from romm_lite.disk.images import sniff
from romm_lite.disk.layout import Layout, RomFile
from romm_lite.disk.staging import stage
from romm_lite.disk.tracks import (
    EXTENSIONS,
    Picture,
    Tags,
    describe_track,
    draw_cover,
    is_track,
    keep_cover,
    read_tags,
)
from romm_lite.features.accounts.service import Identity
from romm_lite.features.library import service
from romm_lite.features.library.deletions import delete_file
from romm_lite.features.library.detail import rom_not_found
from romm_lite.features.library.journal import moving
from romm_lite.features.library.kept import Kept
from romm_lite.features.library.moves import promote
from romm_lite.features.library.placing import Arrival, check_upload_name, put_in_place
from romm_lite.features.library.store import Library
from romm_lite.features.library.visibility import see_roms
from romm_lite.kernel.errors import Conflict, Invalid, NotFound, UnsafePath
from romm_lite.kernel.paths import PATH_LENGTH
from romm_lite.tables.files import ROM_FILES
from romm_lite.tables.platforms import PLATFORMS
from romm_lite.tables.roms import ROMS

SNIFFED = 64
PDF = b"%PDF-"
PICTURES = frozenset(
    f"image/{kind}" for kind in ("avif", "bmp", "gif", "jpeg", "png", "tiff", "webp")
)


@dataclass(frozen=True)
class Kind:
    """What can be uploaded: ``folder`` is that of the ROM's folder where it goes."""

    category: str
    folder: str
    word: str
    extensions: tuple[str, ...]


MANUAL = Kind("manual", "manual", "manual", (".md", ".pdf"))
SOUNDTRACK = Kind("soundtrack", "soundtrack", "audio", EXTENSIONS)
SCREENSHOT = Kind(
    "screenshot",
    "screenshots",
    "image",
    (".avif", ".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"),
)


class _Track(NamedTuple):
    """What a staged file says of itself."""

    tags: Tags | None
    cover: Picture | None


@dataclass(frozen=True)
class _Upload:
    """A file on its way into the folder ``path`` of a ROM."""

    library: Library
    layout: Layout
    user: Identity
    rom: RowMapping
    kind: Kind
    name: str

    @property
    def path(self) -> str:
        return f"{self.rom['fs_path']}/{self.rom['fs_name']}/{self.kind.folder}"


def add_attachment(
    library: Library, user: Identity, rom_id: int, kind: Kind, name: str, content: IO[bytes]
) -> None:
    """Put an upload into the folder of a ROM; a ROM that is one file becomes a folder.

    What has the same name there goes into the trash. NotFound, Invalid or Conflict say why it
    cannot be, Forbidden that the library is for reading only.
    """
    with library.database.read() as session:
        find_rom(session, user, rom_id)
    library.check_writable()
    config = library.config.read()
    is_out = compile_names(config.excluded_multi_parts_files, config.excluded_multi_parts_ext)
    check_upload_name(name, is_out)
    check_file(kind, name, content)
    library.check_there()
    promote(library, rom_id)
    with library.database.read() as session:
        rom = find_rom(session, user, rom_id)
    with _told():
        _add(_Upload(library, library.layout(), user, rom, kind, name), content)


def remove_attachment(
    library: Library, user: Identity, rom_id: int, kind: Kind, file_id: int
) -> None:
    """Move a file of a ROM into the trash; NotFound if it is none of this kind."""
    with library.database.read() as session:
        find_rom(session, user, rom_id)
        query = select(ROM_FILES.c.category)
        query = query.where(ROM_FILES.c.id == file_id, ROM_FILES.c.rom_id == rom_id)
        category = session.scalar(query)
    if category != kind.category:
        raise NotFound(f"{kind.category.capitalize()} file not found")
    delete_file(library, user, rom_id, file_id)


def read_track_metas(session: Session, user: Identity, rom_id: int) -> list[dict[str, Any]]:
    """The tracks of a ROM as ``SoundtrackTrackMetaSchema`` has them, by name."""
    find_rom(session, user, rom_id)
    columns = (ROM_FILES.c.id.label("file_id"), ROM_FILES.c.file_name)
    query = (
        select(*columns, ROM_FILES.c.file_size_bytes, ROM_FILES.c.track_meta)
        .where(ROM_FILES.c.rom_id == rom_id, ROM_FILES.c.category == SOUNDTRACK.category)
        .order_by(ROM_FILES.c.file_name, ROM_FILES.c.id)
    )
    return [
        {**row, "track_meta": row["track_meta"] or None}
        for row in session.execute(query).mappings()
        if is_track(row["file_name"])
    ]


def find_rom(
    session: Session, user: Identity, rom_id: int, *, to_change: bool = False
) -> RowMapping:
    """A ROM this user may see, with its platform, or NotFound.

    ``to_change`` lets nobody else change it until the unit of work ends.
    """
    query = select(ROMS, PLATFORMS.c.slug.label("platform_slug"))
    query = query.join(PLATFORMS, PLATFORMS.c.id == ROMS.c.platform_id)
    query = query.where(ROMS.c.id == rom_id, *see_roms(user, few=True))
    if to_change:
        query = query.with_for_update(of=ROMS)
    found = session.execute(query).mappings().first()
    if found is None:
        raise rom_not_found(rom_id)
    return found


def check_file(kind: Kind, name: str, content: IO[bytes]) -> None:
    """Invalid for what is by its name or its first bytes of another kind; of music only the name is
    looked at."""
    extension = PurePosixPath(name).suffix.lower()
    if extension not in kind.extensions:
        allowed = ", ".join(sorted(kind.extensions))
        raise Invalid(f"Unsupported {kind.word} file type. Allowed: {allowed}")
    content.seek(0)
    head = content.read(SNIFFED)
    content.seek(0)
    if extension == ".pdf" and not head.startswith(PDF):
        raise Invalid(f"{name} is not a PDF file")
    if kind is SCREENSHOT and sniff(head) not in PICTURES:
        raise Invalid(f"{name} is not an image (detected {sniff(head)})")


@contextmanager
def _told() -> Iterator[None]:
    """Trouble with the folder as answers; that of a full disk has its own."""
    try:
        yield
    except UnsafePath as error:
        raise Conflict(str(error)) from error
    except (FileNotFoundError, FileExistsError, NotADirectoryError, PermissionError) as error:
        raise Conflict(f"The file cannot be stored: {error.strerror}") from error


def _add(upload: _Upload, content: IO[bytes]) -> None:
    folder = _open_folder(upload)
    with stage(folder, PurePosixPath(upload.name).suffix, content) as staged:
        track = None
        if upload.kind is SOUNDTRACK:
            tags = read_tags(staged)
            track = _Track(tags, draw_cover(tags))
        hashes = _hash(upload, staged)
        place = folder / upload.name
        arrival = Arrival(staged, place, f"{upload.path}/{upload.name}", upload.user.user_id)

        def store(session: Session) -> Kept:
            return _store(session, upload, place, hashes, track)

        with moving(upload.library.database, upload.layout, upload.library.settings.places):
            put_in_place(upload.library, upload.layout, arrival, store)


def _open_folder(upload: _Upload) -> Path:
    """The folder where the file goes, made if need be; Conflict if a scan would not look there."""
    path = upload.path
    if len(path) > PATH_LENGTH:
        raise UnsafePath("The path of the folder is too long")
    folder = upload.layout.absolute(path)
    trash.check_inside(upload.layout, path, folder)
    if folder.is_symlink():
        raise Conflict(f"{path} is a link, which scans do not follow")
    folder.mkdir(exist_ok=True)
    return folder


def _hash(upload: _Upload, staged: Path) -> Mapping[str, Any]:
    """The columns that a scan would give the file for its content."""
    settings, config = upload.library.settings, upload.library.config.read()
    if config.skip_hash_calculation or upload.rom["platform_slug"] in NEVER_HASHED:
        return {**service.NO_FILE_HASHES, **service.FILE_NEVER_READ}
    timeout = settings.seven_zip_timeout
    (hashes,), _ = hash_folder([(staged, False)], seven_zip_timeout=timeout)
    return service.NO_FILE_HASHES if hashes.note else service.describe_hashes(hashes)


def _store(
    session: Session,
    upload: _Upload,
    place: Path,
    hashes: Mapping[str, Any],
    track: _Track | None,
) -> Kept:
    """Store the row of a file that is in its place; what was known of the one before."""
    rom = find_rom(session, upload.user, upload.rom["id"], to_change=True)
    if (rom["fs_path"], rom["fs_name"]) != (upload.rom["fs_path"], upload.rom["fs_name"]):
        raise Conflict("The game was moved meanwhile. Try again")
    status = place.stat()
    size, modified, kind = status.st_size, status.st_mtime_ns, upload.kind
    file = RomFile(upload.name, upload.path, size, modified, False, kind.category)
    columns = {**service.describe_file(file), **hashes, "track_meta": None}
    known = _find_files(session, file, rom["id"])
    if known:
        service.change_files(session, [{"id": known[0]["id"], **columns}])
    else:
        service.add_files(session, {rom["id"]: [columns]})
    if track is not None:
        _keep_tags(session, upload, _find_files(session, file, rom["id"])[0]["id"], track)
    service.reshape(session, [rom["id"]])
    query = select(PLATFORMS).where(PLATFORMS.c.id == rom["platform_id"])
    platforms = [dict(row) for row in session.execute(query).mappings()]
    # Its tags are read anew if it comes back, for its picture is that of the new file now.
    before = [{**row, "track_meta": None} for row in known]
    return Kept(ROM_FILES.name, {ROM_FILES.name: before}, parents={PLATFORMS.name: platforms})


def _find_files(session: Session, file: RomFile, rom_id: int) -> list[dict[str, Any]]:
    same = {"rom_id": rom_id, "file_path": file.file_path, "file_name": file.file_name}
    query = select(ROM_FILES).filter_by(**same).order_by(ROM_FILES.c.id)
    return [dict(row) for row in session.execute(query).mappings()]


def _keep_tags(session: Session, upload: _Upload, file_id: int, track: _Track) -> None:
    resources = upload.library.settings.places.resources
    folder = f"roms/{upload.rom['platform_id']}/{upload.rom['id']}"
    cover_path = keep_cover(resources, folder, file_id, track.cover)
    tags = describe_track(track.tags, cover_path)
    service.change_files(session, [{"id": file_id, "track_meta": tags}])
