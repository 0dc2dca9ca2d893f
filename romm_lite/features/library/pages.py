"""The ROMs of one page as JSON: one query for each kind of row, whatever the number of ROMs."""

from collections import defaultdict
from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from typing import Any

import orjson
from sqlalchemy import BindParameter, RowMapping, Select, and_, bindparam, or_, select

from romm_lite.features.library.assets import read_newest_pictures
from romm_lite.features.library.listing import NO_FILTER_VALUES, Listing
from romm_lite.features.library.rendering import (
    FILE_COLUMNS,
    HEAD_COLUMNS,
    USER_COLUMNS,
    Head,
    Source,
    raw,
    render_file,
    render_head,
    render_rom,
    render_rom_user,
)
from romm_lite.features.library.sources import SIBLING
from romm_lite.features.library.view import View
from romm_lite.features.library.visibility import see_roms
from romm_lite.tables.files import ROM_FILES
from romm_lite.tables.platforms import PLATFORMS
from romm_lite.tables.rom_users import ROM_NOTES, ROM_USER
from romm_lite.tables.roms import ROM_METADATA, ROM_SOURCES, ROMS
from romm_lite.wire.roms import RomListQuery

CHUNK = 500
IDS: BindParameter[Any] = bindparam("ids", expanding=True)
ME: BindParameter[Any] = bindparam("me")
_mine, _other = ROM_SOURCES.alias(), ROM_SOURCES.alias()

# Put together once, for that takes longer than running them.
HEADS: Select[Any] = (
    select(*HEAD_COLUMNS)
    .select_from(
        ROMS.join(PLATFORMS, PLATFORMS.c.id == ROMS.c.platform_id).outerjoin(
            ROM_METADATA, ROM_METADATA.c.rom_id == ROMS.c.id
        )
    )
    .where(ROMS.c.id.in_(IDS))
)
SOURCES: Select[Any] = select(
    ROM_SOURCES.c.rom_id,
    ROM_SOURCES.c.source,
    ROM_SOURCES.c.external_id,
    raw(ROM_SOURCES.c.payload),
).where(ROM_SOURCES.c.rom_id.in_(IDS))
# Which providers count is told apart later: a condition on them leads SQLite into reading what
# these know of the whole library.
SIBLINGS: Select[Any] = (
    select(
        _mine.c.rom_id.label("of"),
        _mine.c.source,
        ROMS.c.id,
        ROMS.c.name,
        ROMS.c.fs_name_no_tags,
        ROMS.c.fs_name_no_ext,
    )
    .select_from(
        _mine.join(
            _other,
            and_(
                _other.c.platform_id == _mine.c.platform_id,
                _other.c.source == _mine.c.source,
                _other.c.external_id == _mine.c.external_id,
                _other.c.rom_id != _mine.c.rom_id,
            ),
        ).join(ROMS, ROMS.c.id == _other.c.rom_id)
    )
    .where(_mine.c.rom_id.in_(IDS))
    # Right after much was stored these two guess badly which table to begin with.
    .prefix_with("STRAIGHT_JOIN", dialect="mariadb")
    .prefix_with("STRAIGHT_JOIN", dialect="mysql")
)
OWN: Select[Any] = select(*(ROM_USER.c[name] for name in USER_COLUMNS)).where(
    ROM_USER.c.user_id == ME, ROM_USER.c.rom_id.in_(IDS)
)
NOTED: Select[Any] = select(ROM_NOTES.c.rom_id).where(
    ROM_NOTES.c.rom_id.in_(IDS), or_(ROM_NOTES.c.is_public, ROM_NOTES.c.user_id == ME)
)
FILES: Select[Any] = (
    select(*FILE_COLUMNS)
    .where(ROM_FILES.c.rom_id.in_(IDS))
    .order_by(ROM_FILES.c.file_name, ROM_FILES.c.file_path)
)
Row = RowMapping


def render_page(view: View, query: RomListQuery) -> bytes:
    """The answer to a list's question."""
    listing = Listing(view, query)
    char_index = listing.char_index() if query.with_char_index else b"{}"
    ids = listing.ids[query.offset : query.offset + query.limit].tolist()
    items = render_roms(
        view, ids, with_files=query.with_files, with_pictures=query.last_played is True
    )
    counts = query.with_total or query.with_rom_id_index
    fields: dict[str, bytes] = {
        "items": b"[" + b",".join(items) + b"]",
        "total": b"%d" % len(listing.ids) if counts else b"null",
        "limit": b"%d" % query.limit,
        "offset": b"%d" % query.offset,
        "char_index": char_index,
        "rom_id_index": listing.id_index() if query.with_rom_id_index else b"[]",
        "filter_values": listing.filter_values() if query.with_filter_values else NO_FILTER_VALUES,
    }
    pieces = (b'"' + name.encode() + b'":' + value for name, value in fields.items())
    return b"{" + b",".join(pieces) + b"}"


