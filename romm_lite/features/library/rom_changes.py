"""Changing what a ROM is called, what it is and how it looks.

Whatever can fail comes first: addresses are fetched and pictures decoded before anything is
written. Then one unit of work changes the columns that were asked for and no others, so that of two
who change a ROM at once neither undoes what the other did. Files that the row no longer names go
last, when the change is committed.
"""

import logging
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Row, select
from sqlmodel import Session
from starlette.datastructures import UploadFile

from romm_lite.disk.images import Cover
from romm_lite.disk.names import title_of
from romm_lite.features.accounts.service import Identity
from romm_lite.features.library import service
from romm_lite.features.library.artwork import drop_others, fetch_cover, read_cover, write_cover
from romm_lite.features.library.detail import check_rom, rom_not_found
from romm_lite.features.library.facts import read_sources
from romm_lite.features.library.manuals import download_manual, put_manual, stage_manual
from romm_lite.features.library.metadata_changes import (
    Payload,
    decide_sources,
    fetch_changed,
    forget_providers,
)
from romm_lite.features.library.renaming import (
    Renaming,
    change_name,
    read_fs_name,
    renamed,
    store_rename,
)
from romm_lite.features.library.store import Library
from romm_lite.features.library.view import View
from romm_lite.kernel.errors import Invalid
from romm_lite.kernel.text import sort_key
from romm_lite.kernel.times import now
from romm_lite.tables.roms import ROMS
from romm_lite.wire.rom_changes import RomChanges, RomChangesQuery

log = logging.getLogger(__name__)

NO_COVER: Mapping[str, Any] = {"url_cover": "", "path_cover_s": "", "path_cover_l": ""}
UNMATCHED: Mapping[str, Any] = {
    **NO_COVER,
    **dict.fromkeys(("slug", "summary", "revision", "url_manual"), ""),
    "url_screenshots": [],
    "path_screenshots": [],
}
"""The columns of a ROM that nobody knows, beside its name."""
PICTURES = ("cover", "screenshots")
"""The folders of pictures in that of a ROM's artwork."""


@dataclass(frozen=True)
class Edit:
    """A form, and what was fetched and checked for it before anything is written."""

    query: RomChangesQuery
    changes: RomChanges
    cover: Cover | None
    is_upload: bool
    """Whether the cover came with the form."""
    manual: Path | None
    """Written down already, beside its place."""
    payloads: Mapping[str, Payload]
    """What providers know of what the ROM is now said to be."""
    renaming: Renaming | None


def change_rom(
    library: Library,
    user: Identity,
    rom_id: int,
    query: RomChangesQuery,
    changes: RomChanges,
    artwork: UploadFile | None,
) -> None:
    """Change a ROM this user may see. Units of work of its own: call it inside no other.

    NotFound, or whatever is wrong with the form: then nothing has changed.
    """
    with library.database.read() as session:
        check_rom(View.open(session, library, user), rom_id)
        rom = _read(session, rom_id)
        known = read_sources(session, [rom_id])[rom_id]
    if query.unmatch_metadata:
        _unmatch(library, rom_id)
        return
    fs_name = read_fs_name(changes.fs_name, rom.fs_name)
    cover = None if query.remove_cover else _take_cover(library, rom, changes, artwork)
    payloads = fetch_changed(changes, known)
    with ExitStack() as stack:
        manual = _take_manual(stack, library, rom, changes)
        renaming = None
        if fs_name != rom.fs_name:
            renaming = stack.enter_context(renamed(library, user, rom_id, fs_name))
        is_upload = artwork is not None
        edit = Edit(query, changes, cover, is_upload, manual, payloads, renaming)
        with library.database.write() as session:
            _store(session, library, rom_id, edit)
    if cover is not None or query.remove_cover:
        _sweep(library, rom_id)


def _read(session: Session, rom_id: int, *, to_change: bool = False) -> Row[Any]:
    query = select(ROMS).where(ROMS.c.id == rom_id)
    rom = session.execute(query.with_for_update() if to_change else query).first()
    if rom is None:
        raise rom_not_found(rom_id)
    return rom


def _take_cover(
    library: Library, rom: Row[Any], changes: RomChanges, artwork: UploadFile | None
) -> Cover | None:
    """The cover that a form brings; None if it brings none."""
    if artwork is not None:
        return read_cover(artwork)
    url = _read_url(changes.url_cover)
    if not url or (url == rom.url_cover and _is_kept(library, rom.path_cover_l)):
        return None
    try:
        return fetch_cover(library.fetcher, url)
    except Invalid as error:
        _pass_over(error, rom, is_new=url != rom.url_cover)
        return None


