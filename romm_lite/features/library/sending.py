"""Which files a download is made of, and the response that sends them."""

from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import RowMapping, select
from sqlmodel import Session
from starlette.responses import Response

from romm_lite.features.accounts.service import Identity
from romm_lite.features.library.archive import (
    clean_name,
    collect_many,
    collect_rom,
    full_path,
    has_playlist,
    name_many,
    not_on_disk,
    write_playlist,
)
from romm_lite.features.library.detail import rom_not_found
from romm_lite.features.library.files import find_files
from romm_lite.features.library.filters import select_roms
from romm_lite.features.library.store import Library
from romm_lite.features.library.visibility import Condition, list_roms, see_roms
from romm_lite.kernel.errors import Invalid, NotFound, UnsafePath
from romm_lite.tables.files import ROM_FILES
from romm_lite.tables.roms import ROMS
from romm_lite.web.downloads import file_response, hand_over_response
from romm_lite.web.static import DEFAULT_TYPE, type_of_name
from romm_lite.web.zips import ZipPlan, zip_response
from romm_lite.wire.roms import RomContentQuery, RomDownloadQuery, RomSelection

LARGEST_ID = 2**31 - 1
PICTURES_AND_FILMS = frozenset(
    "png jpg jpeg webp gif tiff tif bmp avif mp4 webm ogv mov m4v".split()
)


def send_rom(
    db: Session,
    library: Library,
    user: Identity,
    rom_id: int,
    query: RomContentQuery,
    file_name: str | None = None,
) -> Response:
    """The only file of a ROM as it is, or all of them (or those asked for) as an archive."""
    columns = select(ROMS.c.id, ROMS.c.fs_path, ROMS.c.fs_name)
    this = columns.where(ROMS.c.id == rom_id, *see_roms(user, few=True))
    found = db.execute(this).mappings().first()
    if found is None:
        raise rom_not_found(rom_id)
    every = find_files(db, ROM_FILES.c.rom_id == rom_id)
    wanted = _read_ids(query.file_ids, "Invalid file ID format. Must be comma-separated integers.")
    files = [file for file in every if file["id"] in wanted] if wanted else every
    if not files:
        raise NotFound(f"No files found for ROM {rom_id}")
    if len(files) == 1:
        return send_file(library, files[0], not_on_disk(files[0], rom_id))
    name = clean_name(file_name or "") or found["fs_name"]
    entries = collect_rom(library, found, files, hidden_folder=query.hidden_folder)
    if not has_playlist(every):
        entries.append(write_playlist(name, entries))
    return zip_response(ZipPlan(entries), f"{name}.zip")


def send_roms(db: Session, library: Library, user: Identity, query: RomDownloadQuery) -> Response:
    """Every file of many ROMs as one archive."""
    ids = _choose_roms(db, user, query)
    files = []
    for start in range(0, len(ids), 1000):
        files += find_files(db, ROM_FILES.c.rom_id.in_(ids[start : start + 1000]))
    files.sort(key=full_path)
    entries = collect_many(library, files)
    if not entries:
        raise NotFound("No ROMs found to download")
    name = name_many(files, len(ids))
    if query.filename:
        name = clean_name(query.filename)
        if not name:
            raise Invalid("The file name has no characters that every system takes")
    return zip_response(ZipPlan(entries), name)


def send_file(
    library: Library,
    file: RowMapping,
    missing: NotFound,
    *,
    inline: bool = False,
    media_type: str = DEFAULT_TYPE,
) -> Response:
    """One file under its own name; ``missing`` if it is not on the disk."""
    try:
        path = library.path(full_path(file))
    except UnsafePath as error:
        raise missing from error
    name = file["file_name"]
    return send_path(library, path, name, str(missing), inline=inline, media_type=media_type)


def send_path(
    library: Library,
    path: Path,
    name: str,
    missing: str,
    *,
    inline: bool = False,
    media_type: str = DEFAULT_TYPE,
) -> Response:
    """A file of the library under a name, by the nginx in front if it is set up for that.

    nginx knows the library itself alone, not the folders that config.yml maps into it.
    """
    prefix, root = library.settings.romm_x_accel_redirect, library.settings.places.library
    if prefix and path.is_relative_to(root):
        address = f"{prefix}/{quote(path.relative_to(root).as_posix())}"
        return hand_over_response(
            path, address, name=name, missing=missing, inline=inline, media_type=media_type
        )
    return file_response(path, name=name, missing=missing, inline=inline, media_type=media_type)


def show_file(library: Library, file: RowMapping) -> Response:
    """One file; what a browser can show safely is shown, everything else is saved."""
    name = file["file_name"]
    media_type = _read_type(name)
    is_inline = _may_be_shown(file["category"], name, media_type)
    kind = media_type if is_inline else DEFAULT_TYPE
    missing = NotFound("File not found")
    response = send_file(library, file, missing, inline=is_inline, media_type=kind)
    if is_inline:
        response.headers["x-content-type-options"] = "nosniff"
    return response


def _read_type(name: str) -> str:
    return "audio/aac" if name.lower().endswith(".aac") else type_of_name(name)


def _may_be_shown(category: str | None, name: str, media_type: str) -> bool:
    extension = name.rpartition(".")[2].lower()
    if category == "soundtrack" and media_type.startswith("audio/"):
        return True
    if category == "manual" and extension in ("pdf", "md"):
        return True
    return extension in PICTURES_AND_FILMS


def _choose_roms(db: Session, user: Identity, query: RomDownloadQuery) -> Sequence[int]:
    """Ids of the ROMs to send: a part of the library, else single ones, unknown ones left out."""
    given = query.model_dump(exclude={"rom_ids", "filename"}, exclude_none=True)
    if given:
        if (platform_id := given.pop("platform_id", None)) is not None:
            given["platform_ids"] = [platform_id]
        chosen = select_roms(db, RomSelection.model_construct(**given), user)
        return _find_roms(db, [*chosen, *list_roms(user)], "No ROMs found to download")
    if not query.rom_ids:
        raise Invalid("No ROM IDs or platform/collection selector provided")
    ids = _read_ids(query.rom_ids, "Invalid ROM ID format. Must be comma-separated integers.")
    one_by_one = [ROMS.c.id.in_(ids), *see_roms(user, few=True)]
    return _find_roms(db, one_by_one, "No ROMs found with the provided IDs")


def _find_roms(db: Session, conditions: Sequence[Condition], missing: str) -> Sequence[int]:
    ids = db.scalars(select(ROMS.c.id).where(*conditions).order_by(ROMS.c.id)).all()
    if not ids:
        raise NotFound(missing)
    return ids


def _read_ids(text: str | None, refusal: str) -> set[int]:
    """Ids between commas; those no row can have stand for none."""
    try:
        ids = {int(word) for word in (text or "").split(",") if word.strip()}
    except ValueError as error:
        raise Invalid(refusal) from error
    return {each if abs(each) <= LARGEST_ID else 0 for each in ids}
