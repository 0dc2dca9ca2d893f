"""What a user may see, as SQL conditions.

Administrators see all. From others an administrator can hide platforms and ROMs, by user or by
group, and can set an age limit: a ROM rated for older people is hidden as well, and one that nobody
rated if the limit says so, except for ROMs and platforms that are named. Such a thing reads
everywhere as if it were not there; a platform all of whose ROMs are beyond the limit stays. Apart
from that users hide ROMs from their own lists.
"""

from collections.abc import Sequence

from sqlalchemy import (
    ColumnElement,
    Integer,
    Select,
    Table,
    and_,
    bindparam,
    exists,
    func,
    literal,
    or_,
    select,
)
from sqlmodel import Session

from romm_lite.features.accounts.service import AGE_LIMITS, Identity
from romm_lite.kernel.scopes import Entity
from romm_lite.tables.permissions import AGE_EXCEPTIONS, HIDDEN_ENTITIES
from romm_lite.tables.rom_users import ROM_USER
from romm_lite.tables.roms import ROM_METADATA, ROMS
from romm_lite.web.static import Audience

Condition = ColumnElement[bool]
_rated = ROM_METADATA.alias("rated")
_excepted = ROMS.alias("excepted")


def _concerns(user: Identity, table: Table) -> Condition:
    """Whether a rule is about this user or their group."""
    principals = {"user_id": user.user_id, "group_id": user.group_id}
    return or_(*(table.c[name] == each for name, each in principals.items() if each is not None))


def _named(table: Table, user: Identity, entity: Entity) -> Select[tuple[int]]:
    """Ids of the things of a kind that this user's rules name."""
    return select(table.c.entity_id).where(table.c.entity == entity, _concerns(user, table))


def see_platforms(user: Identity, platform_id: ColumnElement[int]) -> list[Condition]:
    """Conditions that leave the platforms this user may see."""
    if not user.has_hidden:
        return []
    return [platform_id.not_in(_named(HIDDEN_ENTITIES, user, Entity.PLATFORMS))]


def see_roms(
    user: Identity,
    rom_id: ColumnElement[int] = ROMS.c.id,
    platform_id: ColumnElement[int] = ROMS.c.platform_id,
    *,
    few: bool = False,
) -> list[Condition]:
    """Conditions that leave the ROMs this user may see; none for who sees all.

    ``few`` says that other conditions leave few ROMs: then the rating of each is looked up, which
    for many takes longer than gathering all ROMs beyond the age limit first.
    """
    conditions = see_platforms(user, platform_id)
    if user.has_hidden:
        conditions.append(rom_id.not_in(_named(HIDDEN_ENTITIES, user, Entity.ROMS)))
    if user.max_age is not None:
        suits = _suits_each(user, rom_id) if few else _suits_many(user, rom_id)
        conditions.append(or_(suits, *_read_exceptions(user, rom_id, platform_id, few=few)))
    return conditions


def _suits_many(user: Identity, rom_id: ColumnElement[int]) -> Condition:
    age = _rated.c.minimum_age
    if user.hide_unrated:
        return rom_id.in_(select(_rated.c.rom_id).where(age <= user.max_age))
    return rom_id.not_in(select(_rated.c.rom_id).where(age > user.max_age))


def _suits_each(user: Identity, rom_id: ColumnElement[int]) -> Condition:
    age, this = _rated.c.minimum_age, _rated.c.rom_id == rom_id
    if user.hide_unrated:
        return exists().where(this, age <= user.max_age)
    return ~exists().where(this, age > user.max_age)


def _read_exceptions(
    user: Identity, rom_id: ColumnElement[int], platform_id: ColumnElement[int], *, few: bool
) -> list[Condition]:
    """Whether a ROM is seen whatever its rating."""
    platforms = _named(AGE_EXCEPTIONS, user, Entity.PLATFORMS)
    on_platform = platform_id.in_(platforms)
    if not few:
        # By the ROM's id, for a list's index does not have its platform.
        on_platform = rom_id.in_(
            select(_excepted.c.id).where(_excepted.c.platform_id.in_(platforms))
        )
    return [rom_id.in_(_named(AGE_EXCEPTIONS, user, Entity.ROMS)), on_platform]


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
    """What changes with every change of what this user may see, for the key of a cache; what is in
    the library and how it is rated is not part of it."""
    if user.sees_all:
        return ()
    rules = [*_mark(session, user, HIDDEN_ENTITIES)] if user.has_hidden else []
    if user.max_age is not None:
        rules += [user.max_age, user.hide_unrated, *_mark(session, user, AGE_EXCEPTIONS)]
    return (user.group_id, *rules)


def _mark(session: Session, user: Identity, table: Table) -> Sequence[object]:
    query = select(func.count(), func.max(table.c.id), func.max(table.c.updated_at))
    return session.execute(query.where(_concerns(user, table))).one()


def has_roms(session: Session) -> bool:
    """Whether the library has any ROM at all, seen or not."""
    return session.execute(select(ROMS.c.id).limit(1)).first() is not None


def find_audience(
    session: Session, user: Identity, platform_id: int, rom_id: int | None = None
) -> Audience:
    """For whom the artwork of a ROM is, or what lies beside it for the whole platform: if it is
    hidden from anybody, by rule or age, only for those who are known and may see it."""
    ids = {"platform_id": platform_id, "rom_id": rom_id}
    if not session.execute(_HIDDEN_FROM_SOMEBODY, ids).scalar():
        return Audience.EVERYBODY
    if not user.is_authenticated:
        return Audience.NOBODY
    if user.sees_all:
        return Audience.SOME
    if rom_id is None:
        seen = select(literal(1)).where(*see_platforms(user, literal(platform_id)))
    else:
        seen = select(ROMS.c.id).where(ROMS.c.id == rom_id, *see_roms(user, few=True))
    return Audience.NOBODY if session.scalar(seen) is None else Audience.SOME


_PLATFORM = bindparam("platform_id", type_=Integer)
_ROM = bindparam("rom_id", type_=Integer)


def _names_it(table: Table) -> Condition:
    return or_(
        and_(table.c.entity == Entity.PLATFORMS, table.c.entity_id == _PLATFORM),
        and_(table.c.entity == Entity.ROMS, table.c.entity_id == _ROM),
    )


def _is_beyond_a_limit() -> Condition:
    """Whether somebody's age limit hides the ROM. One without facts is one nobody rated; of one
    that lies in the trash it is not known how it was rated."""
    limit, age = AGE_LIMITS.c.max_age, _rated.c.minimum_age
    too_young = or_(
        ROMS.c.id.is_(None), limit < age, and_(AGE_LIMITS.c.hide_unrated, age.is_(None))
    )
    spared = exists().where(
        _names_it(AGE_EXCEPTIONS),
        or_(
            AGE_EXCEPTIONS.c.user_id == AGE_LIMITS.c.user_id,
            AGE_EXCEPTIONS.c.group_id == AGE_LIMITS.c.group_id,
        ),
    )
    judged = AGE_LIMITS.outerjoin(ROMS, ROMS.c.id == _ROM).outerjoin(
        _rated, _rated.c.rom_id == ROMS.c.id
    )
    hides = (limit.is_not(None), too_young, ~spared)
    return and_(_ROM.is_not(None), exists(select(limit).select_from(judged).where(*hides)))


# Made once, for every picture asks it.
_HIDDEN_FROM_SOMEBODY = select(
    or_(exists().where(_names_it(HIDDEN_ENTITIES)), _is_beyond_a_limit())
)
