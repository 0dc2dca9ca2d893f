"""The picture that comes with a save or state, linked to it by its key."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, RowMapping, Table, delete, exists, insert, or_, select, update
from sqlmodel import Session

from romm_lite.features.accounts.service import Identity
from romm_lite.features.saves.blobs import Staged
from romm_lite.features.saves.names import describe_name, make_folder, tag_name
from romm_lite.features.saves.store import Reason, Store, describe_asset
from romm_lite.kernel.times import now
from romm_lite.tables.assets import SAVES, SCREENSHOTS, STATES

LINKING = (SAVES, STATES)
SHOTS = SCREENSHOTS.c


@dataclass(frozen=True)
class Picture:
    """A picture on the disk and what its sender calls it."""

    name: str
    staged: Staged


def keep_picture(
    store: Store,
    session: Session,
    user: Identity,
    rom: Row[Any],
    table: Table,
    asset: RowMapping,
    picture: Picture,
) -> None:
    """Make a picture that is in its place that of a save or state. One of the same name that
    belongs to another, or to the gallery, stays what it is."""
    shots = _read_shots(session, asset)
    moment = now()
    row = next((each for each in shots if each["id"] == asset["screenshot_id"]), None)
    if row is None:
        row = next((each for each in shots if each["file_name"] == picture.name), None)
        if row is not None and (row["is_gallery"] or _is_linked(session, row["id"])):
            row = None
    content = {
        "sha256": picture.staged.sha256,
        "file_size_bytes": picture.staged.size,
        "is_public": asset["is_public"],
        "missing_from_fs": False,
        "updated_at": moment,
    }
    if row is None:
        names = {each["file_name"] for each in shots}
        name = picture.name
        if name in names:
            name = tag_name(name, moment, names)
        assert user.user_id is not None
        new = {
            **content,
            **describe_name(name),
            "user_id": user.user_id,
            "rom_id": rom.id,
            "file_path": make_folder(user.user_id, SCREENSHOTS.name, rom.slug, rom.id),
            "is_gallery": False,
            "created_at": moment,
        }
        result: Any = session.execute(insert(SCREENSHOTS).values(**new))
        shot_id = result.inserted_primary_key[0]
    else:
        shot_id = row["id"]
        store.adopt(session, SCREENSHOTS, row)
        session.execute(update(SCREENSHOTS).where(SHOTS.id == shot_id).values(**content))
    stored = session.execute(select(SCREENSHOTS).where(SHOTS.id == shot_id)).mappings().one()
    store.note(session, describe_asset(session, SCREENSHOTS, stored), picture.staged)
    link = {"screenshot_id": shot_id, "updated_at": asset["updated_at"]}
    session.execute(update(table).where(table.c.id == asset["id"]).values(**link))


def _read_shots(session: Session, asset: RowMapping) -> Sequence[RowMapping]:
    own = (SHOTS.user_id == asset["user_id"], SHOTS.rom_id == asset["rom_id"])
    return session.execute(select(SCREENSHOTS).where(*own)).mappings().all()


def _is_linked(session: Session, shot_id: int) -> bool:
    linked = [exists().where(table.c.screenshot_id == shot_id) for table in LINKING]
    return bool(session.scalar(select(or_(*linked))))


def remove_pictures(
    store: Store, session: Session, assets: Sequence[RowMapping], why: Reason
) -> None:
    """Remove the pictures of assets that are gone, where nothing else has them."""
    ids = {each["screenshot_id"] for each in assets} - {None}
    gone = []
    for row in _read_pictures(session, sorted(ids)):
        if not row["is_gallery"] and not _is_linked(session, row["id"]):
            store.adopt(session, SCREENSHOTS, row)
            gone.append(row["id"])
    store.end(session, SCREENSHOTS.name, gone, why)
    for start in range(0, len(gone), 500):
        session.execute(delete(SCREENSHOTS).where(SHOTS.id.in_(gone[start : start + 500])))


def _read_pictures(session: Session, ids: Sequence[int]) -> list[RowMapping]:
    found: list[RowMapping] = []
    for start in range(0, len(ids), 500):
        query = select(SCREENSHOTS).where(SHOTS.id.in_(ids[start : start + 500]))
        found += session.execute(query).mappings().all()
    return found
