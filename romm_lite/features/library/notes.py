"""The notes of a ROM that a user may read."""

from typing import Any

from sqlalchemy import or_, select

from romm_lite.features.library.assets import OWNER
from romm_lite.features.library.view import View
from romm_lite.tables.rom_users import ROM_NOTES
from romm_lite.tables.users import USERS


def read_notes(view: View, rom_id: int) -> list[dict[str, Any]]:
    """One's own and public ones as ``UserNoteSchema`` has them, the last changed first."""
    if view.user.user_id is None:
        return []
    readable = or_(ROM_NOTES.c.is_public, ROM_NOTES.c.user_id == view.user.user_id)
    query = (
        select(ROM_NOTES, *OWNER)
        .join(USERS, USERS.c.id == ROM_NOTES.c.user_id)
        .where(ROM_NOTES.c.rom_id == rom_id, readable)
        .order_by(ROM_NOTES.c.updated_at.desc(), ROM_NOTES.c.id.desc())
    )
    return [dict(row) for row in view.session.execute(query).mappings()]
