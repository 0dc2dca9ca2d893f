"""What a user may see, as SQL conditions.

Administrators see all. From others an administrator can hide platforms and ROMs, by user or by
group; such a thing reads everywhere as if it were not there. Apart from that users hide ROMs from
their own lists.
"""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, Select, and_, func, or_, select
from sqlmodel import Session

from romm_lite.features.accounts.service import Identity
from romm_lite.kernel.scopes import Entity
from romm_lite.tables.permissions import HIDDEN_ENTITIES
from romm_lite.tables.rom_users import ROM_USER
from romm_lite.tables.roms import ROMS

Condition = ColumnElement[bool]


def _concerns(user: Identity) -> Condition:
    return or_(
        HIDDEN_ENTITIES.c.user_id == user.user_id, HIDDEN_ENTITIES.c.group_id == user.group_id
    )


def _hidden(user: Identity, entity: Entity) -> Select[tuple[int]]:
    return select(HIDDEN_ENTITIES.c.entity_id).where(
        HIDDEN_ENTITIES.c.entity == entity, _concerns(user)
    )


def see_platforms(user: Identity, platform_id: ColumnElement[int]) -> list[Condition]:
    """Conditions that leave the platforms this user may see."""
    if not user.has_hidden:
        return []
    return [platform_id.not_in(_hidden(user, Entity.PLATFORMS))]


def see_roms(
    user: Identity,
    rom_id: ColumnElement[int] = ROMS.c.id,
    platform_id: ColumnElement[int] = ROMS.c.platform_id,
) -> list[Condition]:
    """Conditions that leave the ROMs this user may see."""
    if not user.has_hidden:
        return []
    return [*see_platforms(user, platform_id), rom_id.not_in(_hidden(user, Entity.ROMS))]


def list_roms(
    user: Identity,
    rom_id: ColumnElement[int] = ROMS.c.id,
    platform_id: ColumnElement[int] = ROMS.c.platform_id,
) -> list[Condition]:
    """As ``see_roms``, without the ROMs the user does not want in lists."""
    unwanted = select(ROM_USER.c.rom_id).where(
        ROM_USER.c.user_id == user.user_id, ROM_USER.c.hidden
    )
    return [*see_roms(user, rom_id, platform_id), rom_id.not_in(unwanted)]


def mark(session: Session, user: Identity) -> Sequence[object]:
    """What changes with every change of what is hidden from this user, for the key of a cache."""
    if not user.has_hidden:
        return ()
    table = HIDDEN_ENTITIES.c
    query = select(func.count(), func.max(table.id), func.max(table.updated_at))
    return tuple(session.execute(query.where(_concerns(user))).one())


def has_roms(session: Session) -> bool:
    """Whether the library has any ROM at all, seen or not."""
    return session.execute(select(ROMS.c.id).limit(1)).first() is not None


def may_see_artwork(
    session: Session, user: Identity, platform_id: int, rom_id: int | None = None
) -> bool:
    """Whether nothing hides these from this user; from strangers, whether nothing hides them."""
    table = HIDDEN_ENTITIES.c
    hides = or_(
        and_(table.entity == Entity.PLATFORMS, table.entity_id == platform_id),
        and_(table.entity == Entity.ROMS, table.entity_id == rom_id),
    )
    if user.is_admin:
        return True
    concerned = [_concerns(user)] if user.is_authenticated else []
    return session.scalar(select(table.id).where(hides, *concerned).limit(1)) is None
