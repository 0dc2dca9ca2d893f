"""What a list of ROMs can be ordered by."""

from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Column, String, Table
from sqlmodel.sql.sqltypes import AutoString

from romm_lite.tables.rom_users import ROM_USER
from romm_lite.tables.roms import ROM_METADATA, ROMS

OWN = frozenset(
    {"search_text", "top_level_files", "nested_files", "has_soundtrack", "is_prerelease"}
)
"""Columns the protocol knows nothing of."""
OF_METADATA = ("first_release_date", "average_rating", "player_count")
OF_USER = (
    *("last_played", "rating", "difficulty", "completion", "status"),
    *("backlogged", "now_playing", "hidden", "is_main_sibling"),
)

BY_CODE_POINT = ("name_sort_key", "fs_name")
"""Texts that every database has in this order; with others it is up to its settings."""


@dataclass(frozen=True)
class Order:
    """A column to order by; ``initial`` is the one whose first characters index the list."""

    column: Column[Any]
    initial: Column[Any]
    table: Literal["roms", "metadata", "user"] = "roms"

    @property
    def may_be_null(self) -> bool:
        return bool(self.column.nullable) or self.table == "metadata"

    @property
    def keeps_initials_together(self) -> bool:
        """Whether rows with the same initial follow each other."""
        return self.table == "roms" and self.column.name in BY_CODE_POINT


def read_order(order_by: str) -> Order:
    """The order a client asks for; what nobody knows means by name."""
    word = order_by.strip().lower()
    if word in OF_METADATA:
        return _order(ROM_METADATA, word, "metadata")
    if word in OF_USER:
        return _order(ROM_USER, word, "user")
    if word == "name" or word in OWN or word not in ROMS.c:
        word = "name_sort_key"
    return _order(ROMS, word, "roms")


def _order(table: Table, name: str, place: Literal["roms", "metadata", "user"]) -> Order:
    column = table.c[name]
    is_text = isinstance(column.type, String | AutoString)
    return Order(column, column if is_text else ROMS.c.name_sort_key, place)
