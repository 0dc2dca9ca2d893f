"""ROMs as they are told of to many at once: nothing in them is of one user alone."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import orjson
from sqlalchemy import RowMapping, select
from sqlmodel import Session

from romm_lite.features.accounts.service import Identity
from romm_lite.features.library.assets import read_newest_pictures
from romm_lite.features.library.pages import HEADS, SOURCES
from romm_lite.features.library.rendering import RESOURCES, Source, describe_rom
from romm_lite.features.library.visibility import see_platforms, see_roms
from romm_lite.tables.platforms import PLATFORMS
from romm_lite.tables.rom_users import ROM_NOTES
from romm_lite.tables.roms import ROMS


def render_announced(
    session: Session, ids: Sequence[int], *, is_identifying: bool
) -> dict[int, bytes]:
    """ROMs as scans tell of them, in the order of ``ids``; those that are gone are left out."""
    query = select(ROM_NOTES.c.rom_id).where(ROM_NOTES.c.rom_id.in_(ids), ROM_NOTES.c.is_public)
    noted = set(session.scalars(query))
    found: dict[int, bytes] = {}
    for rom_id, (fields, _) in _describe(session, ids).items():
        del fields["created_at"], fields["updated_at"]
        fields["is_identifying"] = is_identifying
        fields["has_notes"] = rom_id in noted
        fields["screenshot_path"] = None
        found[rom_id] = orjson.dumps(fields)
    return {rom_id: found[rom_id] for rom_id in ids if rom_id in found}


def describe_played(
    session: Session, played: Collection[tuple[int, int]]
) -> dict[tuple[int, int], dict[str, Any]]:
    """What is told of ROMs that users play, by (user, ROM); those that are gone are left out."""
    ids = sorted({rom_id for _, rom_id in played})
    roms = _describe(session, ids)
    pictures = {
        user_id: read_newest_pictures(session, user_id, ids) for user_id in {u for u, _ in played}
    }
    told = {}
    for user_id, rom_id in played:
        if rom_id in roms:
            fields, title = roms[rom_id]
            shots = fields["merged_screenshots"]
            else_shown = RESOURCES + title if title else (shots[0] if shots else "")
            told[user_id, rom_id] = {
                "rom_id": rom_id,
                "rom_name": fields["name"],
                "rom_cover_path": fields["path_cover_small"] or "",
                "screenshot_path": pictures[user_id].get(rom_id, else_shown),
                "platform_slug": fields["platform_slug"],
                "platform_name": fields["platform_display_name"],
            }
    return told


def keep_seen(session: Session, user: Identity, ids: Collection[int]) -> set[int]:
    """Those of these ROMs that this user may see."""
    if user.sees_all or not ids:
        return set(ids)
    query = select(ROMS.c.id).where(ROMS.c.id.in_(ids), *see_roms(user, few=True))
    return set(session.scalars(query))


def sees_platform(session: Session, user: Identity, platform_id: int) -> bool:
    """Whether this user may see a platform."""
    query = select(PLATFORMS.c.id).where(
        PLATFORMS.c.id == platform_id, *see_platforms(user, PLATFORMS.c.id)
    )
    return session.scalar(query) is not None


def _describe(
    session: Session, ids: Sequence[int]
) -> Mapping[int, tuple[dict[str, Any], str | None]]:
    sources: dict[int, dict[str, Source]] = defaultdict(dict)
    for rom_id, source, external_id, payload in session.execute(SOURCES, {"ids": ids}).all():
        sources[rom_id][source] = external_id, payload
    rows: Sequence[RowMapping] = session.execute(HEADS, {"ids": ids}).mappings().all()
    return {row["id"]: describe_rom(row, sources.get(row["id"], {})) for row in rows}
