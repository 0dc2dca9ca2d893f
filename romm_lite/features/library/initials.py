"""Where each initial character begins in a list of ROMs."""

from array import array
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from sqlalchemy import BindParameter, Column, bindparam, func, select
from sqlmodel import Session

from romm_lite.tables.roms import ROMS

CHUNK = 1000
PARTS = 8
"""Into how many parts a stretch with a border in it is divided at a time."""
IDS: BindParameter[Any] = bindparam("ids", expanding=True)


def find_starts(session: Session, ids: "array[int]", column: Column[Any]) -> dict[str, int]:
    """The place of the first row of each initial of ``column``, in a list where ROMs with the same
    one stand together.

    Few rows are read: between two with different initials there is a border, and more are read
    until it is found.
    """
    known: dict[int, str] = {}
    wanted = {0, len(ids) - 1} if ids else set()
    while wanted:
        places = sorted(wanted)
        initials = _read_initials(session, [ids[place] for place in places], column)
        known |= {place: initials.get(ids[place], "") for place in places}
        wanted = {
            place
            for before, after in pairwise(sorted(known))
            if known[before] != known[after]
            for place in range(before + 1, after, -(-(after - before) // PARTS))
        }
    starts: dict[str, int] = {}
    for place in sorted(known):
        starts.setdefault(known[place], place)
    starts.pop("", None)
    return starts


def _read_initials(session: Session, ids: Sequence[int], column: Column[Any]) -> Mapping[int, str]:
    """By id; "" for a ROM without one."""
    initial = func.coalesce(func.substr(column, 1, 1), "")
    query = select(ROMS.c.id, initial).where(ROMS.c.id.in_(IDS))
    found: dict[int, str] = {}
    for start in range(0, len(ids), CHUNK):
        found.update(session.execute(query, {"ids": ids[start : start + CHUNK]}).all())
    return found
