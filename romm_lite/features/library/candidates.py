"""What a game of the library could be: for now, what the library itself knows of others like it."""

from collections import defaultdict
from typing import Any

from sqlalchemy import select

from romm_lite.features.library.search import read_search
from romm_lite.features.library.view import View
from romm_lite.features.library.visibility import Condition, see_roms
from romm_lite.kernel.errors import Invalid
from romm_lite.tables.roms import ROM_SOURCES, ROMS
from romm_lite.wire.search import SearchRomSchema, SearchRomsQuery

MOST = 50
_NUMBERED = ("igdb", "moby", "ss", "sgdb", "launchbox")
_NAMED = ("flashpoint", "libretro")
_BY_ID = ("igdb", "moby", "ss", "launchbox")


def find_candidates(view: View, query: SearchRomsQuery) -> list[SearchRomSchema]:
    """Identified games of the same platform by name or by id at a provider; best known first.

    Empty for a game that cannot be seen. Invalid for an id that is no number.
    """
    rom = _find_rom(view, query.rom_id)
    term = (query.search_term if query.search_term is not None else "").strip()
    if rom is not None and query.search_term is None:
        term = rom.fs_name_no_tags
    matches = None if rom is None or not term else _read_question(view, query.search_by, term)
    if rom is None or matches is None:
        return []
    others = (
        select(ROMS.c.id, ROMS.c.platform_id, ROMS.c.name, ROMS.c.slug, ROMS.c.summary)
        .where(ROMS.c.platform_id == rom.platform_id, ROMS.c.id.in_(_known()), matches)
        .where(*see_roms(view.user))
        .order_by(ROMS.c.name_sort_key, ROMS.c.id)
        .limit(MOST)
    )
    rows = view.session.execute(others).mappings().all()
    known = _read_sources(view, [row["id"] for row in rows])
    return [_render(row, known[row["id"]]) for row in rows]


def _find_rom(view: View, rom_id: int) -> Any:
    query = select(ROMS.c.platform_id, ROMS.c.fs_name_no_tags)
    return view.session.execute(query.where(ROMS.c.id == rom_id, *see_roms(view.user))).first()


def _read_question(view: View, search_by: str, term: str) -> Condition | None:
    if search_by == "name":
        return read_search(view.session, term)
    if search_by != "id":
        return None
    if not term.isdecimal():
        raise Invalid(f"Tried searching by ID, but '{term}' is not a valid ID")
    at = (ROM_SOURCES.c.source.in_(_BY_ID), ROM_SOURCES.c.external_id == term[:100])
    return ROMS.c.id.in_(select(ROM_SOURCES.c.rom_id).where(*at))


def _known() -> Any:
    shown = ROM_SOURCES.c.source.in_([*_NUMBERED, *_NAMED])
    return select(ROM_SOURCES.c.rom_id).where(shown, ROM_SOURCES.c.external_id.is_not(None))


def _read_sources(view: View, ids: list[int]) -> dict[int, dict[str, str]]:
    found: dict[int, dict[str, str]] = defaultdict(dict)
    columns = (ROM_SOURCES.c.rom_id, ROM_SOURCES.c.source, ROM_SOURCES.c.external_id)
    for rom_id, source, external_id in view.session.execute(
        select(*columns).where(ROM_SOURCES.c.rom_id.in_(ids))
    ):
        if external_id is not None:
            found[rom_id][source] = external_id
    return found


def _render(row: Any, known: dict[str, str]) -> SearchRomSchema:
    ids: dict[str, Any] = {
        f"{source}_id": int(known[source])
        for source in _NUMBERED
        if known.get(source, "").isdecimal()
    }
    ids |= {f"{source}_id": known[source] for source in _NAMED if source in known}
    return SearchRomSchema(
        **ids,
        id=row["id"],
        platform_id=row["platform_id"],
        name=row["name"],
        slug=row["slug"] or "",
        summary=row["summary"] or "",
        is_unidentified=False,
        is_identified=True,
    )
