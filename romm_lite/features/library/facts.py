"""What providers and people say of ROMs, and what follows from it: facts, ratings, facets.

The only place that writes sources, metadata and facets, so that one always fits the other.
"""

import logging
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any, NamedTuple

from sqlalchemy import delete, select, tuple_, update
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session

from romm_lite.features.library.facets import KINDS, PLAYER_COUNT, USUAL_PLAYERS, VERIFIED
from romm_lite.features.library.rows import CHUNK, insert_rows, put_rows, update_rows
from romm_lite.features.library.search_texts import change_others
from romm_lite.kernel.times import now
from romm_lite.metadata.ages import minimum_age
from romm_lite.metadata.aggregate import LISTS, Facts, aggregate, list_other_names
from romm_lite.tables.roms import FACETS, ROM_FACETS, ROM_METADATA, ROM_SOURCES, ROMS

log = logging.getLogger(__name__)

PLAYERS_LENGTH = 100
FACET_LENGTH = 450
FACT_KINDS = (*(KINDS[word] for word in (*LISTS, "age_ratings")), PLAYER_COUNT, VERIFIED)
"""The kinds of facet that sources decide; those of names are not among them."""

Facet = tuple[str, str]
"""Kind and value."""


class Source(NamedTuple):
    """What one provider knows of a ROM: its id there, and the payload as it goes over the wire."""

    external_id: str | None = None
    payload: Mapping[str, Any] | None = None


Sources = Mapping[str, Source]
"""By the word of the provider, ``manual`` for what a person entered."""


def describe_ratings(age_ratings: Iterable[str]) -> dict[str, Any]:
    """The columns of a ROM's metadata that its age ratings decide: they are stored together, for
    the one is what is told and the other what an age limit goes by."""
    ratings = list(age_ratings)
    return {"age_ratings": ratings, "minimum_age": minimum_age(ratings)}


def read_sources(session: Session, rom_ids: Collection[int]) -> dict[int, dict[str, Source]]:
    """All sources of up to ``CHUNK`` ROMs, by ROM; one without any has none."""
    table = ROM_SOURCES.c
    query = select(table.rom_id, table.source, table.external_id, table.payload)
    found: dict[int, dict[str, Source]] = {rom_id: {} for rom_id in rom_ids}
    for rom_id, source, *known in session.execute(query.where(table.rom_id.in_(rom_ids))):
        found[rom_id][source] = Source(*known)
    return found


def change_sources(session: Session, platform_id: int, changes: Mapping[int, Sources]) -> None:
    """Store what changed of what is known of up to ``CHUNK`` ROMs of a platform, by ROM.

    What providers say besides stays, and the ROMs' metadata and facets follow from all of it. Who
    changes the same ROMs waits until the unit of work ends.
    """
    ids = sorted(changes)
    these = ROMS.c.id.in_(ids)
    session.execute(select(ROMS.c.id).where(these).order_by(ROMS.c.id).with_for_update())
    rows = [
        {"rom_id": rom_id, "source": source, "platform_id": platform_id, **known._asdict()}
        for rom_id, sources in changes.items()
        for source, known in sources.items()
    ]
    put_rows(session, ROM_SOURCES, rows, ["rom_id", "source"])
    session.execute(update(ROMS).where(these).values(updated_at=now()))
    _store_facts(session, platform_id, read_sources(session, ids))


def _store_facts(session: Session, platform_id: int, known: Mapping[int, Sources]) -> None:
    rows: list[dict[str, Any]] = []
    facets: dict[int, set[Facet]] = {}
    for rom_id, sources in known.items():
        payloads = {source: each.payload for source, each in sources.items() if each.payload}
        facts = aggregate(payloads)
        rows.append({"rom_id": rom_id, **describe_facts(facts)})
        facets[rom_id] = {*_list_facets(facts), *_list_verified(payloads.get("hasheous", {}))}
    put_rows(session, ROM_METADATA, rows, ["rom_id"])
    replace_facets(session, platform_id, FACT_KINDS, facets)
    _store_other_names(session, known)


def _store_other_names(session: Session, known: Mapping[int, Sources]) -> None:
    """Let searches find ROMs by all names that their sources have for them."""
    names = {
        rom_id: list_other_names({name: each.payload or {} for name, each in sources.items()})
        for rom_id, sources in known.items()
    }
    query = select(ROMS.c.id, ROMS.c.search_text).where(ROMS.c.id.in_(known))
    texts = dict(tuple(row) for row in session.execute(query))
    rows = [
        {"id": rom_id, "search_text": text}
        for rom_id, others in names.items()
        if (text := change_others(texts[rom_id], others)) != texts[rom_id]
    ]
    update_rows(session, ROMS, rows)


def describe_facts(facts: Facts) -> dict[str, Any]:
    """The columns of a ROM's metadata."""
    players = facts.player_count[:PLAYERS_LENGTH]
    return {**asdict(facts), **describe_ratings(facts.age_ratings), "player_count": players}


def _list_facets(facts: Facts) -> Iterator[Facet]:
    for word in (*LISTS, "age_ratings"):
        for value in getattr(facts, word):
            yield KINDS[word], value
    if facts.player_count != USUAL_PLAYERS:
        yield PLAYER_COUNT, facts.player_count[:PLAYERS_LENGTH]


def _list_verified(hasheous: Mapping[str, Any]) -> Iterator[Facet]:
    return ((VERIFIED, flag) for flag, is_known in hasheous.items() if is_known is True)


def replace_facets(
    session: Session,
    platform_id: int,
    kinds: Collection[str],
    wanted: Mapping[int, Collection[Facet]],
) -> None:
    """Let ROMs of a platform have these facets, by ROM, and no others of these kinds."""
    of_kind = select(FACETS.c.id).where(FACETS.c.kind.in_(kinds))
    table = ROM_FACETS.c
    session.execute(delete(ROM_FACETS).where(table.rom_id.in_(wanted), table.facet_id.in_(of_kind)))
    add_facets(session, platform_id, wanted)


def add_facets(session: Session, platform_id: int, wanted: Mapping[int, Collection[Facet]]) -> None:
    """Give ROMs of a platform facets that they do not have yet, by ROM."""
    pairs = {
        (rom_id, kind, value[:FACET_LENGTH])
        for rom_id, facets in wanted.items()
        for kind, value in facets
    }
    ids = _facet_ids(session, {(kind, value) for _, kind, value in pairs})
    rows = [
        {"rom_id": rom_id, "facet_id": ids[kind, value], "platform_id": platform_id}
        for rom_id, kind, value in sorted(pairs)
    ]
    insert_rows(session, ROM_FACETS, rows)


def _facet_ids(session: Session, wanted: set[Facet]) -> dict[Facet, int]:
    """Ids of facets, stored now where there are none yet; others may be storing the same."""
    while True:
        found = _find_facets(session, sorted(wanted))
        new = sorted(wanted - found.keys())
        if not new:
            return found
        try:
            with session.begin_nested():
                rows = [{"kind": kind, "value": value} for kind, value in new]
                insert_rows(session, FACETS, rows)
        except IntegrityError:
            log.debug("Another process stored one of these facets at the same moment")


def _find_facets(session: Session, wanted: Sequence[Facet]) -> dict[Facet, int]:
    found: dict[Facet, int] = {}
    for start in range(0, len(wanted), CHUNK):
        some = wanted[start : start + CHUNK]
        query = select(FACETS.c.kind, FACETS.c.value, FACETS.c.id).where(
            tuple_(FACETS.c.kind, FACETS.c.value).in_(some)
        )
        found |= {(row.kind, row.value): row.id for row in session.execute(query).all()}
    return found
