"""What the migrations build is what the tables say, on every database."""

from collections.abc import Iterator
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Table, inspect, text
from sqlalchemy.dialects import mysql
from sqlalchemy.schema import CreateTable

from romm_lite.db.engine import Database
from romm_lite.tables.base import ENGINE
from romm_lite.tables.schema import METADATA

SQLITE_ALONE = {"ix_roms_search_text"}
SEARCH = ("roms_text", "roms_words", "roms_vocabulary", "ix_roms_search_text_trigrams")
"""What a search reads: an index that not every database has, and its own tables."""
"""Indexes that other databases do not have."""


def test_migrations_build_what_the_tables_say(every_database: Database) -> None:
    elsewhere = set() if every_database.engine.dialect.name == "sqlite" else SQLITE_ALONE

    def is_wanted(_item: Any, name: str | None, *_: Any) -> bool:
        return name not in elsewhere and not (name or "").startswith(SEARCH)

    with every_database.engine.connect() as connection:
        options = {"compare_type": True, "include_object": is_wanted}
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, METADATA) == []


def test_keys_constraints_and_references_have_the_names_of_the_tables(
    every_database: Database,
) -> None:
    inspector = inspect(every_database.engine)
    kind = every_database.engine.dialect.name
    for table in METADATA.sorted_tables:
        uniques = {item["name"] for item in inspector.get_unique_constraints(table.name)}
        references = {
            (item["name"], tuple(item["constrained_columns"]), item["options"].get("ondelete"))
            for item in inspector.get_foreign_keys(table.name)
        }
        assert uniques == {str(c.name) for c in table.constraints if c.name and is_unique(c)}
        assert references == set(wanted_references(table))
        if kind != "mariadb":  # it calls every primary key PRIMARY
            assert inspector.get_pk_constraint(table.name)["name"] == wanted_key(table, kind)


def is_unique(constraint: Any) -> bool:
    return bool(constraint.__visit_name__ == "unique_constraint")


def wanted_references(table: Table) -> Iterator[tuple[str, tuple[str, ...], str]]:
    for constraint in table.foreign_key_constraints:
        assert constraint.ondelete
        yield str(constraint.name), tuple(constraint.column_keys), constraint.ondelete


def wanted_key(table: Table, kind: str) -> str | None:
    counted = kind == "sqlite" and [c.name for c in table.primary_key] == ["id"]
    text_key = table.name in ("devices", "task_runs")
    return None if counted and not text_key else str(table.primary_key.name)


def test_no_column_has_a_default_in_the_database_alone(every_database: Database) -> None:
    inspector = inspect(every_database.engine)
    for table in METADATA.sorted_tables:
        for column in inspector.get_columns(table.name):
            default = column["default"]
            assert default is None or default.startswith("nextval("), (table.name, column["name"])


def test_sqlite_tables_are_stored_as_the_tables_say(database: Database) -> None:
    with database.read() as session:
        rows = session.execute(text("SELECT name, sql FROM sqlite_schema WHERE type = 'table'"))
        built = dict(rows.all())
    for table in METADATA.sorted_tables:
        sql = " ".join(built[table.name].split())
        wanted = " ".join(str(CreateTable(table).compile(database.engine)).split())
        assert ("AUTOINCREMENT" in sql) == ("AUTOINCREMENT" in wanted), table.name
        assert sql.endswith("WITHOUT ROWID") == wanted.endswith("WITHOUT ROWID"), table.name


@pytest.mark.parametrize("every_database", ["postgresql"], indirect=True)
def test_postgresql_sorts_by_code_point_where_the_tables_say(every_database: Database) -> None:
    query = text(
        "SELECT table_name, column_name FROM information_schema.columns "
        "WHERE table_schema = 'public' AND collation_name = 'C'"
    )
    with every_database.read() as session:
        built = set(session.execute(query))
    dialect = every_database.engine.dialect
    wanted = {
        (table.name, column.name)
        for table in METADATA.sorted_tables
        for column in table.columns
        if getattr(column.type.dialect_impl(dialect), "collation", None) == "C"
    }
    assert built == wanted
    assert ("roms", "name_sort_key") in wanted


@pytest.mark.parametrize("every_database", ["mariadb"], indirect=True)
def test_mariadb_compares_every_text_exactly(every_database: Database) -> None:
    query = text(
        "SELECT table_name, column_name, collation_name FROM information_schema.columns "
        "WHERE table_schema = DATABASE() AND collation_name IS NOT NULL"
    )
    with every_database.read() as session:
        rows = session.execute(query).all()
    others = [row for row in rows if row[0] != "alembic_version" and row[2] != "utf8mb4_nopad_bin"]
    assert rows
    assert others == []


def test_mysql_gets_its_own_words() -> None:
    sql = str(CreateTable(METADATA.tables["roms"]).compile(dialect=mysql.dialect()))
    assert "DATETIME(6)" in sql
    assert "LONGTEXT" in sql
    assert f"COLLATE {ENGINE['mysql_collate']}" in sql


def test_every_installation_starts_with_two_groups(every_database: Database) -> None:
    groups = text("SELECT id, name, color FROM permission_groups WHERE is_system ORDER BY id")
    default = text("SELECT id FROM permission_groups WHERE is_default")
    grants = text("SELECT group_id, entity, action, own_only FROM permission_group_grants")
    with every_database.read() as session:
        assert session.execute(groups).all() == [
            (1, "Viewer (legacy)", "#3b82f6"),
            (2, "Editor (legacy)", "#f59e0b"),
        ]
        assert session.execute(default).scalars().all() == [1]
        found = {(row[0], row[1], row[2], bool(row[3])) for row in session.execute(grants)}
    seen = ("roms", "platforms", "firmware", "collections", "playlists", "assets")
    own = ("collections", "playlists", "assets")
    viewer = {(entity, "read", False) for entity in seen}
    viewer |= {(entity, action, True) for entity in own for action in ("write", "delete")}
    viewer |= {("devices", action, True) for action in ("read", "write", "delete")}
    edited = {(e, action, False) for e in seen[:3] for action in ("write", "delete")}
    assert found == {(1, *grant) for grant in viewer} | {(2, *grant) for grant in viewer | edited}


def test_the_library_starts_at_version_one(every_database: Database) -> None:
    with every_database.read() as session:
        rows = session.execute(text("SELECT name, number FROM versions")).all()
    assert rows == [("library", 1)]
