"""Two servers on one database and one Redis: what happens at one is told at both."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from starlette.types import ASGIApp

from romm_lite.app import open_worker
from romm_lite.db.entries import open_entries
from romm_lite.features.accounts.middleware import Identify
from romm_lite.features.accounts.service import Accounts
from romm_lite.features.live.server import Live
from romm_lite.kernel.events import Bus
from romm_lite.tables.platforms import Platform
from romm_lite.tables.roms import Rom
from romm_lite.web.table import OperationTable
from tests.conftest import absent
from tests.features.live.conftest import House, answering, make_house, play

REDIS = os.environ.get("TEST_REDIS_URL", "redis://127.0.0.1:6379/9")


@pytest.fixture
def houses(tmp_path: Path, migrated_file: Path) -> Iterator[tuple[House, House]]:
    try:
        with redis.Redis.from_url(REDIS) as client:
            client.ping()
    except redis.ConnectionError as error:
        absent(f"Redis is not running at {REDIS}: {error}")
    first = make_house(tmp_path, migrated_file, romm_redis_url=REDIS)
    second = House(first.settings, first.database, ids=first.ids)
    with answering(make_sockets(first)) as first.url, answering(make_sockets(second)) as second.url:
        yield first, second
    first.database.close()


def make_sockets(house: House) -> ASGIApp:
    """A server of sockets alone."""
    entries = open_entries(house.database, REDIS)
    accounts = Accounts.open(house.settings, house.database, entries)
    live = Live(house.settings, house.database, accounts, Bus())
    return Identify(live.beside(OperationTable((), {})), accounts)


def test_what_happens_at_one_server_is_told_at_the_other(houses: tuple[House, House]) -> None:
    here, there = houses
    with here.database.write() as session:
        platform = Platform(slug="snes", fs_slug="snes", name="SNES")
        session.add(platform)
        session.flush()
        names = ("fs_name", "fs_name_no_tags", "fs_name_no_ext", "name", "name_sort_key")
        values: dict[str, Any] = dict.fromkeys(names, "Moss")
        rom = Rom(platform_id=platform.id or 0, fs_path="roms/snes", **values)
        session.add(rom)
        session.flush()
        rom_id = rom.id

    async def scenario() -> None:
        async with here.listen("ann") as ann, there.listen("bob") as bob, there.listen(None) as no:
            await ann.ask("activity:start", {"rom_id": rom_id, "device_id": "web"})
            assert (await bob.hear("activity:update"))["username"] == "ann"
            await ann.ask("activity:stop")
            await bob.hear("activity:clear")
            assert no.heard == []

    play(scenario())


def test_what_a_worker_scans_is_told_at_servers(houses: tuple[House, House]) -> None:
    here, there = houses
    here.put("roms/snes/Moss.sfc")

    async def scenario() -> None:
        async with here.listen() as root, there.listen("bob") as bob:
            await root.ask("scan", {"type": "quick"})
            for ear in (root, bob):
                assert (await ear.hear("scan:done"))["new_roms"] == 1
                assert ear.heard[0][0] == "scan:update_stats"
                named = [rom["fs_name"] for rom in ear.told("scan:scanning_rom")]
                assert named == ["Moss.sfc", "Moss.sfc"]

    with open_worker(here.settings):
        play(scenario())
