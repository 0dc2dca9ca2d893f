"""Reading saves and their versions, each with what this user may see."""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Row, RowMapping, Select, and_, func, or_, select
from sqlmodel import Session

from romm_lite.features.accounts.service import Identity
from romm_lite.features.library.service import illustrate, render_asset, see_roms
from romm_lite.features.saves.syncs import Asker, read_syncs
from romm_lite.kernel.errors import NotFound
from romm_lite.tables.assets import ASSET_VERSIONS, SAVES, SCREENSHOTS
from romm_lite.tables.platforms import PLATFORMS
from romm_lite.tables.roms import ROMS
from romm_lite.wire.saves import SaveListQuery, SaveVersionQuery

NOBODY = Asker()
V = ASSET_VERSIONS.c
SOME = 500


def find_rom(session: Session, user: Identity, rom_id: int) -> Row[Any]:
    """A ROM this user may see, with the names of its platform, or NotFound."""
    query = (
        select(ROMS.c.id, ROMS.c.fs_name, PLATFORMS.c.fs_slug, PLATFORMS.c.slug)
        .join(PLATFORMS, PLATFORMS.c.id == ROMS.c.platform_id)
        .where(ROMS.c.id == rom_id, *see_roms(user, few=True))
    )
    found = session.execute(query).first()
    if found is None:
        raise NotFound(f"Rom with id '{rom_id}' not found")
    return found


def select_saves(user: Identity) -> Select[Any]:
    """All saves of ROMs this user may see, own or not."""
    query = select(SAVES).join(ROMS, ROMS.c.id == SAVES.c.rom_id)
    return query.where(*see_roms(user, few=True))


def find_saves(
    session: Session, user: Identity, ids: Sequence[int], *, to_change: bool = False
) -> list[RowMapping]:
    """Own saves by their ids, or NotFound for the first that is none."""
    found: dict[int, RowMapping] = {}
    for start in range(0, len(ids), SOME):
        query = select_saves(user).where(SAVES.c.user_id == user.user_id)
        query = query.where(SAVES.c.id.in_(ids[start : start + SOME]))
        if to_change:
            query = query.with_for_update(of=SAVES)
        found |= {row["id"]: row for row in session.execute(query).mappings()}
    for each in ids:
        if each not in found:
            raise save_not_found(each)
    return [found[each] for each in dict.fromkeys(ids)]


def save_not_found(save_id: int) -> NotFound:
    """What an unknown save and another's read as."""
    return NotFound(f"Save with ID {save_id} not found")


def find_readable(session: Session, user: Identity, save_id: int) -> RowMapping:
    """A save this user may read: an own one, or one that is public."""
    may = or_(SAVES.c.user_id == user.user_id, SAVES.c.is_public)
    found = session.execute(select_saves(user).where(SAVES.c.id == save_id, may)).mappings().first()
    if found is None:
        raise save_not_found(save_id)
    return found


def list_saves(session: Session, user: Identity, query: SaveListQuery) -> Sequence[RowMapping]:
    """Own saves by id."""
    chosen = select_saves(user).where(SAVES.c.user_id == user.user_id)
    if query.rom_id is not None:
        chosen = chosen.where(SAVES.c.rom_id == query.rom_id)
    if query.platform_id is not None:
        chosen = chosen.where(ROMS.c.platform_id == query.platform_id)
    if query.slot is not None:
        chosen = chosen.where(SAVES.c.slot_key == query.slot)
    return session.execute(chosen.order_by(SAVES.c.id)).mappings().all()


def list_ids(session: Session, user: Identity) -> list[int]:
    """The ids of own saves."""
    chosen = select_saves(user).where(SAVES.c.user_id == user.user_id)
    return list(session.scalars(chosen.with_only_columns(SAVES.c.id).order_by(SAVES.c.id)))


def summarize(session: Session, user: Identity, rom_id: int) -> dict[str, Any]:
    """The slots of a ROM as ``SaveSummarySchema`` has them."""
    newest = (SAVES.c.updated_at.desc(), SAVES.c.id.desc())
    ranked = (
        select_saves(user)
        .where(SAVES.c.user_id == user.user_id, SAVES.c.rom_id == rom_id)
        .add_columns(
            func.row_number().over(partition_by=SAVES.c.slot_key, order_by=newest).label("place"),
            func.count().over(partition_by=SAVES.c.slot_key).label("number"),
        )
        .subquery()
    )
    first = select(ranked).where(ranked.c.place == 1)
    order = (ranked.c.updated_at.desc(), ranked.c.id.desc())
    rows = session.execute(first.order_by(*order)).mappings().all()
    slots = [
        {"slot": row["slot"], "count": row["number"], "latest": latest}
        for row, latest in zip(rows, describe_saves(session, rows), strict=True)
    ]
    return {"total_count": sum(row["number"] for row in rows), "slots": slots}


