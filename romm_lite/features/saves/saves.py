"""The rules of saves: uploading, replacing, deleting, showing to others.

What changes a ROM's saves is one unit of work that begins with the lock of the user's ROM, so that
no two of one slot run at the same time. The files are on the disk before it begins.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Row, RowMapping, delete, func, insert, select, update
from sqlmodel import Session
from starlette.datastructures import UploadFile

from romm_lite.db import versions
from romm_lite.features.accounts.service import Identity
from romm_lite.features.library.service import note_played
from romm_lite.features.saves import syncs
from romm_lite.features.saves.blobs import Content, Staged
from romm_lite.features.saves.names import clean_name, describe_name, make_folder, tag_name
from romm_lite.features.saves.pictures import Picture, keep_picture, remove_pictures
from romm_lite.features.saves.queries import find_rom, find_saves
from romm_lite.features.saves.store import Asset, Reason, Store, describe_asset
from romm_lite.features.saves.syncs import Asker
from romm_lite.kernel.errors import Conflict, Invalid, TooLarge
from romm_lite.kernel.scopes import Scope
from romm_lite.kernel.times import now
from romm_lite.tables.assets import SAVES, SCREENSHOTS
from romm_lite.tables.rom_users import ROM_USER
from romm_lite.wire.saves import SaveUploadQuery

MOST_SAVES = 5_000
"""Saves of a user in one slot of a ROM, or in none."""
SLOT_IS_NEWER = "Slot has a newer save since your last sync"
SAVE_IS_NEWER = "Save has been updated since your last sync"
TICK = timedelta(microseconds=1)
SOME = 500


@dataclass(frozen=True)
class Arrival:
    """A save on its way into a ROM: what it is called and what is in it."""

    user: Identity
    rom: Row[Any]
    name: str
    slot: str | None
    emulator: str | None
    asker: Asker
    content: Content

    @property
    def user_id(self) -> int:
        assert self.user.user_id is not None
        return self.user.user_id

    @property
    def columns(self) -> dict[str, Any]:
        """The columns that the content and the place decide."""
        folder = make_folder(self.user_id, SAVES.name, self.rom.fs_slug, self.rom.id, self.emulator)
        return {"file_path": folder, "emulator": self.emulator or None, **describe(self.content)}


def describe(content: Content) -> dict[str, Any]:
    """The columns that a content alone decides."""
    return {
        "sha256": content.sha256,
        "content_hash": content.content_hash,
        "file_size_bytes": content.size,
        "missing_from_fs": False,
    }


def upload_save(
    store: Store,
    user: Identity,
    query: SaveUploadQuery,
    file: UploadFile,
    screenshot: UploadFile | None,
) -> tuple[int, Asker]:
    """Keep an upload; the id of its save and who sent it.

    Conflict if the device that sends it does not know the newest save of its slot. A slot whose
    newest save has the same content keeps that.
    """
    check_sizes(store, file, screenshot)
    with store.database.read() as session:
        # What can be refused is refused before anything is copied.
        syncs.find_asker(session, user, query.device_id, Scope.DEVICES_WRITE)
        rom = find_rom(session, user, query.rom_id)
    name, slot = clean_name(file.filename, "Save"), query.slot or None
    if slot:
        tag_name(name, now(), ())
    make_folder(user.user_id or 0, SAVES.name, rom.fs_slug, rom.id, query.emulator)
    with (
        store.stage(file.file) as staged,
        stage_picture(store, screenshot) as picture,
        store.database.write() as session,
    ):
        asker = syncs.find_asker(session, user, query.device_id, Scope.DEVICES_WRITE)
        rom = find_rom(session, user, query.rom_id)
        arrival = Arrival(user, rom, name, slot, query.emulator or None, asker, staged)
        with playing(session, arrival.user_id, rom.id):
            check_conflict(session, arrival, overwrite=query.overwrite)
            _put(store, session, arrival.user_id, staged, picture)
            save = keep(store, session, arrival, overwrite=query.overwrite)
            _note_asker(session, user, asker, save, query.session_id)
            if query.autocleanup and slot:
                _clean_up(store, session, save, query.autocleanup_limit)
            if picture is not None:
                keep_picture(store, session, user, rom, SAVES, save, picture)
    return int(save["id"]), asker


def check_sizes(
    store: Store,
    file: UploadFile | None,
    screenshot: UploadFile | None = None,
    word: str = "Save",
) -> None:
    """TooLarge for a file that is larger than the settings allow."""
    limit = store.settings.max_asset_upload_size_bytes
    for name, each in ((word, file), ("Screenshot", screenshot)):
        if each is not None and limit and (each.size or 0) > limit:
            raise TooLarge(f"{name} file exceeds the maximum allowed size of {limit} bytes")


@contextmanager
def stage_picture(store: Store, screenshot: UploadFile | None) -> Iterator[Picture | None]:
    """A picture that came with an upload, on the disk; None for none."""
    if screenshot is None:
        yield None
        return
    name = clean_name(screenshot.filename, "Screenshot")
    with store.stage(screenshot.file) as staged:
        yield Picture(name, staged)


@contextmanager
def playing(session: Session, user_id: int, rom_id: int) -> Iterator[None]:
    """One at a time for a user and a ROM, which counts as played now."""
    note_played(session, user_id, rom_id, now())
    yield
    versions.bump(session, versions.of_user(user_id))


def _put(
    store: Store, session: Session, user_id: int, staged: Staged | None, picture: Picture | None
) -> None:
    files = [each for each in (staged, picture.staged if picture else None) if each is not None]
    store.check_room(session, user_id, sum(each.size for each in files))
    store.put(session, *files)


def _in_slot(user_id: int, rom_id: int, slot: str | None) -> list[ColumnElement[bool]]:
    return [
        SAVES.c.user_id == user_id,
        SAVES.c.rom_id == rom_id,
        SAVES.c.slot_key == (slot or ""),
    ]


def _find_rival(session: Session, arrival: Arrival) -> RowMapping | None:
    """What the arrival competes with: the newest of its slot, or the one of its name."""
    query = select(SAVES).where(*_in_slot(arrival.user_id, arrival.rom.id, arrival.slot))
    if arrival.slot is None:
        query = query.where(SAVES.c.file_name == arrival.name)
    query = query.order_by(SAVES.c.updated_at.desc(), SAVES.c.id.desc()).limit(1)
    return session.execute(query).mappings().first()


def check_conflict(session: Session, arrival: Arrival, *, overwrite: bool) -> None:
    """Conflict if the device that sends it has not seen what it would take the place of."""
    if overwrite or not arrival.asker.is_named:
        return
    rival = _find_rival(session, arrival)
    in_slot = arrival.slot is not None
    if rival is not None and not syncs.check_current(
        session, arrival.asker, rival, must_have=in_slot
    ):
        raise Conflict(SLOT_IS_NEWER if in_slot else SAVE_IS_NEWER)


def keep(store: Store, session: Session, arrival: Arrival, *, overwrite: bool) -> RowMapping:
    """Store the row and the version of a content that is in its place; the save's row."""
    rival = _find_rival(session, arrival)
    if rival is not None and rival["sha256"] is None:
        store.adopt(session, SAVES, rival)
        rival = _find_rival(session, arrival)
    if arrival.slot is None:
        return (
            _add(store, session, arrival)
            if rival is None
            else _renew(store, session, arrival, rival)
        )
    if rival is not None and not overwrite and _is_same(rival, arrival.content):
        _note_repacked(store, session, arrival, rival)
        return rival
    return _add(store, session, arrival)