def _take_manual(
    stack: ExitStack, library: Library, rom: Row[Any], changes: RomChanges
) -> Path | None:
    """The manual that a form names, written down until the stack is closed."""
    url = _read_url(changes.url_manual)
    if not url or (url == rom.url_manual and _is_kept(library, rom.path_manual)):
        return None
    try:
        content = stack.enter_context(download_manual(library, url))
    except Invalid as error:
        _pass_over(error, rom, is_new=url != rom.url_manual)
        return None
    return stack.enter_context(stage_manual(library, rom._mapping, ".pdf", content))


def _pass_over(error: Invalid, rom: Row[Any], *, is_new: bool) -> None:
    """An address that was there before and is dead by now must not keep anybody from changing
    something else."""
    if is_new:
        raise error
    log.warning("%s of ROM %d was not there and is not now: %s", rom.name, rom.id, error)


def _read_url(text: str | None) -> str | None:
    return None if text is None else text.strip()


def _is_kept(library: Library, path: str | None) -> bool:
    return bool(path) and (library.settings.places.resources / str(path)).is_file()


def _store(session: Session, library: Library, rom_id: int, edit: Edit) -> None:
    columns: dict[str, Any] = {}
    if edit.renaming is not None:
        columns |= store_rename(session, edit.renaming)
    rom = _read(session, rom_id, to_change=True)
    columns |= _describe_texts(rom, edit)
    if edit.renaming is not None:
        change_name(session, edit.renaming, {"id": rom_id, **columns})
        columns = {}
    known = read_sources(session, [rom_id])[rom_id]
    sources = decide_sources(edit.changes, known, edit.payloads)
    columns |= _keep_files(library, rom, edit)
    changed = {name: value for name, value in columns.items() if getattr(rom, name) != value}
    if changed or edit.cover or edit.manual:
        service.change_roms(session, [{"id": rom_id, **changed, "updated_at": now()}])
    if sources:  # last, for the names that a search finds are then those that were just stored
        service.change_sources(session, rom.platform_id, {rom_id: sources})
    if changed or edit.cover or edit.manual or sources or edit.renaming:
        service.note_change(session)


def _describe_texts(rom: Row[Any], edit: Edit) -> dict[str, Any]:
    """The columns that a form's texts decide."""
    changes = edit.changes
    fs_name = edit.renaming.fs_name if edit.renaming else rom.fs_name
    is_dir = rom.top_level_files != 1 or rom.nested_files > 0
    name = rom.name
    if changes.name is not None:
        name = changes.name or title_of(fs_name, is_dir=is_dir)
    elif fs_name != rom.fs_name and name in service.list_placeholders(rom.fs_name):
        name = title_of(fs_name, is_dir=is_dir)
    columns: dict[str, Any] = service.follow_title(rom, name, fs_name)
    if changes.name_sort_key is not None and changes.name_sort_key != rom.name_sort_key:
        columns["name_sort_key"] = sort_key(changes.name_sort_key) or sort_key(name)
    if changes.summary is not None:
        columns["summary"] = changes.summary
    return columns


def _keep_files(library: Library, rom: Row[Any], edit: Edit) -> dict[str, Any]:
    """Put the cover and the manual of a form in place; the columns that follow."""
    places = library.settings.places
    columns: dict[str, Any] = {}
    if edit.query.remove_cover:
        columns |= NO_COVER
    elif edit.changes.url_cover is not None or edit.is_upload:
        columns["url_cover"] = "" if edit.is_upload else _read_url(edit.changes.url_cover)
    if edit.cover is not None:
        columns |= write_cover(places, _folder(rom), edit.cover)._asdict()
    if edit.changes.url_manual is not None:
        columns["url_manual"] = _read_url(edit.changes.url_manual)
    if edit.manual is not None:
        columns["path_manual"] = put_manual(library, rom._mapping, edit.manual)
    return columns


def _unmatch(library: Library, rom_id: int) -> None:
    """Forget what providers know of a ROM, and its pictures; what people entered stays."""
    with library.database.write() as session:
        rom = _read(session, rom_id, to_change=True)
        sources = forget_providers(read_sources(session, [rom_id])[rom_id])
        if sources:
            service.change_sources(session, rom.platform_id, {rom_id: sources})
        title = service.describe_title(rom.fs_name, rom.fs_name)
        service.change_roms(session, [{"id": rom_id, **UNMATCHED, **title}])
        service.note_change(session)
    _sweep(library, rom_id)


def _sweep(library: Library, rom_id: int) -> None:
    """Remove the pictures that a ROM no longer names, while nobody changes which these are."""
    with library.database.write() as session:
        rom = _read(session, rom_id, to_change=True)
        named = {rom.path_cover_s, rom.path_cover_l, *rom.path_screenshots}
        for kind in PICTURES:
            try:
                drop_others(library.settings.places, f"{_folder(rom)}/{kind}", named)
            except OSError as error:  # nothing shows them any more
                log.warning("Old pictures of ROM %d stay on the disk: %s", rom_id, error)


def _folder(rom: Row[Any]) -> str:
    return f"roms/{rom.platform_id}/{rom.id}"