def describe_saves(
    session: Session, rows: Sequence[RowMapping], asker: Asker = NOBODY
) -> list[dict[str, Any]]:
    """Saves of one user as ``SaveSchema`` has them."""
    shots = read_screenshots(session, rows)
    syncs = read_syncs(session, rows, asker)
    return [
        illustrate(render_asset(SAVES, row), shots.get(row["rom_id"], ()))
        | {"device_syncs": syncs.get(row["id"], [])}
        for row in rows
    ]


def describe_save(
    session: Session, user: Identity, save_id: int, asker: Asker = NOBODY
) -> dict[str, Any]:
    """An own save as ``SaveSchema`` has it, or NotFound."""
    return describe_saves(session, find_saves(session, user, [save_id]), asker)[0]


def read_screenshots(
    session: Session, saves: Iterable[RowMapping]
) -> dict[int, list[dict[str, Any]]]:
    """Screenshots by ROM, of the ROMs that these saves are of."""
    saves = list(saves)
    owners = {each["user_id"] for each in saves}
    roms = list({each["rom_id"] for each in saves})
    found: dict[int, list[dict[str, Any]]] = {}
    for start in range(0, len(roms), SOME):
        query = select(SCREENSHOTS).where(
            SCREENSHOTS.c.user_id.in_(owners),
            SCREENSHOTS.c.rom_id.in_(roms[start : start + SOME]),
        )
        for row in session.execute(query).mappings():
            found.setdefault(row["rom_id"], []).append(render_asset(SCREENSHOTS, row))
    return found


def select_versions(user: Identity) -> Select[Any]:
    """Own versions of saves, of ROMs this user may see or that are gone."""
    conditions = see_roms(user, few=True)
    query = select(ASSET_VERSIONS).where(V.user_id == user.user_id, V.kind == SAVES.name)
    if conditions:
        query = query.outerjoin(ROMS, ROMS.c.id == V.rom_id)
        query = query.where(or_(ROMS.c.id.is_(None), and_(*conditions)))
    return query


def find_version(
    session: Session, user: Identity, version_id: int, *, to_change: bool = False
) -> RowMapping:
    """An own version, or NotFound; ``to_change`` keeps others from removing it meanwhile."""
    query = select_versions(user).where(V.id == version_id)
    if to_change:
        query = query.with_for_update(of=ASSET_VERSIONS)
    found = session.execute(query).mappings().first()
    if found is None:
        raise NotFound(f"Version with ID {version_id} not found")
    return found


def list_versions(
    session: Session, user: Identity, query: SaveVersionQuery
) -> list[dict[str, Any]]:
    """Own versions, the newest first."""
    chosen = select_versions(user)
    if query.rom_id is not None:
        chosen = chosen.where(V.rom_id == query.rom_id)
    if query.slot is not None:
        chosen = chosen.where(func.coalesce(V.slot, "") == query.slot)
    chosen = chosen.order_by(V.created_at.desc(), V.id.desc())
    return _describe_versions(session, chosen.limit(query.limit).offset(query.offset))


def list_versions_of(session: Session, user: Identity, save_id: int) -> list[dict[str, Any]]:
    """The versions of a save, deleted or not, the newest first; NotFound if there are none."""
    chosen = select_versions(user).where(V.asset_id == save_id)
    found = _describe_versions(session, chosen.order_by(V.created_at.desc(), V.id.desc()))
    if not found:
        find_saves(session, user, [save_id])
    return found


def _describe_versions(session: Session, query: Select[Any]) -> list[dict[str, Any]]:
    return [describe_version(row) for row in session.execute(query).mappings()]


def describe_version(row: RowMapping) -> dict[str, Any]:
    """A version as ``SaveVersionSchema`` has it."""
    return {
        **row,
        "save_id": row["asset_id"],
        "file_size_bytes": row["size_bytes"],
        "download_path": f"/api/saves/versions/{row['id']}/content",
    }