def _is_same(rival: RowMapping, content: Content) -> bool:
    if rival["sha256"] == content.sha256:
        return True
    known = rival["content_hash"]
    return known is not None and known == content.content_hash


def _note_repacked(store: Store, session: Session, arrival: Arrival, rival: RowMapping) -> None:
    """The same entries in another zip are not another save; these bytes are kept all the same."""
    if rival["sha256"] != arrival.content.sha256:
        asset = describe_asset(session, SAVES, rival)
        asset = Asset(**{**vars(asset), "kept_at": now(), "device_id": arrival.asker.device_id})
        store.note_beside(session, asset, arrival.content, Reason.SAME_CONTENT)


def _add(store: Store, session: Session, arrival: Arrival) -> RowMapping:
    here = _in_slot(arrival.user_id, arrival.rom.id, arrival.slot)
    names = set(session.scalars(select(SAVES.c.file_name).where(*here)))
    if len(names) >= MOST_SAVES:
        raise Invalid(f"There are {MOST_SAVES} saves here, which is as many as can be")
    moment = _choose_moment(session, arrival)
    name = tag_name(arrival.name, moment, names) if arrival.slot else arrival.name
    row = {
        "rom_id": arrival.rom.id,
        "user_id": arrival.user_id,
        "slot": arrival.slot,
        "slot_key": arrival.slot or "",
        "is_public": False,
        "origin_device_id": arrival.asker.device_id,
        "created_at": moment,
        "updated_at": moment,
        **describe_name(name),
        **arrival.columns,
    }
    result: Any = session.execute(insert(SAVES).values(**row))
    return _note(store, session, arrival, result.inserted_primary_key[0])