def render_roms(
    view: View, ids: Sequence[int], *, with_files: bool, with_pictures: bool = False
) -> list[bytes]:
    """Items of the list, in the order of ``ids``; ids of no ROM are left out."""
    items: list[bytes] = []
    for start in range(0, len(ids), CHUNK):
        chunk = ids[start : start + CHUNK]
        heads = read_heads(view, chunk)
        rest = read_rest(view, heads, with_files=with_files)
        pictures = (
            read_newest_pictures(view.session, view.user.user_id, chunk) if with_pictures else {}
        )
        for rom_id, head in heads.items():
            shown = pictures.get(rom_id, head.picture) if with_pictures else None
            items.append(render_rom(head, {**rest[rom_id], "screenshot_path": shown}))
    return items


def read_heads(view: View, ids: Sequence[int]) -> dict[int, Head]:
    """What all users see alike of these ROMs, in their order; kept while nothing changes."""
    cache = view.library.heads
    kept = cache.find((view.version, rom_id) for rom_id in ids)
    absent = [rom_id for rom_id in ids if (view.version, rom_id) not in kept]
    if absent:
        made = _make_heads(view, absent)
        cache.put(made)
        kept |= made
    found = {rom_id: kept.get((view.version, rom_id)) for rom_id in ids}
    return {rom_id: head for rom_id, head in found.items() if head is not None}


def _make_heads(view: View, ids: Sequence[int]) -> dict[Hashable, Head]:
    sources: dict[int, dict[str, Source]] = defaultdict(dict)
    rows = view.session.execute(SOURCES, {"ids": ids}).all()
    for rom_id, source, external_id, payload in rows:
        sources[rom_id][source] = external_id, payload
    siblings = _read_siblings(view, ids)
    heads: dict[Hashable, Head] = {}
    for rom in _rows(view, HEADS, ids):
        rom_id = rom["id"]
        known = sources.get(rom_id, {})
        heads[view.version, rom_id] = render_head(rom, known, siblings.get(rom_id, ()))
    return heads


def _read_siblings(view: View, ids: Sequence[int]) -> Mapping[int, list[Row]]:
    """The siblings of each of these ROMs, once each however many providers agree."""
    rows = _rows(view, SIBLINGS, ids)
    pairs = {(row["of"], row["id"]): row for row in rows if row["source"] in SIBLING}
    return _by(pairs.values(), "of")


def read_rest(
    view: View, heads: Mapping[int, Head], *, with_files: bool
) -> Mapping[int, dict[str, Any]]:
    """What these ROMs have for this user alone, and their files if they are wanted."""
    ids = list(heads)
    related = {each["id"] for head in heads.values() for each in head.siblings}
    own = _read_own(view, related.union(ids))
    noted = _read_noted(view, ids)
    unseen = _read_unseen(view, related)
    mains = {rom_id for rom_id, row in own.items() if row["is_main_sibling"]}
    files = _by(_rows(view, FILES, ids), "rom_id") if with_files else {}
    nothing_kept = orjson.Fragment(orjson.dumps(render_rom_user(None)))
    return {
        rom_id: {
            "rom_user": render_rom_user(own[rom_id]) if rom_id in own else nothing_kept,
            "has_notes": rom_id in noted,
            "files": [render_file(row) for row in files.get(rom_id, ())],
            "sibling_roms": [
                {**each, "is_main_sibling": each["id"] in mains}
                for each in head.siblings
                if each["id"] not in unseen
            ],
        }
        for rom_id, head in heads.items()
    }


def _read_own(view: View, ids: Collection[int]) -> Mapping[int, Row]:
    if view.user.user_id is None:
        return {}
    return {row["rom_id"]: row for row in _rows(view, OWN, ids, me=view.user.user_id)}


def _read_noted(view: View, ids: Sequence[int]) -> set[int]:
    """The ROMs with a note this user may read."""
    if view.user.user_id is None:
        return set()
    return {row["rom_id"] for row in _rows(view, NOTED, ids, me=view.user.user_id)}


def _read_unseen(view: View, ids: set[int]) -> set[int]:
    """Those of these ROMs that this user may not see."""
    if not ids or view.user.sees_all:
        return set()
    query = select(ROMS.c.id).where(ROMS.c.id.in_(ids), *see_roms(view.user, few=True))
    return ids.difference(view.session.scalars(query).all())


def _rows(view: View, query: Select[Any], ids: Collection[int], **values: object) -> Sequence[Row]:
    return view.session.execute(query, {"ids": list(ids), **values}).mappings().all()


def _by(rows: Iterable[Row], name: str) -> Mapping[int, list[Row]]:
    found: dict[int, list[Row]] = defaultdict(list)
    for row in rows:
        found[row[name]].append(row)
    return found
