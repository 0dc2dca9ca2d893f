"""A kiosk under a sub-path whose log is not to be looked at: what visitors and others hear."""

import asyncio
import logging
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from romm_lite.kernel.scopes import Entity
from romm_lite.tables.permissions import PERMISSION_GROUPS, HiddenEntity
from tests.features.live.conftest import MAIN, NETPLAY, House, make_house, play, serving
from tests.features.live.test_netplay import acknowledged, extra

BELOW = "/romm"


@pytest.fixture(scope="module")
def kiosk(tmp_path_factory: pytest.TempPathFactory, migrated_file: Any) -> Iterator[House]:
    settings = {"kiosk_mode": True, "disable_logs_viewer": True, "romm_root_path": BELOW}
    yield from serving(make_house(tmp_path_factory.mktemp("kiosk"), migrated_file, **settings))


def test_visitors_hear_of_what_they_may_see(kiosk: House) -> None:
    for name in ("Moss.sfc", "Fern.sfc"):
        kiosk.put(f"roms/snes/{name}")

    async def scan(type_: str, hidden: set[str]) -> None:
        path = BELOW + MAIN
        async with kiosk.listen("root", path) as root, kiosk.listen(None, path) as visitor:
            await root.ask("scan", {"type": type_})
            await visitor.hear("scan:done")
            heard = {rom["fs_name"] for rom in visitor.told("scan:scanning_rom")}
            assert heard == {"Moss.sfc", "Fern.sfc"} - hidden
            await visitor.ask("scan")
            assert await visitor.hear("scan:done_ko") == "You are not authorized to run scans"

    play(scan("quick", set()))
    default = select(PERMISSION_GROUPS.c.id).where(PERMISSION_GROUPS.c.is_default.is_(True))
    with kiosk.database.write() as session:
        group = session.scalars(default).one()
        hidden: dict[str, Any] = {"entity": Entity.ROMS, "entity_id": kiosk.rom("Fern.sfc")}
        session.add(HiddenEntity(group_id=group, **hidden))
    play(scan("complete", {"Fern.sfc"}))


def test_visitors_play_together(kiosk: House) -> None:
    async def scenario() -> None:
        async with kiosk.listen(None, BELOW + NETPLAY) as visitor:
            assert await acknowledged(visitor, "open-room", extra("guest", game_id="3")) == ()
            answer = await asyncio.to_thread(
                httpx.get, f"{kiosk.url}{BELOW}/api/netplay/list", params={"game_id": "3"}
            )
            assert list(answer.json()) == ["r1"]

    play(scenario())


@pytest.mark.parametrize("path", [MAIN, NETPLAY])
def test_there_are_no_sockets_outside_the_sub_path(kiosk: House, path: str) -> None:
    query = {"EIO": "4", "transport": "polling"}
    assert httpx.get(f"{kiosk.url}{path}/", params=query).status_code == 404
    assert httpx.get(f"{kiosk.url}{BELOW}{path}/", params=query).text.startswith("0{")


def test_a_log_that_is_not_to_be_looked_at_is_told_to_nobody(kiosk: House) -> None:
    async def scenario() -> None:
        async with kiosk.listen("root", BELOW + MAIN) as root:
            logging.getLogger("lent").warning("something")
            await root.ask("scan", {"type": "sideways"})
            await root.hear("scan:done_ko")
            assert root.names() == ["scan:done_ko"]

    play(scenario())
