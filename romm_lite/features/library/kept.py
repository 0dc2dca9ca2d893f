"""The rows that go with something deleted, as they were, so that they can come back.

Which rows those are is read from the foreign keys of all tables, so that a table that is added
later needs nothing here. ``returning`` stores them again.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

from sqlalchemy import Column, Select, Table, select
from sqlmodel import Session

from romm_lite.tables.files import ROM_FILES
from romm_lite.tables.schema import METADATA

CHUNK = 500
MOST_FILES = 10_000
"""Rows of files that are kept of one ROM. Where there are more, a scan makes them anew: a database
has a limit to what it takes at once."""

Rows = dict[str, list[dict[str, Any]]]
"""By table."""


@dataclass(frozen=True)
class Kept:
    """What was known of one thing.

    ``root`` is its table. ``rows`` were deleted; ``links`` tell of rows that stayed and lost their
    reference: ``key`` is the primary key, ``column`` had ``value``. ``parents`` are rows that
    ``rows`` refer to and that may be deleted later.
    """

    root: str
    rows: Rows = field(default_factory=dict)
    links: Rows = field(default_factory=dict)
    parents: Rows = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """What is stored as ``TrashItem.kept_rows``."""
        rows, links, parents = map(_plain, (self.rows, self.links, self.parents))
        return {"root": str(self.root), "rows": rows, "links": links, "parents": parents}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        return cls(**document)


def _plain(rows: Rows) -> Rows:
    """The same with names of tables and columns as mere text, which is all that JSON takes."""
    return {
        str(table): [{str(name): value for name, value in row.items()} for row in of_table]
        for table, of_table in rows.items()
    }


def collect(session: Session, table: Table, ids: Sequence[int]) -> dict[int, Kept]:
    """All that goes when rows of a table are deleted, by their ids; unknown ids are left out.

    The rows are locked until the unit of work ends, so that nothing can be added to them.
    """
    kept: dict[int, Kept] = {}
    for row in _read(
        session, select(table).order_by(table.c.id).with_for_update(), table.c.id, ids
    ):
        kept[row["id"]] = Kept(table.name, {table.name: [row]})
    waiting: list[tuple[Table, dict[Any, int]]] = [(table, {key: key for key in kept})]
    seen: set[tuple[Any, ...]] = set()
    while waiting:
        parent, owners = waiting.pop()
        for column in list_references(parent):
            children = _collect(session, column, owners, kept, seen)
            if children:
                waiting.append((column.table, children))
    for each in kept.values():
        if len(each.rows.get(ROM_FILES.name, ())) > MOST_FILES:
            del each.rows[ROM_FILES.name]
    return kept


def _collect(
    session: Session,
    column: Column[Any],
    owners: Mapping[Any, int],
    kept: Mapping[int, Kept],
    seen: set[tuple[Any, ...]],
) -> dict[Any, int]:
    """Add the rows that refer by ``column`` to rows given with their owners; the owners of those
    that go with them, by id."""
    table = column.table
    names = [each.name for each in table.primary_key]
    children: dict[Any, int] = {}
    for row in _read(session, select(table), column, owners):
        key = (table.name, *(row[name] for name in names))
        owner = kept[owners[row[column.name]]]
        if not _goes_along(column):
            place = {str(name): row[name] for name in names}
            link = {"key": place, "column": str(column.name), "value": row[column.name]}
            owner.links.setdefault(table.name, []).append(link)
        elif key not in seen:
            seen.add(key)
            owner.rows.setdefault(table.name, []).append(row)
            if "id" in row:
                children[row["id"]] = owners[row[column.name]]
    return children


def list_references(parent: Table) -> list[Column[Any]]:
    """The columns of all tables that refer to a table."""
    return [
        column
        for table in METADATA.sorted_tables
        for column in table.columns
        if any(key.column.table is parent for key in column.foreign_keys)
    ]


def _goes_along(column: Column[Any]) -> bool:
    return any(key.ondelete == "CASCADE" for key in column.foreign_keys)


def _read(
    session: Session, query: Select[Any], column: Column[Any], values: Iterable[Any]
) -> Iterator[dict[str, Any]]:
    values = list(values)
    for start in range(0, len(values), CHUNK):
        chosen = query.where(column.in_(values[start : start + CHUNK]))
        for row in session.execute(chosen).mappings():
            yield dict(row)
