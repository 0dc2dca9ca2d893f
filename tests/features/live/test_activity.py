"""Who plays what: told over sockets and asked over HTTP."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import delete

from romm_lite.kernel.scopes import Entity
from romm_lite.tables.permissions import HIDDEN_ENTITIES, HiddenEntity
from romm_lite.tables.platforms import Platform
from romm_lite.tables.roms import Rom
from romm_lite.tables.system import ENTRIES
from tests.features.live.conftest import House, play


@pytest.fixture(scope="module")
def moss(house: House) -> int:
    with house.database.write() as session:
        platform = Platform(slug="snes", fs_slug="snes", name="SNES", custom_name="Super")
        session.add(platform)
        session.flush()
        names = ("fs_name", "fs_name_no_tags", "fs_name_no_ext", "name", "name_sort_key")
        values: dict[str, Any] = dict.fromkeys(names, "Moss")
        rom = Rom(platform_id=platform.id or 0, fs_path="roms/snes", **values)
        session.add(rom)
        session.flush()
        assert rom.id is not None
        return rom.id


@pytest.fixture(autouse=True)
def nobody_plays(house: House) -> Iterator[None]:
    yield
    with house.database.write() as session:
        session.execute(delete(ENTRIES).where(ENTRIES.c.owner == "activity"))
        session.execute(delete(HIDDEN_ENTITIES))


def active(house: House, user: str = "root", path: str = "") -> Any:
    with house.http(user) as client:
        answer = client.get(f"/api/activity{path}")
    assert answer.status_code == 200
    return answer.json()


def device(house: House, user: str, name: str) -> str:
    with house.http(user) as client:
        made = client.post("/api/devices", json={"name": name, "client": "argosy"})
    found: str = made.raise_for_status().json()["device_id"]
    return found


def test_playing_is_told_renewed_and_stopped_over_a_socket(house: House, moss: int) -> None:
    async def scenario() -> None:
        async with house.listen() as root, house.listen("ann") as ann:
            await ann.ask("activity:start", {"rom_id": moss, "device_id": "web", "user_id": 1})
            told = await root.hear("activity:update")
            assert told == {
                "rom_id": moss,
                "rom_name": "Moss",
                "rom_cover_path": "",
                "screenshot_path": "",
                "platform_slug": "snes",
                "platform_name": "Super",
                "user_id": house.ids["ann"],
                "username": "ann",
                "avatar_path": "",
                "device_id": "web",
                "device_type": "web",
                "started_at": told["started_at"],
            }
            await ann.ask("activity:heartbeat", {"rom_id": moss, "device_id": "web"})
            await root.until(lambda _: len(root.told("activity:update")) == 2)
            assert root.told("activity:update")[1] == told
            assert await asyncio.to_thread(active, house) == [told]
            await ann.ask("activity:stop")
            gone = {"user_id": house.ids["ann"], "device_id": "web", "rom_id": moss}
            assert await root.hear("activity:clear") == gone
            assert await asyncio.to_thread(active, house) == []

    play(scenario())


def test_whoever_leaves_no_longer_plays(house: House, moss: int) -> None:
    async def scenario() -> None:
        async with house.listen() as root:
            async with house.listen("ann") as ann:
                await ann.ask("activity:start", {"rom_id": moss, "device_id": "web"})
            await root.hear("activity:clear")

    play(scenario())


@pytest.mark.parametrize(
    "payload", [{"rom_id": 999, "device_id": "web"}, {"rom_id": "1"}, {}, None, {"rom_id": True}]
)
def test_what_makes_no_sense_is_ignored(house: House, moss: int, payload: Any) -> None:
    async def scenario() -> None:
        async with house.listen("ann") as ann, house.listen(None) as nobody:
            await ann.ask("activity:start", payload)
            await ann.ask("activity:start", {"rom_id": moss, "device_id": "not-mine"})
            await nobody.ask("activity:start", {"rom_id": moss, "device_id": "web"})
            assert await asyncio.to_thread(active, house) == []

    play(scenario())


def test_devices_tell_over_http(house: House, moss: int) -> None:
    mine, theirs = device(house, "ann", "handheld"), device(house, "bob", "other")
    with house.http("ann") as client:
        path = "/api/activity/heartbeat"
        told = client.post(path, json={"rom_id": moss, "device_id": mine}).raise_for_status().json()
        assert (told["device_id"], told["device_type"]) == (mine, "argosy")
        again = client.post(path, json={"rom_id": moss, "device_id": mine}).json()
        assert again == told
        answer = client.post(path, json={"rom_id": moss, "device_id": theirs})
        assert answer.json() == {"detail": f"Device {theirs} not found for this user"}
        answer = client.post(path, json={"rom_id": 999, "device_id": mine})
        assert (answer.status_code, answer.json()) == (404, {"detail": "ROM 999 not found"})
        assert client.post(path, json={"rom_id": 0, "device_id": mine}).status_code == 422
        assert active(house, "bob") == active(house, "bob", f"/rom/{moss}") == [told]
        assert active(house, "bob", "/rom/999") == []
        for _ in range(2):
            assert client.delete(path, params={"device_id": mine}).status_code == 204
    assert active(house) == []


def test_hidden_roms_are_not_told_of(house: House, moss: int) -> None:
    with house.database.write() as session:
        hidden: dict[str, Any] = {"entity": Entity.ROMS, "entity_id": moss}
        session.add(HiddenEntity(user_id=house.ids["bob"], **hidden))

    async def scenario() -> None:
        async with house.listen() as root, house.listen("bob") as bob, house.listen("ann") as ann:
            await bob.ask("activity:start", {"rom_id": moss, "device_id": "web"})
            await ann.ask("activity:start", {"rom_id": moss, "device_id": "web"})
            await ann.ask("activity:stop", {"device_id": "web"})
            await root.hear("activity:clear")
            assert {told["username"] for told in root.told("activity:update")} == {"ann"}
            assert bob.heard == []

    play(scenario())


def test_what_is_not_renewed_ends(house: House, moss: int) -> None:
    mine = device(house, "ann", "handheld")
    with house.http("ann") as client:
        client.post("/api/activity/heartbeat", json={"rom_id": moss, "device_id": mine})
    with house.database.write() as session:
        session.execute(ENTRIES.update().where(ENTRIES.c.owner == "activity").values(expires_at=1))
    assert active(house) == []
