"""Behind a proxy: who is counted, who is noted, and who may make the first account."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.e2e.conftest import WAIT, WHO, Home, NewHome, Server, make_home

PROXY, STRANGER = "127.0.0.2", "127.0.0.3"
NEW = {"username": WHO[0], "email": "", "password": WHO[1], "role": "admin"}


@contextmanager
def come_from(peer: str, server: Server, **headers: str) -> Iterator[httpx.Client]:
    """A client whose connections begin at one of this machine's own addresses."""
    transport = httpx.HTTPTransport(local_address=peer)
    with httpx.Client(
        transport=transport, base_url=server.url, timeout=WAIT, headers=headers
    ) as client:
        yield client


@pytest.fixture(scope="module")
def home(new_home: NewHome) -> Home:
    return new_home(ROMM_TRUSTED_PROXIES=f"{PROXY}/32, 10.0.0.0/8", ROMM_LOGIN_ATTEMPTS="2")


@pytest.fixture(scope="module")
def behind(home: Home) -> Iterator[Server]:
    with home.serve() as server:
        yield server
    assert "Traceback" not in server.log.read_text()


def log_in(server: Server, peer: str, chain: str, password: str = WHO[1]) -> int:
    with come_from(peer, server, **{"X-Forwarded-For": chain}) as client:
        return client.post("/api/login", auth=(WHO[0], password)).status_code


def read_addresses(data: Path) -> set[str]:
    """Of the browsers that logged in."""
    database = sqlite3.connect(f"file:{data / 'romm_lite.db'}?mode=ro", uri=True)
    try:
        return {address for (address,) in database.execute("SELECT ip_address FROM devices")}
    finally:
        database.close()


def test_a_proxy_tells_where_somebody_logs_in(behind: Server, home: Home) -> None:
    assert log_in(behind, PROXY, "127.0.0.1, 203.0.113.9, 10.0.0.7") == 200
    assert read_addresses(home.data) >= {"203.0.113.9"}
    assert not read_addresses(home.data) & {"127.0.0.1", "10.0.0.7", PROXY}


def test_anybody_else_does_not(behind: Server, home: Home) -> None:
    assert log_in(behind, STRANGER, "203.0.113.77") == 200
    assert STRANGER in read_addresses(home.data)
    assert "203.0.113.77" not in read_addresses(home.data)


def guess(server: Server, peer: str, *chains: str) -> list[int]:
    """What wrong passwords are answered; pauses double, so that some come too early."""
    return [log_in(server, peer, chain, "wrong") for chain in chains]


def test_who_guesses_behind_a_proxy_is_stopped_alone(behind: Server) -> None:
    made_up = [f"198.51.100.{number}, 203.0.113.66" for number in range(8)]
    assert 429 in guess(behind, PROXY, *made_up)
    assert guess(behind, PROXY, "203.0.113.67") == [401]


def test_who_makes_addresses_up_is_stopped_too(behind: Server) -> None:
    made_up = [f"198.51.100.{number}" for number in range(8)]
    assert 429 in guess(behind, "127.0.0.9", *made_up)


@contextmanager
def unclaimed(folder: Path) -> Iterator[Server]:
    """A server that waits for its first account."""
    with make_home(folder, ROMM_TRUSTED_PROXIES=PROXY).serve() as server:
        yield server


def claim(server: Server, peer: str, **headers: str) -> int:
    """What an attempt at the first account is answered."""
    with come_from(peer, server, Host="localhost", **headers) as client:
        client.get("/api/heartbeat").raise_for_status()
        client.headers["x-csrftoken"] = client.cookies["romm_csrftoken"]
        return client.post("/api/users", json=NEW).status_code


@pytest.fixture(scope="module")
def open_door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with unclaimed(tmp_path_factory.mktemp("unclaimed")) as server:
        yield server


@pytest.mark.parametrize("peer", [PROXY, STRANGER])
@pytest.mark.parametrize("chain", ["127.0.0.1", "::1", "203.0.113.9, 127.0.0.1", ""])
def test_nobody_behind_a_proxy_sits_at_this_machine(
    open_door: Server, peer: str, chain: str
) -> None:
    assert claim(open_door, peer, **{"X-Forwarded-For": chain}) == 403


def test_not_even_when_the_proxy_tells_nothing(open_door: Server) -> None:
    assert claim(open_door, PROXY) == 403


def test_whoever_does_makes_the_first_account(tmp_path: Path) -> None:
    with unclaimed(tmp_path) as server:
        assert claim(server, STRANGER) == 201
