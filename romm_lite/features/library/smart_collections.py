"""Collections by rule, as ``SmartCollectionSchema`` has them.

A rule is evaluated for whoever reads the collection: so its members are those of the list it leads
to, and a rule about one's own flags means everybody's own.
"""

import json
from typing import Any

from sqlalchemy import RowMapping, exists, select

from romm_lite.features.library.collections import (
    MEMBER,
    Fields,
    denied,
    find_row,
    is_shown,
    read_rows,
    show_covers,
)
from romm_lite.features.library.filters import filter_roms
from romm_lite.features.library.listing import Listing
from romm_lite.features.library.smart import read_criteria
from romm_lite.features.library.view import View
from romm_lite.features.library.visibility import Condition
from romm_lite.tables.collections import SMART_COLLECTIONS
from romm_lite.tables.roms import ROMS
from romm_lite.wire.roms import RomListQuery

COVERS = 5


def read_smart_collections(view: View, *conditions: Condition) -> list[Fields]:
    """Collections by rule that the user may see, by name."""
    shown = is_shown(view.user, SMART_COLLECTIONS)
    rows = read_rows(view.session, SMART_COLLECTIONS, shown, *conditions)
    return [_render(view, row) for row in rows]


def get_smart_collection(view: View, collection_id: int) -> Fields:
    """One collection by rule; NotFound, or Forbidden for somebody else's private one."""
    row = find_row(view.session, SMART_COLLECTIONS, collection_id)
    if row["user_id"] != view.user.user_id and not row["is_public"]:
        raise denied(collection_id)
    return _render(view, row)


def find_smart_collections_of(view: View, rom_id: int) -> list[RowMapping]:
    """The collections by rule that a ROM is in for this user, by name."""
    shown = is_shown(view.user, SMART_COLLECTIONS)
    rows = read_rows(view.session, SMART_COLLECTIONS, shown)
    tests = [_holds(view, read_criteria(row["filter_criteria"]), rom_id) for row in rows]
    if not tests:
        return []
    held = view.session.execute(select(*tests)).one()
    return [row for row, is_in in zip(rows, held, strict=True) if is_in]


def _holds(view: View, query: RomListQuery, rom_id: int) -> Any:
    conditions = filter_roms(view.session, query, view.user)
    return exists(select(ROMS.c.id).where(ROMS.c.id == rom_id, *conditions))


def _render(view: View, row: RowMapping) -> Fields:
    criteria = row["filter_criteria"]
    query = read_criteria(criteria)
    ids = Listing(view, query).ids.tolist()
    return {
        **row,
        "filter_summary": json.dumps(criteria),
        "rom_ids": ids,
        "rom_count": len(ids),
        "path_cover_small": None,
        "path_cover_large": None,
        **_read_covers(view, query),
    }


def _read_covers(view: View, query: RomListQuery) -> Fields:
    """The covers of the first members that have one."""
    conditions = filter_roms(view.session, query, view.user)
    first = select(*MEMBER).where(ROMS.c.path_cover_l != "", *conditions)
    found = view.session.execute(first.order_by(ROMS.c.id).limit(COVERS)).mappings().all()
    return show_covers(found)
