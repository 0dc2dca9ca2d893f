"""What a part of the library can be filtered by."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import exists, select
from sqlmodel import Session

from romm_lite.features.accounts.service import Identity
from romm_lite.features.library.facets import KINDS, PLAYER_COUNT, USUAL_PLAYERS
from romm_lite.features.library.filters import select_roms
from romm_lite.features.library.visibility import Condition, see_roms
from romm_lite.tables.platforms import PLATFORMS
from romm_lite.tables.roms import FACETS, ROM_FACETS, ROMS
from romm_lite.wire.roms import RomSelection


def read_filter_values(
    session: Session, query: RomSelection, user: Identity
) -> Mapping[str, Sequence[Any]]:
    """The fields of ``RomFiltersDict`` over what ``query`` selects and ``user`` may see."""
    conditions = [*select_roms(session, query, user), *see_roms(user)]
    values: dict[str, set[Any]] = {word: set() for word in KINDS}
    word_of = {kind: word for word, kind in KINDS.items()}
    facets = select(FACETS.c.kind, FACETS.c.value).where(_occurs(query, user, conditions))
    for kind, value in session.execute(facets.where(FACETS.c.kind.in_(word_of))):
        values[word_of[kind]].add(value)
    usual = select(ROMS.c.id).where(*conditions, _has_usual_players())
    if session.scalar(select(usual.exists())):
        values["player_counts"].add(USUAL_PLAYERS)
    platforms = select(PLATFORMS.c.id).where(
        exists().where(ROMS.c.platform_id == PLATFORMS.c.id, *conditions)
    )
    values["platforms"] = set(session.scalars(platforms))
    return {word: sorted(each) for word, each in values.items()}


def _occurs(query: RomSelection, user: Identity, conditions: Sequence[Condition]) -> Condition:
    """Whether a facet is one of a selected ROM's, by the shorter way of two."""
    if not query.model_dump(exclude={"platform_ids"}, exclude_none=True).keys() & SELECTING:
        on = ROM_FACETS.c.facet_id == FACETS.c.id, *_of_platforms(query)
        return exists().where(*on, *see_roms(user, ROM_FACETS.c.rom_id, ROM_FACETS.c.platform_id))
    chosen = select(ROMS.c.id).where(*conditions)
    return FACETS.c.id.in_(select(ROM_FACETS.c.facet_id).where(ROM_FACETS.c.rom_id.in_(chosen)))


SELECTING = {"collection_id", "virtual_collection_id", "smart_collection_id", "search_term"}


def _of_platforms(query: RomSelection) -> list[Condition]:
    if query.platform_ids is None:
        return []
    return [ROM_FACETS.c.platform_id.in_(query.platform_ids)]


def _has_usual_players() -> Condition:
    others = select(FACETS.c.id).where(
        FACETS.c.kind == PLAYER_COUNT, FACETS.c.value != USUAL_PLAYERS
    )
    return ROMS.c.id.not_in(select(ROM_FACETS.c.rom_id).where(ROM_FACETS.c.facet_id.in_(others)))
