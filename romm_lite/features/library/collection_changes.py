"""Making, changing and deleting collections. Everybody changes their own."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import orjson
from sqlalchemy import RowMapping, Table, delete, exists, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session

from romm_lite.db import versions
from romm_lite.features.accounts.service import Identity
from romm_lite.features.library.collections import denied, find_row
from romm_lite.features.library.visibility import Condition, list_roms, see_roms
from romm_lite.kernel.errors import Conflict, Invalid, Unprocessable, UnprocessableText
from romm_lite.kernel.times import now
from romm_lite.tables.collections import COLLECTION_ROMS, COLLECTIONS
from romm_lite.tables.roms import ROMS

Columns = Mapping[str, Any]
NAME_LENGTH = 400
LONGEST_CRITERIA = 64 * 2**10
"""Bytes of a rule."""
LARGEST_ID = 2**63 - 1
_CHUNK = 500


def check_owner(session: Session, user: Identity, table: Table, collection_id: int) -> RowMapping:
    """The row of a collection that is the user's own; NotFound or Forbidden for any other."""
    row = find_row(session, table, collection_id)
    if row["user_id"] != user.user_id:
        raise denied(collection_id)
    return row


def add_collection(session: Session, user: Identity, table: Table, columns: Columns) -> int:
    """Store a collection; its id. Conflict if the user has one of that name already."""
    name = _check_name(columns["name"])
    if columns.get("is_favorite"):
        _check_only_favorite(session, user)
    with _unique(session, name):
        query = insert(table).values(**columns, user_id=user.user_id)
        key = session.connection().execute(query).inserted_primary_key
    _note_change(session, user)
    assert key is not None
    return int(key[0])


def change_collection(
    session: Session, user: Identity, table: Table, collection_id: int, columns: Columns
) -> None:
    """Give a collection of the user's own new values."""
    if "name" in columns:
        _check_name(columns["name"])
    with _unique(session, columns.get("name", "")):
        change = update(table).where(table.c.id == collection_id)
        session.execute(change.values(**columns, updated_at=now()))
    _note_change(session, user)


def delete_collection(session: Session, user: Identity, table: Table, collection_id: int) -> None:
    """Forget a collection of the user's own; its ROMs stay."""
    session.execute(delete(table).where(table.c.id == collection_id))
    _note_change(session, user)


def add_members(session: Session, user: Identity, collection_id: int, ids: Iterable[int]) -> None:
    """Put ROMs into a collection; unknown ones are left out."""
    there = set(_read_members(session, collection_id))
    new = [each for each in _find_roms(session, ids, see_roms(user)) if each not in there]
    rows = [{"collection_id": collection_id, "rom_id": each} for each in new]
    if rows:
        session.connection().execute(insert(COLLECTION_ROMS), rows)
    change_collection(session, user, COLLECTIONS, collection_id, {})


def remove_members(
    session: Session, user: Identity, collection_id: int, ids: Iterable[int]
) -> None:
    """Take ROMs out of a collection."""
    gone = sorted(set(ids) & set(_read_members(session, collection_id)))
    _remove(session, collection_id, gone)
    if gone:
        change_collection(session, user, COLLECTIONS, collection_id, {})


def replace_members(
    session: Session, user: Identity, collection_id: int, ids: Iterable[int]
) -> None:
    """Let a collection have these ROMs, and those it had that the user's lists do not show."""
    wanted = set(ids)
    shown = set(_find_roms(session, _read_members(session, collection_id), list_roms(user)))
    _remove(session, collection_id, sorted(shown - wanted))
    add_members(session, user, collection_id, wanted - shown)


def read_rom_ids(text: str) -> list[int]:
    """The ids in the JSON text of a form."""
    try:
        ids = orjson.loads(text)
    except orjson.JSONDecodeError:
        ids = None
    if not isinstance(ids, list) or not all(_is_id(each) for each in ids):
        raise UnprocessableText("Invalid list for rom_ids field in update collection")
    return ids


def read_rule(text: str) -> dict[str, Any]:
    """The criteria in the JSON text of a form."""
    try:
        criteria = orjson.loads(text) if len(text) <= LONGEST_CRITERIA else None
    except orjson.JSONDecodeError:
        criteria = None
    if not isinstance(criteria, dict):
        raise Invalid("Invalid JSON for filter_criteria field")
    return criteria


def _is_id(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= LARGEST_ID


def _check_name(name: str) -> str:
    if not name.strip() or len(name) > NAME_LENGTH:
        message = f"Value error, a name has 1 to {NAME_LENGTH} characters"
        raise Unprocessable.field("body", "name", message, name)
    return name


def _check_only_favorite(session: Session, user: Identity) -> None:
    mine = (COLLECTIONS.c.user_id == user.user_id, COLLECTIONS.c.is_favorite)
    if session.scalar(select(exists().where(*mine))):
        raise Conflict("You have a collection of favorites already")


@contextmanager
def _unique(session: Session, name: str) -> Iterator[None]:
    try:
        with session.begin_nested():
            yield
    except IntegrityError as error:
        raise Conflict(f"Collection with name '{name}' already exists") from error


def _note_change(session: Session, user: Identity) -> None:
    assert user.user_id is not None
    versions.bump(session, versions.COLLECTIONS, versions.of_user(user.user_id))


def _read_members(session: Session, collection_id: int) -> list[int]:
    query = select(COLLECTION_ROMS.c.rom_id)
    return list(session.scalars(query.where(COLLECTION_ROMS.c.collection_id == collection_id)))


def _find_roms(session: Session, ids: Iterable[int], conditions: Sequence[Condition]) -> list[int]:
    """Those of the ids that are ROMs which meet the conditions."""
    wanted, found = sorted(set(ids)), list[int]()
    for start in range(0, len(wanted), _CHUNK):
        some = ROMS.c.id.in_(wanted[start : start + _CHUNK])
        found += session.scalars(select(ROMS.c.id).where(some, *conditions))
    return found


def _remove(session: Session, collection_id: int, ids: Sequence[int]) -> None:
    for start in range(0, len(ids), _CHUNK):
        some = COLLECTION_ROMS.c.rom_id.in_(ids[start : start + _CHUNK])
        here = COLLECTION_ROMS.c.collection_id == collection_id
        session.execute(delete(COLLECTION_ROMS).where(here, some))