def _renew(store: Store, session: Session, arrival: Arrival, row: RowMapping) -> RowMapping:
    """Give a save other content under its name. The same content is no change."""
    moment = row["updated_at"]
    is_new = row["sha256"] != arrival.content.sha256
    if is_new:
        moment = _choose_moment(session, arrival)
    values = {**arrival.columns, "updated_at": moment}
    session.execute(update(SAVES).where(SAVES.c.id == row["id"]).values(**values))
    if is_new:
        return _note(store, session, arrival, row["id"])
    return _read(session, row["id"])


def _note(store: Store, session: Session, arrival: Arrival, save_id: int) -> RowMapping:
    row = _read(session, save_id)
    asset = describe_asset(session, SAVES, row)
    asset = Asset(**{**vars(asset), "device_id": arrival.asker.device_id})
    store.note(session, asset, arrival.content)
    return row


def _read(session: Session, save_id: int) -> RowMapping:
    return session.execute(select(SAVES).where(SAVES.c.id == save_id)).mappings().one()


def _choose_moment(session: Session, arrival: Arrival) -> datetime:
    """Now, but after every other save of the ROM, wherever the clock has gone meanwhile: the
    newest is what was kept last."""
    own = (SAVES.c.user_id == arrival.user_id, SAVES.c.rom_id == arrival.rom.id)
    last = session.scalar(select(func.max(SAVES.c.updated_at)).where(*own))
    return now() if last is None else max(now(), last + TICK)


def _note_asker(
    session: Session, user: Identity, asker: Asker, save: RowMapping, session_id: int | None
) -> None:
    syncs.mark_current(session, user.user_id, asker.device_id, save["id"], save["updated_at"])
    syncs.count_operation(session, user.user_id, session_id)


def _clean_up(store: Store, session: Session, save: RowMapping, limit: int) -> None:
    """Remove all saves of a slot but the newest ones; their contents stay among the versions."""
    limit = max(1, min(limit, store.settings.max_autocleanup_limit))
    query = select(SAVES).where(*_in_slot(save["user_id"], save["rom_id"], save["slot"]))
    query = query.order_by(SAVES.c.updated_at.desc(), SAVES.c.id.desc())
    rows = session.execute(query).mappings().all()
    _remove(store, session, rows[limit:], Reason.CLEANED_UP)


def _remove(store: Store, session: Session, rows: Sequence[RowMapping], why: Reason) -> None:
    if not rows:
        return
    for row in rows:
        store.adopt(session, SAVES, row)
    ids = [row["id"] for row in rows]
    store.end(session, SAVES.name, ids, why)
    for start in range(0, len(ids), SOME):
        session.execute(delete(SAVES).where(SAVES.c.id.in_(ids[start : start + SOME])))
    remove_pictures(store, session, rows, why)


