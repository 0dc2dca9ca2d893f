"""The filters of a list of ROMs as SQL conditions.

Every filter is "the ROM's id is (not) among these ids", so that a ROM without a row on the other
side counts as not having what is asked for, never as unknown. All read side tables or indexes.
"""

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from functools import partial

import orjson
from sqlalchemy import ColumnElement, Select, Table, and_, exists, false, func, or_, select
from sqlmodel import Session

from romm_lite.features.accounts.service import Identity
from romm_lite.features.library.facets import (
    KINDS,
    PLAYER_COUNT,
    USUAL_PLAYERS,
    VERIFIED,
    VIRTUAL_KINDS,
)
from romm_lite.features.library.search import read_search
from romm_lite.features.library.smart import read_criteria
from romm_lite.features.library.sources import FILTERABLE, IDENTIFYING, SIBLING
from romm_lite.features.library.visibility import Condition, list_roms, see_roms
from romm_lite.tables.assets import SAVES, STATES
from romm_lite.tables.collections import COLLECTION_ROMS, COLLECTIONS, SMART_COLLECTIONS
from romm_lite.tables.files import ROM_FILES
from romm_lite.tables.platforms import PLATFORMS
from romm_lite.tables.rom_users import ROM_USER
from romm_lite.tables.roms import FACETS, ROM_FACETS, ROM_SOURCES, ROMS
from romm_lite.wire.roms import RomListQuery, RomSelection

Ids = Select[tuple[int]]
FACETED = tuple(word for word in KINDS if word not in ("game_modes", "player_counts"))
FLAGS = ("now_playing", "backlogged", "hidden")
VIRTUAL_NAME_LENGTH = 400
MOST_VALUES = 100
"""No ROM has more values of one kind, and databases limit how deep a query goes."""
PLAYABLE = tuple(
    """
    3do amiga amiga-cd amiga-cd32 arcade neogeoaes neogeomvs atari2600 atari5200 atari7800 c-plus-4
    cpet c64 c128 colecovision jaguar lynx dos neo-geo-pocket neo-geo-pocket-color nes famicom fds
    n64 64dd nds nintendo-dsi gb gba gbc pc-fx philips-cd-i psx psp segacd sega32 genesis sms
    gamegear saturn snes sfam tg16 vic-20 virtualboy wonderswan wonderswan-color browser
    """.split()
)
"""Slugs of the platforms that can be played in a browser."""


def filter_roms(session: Session, query: RomListQuery, user: Identity) -> list[Condition]:
    """Everything a list is restricted by, and what the user may not or does not want to see."""
    seen = see_roms(user) if _asks_for_hidden(session, query, user) else list_roms(user)
    return [*seen, *select_roms(session, query, user), *_read_filters(query, user)]


def select_roms(session: Session, query: RomSelection, user: Identity) -> list[Condition]:
    """Which part of the library is looked at: platforms, collections and a list's search term."""
    conditions: list[Condition] = []
    if query.platform_ids is not None:
        wanted = sorted(set(query.platform_ids))
        one = len(wanted) == 1
        column = ROMS.c.platform_id
        conditions.append(column == wanted[0] if one else column.in_(wanted))
    if query.collection_id is not None:
        conditions.append(ROMS.c.id.in_(_in_collection(query.collection_id, user)))
    if query.virtual_collection_id is not None:
        conditions.append(is_in_virtual_collection(query.virtual_collection_id))
    if query.smart_collection_id is not None:
        conditions += _in_smart_collection(session, query.smart_collection_id, user)
    if isinstance(query, RomListQuery):
        searched = read_search(session, query.search_term)
        conditions += [] if searched is None else [searched]
    return conditions


def depends_on_others(query: RomSelection) -> bool:
    """Whether the answer can change by what other users do, which no version tells."""
    return (
        query.collection_id is not None
        or query.smart_collection_id is not None
        or (isinstance(query, RomListQuery) and not (query.has_saves is query.has_states is None))
    )


