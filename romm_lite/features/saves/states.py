"""The rules of states, which are those of saves outside of slots, without devices."""

from collections.abc import Sequence
from contextlib import nullcontext
from datetime import timedelta
from typing import Any

from sqlalchemy import Row, RowMapping, insert, select, update
from sqlmodel import Session
from starlette.datastructures import UploadFile

from romm_lite.db import versions
from romm_lite.features.accounts.service import Identity
from romm_lite.features.library.service import illustrate, render_asset
from romm_lite.features.saves.blobs import Staged
from romm_lite.features.saves.names import clean_name, describe_name, make_folder
from romm_lite.features.saves.pictures import Picture, keep_picture, remove_pictures
from romm_lite.features.saves.queries import find_rom, read_screenshots
from romm_lite.features.saves.saves import check_sizes, playing, stage_picture
from romm_lite.features.saves.screenshots import change_visibility, end_assets, find_assets
from romm_lite.features.saves.store import Reason, Store, describe_asset
from romm_lite.kernel.errors import Invalid
from romm_lite.kernel.times import now
from romm_lite.tables.assets import SCREENSHOTS, STATES
from romm_lite.wire.states import StateUploadQuery

S = STATES.c
TICK = timedelta(microseconds=1)


def upload_state(
    store: Store,
    user: Identity,
    query: StateUploadQuery,
    file: UploadFile,
    screenshot: UploadFile | None,
) -> int:
    """Keep an upload; the id of its state. One of the same name gets its content, whatever emulator
    it was of."""
    check_sizes(store, file, screenshot, "State")
    with store.database.read() as session:
        rom = find_rom(session, user, query.rom_id)
    assert user.user_id is not None
    name, emulator = clean_name(file.filename, "State"), query.emulator or None
    make_folder(user.user_id, STATES.name, rom.fs_slug, rom.id, emulator)
    with (
        store.stage(file.file) as staged,
        stage_picture(store, screenshot) as picture,
        store.database.write() as session,
    ):
        rom = find_rom(session, user, query.rom_id)
        with playing(session, user.user_id, rom.id):
            own = (S.user_id == user.user_id, S.rom_id == rom.id, S.file_name == name)
            row = session.execute(select(STATES).where(*own)).mappings().first()
            folder = make_folder(user.user_id, STATES.name, rom.fs_slug, rom.id, emulator)
            place = {"file_path": folder, "emulator": emulator}
            state_id = (
                _add(session, user.user_id, rom.id, name, place) if row is None else row["id"]
            )
            _keep(store, session, user, rom, state_id, place, staged, picture)
    return int(state_id)


def _add(session: Session, user_id: int, rom_id: int, name: str, place: dict[str, Any]) -> int:
    owner = {"user_id": user_id, "rom_id": rom_id, "is_public": False}
    values = {**describe_name(name), **owner, **place}
    result: Any = session.execute(
        insert(STATES).values(**values, file_size_bytes=0, missing_from_fs=False)
    )
    return int(result.inserted_primary_key[0])


def _keep(
    store: Store,
    session: Session,
    user: Identity,
    rom: Row[Any],
    state_id: int,
    place: dict[str, Any],
    staged: Staged | None,
    picture: Picture | None,
) -> None:
    """Give a state a content, a place and a picture, as far as there are any."""
    files = [each for each in (staged, picture.staged if picture else None) if each is not None]
    assert user.user_id is not None
    store.check_room(session, user.user_id, sum(each.size for each in files))
    row = _read(session, state_id)
    if row["file_size_bytes"] and row["sha256"] is None:
        store.adopt(session, STATES, row)
        row = _read(session, state_id)
    store.put(session, *files)
    values: dict[str, Any] = {**place, "updated_at": row["updated_at"]}
    is_new = staged is not None and staged.sha256 != row["sha256"]
    if staged is not None and is_new:
        values |= {
            "sha256": staged.sha256,
            "file_size_bytes": staged.size,
            "missing_from_fs": False,
            "updated_at": max(now(), row["updated_at"] + TICK),
        }
    session.execute(update(STATES).where(S.id == state_id).values(**values))
    row = _read(session, state_id)
    if staged is not None and is_new:
        store.note(session, describe_asset(session, STATES, row), staged)
    if picture is not None:
        keep_picture(store, session, user, rom, STATES, row, picture)


def _read(session: Session, state_id: int) -> RowMapping:
    return session.execute(select(STATES).where(S.id == state_id)).mappings().one()


def replace_state(
    store: Store,
    user: Identity,
    state_id: int,
    file: UploadFile | None,
    screenshot: UploadFile | None,
) -> None:
    """Give a state other content under the name it has, or another picture."""
    check_sizes(store, file, screenshot, "State")
    with store.database.read() as session:
        find_assets(session, STATES, user, [state_id])
    with (
        store.stage(file.file) if file is not None else nullcontext() as staged,
        stage_picture(store, screenshot) as picture,
        store.database.write() as session,
    ):
        (row,) = find_assets(session, STATES, user, [state_id])
        rom = find_rom(session, user, row["rom_id"])
        with playing(session, row["user_id"], rom.id):
            find_assets(session, STATES, user, [state_id], to_change=True)
            _keep(store, session, user, rom, state_id, {}, staged, picture)


def delete_states(store: Store, session: Session, user: Identity, ids: Sequence[int]) -> None:
    """Delete own states, all or none; their contents stay among the versions."""
    if not ids:
        raise Invalid("No states were provided")
    rows = find_assets(session, STATES, user, ids, to_change=True)
    end_assets(store, session, STATES, rows, Reason.DELETED)
    remove_pictures(store, session, rows, Reason.DELETED)
    versions.bump(session, versions.of_user(rows[0]["user_id"]))


def show_state(session: Session, user: Identity, state_id: int, *, is_public: bool) -> None:
    """Show a state to others or to nobody; its picture follows, if it is not in the gallery."""
    row = change_visibility(session, STATES, user, state_id, is_public=is_public)
    shots = SCREENSHOTS.c
    its = (shots.id == row["screenshot_id"], ~shots.is_gallery)
    values = {"is_public": is_public, "updated_at": shots.updated_at}
    session.execute(update(SCREENSHOTS).where(*its).values(**values))


def describe_states(session: Session, rows: Sequence[RowMapping]) -> list[dict[str, Any]]:
    """States of one user as ``StateSchema`` has them."""
    shots = read_screenshots(session, rows)
    return [illustrate(render_asset(STATES, row), shots.get(row["rom_id"], ())) for row in rows]


def describe_state(session: Session, user: Identity, state_id: int) -> dict[str, Any]:
    """An own state as ``StateSchema`` has it, or NotFound."""
    return describe_states(session, find_assets(session, STATES, user, [state_id]))[0]
