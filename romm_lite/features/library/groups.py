"""Showing one ROM of each game: dumps that a provider knows by one id form a group."""

from array import array
from collections import defaultdict
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence

from sqlalchemy import select
from sqlmodel import Session

from romm_lite.disk.names import region_rank
from romm_lite.features.accounts.service import Identity
from romm_lite.features.library.sources import GROUPING
from romm_lite.tables.platforms import PLATFORMS
from romm_lite.tables.rom_users import ROM_USER
from romm_lite.tables.roms import ROM_SOURCES, ROMS

Groups = Mapping[int, int]
"""Standing by ROM id, for ROMs that are not alone in their group.

A standing is ``group << GROUP_BITS | rank``; the ROM of the lowest rank stands for its group.
"""
PLACES = {source: place for place, source in enumerate(GROUPING)}
GROUP_BITS = 32
CHUNK = 1000


def read_groups(session: Session, region_priority: Sequence[str]) -> Groups:
    """All groups of the library: the same platform and the same id at the first provider that
    knows the ROM. Full releases rank before early ones, then the region decides, then the name.
    """
    standings: dict[int, int] = {}
    for number, members in enumerate(_read_ranked(session, region_priority)):
        for rank, rom_id in enumerate(members):
            standings[rom_id] = number << GROUP_BITS | rank
    return standings


def _read_ranked(session: Session, region_priority: Sequence[str]) -> Iterator[list[int]]:
    """The ids of each group of two and more, the best first."""
    columns = (ROMS.c.id, ROMS.c.is_prerelease, ROMS.c.regions, ROMS.c.fs_name_no_ext)
    for groups in _batch(_read_members(session)):
        ids = [rom_id for members in groups for rom_id in members]
        ranks = {
            rom_id: (early, region_rank(regions, region_priority), name, rom_id)
            for rom_id, early, regions, name in session.execute(
                select(*columns).where(ROMS.c.id.in_(ids))
            ).all()
        }
        yield from (sorted(members, key=ranks.__getitem__) for members in groups)


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
    table = ROM_SOURCES.c
    known = select(table.source, table.external_id, table.rom_id).where(
        table.external_id.is_not(None)
    )
    for platform_id in session.scalars(select(PLATFORMS.c.id)).all():
        best: dict[int, tuple[int, str]] = {}
        rows = session.execute(known.where(table.platform_id == platform_id)).all()
        for source, external_id, rom_id in rows:
            place = PLACES.get(source)
            if place is not None and (rom_id not in best or place < best[rom_id][0]):
                best[rom_id] = place, external_id
        groups: dict[tuple[int, str], list[int]] = defaultdict(list)
        for rom_id, key in best.items():
            groups[key].append(rom_id)
        yield from (members for members in groups.values() if len(members) > 1)


def read_main_siblings(session: Session, user: Identity) -> frozenset[int]:
    """The ROMs a user wants to stand for their groups."""
    query = select(ROM_USER.c.rom_id).where(
        ROM_USER.c.user_id == user.user_id, ROM_USER.c.is_main_sibling
    )
    return frozenset(session.scalars(query))


def collapse(ids: "array[int]", groups: Groups, mains: Container[int]) -> "array[int]":
    """One id of each group, in the order of ``ids``; only what is in ``ids`` can be chosen."""
    members = [rom_id for rom_id in ids if rom_id in groups]
    best: dict[int, tuple[bool, int, int]] = {}
    for rom_id in members:
        standing = groups[rom_id]
        score = rom_id not in mains, standing, rom_id
        group = standing >> GROUP_BITS
        if group not in best or score < best[group]:
            best[group] = score
    losers = set(members).difference(rom_id for *_, rom_id in best.values())
    return array(ids.typecode, [rom_id for rom_id in ids if rom_id not in losers])
