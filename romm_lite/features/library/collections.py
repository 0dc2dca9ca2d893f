"""Collections made by hand, as ``CollectionSchema`` has them.

``rom_ids`` are the members that the reader's list of the collection has, so that clients which
count either find the same number.
"""

from collections.abc import Hashable, Iterable, Sequence
from typing import Any

from sqlalchemy import RowMapping, Table, or_, select
from sqlmodel import Session

from romm_lite.db import versions
from romm_lite.features.accounts.service import Identity
from romm_lite.features.library.rendering import show_cover
from romm_lite.features.library.view import View
from romm_lite.features.library.visibility import Condition, list_roms
from romm_lite.kernel.errors import Forbidden, NotFound
from romm_lite.tables.collections import COLLECTION_ROMS, COLLECTIONS
from romm_lite.tables.roms import ROMS
from romm_lite.tables.users import USERS

Fields = dict[str, Any]
MEMBER = (ROMS.c.id, ROMS.c.path_cover_s, ROMS.c.path_cover_l, ROMS.c.updated_at)
"""What is read of a member to show its cover."""


def is_shown(user: Identity, table: Table) -> Condition:
    """Whether a collection is the user's own or public."""
    return or_(table.c.user_id == user.user_id, table.c.is_public)


def read_collections(view: View, *conditions: Condition) -> list[Fields]:
    """Collections that the user may see, by name."""
    rows = read_rows(view.session, COLLECTIONS, is_shown(view.user, COLLECTIONS), *conditions)
    members = _read_members(view, [row["id"] for row in rows])
    return [_render(row, members[row["id"]]) for row in rows]


def get_collection(view: View, collection_id: int) -> Fields:
    """One collection; NotFound, or Forbidden where it is somebody else's private one."""
    row = find_row(view.session, COLLECTIONS, collection_id)
    if row["user_id"] != view.user.user_id and not row["is_public"]:
        raise denied(collection_id)
    return _render(row, _read_members(view, [collection_id])[collection_id])


def read_rows(session: Session, table: Table, *conditions: Condition) -> Sequence[RowMapping]:
    """Rows of collections with their owner's name, by name."""
    query = (
        select(table, USERS.c.username.label("owner_username"))
        .join(USERS, USERS.c.id == table.c.user_id)
        .where(*conditions)
        .order_by(table.c.name, table.c.id)
    )
    return session.execute(query).mappings().all()


def find_row(session: Session, table: Table, collection_id: int) -> RowMapping:
    """The row of a collection with its owner's name, whosever it is; NotFound for none."""
    for row in read_rows(session, table, table.c.id == collection_id):
        return row
    raise NotFound(f"Collection with id '{collection_id}' not found")


def denied(collection_id: int) -> Forbidden:
    """What somebody else's collection reads as."""
    return Forbidden(f"Permission denied for collection with id '{collection_id}'")


def make_key(view: View, *more: Hashable) -> Hashable:
    """A key that changes with all that can change what the user sees of collections."""
    return (view.key, *versions.read(view.session, versions.COLLECTIONS), *more)


def show_covers(members: Iterable[RowMapping]) -> Fields:
    """The covers of those members that have one."""
    with_cover = [each for each in members if each["path_cover_l"]]
    return {
        f"path_covers_{size}": [show_cover(each[key], each["updated_at"]) for each in with_cover]
        for size, key in (("small", "path_cover_s"), ("large", "path_cover_l"))
    }


def _read_members(view: View, ids: Sequence[int]) -> dict[int, list[RowMapping]]:
    """The members of collections that are listed for the user, by id of the ROM."""
    found: dict[int, list[RowMapping]] = {each: [] for each in ids}
    query = (
        select(COLLECTION_ROMS.c.collection_id, *MEMBER)
        .join(ROMS, ROMS.c.id == COLLECTION_ROMS.c.rom_id)
        .where(COLLECTION_ROMS.c.collection_id.in_(ids), *list_roms(view.user))
        .order_by(ROMS.c.id)
    )
    for row in view.session.execute(query).mappings():
        found[row["collection_id"]].append(row)
    return found


def _render(row: RowMapping, members: Sequence[RowMapping]) -> Fields:
    cover = {
        f"path_cover_{size}": show_cover(row[key], row["updated_at"]) or None
        for size, key in (("small", "path_cover_s"), ("large", "path_cover_l"))
    }
    ids = [each["id"] for each in members]
    return {**row, **cover, **show_covers(members), "rom_ids": ids, "rom_count": len(ids)}
