"""The ids that answer a question about the library, in order, and what goes with such a list.

Ids are selected by one statement and kept as an array; a page is a slice of it. On SQLite the
database hands them over as one text, which is three times as fast as row by row.
"""

from array import array
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

import orjson
from sqlalchemy import ColumnElement, Select, func, select

from romm_lite.features.library.facets import KINDS
from romm_lite.features.library.filters import depends_on_others, filter_roms
from romm_lite.features.library.groups import collapse, read_groups, read_main_siblings
from romm_lite.features.library.ids import fetch_ids, fetch_initials
from romm_lite.features.library.initials import find_starts
from romm_lite.features.library.orders import Order, read_order
from romm_lite.features.library.search import find_ids
from romm_lite.features.library.values import read_filter_values
from romm_lite.features.library.view import View
from romm_lite.tables.rom_users import ROM_USER
from romm_lite.tables.roms import ROM_METADATA, ROMS
from romm_lite.wire.roms import RomListQuery

NOT_OF_THE_LIST = {
    *("limit", "offset", "with_files", "platform_id"),
    *("with_char_index", "with_filter_values", "with_rom_id_index", "with_total"),
}
OF_THE_SELECTION = {
    *("platform_ids", "collection_id", "virtual_collection_id", "smart_collection_id"),
    "search_term",
}
NO_CHARACTER = "\uffff"
"""Stands for a row without a sort key; no name begins with it."""
NO_FILTER_VALUES = orjson.dumps({**{word: [] for word in KINDS}, "platforms": []})


class Listing:
    """What one user gets for one question; everything is made when it is first asked for."""

    def __init__(self, view: View, query: RomListQuery) -> None:
        self._view = view
        self._query = query
        self._regions: tuple[str, ...] = ()
        if query.group_by_meta_id:
            self._regions = view.library.config.read().scan_region_priority
        question = query.model_dump_json(exclude=NOT_OF_THE_LIST)
        self._key = (view.key, question, self._regions)
        self._is_lasting = not depends_on_others(query)

    @cached_property
    def ids(self) -> "array[int]":
        """All ids that match, in the order asked for."""
        if not self._is_lasting:
            return self._select_ids()
        return self._view.library.orders.get(self._key, self._select_ids)

    def _know(self, ids: "array[int]") -> None:
        """Keep ids that were selected along with something else."""
        self.ids = ids
        if self._is_lasting:
            self._view.library.orders.put({self._key: ids})

    def id_index(self) -> bytes:
        """The same as JSON."""
        return self._sidecar("ids", lambda: orjson.dumps(self.ids.tolist()))

    def char_index(self) -> bytes:
        """JSON of the place of the first row of each initial character of the sort key.

        Ask for it first: the ids may come along with it.
        """

        def make() -> bytes:
            return orjson.dumps(self._find_starts(), option=orjson.OPT_SORT_KEYS)

        return self._sidecar("initials", make)

    def _find_starts(self) -> Mapping[str, int]:
        order = read_order(self._query.order_by)
        if order.keeps_initials_together:
            return find_starts(self._view.session, self.ids, order.initial)
        initials = self._select_initials()
        return {each: initials.index(each) for each in set(initials) - {NO_CHARACTER}}

    def filter_values(self) -> bytes:
        """JSON of what the selected part of the library can be filtered by."""
        view, query = self._view, self._query

        def make() -> bytes:
            return orjson.dumps(read_filter_values(view.session, query, view.user))

        if not self._is_lasting:
            return make()
        selection = query.model_dump_json(include=OF_THE_SELECTION)
        return view.library.sidecars.get((view.key, selection, "values"), make)

    def _sidecar(self, word: str, make: Callable[[], bytes]) -> bytes:
        if not self._is_lasting:
            return make()
        return self._view.library.sidecars.get((self._key, word), make)

    @cached_property
    def _whole(self) -> "Listing":
        """The same question without grouping."""
        return Listing(self._view, self._query.model_copy(update={"group_by_meta_id": False}))

    def _select_ids(self) -> "array[int]":
        if self._query.search_term and self._is_lasting and not self._query.group_by_meta_id:
            return self._search()
        if not self._query.group_by_meta_id:
            return fetch_ids(self._view.session, self._statement(ROMS.c.id))
        view, regions = self._view, self._regions
        groups = view.library.groups.get(
            (view.version, regions), lambda: read_groups(view.session, regions)
        )
        return collapse(self._whole.ids, groups, read_main_siblings(view.session, view.user))

    def _search(self) -> "array[int]":
        """What the search finds of the list without it, which is at hand and in order."""
        ids = find_ids(self._view.session, self._query.search_term)
        everything = Listing(self._view, self._query.model_copy(update={"search_term": None}))
        if ids is None:
            return everything.ids
        places = everything._places
        listed = (rom_id for rom_id in ids if rom_id < len(places) and places[rom_id])
        return array("I", sorted(listed, key=places.__getitem__))

    @property
    def _places(self) -> "array[int]":
        """By id the place of a ROM in the list, counted from one; zero is none."""

        def make() -> "array[int]":
            places = array("I", bytes(4 * (max(self.ids, default=0) + 1)))
            for place, rom_id in enumerate(self.ids, 1):
                places[rom_id] = place
            return places

        return self._view.library.orders.get((self._key, "places"), make)

    def _select_initials(self) -> str:
        """The initial character of each row, in the order of ``ids``."""
        if self._query.group_by_meta_id:
            initials = self._whole._select_initials()
            kept = set(self.ids)
            rows = zip(self._whole.ids, initials, strict=True)
            return "".join(initial for rom_id, initial in rows if rom_id in kept)
        initial = func.substr(read_order(self._query.order_by).initial, 1, 1)
        shown = func.coalesce(func.nullif(initial, ""), NO_CHARACTER).label("initial")
        ids, initials = fetch_initials(self._view.session, self._statement(ROMS.c.id, shown))
        self._know(ids)
        return initials

    def _statement(self, *columns: ColumnElement[Any]) -> Select[Any]:
        """``columns`` of every row that matches, in order."""
        query, user = self._query, self._view.user
        order = read_order(query.order_by)
        statement = select(*columns).select_from(ROMS)
        if order.table == "metadata":
            statement = statement.outerjoin(ROM_METADATA, ROM_METADATA.c.rom_id == ROMS.c.id)
        elif order.table == "user":
            mine = (ROM_USER.c.rom_id == ROMS.c.id) & (ROM_USER.c.user_id == user.user_id)
            statement = statement.join(ROM_USER, mine)
        statement = statement.where(*filter_roms(self._view.session, query, user))
        return statement.order_by(*_terms(order, query))


def _terms(order: Order, query: RomListQuery) -> list[ColumnElement[Any]]:
    """Rows without a value come last in both directions; the id decides between equals."""
    key: ColumnElement[Any] = order.column
    if order.column is ROMS.c.id:
        key = key + 0  # keeps SQLite from reading whole rows in their order
    elif order.column is ROMS.c.name_sort_key and len(query.platform_ids or ()) > 1:
        key = key + ""  # keeps SQLite from walking the sort index of the whole library
    terms = [key.is_(None)] if order.may_be_null else []
    if query.order_dir.lower() == "desc":
        return [*terms, key.desc(), ROMS.c.id.desc()]
    return [*terms, key, ROMS.c.id]
