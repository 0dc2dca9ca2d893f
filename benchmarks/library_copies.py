"""Makes a library large: the database copies the rows it has, many times as fast as new ones."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Insert,
    Integer,
    String,
    Table,
    cast,
    func,
    insert,
    select,
    text,
)

from romm_lite.db import versions
from romm_lite.db.engine import Database
from romm_lite.tables.files import ROM_FILES
from romm_lite.tables.platforms import PLATFORMS
from romm_lite.tables.roms import ROM_FACETS, ROM_METADATA, ROM_SOURCES, ROMS

MOST = 26
NAMED = ("fs_name", "fs_name_no_tags", "fs_name_no_ext")
HASHED = ("crc_hash", "md5_hash", "sha1_hash")
MORE_MEMORY = "PRAGMA cache_size = -1000000"
"""For SQLite, to change indexes all over the place before it writes them."""
Changes = Mapping[str, ColumnElement[Any]]


def multiply(database: Database, times: int) -> None:
    """Make ``times`` as many ROMs of those that are there, at most ``MOST``.

    A copy is another game on another platform: names, hashes and ids at providers are its own.
    """
    with database.read() as session:
        roms = session.scalar(select(func.max(ROMS.c.id))) or 0
        platforms = session.scalar(select(func.max(PLATFORMS.c.id))) or 1
    for number in range(1, times):
        with database.write() as session:
            if database.engine.dialect.name == "sqlite":
                session.execute(text(MORE_MEMORY))
            for table in (ROMS, ROM_SOURCES, ROM_METADATA, ROM_FILES, ROM_FACETS):
                session.execute(_copy(table, number, roms, platforms))
            versions.bump(session, versions.LIBRARY)


def _copy(table: Table, number: int, roms: int, platforms: int) -> Insert:
    """The rows of the first ``roms`` ROMs for the copy of this number."""
    rom_id = table.c.id if table is ROMS else table.c.rom_id
    changes: dict[str, ColumnElement[Any]] = {rom_id.name: rom_id + number * roms}
    if "platform_id" in table.c:
        changes["platform_id"] = (table.c.platform_id + number - 1) % platforms + 1
    if table is ROMS:
        changes |= _rename(number)
    if table is ROM_SOURCES:
        external_id = cast(table.c.external_id, Integer) + number * roms
        changes["external_id"] = cast(external_id, String(20))
    columns = [each for each in table.c if each.name in changes or each.name != "id"]
    query = select(*(changes.get(each.name, each) for each in columns))
    return insert(table).from_select(columns, query.where(rom_id <= roms))


def _rename(number: int) -> Changes:
    """Names begin as they did; so pages by name are made of rows from everywhere."""
    rom, word = ROMS.c, f"Volume {chr(ord('A') + number - 1)}"
    name = rom.name + f" {word}"
    names = {each: name + func.substr(rom[each], func.length(rom.name) + 1) for each in NAMED}
    hashes = {each: f"{number:02x}" + func.substr(rom[each], 3) for each in HASHED}
    return {
        **names,
        **hashes,
        "name": name,
        "name_sort_key": rom.name_sort_key + f" {word.lower()}",
        "search_text": func.lower(name + "\n" + names["fs_name"]),
        "slug": rom.slug + f"-{word[-1].lower()}",
    }
