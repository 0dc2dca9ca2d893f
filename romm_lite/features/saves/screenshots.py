"""The rules of screenshots, and what they share with states: finding, sending, deleting.

Of a user's uploads to the gallery one is taken in at a time, as of those to a ROM's saves.
"""

from collections.abc import Sequence
from mimetypes import guess_type
from typing import Any

from sqlalchemy import RowMapping, Select, Table, delete, insert, or_, select, update
from sqlmodel import Session
from starlette.datastructures import UploadFile

from romm_lite.db import versions
from romm_lite.disk.images import FORMATS, sniff
from romm_lite.features.accounts.service import Identity
from romm_lite.features.library.service import render_asset, see_roms
from romm_lite.features.saves.names import clean_name, describe_name, make_folder
from romm_lite.features.saves.queries import find_rom
from romm_lite.features.saves.saves import check_sizes
from romm_lite.features.saves.store import SOME, Reason, Store, describe_asset
from romm_lite.kernel.errors import Invalid, NotFound
from romm_lite.kernel.times import now
from romm_lite.tables.assets import SAVES, SCREENSHOTS, STATES
from romm_lite.tables.roms import ROMS
from romm_lite.web.downloads import Download, file_response, plain_disposition

SHOTS = SCREENSHOTS.c
HEAD = 64
"""Bytes that tell what a file is."""
EXTENSIONS = (".avif", ".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")
KINDS = frozenset(f"image/{each}" for each in ("avif", "bmp", "gif", "jpeg", "png", "tiff", "webp"))
UNSUPPORTED = f"Unsupported image file type. Allowed: {', '.join(EXTENSIONS)}"


def select_assets(table: Table, user: Identity) -> Select[Any]:
    """All of a kind, own or not, of ROMs this user may see."""
    query = select(table).join(ROMS, ROMS.c.id == table.c.rom_id)
    return query.where(*see_roms(user, few=True))


def list_assets(
    session: Session,
    table: Table,
    user: Identity,
    rom_id: int | None = None,
    platform_id: int | None = None,
) -> Sequence[RowMapping]:
    """Own ones by id."""
    chosen = select_assets(table, user).where(table.c.user_id == user.user_id)
    if rom_id is not None:
        chosen = chosen.where(table.c.rom_id == rom_id)
    if platform_id is not None:
        chosen = chosen.where(ROMS.c.platform_id == platform_id)
    return session.execute(chosen.order_by(table.c.id)).mappings().all()


def list_ids(session: Session, table: Table, user: Identity) -> list[int]:
    """The ids of own ones."""
    chosen = select_assets(table, user).where(table.c.user_id == user.user_id)
    return list(session.scalars(chosen.with_only_columns(table.c.id).order_by(table.c.id)))


def not_found(table: Table, asset_id: int) -> NotFound:
    """What an unknown one and another's read as."""
    if table is SCREENSHOTS:
        return NotFound("Screenshot not found")
    return NotFound(f"State with ID {asset_id} not found")


def find_assets(
    session: Session, table: Table, user: Identity, ids: Sequence[int], *, to_change: bool = False
) -> list[RowMapping]:
    """Own ones by their ids, or NotFound for the first that is none."""
    found: dict[int, RowMapping] = {}
    for start in range(0, len(ids), SOME):
        query = select_assets(table, user).where(table.c.user_id == user.user_id)
        query = query.where(table.c.id.in_(ids[start : start + SOME])).order_by(table.c.id)
        if to_change:
            query = query.with_for_update(of=table)
        found |= {row["id"]: row for row in session.execute(query).mappings()}
    for each in ids:
        if each not in found:
            raise not_found(table, each)
    return [found[each] for each in dict.fromkeys(ids)]


def end_assets(
    store: Store, session: Session, table: Table, rows: Sequence[RowMapping], why: Reason
) -> None:
    """Remove rows; their contents stay among the versions."""
    for row in rows:
        store.adopt(session, table, row)
    ids = [row["id"] for row in rows]
    store.end(session, table.name, ids, why)
    for start in range(0, len(ids), SOME):
        session.execute(delete(table).where(table.c.id.in_(ids[start : start + SOME])))