def _read_filters(query: RomListQuery, user: Identity) -> list[Condition]:
    conditions: list[Condition] = []
    for word, ids in YES_OR_NO.items():
        wanted = getattr(query, word)
        if wanted is not None:
            found = ids(user)
            conditions.append(ROMS.c.id.in_(found) if wanted else ROMS.c.id.not_in(found))
    for word in FACETED:
        conditions += _combine(query, word, partial(_with_facets, KINDS[word]))
    if query.player_counts:
        conditions.append(_players(query.player_counts, query.player_counts_logic))
    if providers := [word for word in query.metadata_providers or () if word in FILTERABLE]:
        conditions.append(_logic(providers, query.metadata_providers_logic, _known_to))
    conditions += _combine(query, "statuses", partial(_with_status, user))
    if query.updated_after is not None:
        conditions.append(ROMS.c.updated_at > query.updated_after)
    return conditions


def _combine(
    query: RomListQuery, word: str, ids: Callable[[Sequence[str]], Ids]
) -> list[Condition]:
    values = getattr(query, word)
    return [_logic(values, getattr(query, f"{word}_logic"), ids)] if values else []


def _logic(values: Sequence[str], logic: str, ids: Callable[[Sequence[str]], Ids]) -> Condition:
    """``ids`` gives the ROMs that have at least one of some values."""
    if logic == "none":
        return ROMS.c.id.not_in(ids(values))
    if logic == "all":
        distinct = list(dict.fromkeys(values))
        if len(distinct) > MOST_VALUES:
            return false()
        return and_(*(ROMS.c.id.in_(ids([value])) for value in distinct))
    return ROMS.c.id.in_(ids(values))


def _with_facets(kind: str, values: Sequence[str]) -> Ids:
    return _having(FACETS.c.kind == kind, FACETS.c.value.in_(values))


def _having(*facet: Condition) -> Ids:
    chosen = select(FACETS.c.id).where(*facet)
    return select(ROM_FACETS.c.rom_id).where(ROM_FACETS.c.facet_id.in_(chosen))


def _players(values: Sequence[str], logic: str) -> Condition:
    """A ROM has one player count, ``USUAL_PLAYERS`` if nothing is known."""
    if USUAL_PLAYERS in values:
        others = _having(FACETS.c.kind == PLAYER_COUNT, FACETS.c.value.not_in(values))
        is_one_of = ROMS.c.id.not_in(others)
    else:
        is_one_of = ROMS.c.id.in_(_with_facets(PLAYER_COUNT, values))
    return ~is_one_of if logic == "none" else is_one_of


def _known_to(providers: Sequence[str]) -> Ids:
    return select(ROM_SOURCES.c.rom_id).where(
        ROM_SOURCES.c.source.in_(providers), ROM_SOURCES.c.external_id.is_not(None)
    )


def _with_status(user: Identity, values: Sequence[str]) -> Ids:
    tests: list[Condition] = [ROM_USER.c[flag] for flag in FLAGS if flag in values]
    tests.append(ROM_USER.c.status.in_([value for value in values if value not in FLAGS]))
    return select(ROM_USER.c.rom_id).where(ROM_USER.c.user_id == user.user_id, or_(*tests))


def _favorites(user: Identity) -> Ids:
    mine = select(COLLECTIONS.c.id).where(
        COLLECTIONS.c.user_id == user.user_id, COLLECTIONS.c.is_favorite
    )
    return select(COLLECTION_ROMS.c.rom_id).where(COLLECTION_ROMS.c.collection_id.in_(mine))


def _duplicates(user: Identity) -> Ids:
    mine, other = ROM_SOURCES.alias(), ROM_SOURCES.alias()
    another = exists().where(
        other.c.platform_id == mine.c.platform_id,
        other.c.source == mine.c.source,
        other.c.external_id == mine.c.external_id,
        other.c.rom_id != mine.c.rom_id,
        *see_roms(user, other.c.rom_id, other.c.platform_id),
    )
    return select(mine.c.rom_id).where(mine.c.source.in_(SIBLING), another)


def _played(user: Identity) -> Ids:
    return select(ROM_USER.c.rom_id).where(
        ROM_USER.c.user_id == user.user_id, ROM_USER.c.last_played.is_not(None)
    )


