"""Who may sit at a socket, and when they have to go."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
import socketio.exceptions

from tests.features.live.conftest import MAIN, NETPLAY, PASSWORD, House, play


@contextmanager
def log_in(house: House, user: str) -> Iterator[httpx.Client]:
    """A browser: it has cookies and no header."""
    with house.http(None) as client:
        client.get("/api/heartbeat")
        token = {"x-csrftoken": client.cookies["romm_csrftoken"]}
        client.post("/api/login", auth=(user, PASSWORD), headers=token).raise_for_status()
        client.get("/api/users/me").raise_for_status()
        yield client


def cookie(client: httpx.Client) -> dict[str, str]:
    return {"Cookie": f"romm_session={client.cookies['romm_session']}"}


def log_out(client: httpx.Client) -> None:
    token = {"x-csrftoken": client.cookies["romm_csrftoken"]}
    client.post("/api/logout", headers=token).raise_for_status()


def sits_as(house: House, user: str, options: dict[str, Any]) -> bool:
    """Whether a socket is told what is for this user alone."""
    found: list[Any] = []

    async def scenario() -> None:
        async with house.listen("root") as root, house.listen(None, **options) as ear:
            with house.http() as client:
                client.put(
                    f"/api/permissions/users/{house.ids[user]}", json={"max_age": None}
                ).raise_for_status()
            change = {"max_age": 99}
            with house.http() as client:
                client.put(f"/api/permissions/users/{house.ids[user]}", json=change)
            await root.hear("permissions:changed")
            await ear.ask("scan:stop")
            await ear.hear("scan:done_ko")
            found.extend(ear.told("permissions:changed"))

    play(scenario())
    return {"user_id": house.ids[user]} in found


def test_a_session_cookie_speaks_for_its_user(house: House) -> None:
    with log_in(house, "ann") as client:
        assert sits_as(house, "ann", {"headers": cookie(client)})


def test_a_token_speaks_for_its_user(house: House) -> None:
    form = {"grant_type": "password", "username": "bob", "password": PASSWORD}
    with house.http(None) as client:
        word = client.post("/api/token", data=form).raise_for_status().json()["access_token"]
    assert sits_as(house, "bob", {"headers": {"Authorization": f"Bearer {word}"}})


def test_a_client_token_speaks_for_its_user_over_polling(house: House) -> None:
    body = {"name": "reader", "scopes": ["me.read", "roms.read"], "expires_in": "never"}
    with house.http("ann") as client:
        answer = client.post("/api/client-tokens", json=body)
    assert answer.is_success, answer.text
    header = {"Authorization": f"Bearer {answer.json()['raw_token']}"}
    assert sits_as(house, "ann", {"headers": header, "transports": ["polling"]})


def test_a_page_of_another_origin_does_not_speak_for_who_is_logged_in(house: House) -> None:
    with log_in(house, "ann") as client:
        headers = {**cookie(client), "Origin": "http://elsewhere.example"}
        assert not sits_as(house, "ann", {"headers": headers})
        assert sits_as(house, "ann", {"headers": {**headers, "Origin": house.url}})


def test_strangers_sit_there_and_hear_nothing(house: House) -> None:
    assert not sits_as(house, "ann", {})


@pytest.mark.parametrize("path", [MAIN, f"{MAIN}/", NETPLAY, f"{NETPLAY}/"])
def test_a_bad_credential_is_refused(house: House, path: str) -> None:
    async def scenario() -> None:
        headers = {"Authorization": "Bearer rmm_0000"}
        with pytest.raises(socketio.exceptions.ConnectionError):
            async with house.listen(None, path, headers=headers):
                pass

    play(scenario())


@pytest.mark.parametrize("path", [MAIN, f"{MAIN}/"])
def test_the_path_is_found_with_and_without_a_slash(house: House, path: str) -> None:
    query = {"EIO": "4", "transport": "polling"}
    with house.http(None) as client:
        assert client.get(path, params=query).text.startswith("0{")
        assert client.get("/ws/elsewhere", params=query).status_code == 404


def test_logging_out_closes_the_socket(house: House) -> None:
    async def scenario() -> None:
        with log_in(house, "ann") as client, log_in(house, "bob") as other:
            async with (
                house.listen(None, headers=cookie(client)) as ear,
                house.listen(None, headers=cookie(other)) as stays,
            ):
                log_out(client)
                await ear.end()
                await stays.ask("scan:stop")

    play(scenario())


def test_a_disabled_user_loses_all_sockets(house: House) -> None:
    async def scenario() -> None:
        async with house.listen("bob") as ear, house.listen("bob", NETPLAY) as player:
            with house.http() as client:
                path = f"/api/users/{house.ids['bob']}"
                client.put(path, data={"enabled": "false"}).raise_for_status()
                await ear.end()
                await player.end()
                client.put(path, data={"enabled": "true"}).raise_for_status()

    play(scenario())


def test_rights_that_change_are_told_to_those_concerned(house: House) -> None:
    async def scenario() -> None:
        async with house.listen() as root, house.listen("ann") as ann, house.listen("bob") as bob:
            with house.http() as client:
                path = f"/api/permissions/users/{house.ids['ann']}"
                client.put(path, json={"max_age": 12}).raise_for_status()
                client.put(path, json={"max_age": None}).raise_for_status()
            assert await ann.hear("permissions:changed") == {"user_id": house.ids["ann"]}
            await root.hear("permissions:changed")
            assert bob.heard == []

    play(scenario())


def test_the_log_is_told_to_administrators(house: House, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")

    async def scenario() -> None:
        async with house.listen() as root, house.listen("ann") as ann:
            with house.http() as client:
                path = f"/api/users/{house.ids['bob']}"
                client.put(path, data={"password": "another horse"}).raise_for_status()
                client.put(path, data={"password": PASSWORD}).raise_for_status()
            line = await root.hear("logs:entry")
            assert list(line) == ["ts", "level", "module", "message"]
            assert ann.heard == []

    play(scenario())


def test_what_is_logged_about_sending_is_not_sent(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")

    async def scenario() -> None:
        async with house.listen() as root:
            logging.getLogger("lent").debug("in detail")
            for _ in range(3):
                await root.ask("scan", {"type": "sideways"})
            await root.until(lambda _: "lent" in {e["module"] for e in root.told("logs:entry")})
            assert any(record.name.startswith("uvicorn") for record in caplog.records)
            modules = {line["module"].partition(".")[0] for line in root.told("logs:entry")}
            assert modules.isdisjoint({"uvicorn", "websockets", "socketio", "engineio"})

    play(scenario())
