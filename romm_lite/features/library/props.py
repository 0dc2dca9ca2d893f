"""What a user keeps about a ROM: flags, ratings, when it was played."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import case, or_, select, update
from sqlmodel import Session

from romm_lite.db import versions
from romm_lite.db.upsert import upsert
from romm_lite.features.library.sources import SIBLING
from romm_lite.features.library.view import View
from romm_lite.kernel.errors import Invalid
from romm_lite.kernel.times import now
from romm_lite.tables.rom_users import ROM_USER
from romm_lite.tables.roms import ROM_SOURCES
from romm_lite.wire.roms import LastPlayedQuery, RomUserData

EMPTY: dict[str, Any] = {
    **dict.fromkeys(("is_main_sibling", "backlogged", "now_playing", "hidden"), False),
    **dict.fromkeys(("rating", "difficulty", "completion"), 0),
}


def change_props(view: View, rom_id: int, query: LastPlayedQuery, data: RomUserData) -> Any:
    """Store what was sent and return the row as ``RomUserSchema`` has it."""
    if query.update_last_played and query.remove_last_played:
        both = "update_last_played and remove_last_played are mutually exclusive."
        raise Invalid(both)
    changes = data.model_dump(exclude_unset=True)
    if query.update_last_played:
        changes["last_played"] = now()
    elif query.remove_last_played:
        changes["last_played"] = None
    session, user_id = view.session, view.user.user_id
    assert user_id is not None
    if changes.get("is_main_sibling"):
        _clear_main_sibling(view, rom_id)
    keys = {"rom_id": rom_id, "user_id": user_id}
    moment = now()
    fresh = {**EMPTY, "created_at": moment, "updated_at": moment, **changes}
    upsert(session, ROM_USER, keys, fresh, {**changes, "updated_at": moment})
    versions.bump(session, versions.of_user(user_id))
    mine = (ROM_USER.c.rom_id == rom_id, ROM_USER.c.user_id == user_id)
    return session.execute(select(ROM_USER).where(*mine)).mappings().one()


def note_played(session: Session, user_id: int, rom_id: int, moment: datetime) -> None:
    """Note when a user last played a ROM. Until the unit of work ends, nobody else gets past this
    for the same user and ROM; ``versions.of_user`` is for the caller to raise in its end."""
    keys = {"rom_id": rom_id, "user_id": user_id}
    fresh = {**EMPTY, "created_at": moment, "updated_at": moment, "last_played": moment}
    upsert(session, ROM_USER, keys, fresh, {"last_played": moment, "updated_at": moment})


def note_sessions(session: Session, user_id: int, ends: Mapping[int, datetime]) -> None:
    """Note when sessions of play ended, by ROM. The latest one makes it a game that is being
    played; one from before what is known already changes nothing. As after ``note_played`` the
    version of the user is for the caller to raise."""
    mine = (ROM_USER.c.user_id == user_id, ROM_USER.c.rom_id.in_(ends))
    query = select(ROM_USER.c.rom_id, ROM_USER.c.last_played).where(*mine)
    known = dict(session.execute(query.order_by(ROM_USER.c.rom_id).with_for_update()).all())
    later = []
    for rom_id in sorted(ends):
        before = known.get(rom_id)
        if before is None or before < ends[rom_id]:
            note_played(session, user_id, rom_id, ends[rom_id])
            later.append(rom_id)
    status = ROM_USER.c.status
    is_open = or_(status.is_(None), status == "finished")
    session.execute(
        update(ROM_USER)
        .where(ROM_USER.c.user_id == user_id, ROM_USER.c.rom_id.in_(later))
        .values(now_playing=True, status=case((is_open, "incomplete"), else_=status))
    )


def _clear_main_sibling(view: View, rom_id: int) -> None:
    """Of a ROM and its siblings one is the main one."""
    mine, other = ROM_SOURCES.alias(), ROM_SOURCES.alias()
    same = (
        (other.c.platform_id == mine.c.platform_id)
        & (other.c.source == mine.c.source)
        & (other.c.external_id == mine.c.external_id)
    )
    siblings = (
        select(other.c.rom_id)
        .join(mine, same)
        .where(mine.c.rom_id == rom_id, mine.c.source.in_(SIBLING), other.c.rom_id != rom_id)
    )
    theirs = (ROM_USER.c.user_id == view.user.user_id, ROM_USER.c.rom_id.in_(siblings))
    view.session.execute(
        update(ROM_USER).where(*theirs, ROM_USER.c.is_main_sibling).values(is_main_sibling=False)
    )
