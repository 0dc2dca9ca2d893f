"""Figures about the part of the library that a user may see."""

from collections import defaultdict
from typing import Any

import orjson
from sqlalchemy import Select, func, select
from sqlmodel import Session

from romm_lite.features.accounts.service import Identity
from romm_lite.features.library.facets import KINDS
from romm_lite.features.library.sources import FILTERABLE
from romm_lite.features.library.view import View
from romm_lite.features.library.visibility import Condition, see_roms
from romm_lite.tables.assets import SAVES, SCREENSHOTS, STATES
from romm_lite.tables.files import ROM_FILES
from romm_lite.tables.roms import FACETS, ROM_FACETS, ROM_SOURCES, ROMS
from romm_lite.web.render import to_json
from romm_lite.wire.stats import MetadataCoverageItem, RegionBreakdownItem, StatsReturn


def count_library(view: View, *, by_platform: bool = False) -> dict[str, Any]:
    """``StatsReturn``: everything is counted, ROMs the user hid from lists included.

    ``by_platform`` adds the tables. What only changes with the library is counted once.
    """

    def make() -> bytes:
        figures = _count_roms(view.session, view.user)
        if by_platform:
            figures["METADATA_COVERAGE"] = _read_coverage(view.session, view.user)
            figures["REGION_BREAKDOWN"] = _read_regions(view.session, view.user)
        return to_json(figures)

    figures = orjson.loads(view.library.sidecars.get((view.key, "stats", by_platform), make))
    assets = {"SAVES": SAVES, "STATES": STATES, "SCREENSHOTS": SCREENSHOTS}
    for name, table in assets.items():
        figures[name] = _count_of(view.session, view.user, table, func.count())
    return {name: figures[name] for name in StatsReturn.__annotations__ if name in figures}


def _count_roms(session: Session, user: Identity) -> dict[str, Any]:
    platforms = select(func.count(ROMS.c.platform_id.distinct())).where(*see_roms(user))
    size = func.coalesce(func.sum(ROM_FILES.c.file_size_bytes), 0)
    return {
        "PLATFORMS": _count(session, platforms),
        "ROMS": _count(session, select(func.count()).select_from(ROMS).where(*see_roms(user))),
        "TOTAL_FILESIZE_BYTES": _count_of(session, user, ROM_FILES, size),
    }


def _count(session: Session, query: Select[Any]) -> int:
    return int(session.execute(query).scalar_one())


def _count_of(session: Session, user: Identity, table: Any, figure: Any) -> int:
    """``figure`` over the rows of ``table`` whose ROM the user may see."""
    query = select(figure).select_from(table)
    if conditions := see_roms(user):
        query = query.where(table.c.rom_id.in_(select(ROMS.c.id).where(*conditions)))
    return _count(session, query)


def _read_coverage(session: Session, user: Identity) -> dict[int, list[MetadataCoverageItem]]:
    """How many ROMs of each platform each provider knows, in the usual order of providers."""
    table = ROM_SOURCES.c
    matched: list[Condition] = [table.source.in_(FILTERABLE), table.external_id.is_not(None)]
    query = (
        select(table.platform_id, table.source, func.count())
        .where(*matched, *see_roms(user, table.rom_id, table.platform_id))
        .group_by(table.platform_id, table.source)
    )
    found: dict[int, list[MetadataCoverageItem]] = defaultdict(list)
    rows = sorted(session.execute(query), key=lambda row: FILTERABLE.index(row[1]))
    for platform_id, source, number in rows:
        found[platform_id].append(MetadataCoverageItem(source=source, matched=number))
    return found


def _read_regions(session: Session, user: Identity) -> dict[int, list[RegionBreakdownItem]]:
    """How many ROMs of each platform carry each region, the most frequent first."""
    number = func.count().label("number")
    query = (
        select(ROM_FACETS.c.platform_id, FACETS.c.value, number)
        .join(FACETS, FACETS.c.id == ROM_FACETS.c.facet_id)
        .where(FACETS.c.kind == KINDS["regions"])
        .where(*see_roms(user, ROM_FACETS.c.rom_id, ROM_FACETS.c.platform_id))
        .group_by(ROM_FACETS.c.platform_id, FACETS.c.value)
        .order_by(ROM_FACETS.c.platform_id, number.desc(), FACETS.c.value)
    )
    found: dict[int, list[RegionBreakdownItem]] = defaultdict(list)
    for platform_id, region, count in session.execute(query):
        found[platform_id].append(RegionBreakdownItem(region=region, count=count))
    return found