def replace_save(
    store: Store,
    user: Identity,
    save_id: int,
    device_id: str | None,
    file: UploadFile | None,
    screenshot: UploadFile | None,
) -> Asker:
    """Give a save other content under the name it has, or another picture."""
    check_sizes(store, file, screenshot)
    with store.database.read() as session:
        syncs.find_asker(session, user, device_id, Scope.DEVICES_WRITE)
        find_saves(session, user, [save_id])
    with (
        _stage(store, file) as staged,
        stage_picture(store, screenshot) as picture,
        store.database.write() as session,
    ):
        asker = syncs.find_asker(session, user, device_id, Scope.DEVICES_WRITE)
        (row,) = find_saves(session, user, [save_id])
        rom = find_rom(session, user, row["rom_id"])
        with playing(session, row["user_id"], rom.id):
            (row,) = find_saves(session, user, [save_id], to_change=True)
            _put(store, session, row["user_id"], staged, picture)
            if staged is not None:
                row = _replace(store, session, user, rom, row, asker, staged)
            _note_asker(session, user, asker, row, None)
            if picture is not None:
                keep_picture(store, session, user, rom, SAVES, row, picture)
    return asker


@contextmanager
def _stage(store: Store, file: UploadFile | None) -> Iterator[Staged | None]:
    if file is None:
        yield None
        return
    with store.stage(file.file) as staged:
        yield staged


def _replace(
    store: Store,
    session: Session,
    user: Identity,
    rom: Row[Any],
    row: RowMapping,
    asker: Asker,
    staged: Staged,
) -> RowMapping:
    if row["sha256"] is None:
        store.adopt(session, SAVES, row)
        row = _read(session, row["id"])
    arrival = Arrival(user, rom, row["file_name"], row["slot"], row["emulator"], asker, staged)
    return _renew(store, session, arrival, row)


def delete_saves(store: Store, session: Session, user: Identity, ids: Sequence[int]) -> None:
    """Delete own saves, all or none; their contents stay among the versions."""
    if not ids:
        raise Invalid("No saves were provided")
    rows = find_saves(session, user, ids)
    user_id = rows[0]["user_id"]
    _lock(session, user_id, sorted({row["rom_id"] for row in rows}))
    _remove(store, session, find_saves(session, user, ids, to_change=True), Reason.DELETED)
    versions.bump(session, versions.of_user(user_id))


def _lock(session: Session, user_id: int, rom_ids: Sequence[int]) -> None:
    """As ``playing`` for several ROMs, none of which is played."""
    for start in range(0, len(rom_ids), SOME):
        some = ROM_USER.c.rom_id.in_(rom_ids[start : start + SOME])
        query = select(ROM_USER.c.id).where(ROM_USER.c.user_id == user_id, some)
        session.execute(query.order_by(ROM_USER.c.rom_id).with_for_update()).all()


def change_visibility(session: Session, user: Identity, save_id: int, *, is_public: bool) -> None:
    """Show a save to others or to nobody; its picture follows. No device is out of date by it."""
    (row,) = find_saves(session, user, [save_id], to_change=True)
    _set(session, SAVES, row["id"], row, {"is_public": is_public})
    if row["screenshot_id"] is not None:
        shot = select(SCREENSHOTS).where(SCREENSHOTS.c.id == row["screenshot_id"])
        found = session.execute(shot).mappings().first()
        if found is not None and not found["is_gallery"]:
            _set(session, SCREENSHOTS, found["id"], found, {"is_public": is_public})


def _set(
    session: Session, table: Any, row_id: int, row: RowMapping, values: Mapping[str, Any]
) -> None:
    """Change a row and not the moment that tells when its content changed."""
    still = {"updated_at": row["updated_at"]}
    session.execute(update(table).where(table.c.id == row_id).values(**values, **still))


def change_device(
    session: Session, user: Identity, save_id: int, device_id: str, *, is_untracked: bool | None
) -> Asker:
    """Note that a device has got a save (None), follows it again, or no longer."""
    asker = syncs.find_asker(session, user, device_id, Scope.DEVICES_WRITE)
    (row,) = find_saves(session, user, [save_id])
    if is_untracked is None:
        _note_asker(session, user, asker, row, None)
    elif asker.device_id is not None:
        syncs.follow(session, asker.device_id, save_id, is_untracked=is_untracked)
    return asker
