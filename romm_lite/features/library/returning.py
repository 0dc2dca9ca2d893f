"""Storing the rows of deleted things again.

Rows get the ids they had. What refers to something that is gone for good, as to a user who was
deleted, is left out. Where a scan has found a ROM again meanwhile, under another id, the two become
one with the old id: what the disk says and what users have kept since then is that of the new row,
name, description and providers' data are those of the old one. A row that another has taken the
place of (a note of the same title) is not stored; it is handed back and stays in the trash.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Column, Table, UniqueConstraint, and_, bindparam, select, tuple_, update
from sqlmodel import Session

from romm_lite.disk.exclusions import TRASH
from romm_lite.features.accounts.service import hand_on_rules
from romm_lite.features.library import service
from romm_lite.features.library.kept import CHUNK, Kept, Rows, list_references
from romm_lite.features.library.rows import insert_rows, update_rows
from romm_lite.kernel.scopes import Entity
from romm_lite.kernel.times import now
from romm_lite.tables.base import Moment
from romm_lite.tables.files import ROM_FILES
from romm_lite.tables.firmware import FIRMWARE
from romm_lite.tables.platforms import PLATFORMS
from romm_lite.tables.rom_users import ROM_USER
from romm_lite.tables.roms import ROM_FACETS, ROM_METADATA, ROM_SOURCES, ROMS
from romm_lite.tables.schema import METADATA

PROVIDED = frozenset({ROM_SOURCES.name, ROM_METADATA.name, ROM_FACETS.name})
ON_DISK = (
    *("fs_path", "fs_extension", "fs_size_bytes", "crc_hash", "md5_hash", "sha1_hash", "ra_hash"),
    *("top_level_files", "nested_files", "has_soundtrack", "missing_from_fs"),
)
"""The columns of a ROM that its files decide."""
OWN_WORDS = ("custom_name", "description")
"""What somebody wrote about a platform."""
EMPTY = (None, False, 0, "")


class Owned(NamedTuple):
    """A row and the trash item it belongs to."""

    item: int
    row: dict[str, Any]


def put_back(
    session: Session, kept: Mapping[int, Kept], with_files: Collection[int] = ()
) -> dict[int, Rows]:
    """Store what was kept of trash items; what could not be stored, by item.

    ``with_files`` are the items whose files come back from the trash: what the disk says of them is
    what was kept.
    """
    return _Return(session, kept, frozenset(with_files)).run()


@dataclass
class _Return:
    session: Session
    kept: Mapping[int, Kept]
    with_files: frozenset[int]
    ids: dict[str, dict[Any, Any]] = field(default_factory=lambda: defaultdict(dict))
    """By table, the id now of what had another id then."""
    left: dict[int, Rows] = field(default_factory=lambda: defaultdict(lambda: defaultdict(list)))

    def run(self) -> dict[int, Rows]:
        special = {
            PLATFORMS.name: self._put_platforms,
            ROMS.name: self._put_roms,
            ROM_FILES.name: self._put_files,
            FIRMWARE.name: self._put_firmware,
        }
        rows = self._read_rows()
        for table in METADATA.sorted_tables:
            owned = self._follow(table, rows.get(table.name, []))
            if owned and table.name in special:
                special[table.name](owned)
            elif owned:
                self._put(table, owned)
        self._link()
        return self.left

    def _read_rows(self) -> dict[str, list[Owned]]:
        rows: dict[str, list[Owned]] = defaultdict(list)
        for item, kept in self.kept.items():
            for source in (kept.parents, kept.rows):
                for name, of_table in source.items():
                    if name in METADATA.tables:
                        table = METADATA.tables[name]
                        rows[name] += [Owned(item, _read_row(table, row)) for row in of_table]
        return rows

    def _follow(self, table: Table, owned: Sequence[Owned]) -> list[Owned]:
        """The rows whose parents are there, with the ids these have now."""
        for column in table.columns if owned else ():
            key = next(iter(column.foreign_keys), None)
            # The platform's id is also repeated where it refers to nothing.
            parent = key.column.table if key else PLATFORMS
            if key is None and column.name != "platform_id":
                continue
            known = self.ids[parent.name]
            for _, row in owned:
                row[column.name] = known.get(row[column.name], row[column.name])
            if key is not None:
                owned = self._check_parents(key.column, column, owned)
        return list(owned)

    def _check_parents(
        self, parent: Column[Any], column: Column[Any], owned: Sequence[Owned]
    ) -> list[Owned]:
        there = set(_find(self.session, (parent,), {(row[column.name],) for _, row in owned}))
        left = []
        for each in owned:
            value = each.row[column.name]
            if value is not None and (value,) not in there and column.nullable:
                each.row[column.name] = value = None
            if value is None or (value,) in there:
                left.append(each)
        return left

    def _put(self, table: Table, owned: Sequence[Owned]) -> None:
        """Store rows, but for those whose place is taken."""
        new = []
        keys = _list_keys(table)
        taken = [set(_find(self.session, key, _values(key, owned))) for key in keys]
        for each in owned:
            values = [tuple(each.row[column.name] for column in key) for key in keys]
            hits = [value in there for value, there in zip(values, taken, strict=True)]
            if not any(hits):
                new.append(each.row)
                for value, there in zip(values, taken, strict=True):
                    there.add(value)
            elif not hits[0] and table is ROM_USER:
                self._fill(each.row)
            elif not hits[0]:
                self.left[each.item][table.name].append(each.row)
        insert_rows(self.session, table, new)

    def _fill(self, row: Mapping[str, Any]) -> None:
        """Give what a user has said of a ROM since what was said before, where that is silent."""
        table = ROM_USER.c
        same = and_(table.rom_id == row["rom_id"], table.user_id == row["user_id"])
        current = self.session.execute(select(ROM_USER).where(same)).mappings().one()
        if values := _fill(dict(current), row):
            update_rows(self.session, ROM_USER, [{"id": current["id"], **values}])

    def _put_platforms(self, owned: Sequence[Owned]) -> None:
        rows = {row["id"]: row for _, row in owned}
        slugs = {(row["fs_slug"],) for row in rows.values()}
        query = select(PLATFORMS).where(PLATFORMS.c.fs_slug.in_([slug for (slug,) in slugs]))
        by_slug = {each["fs_slug"]: each for each in self.session.execute(query).mappings()}
        there = set(_find(self.session, (PLATFORMS.c.id,), {(key,) for key in rows}))
        new, changed = [], []
        for key, row in rows.items():
            twin = by_slug.get(row["fs_slug"])
            if (key,) in there:
                continue
            if twin is None:
                new.append(row)
                continue
            self.ids[PLATFORMS.name][key] = twin["id"]
            words = {name: row.get(name) for name in OWN_WORDS}
            if values := _fill(dict(twin), words):
                changed.append({"id": twin["id"], **values})
        insert_rows(self.session, PLATFORMS, new)
        service.change_platforms(self.session, changed)
        hand_on_rules(self.session, Entity.PLATFORMS, self.ids[PLATFORMS.name])

    def _put_roms(self, owned: Sequence[Owned]) -> None:
        there = set(_find(self.session, (ROMS.c.id,), {(row["id"],) for _, row in owned}))
        new = [each for each in owned if (each.row["id"],) not in there]
        twins = self._find_twins([row for _, row in new])
        pairs = []
        for item, row in new:
            row["updated_at"] = now()  # who asks for what changed is told of it
            twin = twins.get((row["platform_id"], row["fs_name"]))
            if twin is not None:
                pairs.append({"twin": twin["id"], "rom": row["id"], "item": item})
                if item not in self.with_files:
                    row.update({name: twin[name] for name in ON_DISK})
        away = [{"id": each["twin"], "fs_name": f"{TRASH} {each['twin']}"} for each in pairs]
        service.change_roms(self.session, away)
        insert_rows(self.session, ROMS, [row for _, row in new])
        self._take_over(pairs)

    def _find_twins(self, rows: Sequence[Mapping[str, Any]]) -> dict[tuple[int, str], Any]:
        """ROMs that were found again under another id, by platform and file name."""
        names = [(row["platform_id"], row["fs_name"]) for row in rows]
        columns = [ROMS.c.id, ROMS.c.platform_id, ROMS.c.fs_name]
        columns += [ROMS.c[name] for name in ON_DISK]
        twins = {}
        for start in range(0, len(names), CHUNK):
            chosen = tuple_(ROMS.c.platform_id, ROMS.c.fs_name).in_(names[start : start + CHUNK])
            for row in self.session.execute(select(*columns).where(chosen)).mappings():
                twins[row["platform_id"], row["fs_name"]] = row
        return twins

    def _take_over(self, pairs: Sequence[Mapping[str, int]]) -> None:
        """Give all that belongs to the twins to the ROMs, and remove the twins."""
        if not pairs:
            return
        for column in list_references(ROMS):
            name = column.table.name
            moved = [pair for pair in pairs if not self._stays_behind(name, pair["item"])]
            statement = update(column.table).where(column == bindparam("twin"))
            statement = statement.values({column.name: bindparam("rom")})
            if moved:
                given = [{"twin": pair["twin"], "rom": pair["rom"]} for pair in moved]
                self.session.connection().execute(statement, given)
        hand_on_rules(self.session, Entity.ROMS, {pair["twin"]: pair["rom"] for pair in pairs})
        service.remove_rows(self.session, ROMS, [pair["twin"] for pair in pairs])

    def _stays_behind(self, table: str, item: int) -> bool:
        """Whether a twin's rows of a table go with it, since those that were kept count."""
        if table == ROM_FILES.name:
            return item in self.with_files
        return table in PROVIDED and table in self.kept[item].rows

    def _put_files(self, owned: Sequence[Owned]) -> None:
        """Files that are there under other ids are the same ones."""
        columns = (ROM_FILES.c.rom_id, ROM_FILES.c.file_path, ROM_FILES.c.file_name)
        wanted = {(row["rom_id"],) for _, row in owned}
        found = _find(self.session, (ROM_FILES.c.rom_id,), wanted, *columns[1:], ROM_FILES.c.id)
        there = {row[:3]: row[3] for row in found}
        new = []
        for each in owned:
            place = tuple(each.row[column.name] for column in columns)
            if place in there:
                self.ids[ROM_FILES.name][each.row["id"]] = there[place]
            else:
                new.append(each)
        self._put(ROM_FILES, new)

    def _put_firmware(self, owned: Sequence[Owned]) -> None:
        """A file that is known already is what was kept of it."""
        columns = (FIRMWARE.c.platform_id, FIRMWARE.c.file_name)
        found = _find(self.session, columns, _values(columns, owned), FIRMWARE.c.id)
        there = {row[:2]: row[2] for row in found}
        changed = []
        new = []
        for each in owned:
            place = tuple(each.row[column.name] for column in columns)
            if place in there:
                changed.append({**each.row, "id": there[place]})
            else:
                new.append(each)
        service.change_firmware(self.session, changed)
        self._put(FIRMWARE, new)

    def _link(self) -> None:
        """Let rows that had lost a reference have it again, if they have not got another."""
        links: dict[Column[Any], list[Mapping[str, Any]]] = defaultdict(list)
        for kept in self.kept.values():
            for name, of_table in kept.links.items():
                for link in of_table:
                    table = METADATA.tables.get(name)
                    if table is not None and link["column"] in table.c:
                        links[table.c[link["column"]]].append(link)
        for column, of_column in links.items():
            self._link_one(column, of_column)

    def _link_one(self, column: Column[Any], links: Sequence[Mapping[str, Any]]) -> None:
        (reference,) = column.foreign_keys
        known = self.ids[reference.column.table.name]
        values = [known.get(link["value"], link["value"]) for link in links]
        there = set(_find(self.session, (reference.column,), {(value,) for value in values}))
        keys = [each == bindparam(f"key_{each.name}") for each in column.table.primary_key]
        statement = update(column.table).where(column.is_(None), *keys)
        given = [
            {"value": value, **{f"key_{name}": each for name, each in link["key"].items()}}
            for link, value in zip(links, values, strict=True)
            if (value,) in there
        ]
        if given:
            changed = statement.values({column.name: bindparam("value")})
            self.session.connection().execute(changed, given)


