"""Showing one ROM of each game: dumps that a provider knows by one id form a group."""

from array import array
from collections import defaultdict
from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import chain
from typing import Any

import orjson
from sqlalchemy import BindParameter, String, bindparam, cast, func, select
from sqlmodel import Session

from romm_lite.disk.names import region_rank
from romm_lite.features.accounts.service import Identity
from romm_lite.features.library.rendering import raw
from romm_lite.features.library.sources import GROUPING
from romm_lite.tables.rom_users import ROM_USER
from romm_lite.tables.roms import ROM_SOURCES, ROMS

CHUNK = 1000
IDS: BindParameter[Any] = bindparam("ids", expanding=True)
RANKED = select(ROMS.c.id, ROMS.c.is_prerelease, raw(ROMS.c.regions), ROMS.c.fs_name_no_ext).where(
    ROMS.c.id.in_(IDS)
)
KNOWN = select(ROM_SOURCES.c.rom_id, ROM_SOURCES.c.source).where(
    ROM_SOURCES.c.rom_id.in_(IDS), ROM_SOURCES.c.external_id.is_not(None)
)


@dataclass(frozen=True)
class Groups:
    """The ROMs that are not alone in their group: in each group the one that should stand for it
    comes first. ``numbers`` has the number of the group of each of ``members``."""

    members: "array[int]"
    numbers: "array[int]"


def read_groups(session: Session, region_priority: Sequence[str]) -> Groups:
    """The groups of the library: the same platform and the same id at the first provider that
    knows the ROM. Full releases rank before early ones, then the region decides, then the name.
    """
    members, numbers = array("I"), array("I")
    for number, group in enumerate(_read_ranked(session, region_priority)):
        members.extend(group)
        numbers.extend([number] * len(group))
    return Groups(members, numbers)


def _read_ranked(session: Session, region_priority: Sequence[str]) -> Iterator[list[int]]:
    """The ids of each group of two and more, the best first."""

    @cache
    def rank(regions: str) -> int:
        return region_rank(orjson.loads(regions), region_priority)

    for groups in _batch(_read_members(session)):
        rows = session.execute(RANKED, {"ids": list(chain.from_iterable(groups))}).all()
        standing = {
            rom_id: (early, rank(regions), name, rom_id) for rom_id, early, regions, name in rows
        }
        yield from (sorted(members, key=standing.__getitem__) for members in groups)


def _batch(groups: Iterable[list[int]]) -> Iterator[list[list[int]]]:
    """Groups of about ``CHUNK`` ROMs together."""
    batch: list[list[int]] = []
    size = 0
    for members in groups:
        batch.append(members)
        size += len(members)
        if size >= CHUNK:
            yield batch
            batch, size = [], 0
    yield batch


def _read_members(session: Session) -> Iterator[list[int]]:
    """The ids of each group of two and more."""
    alike = _read_alike(session)
    settled: set[int] = set()  # known to a provider that comes before
    for place, source in enumerate(GROUPING):
        doubtful = set(chain.from_iterable(alike[source])) - settled
        settled |= _find_known(session, sorted(doubtful), GROUPING[:place])
        for group in alike[source] if doubtful else ():
            members = [rom_id for rom_id in group if rom_id not in settled]
            if len(members) > 1:
                yield members
        settled |= doubtful


def _read_alike(session: Session) -> dict[str, list[list[int]]]:
    """By provider the ids of ROMs on one platform that it knows by one id, if there are several."""
    table = ROM_SOURCES.c
    ids = func.aggregate_strings(cast(table.rom_id, String(20)), ",")
    query = (
        select(table.source, ids)
        .where(table.external_id.is_not(None))
        .group_by(table.platform_id, table.source, table.external_id)
        .having(func.count() > 1)
    )
    texts = defaultdict(list)
    for source, text in session.execute(query).all():
        texts[source].append(text)
    return {source: orjson.loads(f"[[{'],['.join(texts[source])}]]") for source in GROUPING}


def _find_known(session: Session, ids: Sequence[int], sources: Sequence[str]) -> set[int]:
    """Those of these ROMs that one of these providers knows."""
    known: set[int] = set()
    for start in range(0, len(ids) if sources else 0, CHUNK):
        rows = session.execute(KNOWN, {"ids": ids[start : start + CHUNK]}).all()
        known.update(rom_id for rom_id, source in rows if source in sources)
    return known


def read_main_siblings(session: Session, user: Identity) -> frozenset[int]:
    """The ROMs a user wants to stand for their groups."""
    query = select(ROM_USER.c.rom_id).where(
        ROM_USER.c.user_id == user.user_id, ROM_USER.c.is_main_sibling
    )
    return frozenset(session.scalars(query))


def collapse(ids: "array[int]", groups: Groups, mains: Container[int]) -> "array[int]":
    """One id of each group, in the order of ``ids``; only what is in ``ids`` can be chosen."""
    there = set(groups.members).intersection(ids)
    ranked = [each for each in zip(groups.members, groups.numbers, strict=True) if each[0] in there]
    ranked.sort(key=lambda each: each[0] not in mains)
    best: dict[int, int] = {}
    for rom_id, number in ranked:
        best.setdefault(number, rom_id)
    losers = there.difference(best.values())
    return array("I", [rom_id for rom_id in ids if rom_id not in losers])
