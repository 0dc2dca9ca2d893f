"""The cost of a list in statements, on a library made by the generator of the benchmarks."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import event

from benchmarks.library_rows import fill
from romm_lite.features.library.store import Library
from romm_lite.wire.roms import RomPage

from .conftest import Home, as_modelled


@pytest.fixture
def stocked(home: Home) -> Home:
    fill(home.database, roms=300, platforms=3)
    return home


@contextmanager
def counting(home: Home) -> Iterator[list[str]]:
    """Collects the statements made inside."""
    seen: list[str] = []

    def note(_c: object, _cursor: object, statement: str, *_: object) -> None:
        seen.append(statement)

    event.listen(home.database.engine, "before_cursor_execute", note)
    yield seen
    event.remove(home.database.engine, "before_cursor_execute", note)


def test_generated_library_is_one_that_clients_can_read(stocked: Home) -> None:
    answer = stocked.client().get("/api/roms?limit=300&with_files=true")
    page = as_modelled(RomPage, answer)
    assert page["total"] == len(page["items"]) == 300
    assert any(item["sibling_roms"] for item in page["items"])
    assert any(item["igdb_metadata"] for item in page["items"])
    assert len(page["filter_values"]["platforms"]) == 3


def test_same_seed_gives_the_same_library(stocked: Home) -> None:
    first = stocked.client().get("/api/roms?limit=1").json()["items"][0]
    assert first["fs_name"] == "Ancient Empire of Jungle (Japan) (Rev 1).zip"


@pytest.mark.parametrize("group", ["true", "false"])
def test_statements_do_not_grow_with_the_page(stocked: Home, group: str) -> None:
    def count(limit: int) -> int:
        fresh = Home(
            stocked.settings,
            stocked.database,
            stocked.accounts,
            Library(stocked.settings, stocked.database),
        )
        client = fresh.client()
        path = f"/api/roms?limit={limit}&with_files=true&group_by_meta_id={group}"
        client.get("/api/platforms/0")  # whatever a first request costs
        with counting(stocked) as seen:
            assert client.get(path).status_code == 200
        client.close()
        return len(seen)

    assert count(2) == count(250)


def test_second_look_reads_only_what_is_the_users_own(stocked: Home) -> None:
    client = stocked.client()
    client.get("/api/roms")
    with counting(stocked) as seen:
        client.get("/api/roms")
    tables = set(re.findall(r"FROM (\w+)", "\n".join(seen)))
    assert tables >= {"versions", "rom_user", "rom_notes"}
    assert not tables & {"roms", "rom_sources", "rom_facets", "roms_metadata"}