def _read_row(table: Table, row: Mapping[str, Any]) -> dict[str, Any]:
    """A row as the table takes it: without columns that it has no more, with moments."""
    columns = table.c
    return {
        name: datetime.fromisoformat(value)
        if isinstance(columns[name].type, Moment) and isinstance(value, str)
        else value
        for name, value in row.items()
        if name in columns
    }


def _list_keys(table: Table) -> list[tuple[Column[Any], ...]]:
    """The sets of columns that no two rows share, the primary key first."""
    keys = [tuple(table.primary_key.columns)]
    keys += [
        tuple(each.columns) for each in table.constraints if isinstance(each, UniqueConstraint)
    ]
    return keys


def _values(key: Iterable[Column[Any]], owned: Sequence[Owned]) -> set[tuple[Any, ...]]:
    names = [column.name for column in key]
    return {tuple(row[name] for name in names) for _, row in owned}


def _find(
    session: Session,
    key: Sequence[Column[Any]],
    values: Collection[tuple[Any, ...]],
    *more: Column[Any],
) -> Iterator[tuple[Any, ...]]:
    """The rows whose key is one of these values: the key and more of their columns."""
    asked = [value for value in values if None not in value]
    for start in range(0, len(asked), CHUNK):
        some = asked[start : start + CHUNK]
        is_one = tuple_(*key).in_(some) if len(key) > 1 else key[0].in_([v for (v,) in some])
        for row in session.execute(select(*key, *more).where(is_one)).all():
            yield tuple(row)


def _fill(current: Mapping[str, Any], before: Mapping[str, Any]) -> dict[str, Any]:
    """What the current row says nothing about and the one before does."""
    return {
        name: value
        for name, value in before.items()
        if current[name] in EMPTY and value not in EMPTY
    }