def send_asset(store: Store, table: Table, user: Identity, asset_id: int) -> Download:
    """The content of an own one or a public one. Only what is a picture by its name and its first
    bytes is shown by a browser."""
    word = "Screenshot" if table is SCREENSHOTS else "State"
    missing = f"{word} file not found on disk"
    may = or_(table.c.user_id == user.user_id, table.c.is_public)
    query = select_assets(table, user).where(table.c.id == asset_id, may)
    with store.database.read() as session:
        row = session.execute(query).mappings().first()
    if row is None:
        raise not_found(table, asset_id)
    sha256 = row["sha256"]
    if sha256 is None:
        with store.database.write() as session:
            sha256 = store.adopt(session, table, row)
    if sha256 is None:
        raise NotFound(missing)
    path = store.blobs.locate(sha256)
    try:
        with path.open("rb") as file:
            kind = sniff(file.read(HEAD))
    except OSError as error:
        raise NotFound(missing) from error
    name = row["file_name"]
    inline = kind in FORMATS and guess_type(name)[0] in FORMATS
    return file_response(
        path,
        media_type=kind if inline else "application/octet-stream",
        disposition=plain_disposition(name, inline=inline),
        missing=missing,
        etag=f'"{sha256}"',
    )


def upload_screenshot(store: Store, user: Identity, rom_id: int, file: UploadFile) -> int:
    """Keep a picture in the gallery; its id. One of the same name gets its content, which can be
    brought back from the versions."""
    check_sizes(store, None, file)
    with store.database.read() as session:
        find_rom(session, user, rom_id)
    name = clean_name(file.filename, "Screenshot")
    _check_picture(name, file)
    assert user.user_id is not None
    with store.stage(file.file) as staged, store.database.write() as session:
        versions.bump(session, f"screenshots:{user.user_id}")  # the lock
        rom = find_rom(session, user, rom_id)
        own = (SHOTS.user_id == user.user_id, SHOTS.rom_id == rom_id, SHOTS.file_name == name)
        query = select(SCREENSHOTS).where(*own).with_for_update()
        row = session.execute(query).mappings().first()
        moment = now()
        values = {
            "sha256": staged.sha256,
            "file_size_bytes": staged.size,
            "missing_from_fs": False,
            "is_gallery": True,
            "updated_at": moment,
        }
        store.check_room(session, user.user_id, staged.size)
        if row is None:
            folder = make_folder(user.user_id, SCREENSHOTS.name, rom.slug, rom.id)
            new = {
                **describe_name(name),
                "user_id": user.user_id,
                "rom_id": rom.id,
                "file_path": folder,
                "is_public": False,
                "created_at": moment,
            }
            result: Any = session.execute(insert(SCREENSHOTS).values(**new, **values))
            shot_id = int(result.inserted_primary_key[0])
        else:
            shot_id = int(row["id"])
            store.adopt(session, SCREENSHOTS, row)
            session.execute(update(SCREENSHOTS).where(SHOTS.id == shot_id).values(**values))
        store.put(session, staged)
        stored = session.execute(select(SCREENSHOTS).where(SHOTS.id == shot_id)).mappings().one()
        store.note(session, describe_asset(session, SCREENSHOTS, stored), staged)
        versions.bump(session, versions.of_user(user.user_id))
    return shot_id


def _check_picture(name: str, file: UploadFile) -> None:
    """Invalid for what is no picture, by its name or by its first bytes."""
    file.file.seek(0)
    if not name.lower().endswith(EXTENSIONS) or sniff(file.file.read(HEAD)) not in KINDS:
        raise Invalid(UNSUPPORTED)


def delete_screenshots(store: Store, session: Session, user: Identity, ids: Sequence[int]) -> None:
    """Delete own screenshots, all or none; saves and states go on without them."""
    if not ids:
        raise Invalid("No screenshots were provided")
    rows = find_assets(session, SCREENSHOTS, user, ids, to_change=True)
    end_assets(store, session, SCREENSHOTS, rows, Reason.DELETED)
    for table in (SAVES, STATES):
        for start in range(0, len(ids), SOME):
            those = table.c.screenshot_id.in_(ids[start : start + SOME])
            unlinked = {"screenshot_id": None, "updated_at": table.c.updated_at}
            session.execute(update(table).where(those).values(unlinked))
    versions.bump(session, versions.of_user(rows[0]["user_id"]))


def change_visibility(
    session: Session, table: Table, user: Identity, asset_id: int, *, is_public: bool
) -> RowMapping:
    """Show one to others or to nobody; the row as it was. The moment of its content stays."""
    (row,) = find_assets(session, table, user, [asset_id], to_change=True)
    values = {"is_public": is_public, "updated_at": row["updated_at"]}
    session.execute(update(table).where(table.c.id == asset_id).values(**values))
    return row


def describe_screenshot(session: Session, user: Identity, shot_id: int) -> dict[str, Any]:
    """An own screenshot as ``ScreenshotSchema`` has it, or NotFound."""
    return render_asset(SCREENSHOTS, find_assets(session, SCREENSHOTS, user, [shot_id])[0])