def _playable(_user: Identity) -> Ids:
    roms = ROMS.alias()
    platforms = select(PLATFORMS.c.id).where(PLATFORMS.c.slug.in_(PLAYABLE))
    return select(roms.c.id).where(roms.c.platform_id.in_(platforms))


def _missing(_user: Identity) -> Ids:
    roms = ROMS.alias()
    return select(roms.c.id).where(roms.c.missing_from_fs)


def _kept_in(table: Table, user: Identity) -> Ids:
    return select(table.c.rom_id).where(or_(table.c.user_id == user.user_id, table.c.is_public))


def _with_soundtrack(_user: Identity) -> Ids:
    return select(ROM_FILES.c.rom_id).where(ROM_FILES.c.category == "soundtrack")


YES_OR_NO: Mapping[str, Callable[[Identity], Ids]] = {
    "matched": lambda _: _known_to(IDENTIFYING),
    "favorite": _favorites,
    "duplicate": _duplicates,
    "last_played": _played,
    "playable": _playable,
    "missing": _missing,
    "has_ra": lambda _: _known_to(["ra"]),
    "has_saves": partial(_kept_in, SAVES),
    "has_states": partial(_kept_in, STATES),
    "verified": lambda _: _having(FACETS.c.kind == VERIFIED),
    "has_soundtrack": _with_soundtrack,
}
"""Filters that are wanted, not wanted or not asked for: the ROMs for which they are true."""


def _in_collection(collection_id: int, user: Identity) -> Ids:
    """Members of a collection of one's own or a public one."""
    shown = or_(COLLECTIONS.c.user_id == user.user_id, COLLECTIONS.c.is_public)
    chosen = select(COLLECTIONS.c.id).where(COLLECTIONS.c.id == collection_id, shown)
    return select(COLLECTION_ROMS.c.rom_id).where(COLLECTION_ROMS.c.collection_id.in_(chosen))


def decode_id(encoded: str) -> tuple[str, str] | None:
    """Type and name in the id of a virtual collection; None for what is no such id."""
    try:
        meaning = orjson.loads(base64.urlsafe_b64decode(encoded))
        kind, name = str(meaning["type"]), str(meaning["name"])
    except (binascii.Error, ValueError, KeyError, TypeError):
        return None
    return (kind, name) if kind in VIRTUAL_KINDS and "\0" not in name else None


def is_in_virtual_collection(encoded: str) -> Condition:
    """Whether a ROM has the value the id names; names are cut, what is no id has no ROMs."""
    meaning = decode_id(encoded)
    if meaning is None:
        return false()
    kind, name = meaning
    value: ColumnElement[str] = FACETS.c.value
    if len(name) >= VIRTUAL_NAME_LENGTH:
        value = func.substr(value, 1, VIRTUAL_NAME_LENGTH)
    return ROMS.c.id.in_(_having(FACETS.c.kind == VIRTUAL_KINDS[kind], value == name))


def _in_smart_collection(session: Session, collection_id: int, user: Identity) -> list[Condition]:
    """What the rule of a collection means for this user."""
    rule = _read_rule(session, collection_id, user)
    if rule is None:
        return [false()]
    return [*select_roms(session, rule, user), *_read_filters(rule, user)]


def _read_rule(session: Session, collection_id: int, user: Identity) -> RomListQuery | None:
    """The rule of a collection of one's own or a public one; None if there is no such."""
    shown = or_(SMART_COLLECTIONS.c.user_id == user.user_id, SMART_COLLECTIONS.c.is_public)
    stored = select(SMART_COLLECTIONS.c.filter_criteria)
    criteria = session.scalar(stored.where(SMART_COLLECTIONS.c.id == collection_id, shown))
    return None if criteria is None else read_criteria(criteria)


def _asks_for_hidden(session: Session, query: RomListQuery, user: Identity) -> bool:
    """Whether the list, or the rule whose ROMs it shows, is about what the user hides."""
    if "hidden" in (query.statuses or ()):
        return True
    if query.smart_collection_id is None:
        return False
    rule = _read_rule(session, query.smart_collection_id, user)
    return rule is not None and "hidden" in (rule.statuses or ())
