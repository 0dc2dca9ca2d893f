"""The first account."""

import stat
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import select
from starlette.requests import HTTPConnection

from romm_lite.db.engine import Database
from romm_lite.db.entries import open_entries
from romm_lite.features.accounts.service import Accounts
from romm_lite.features.accounts.setup import comes_from_this_machine, setup_link
from romm_lite.kernel.errors import Unauthenticated
from romm_lite.kernel.paths import Places
from romm_lite.kernel.scopes import Role
from romm_lite.kernel.settings import Settings
from romm_lite.tables.users import USERS
from romm_lite.wire.users import UserCreate
from tests.features.accounts.conftest import AWAY, KEY, LOCAL, PASSWORD, Build, House, csrf

FIRST = {"username": "Owner", "email": "", "password": PASSWORD, "role": "user"}
REQUIRED = {"detail": "Setup token required"}
HERE = "http://localhost:8080"


def claim(
    house: House, peer: tuple[str, int] = LOCAL, base_url: str = HERE, **headers: Any
) -> tuple[int, Any]:
    client = house.client(peer, base_url)
    answer = client.post("/api/users", json=FIRST, headers=csrf(client) | headers)
    return answer.status_code, answer.json()


@pytest.fixture
def unclaimed(build: Build) -> House:
    return build()


@pytest.mark.parametrize(
    ("peer", "base_url"),
    [
        ("127.0.0.1", HERE),
        ("127.8.9.1", "http://127.0.0.1:8080"),
        ("::1", "http://[::1]:8080"),
        ("::ffff:127.0.0.1", "http://LOCALHOST"),
    ],
)
def test_whoever_sits_here_makes_the_first_account(
    unclaimed: House, peer: str, base_url: str
) -> None:
    status, user = claim(unclaimed, (peer, 1), base_url)
    assert (status, user["username"]) == (201, "owner")


def test_the_first_account_is_an_administrator_whatever_it_asks_for(unclaimed: House) -> None:
    _, user = claim(unclaimed)
    assert user["role"] == "admin"
    assert len(user["oauth_scopes"]) == 22


def test_a_fresh_user_has_the_fields_clients_expect(unclaimed: House) -> None:
    _, user = claim(unclaimed)
    assert (user["ra_username"], user["ra_progression"], user["ui_settings"]) == ("", {}, {})
    assert (user["email"], user["avatar_path"], user["enabled"]) == (None, "", True)
    assert user["last_login"] is None


@pytest.mark.parametrize("peer", ["192.0.2.7", "10.0.0.1", "testclient", "::2"])
def test_anybody_else_needs_the_token(unclaimed: House, peer: str) -> None:
    assert claim(unclaimed, (peer, 1)) == (403, REQUIRED)


@pytest.mark.parametrize(
    "header",
    [
        "Forwarded",
        "X-Forwarded-For",
        "X-Forwarded-Host",
        "X-Forwarded-Proto",
        "X-Real-IP",
        "CF-Connecting-IP",
        "Via",
    ],
)
def test_a_proxy_on_this_machine_is_not_whoever_sits_here(unclaimed: House, header: str) -> None:
    assert claim(unclaimed, LOCAL, HERE, **{header: "127.0.0.1"}) == (403, REQUIRED)


@pytest.mark.parametrize("proxies", ["127.0.0.1", "10.0.0.1, 127.0.0.0/8", "::1"])
def test_nor_is_a_named_proxy_that_sends_no_headers(build: Build, proxies: str) -> None:
    house = build(romm_trusted_proxies=proxies)
    peer = ("::1" if proxies == "::1" else "::ffff:127.0.0.1", 1)
    assert claim(house, peer) == (403, REQUIRED)


def test_nor_is_nginx_as_it_comes(unclaimed: House) -> None:
    scope = {"type": "http", "client": LOCAL, "headers": [(b"host", b"127.0.0.1:8080")]}
    for version, expected in (("1.0", False), ("1.1", True)):
        request = HTTPConnection({**scope, "http_version": version})
        assert comes_from_this_machine(unclaimed.settings, request) is expected


@pytest.mark.parametrize(
    "host", ["romm.example", "localhost.evil.example", "192.168.1.2:8080", "["]
)
def test_a_page_lured_to_a_foreign_name_is_not_either(unclaimed: House, host: str) -> None:
    assert claim(unclaimed, Host=host) == (403, REQUIRED)


def test_csrf_holds_for_the_first_account_too(unclaimed: House) -> None:
    answer = unclaimed.client(LOCAL, HERE).post("/api/users", json=FIRST)
    assert answer.text == "CSRF token verification failed"


@pytest.mark.parametrize("how", ["header", "query"])
def test_the_token_opens_the_door_once(unclaimed: House, how: str) -> None:
    token = unclaimed.accounts.prepare_setup()
    assert token is not None
    client = unclaimed.client(AWAY)
    headers = csrf(client)
    query = {"setup_token": token} if how == "query" else {}
    if how == "header":
        headers["X-Setup-Token"] = token
    answer = client.post("/api/users", json=FIRST, headers=headers, params=query)
    assert answer.status_code == 201
    assert not unclaimed.settings.places.setup_token.exists()
    second = client.post("/api/users", json=FIRST | {"username": "two"}, headers=headers)
    assert (second.status_code, second.json()) == (401, {"detail": "Not authenticated"})


@pytest.mark.parametrize("token", ["", "wrong", "é"])
def test_a_wrong_token_opens_nothing(unclaimed: House, token: str) -> None:
    unclaimed.accounts.prepare_setup()
    client = unclaimed.client(AWAY)
    query = {"setup_token": token}
    answer = client.post("/api/users", json=FIRST, headers=csrf(client), params=query)
    assert (answer.status_code, answer.json()) == (403, REQUIRED)


def test_without_a_kept_token_none_fits(unclaimed: House) -> None:
    assert claim(unclaimed, AWAY, **{"X-Setup-Token": ""}) == (403, REQUIRED)


def test_the_door_can_be_left_open(build: Build) -> None:
    house = build(romm_setup_token="none")
    assert house.accounts.prepare_setup() is None
    assert claim(house, AWAY, "http://romm.example")[0] == 201


def test_a_refused_first_account_leaves_the_token(unclaimed: House) -> None:
    token = unclaimed.accounts.prepare_setup()
    client = unclaimed.client(AWAY)
    headers = csrf(client) | {"X-Setup-Token": token or ""}
    answer = client.post("/api/users", json=FIRST | {"password": "x"}, headers=headers)
    assert answer.status_code == 400
    assert unclaimed.settings.places.setup_token.exists()


def test_the_token_is_for_the_owner_of_the_folder_alone(unclaimed: House) -> None:
    token = unclaimed.accounts.prepare_setup()
    path = unclaimed.settings.places.setup_token
    assert path.read_text().strip() == token
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_the_token_stays_the_same_until_it_is_used(unclaimed: House) -> None:
    assert unclaimed.accounts.prepare_setup() == unclaimed.accounts.prepare_setup()


def test_there_is_no_token_once_there_is_an_administrator(unclaimed: House) -> None:
    unclaimed.accounts.prepare_setup()
    unclaimed.add("root", Role.ADMIN)
    assert unclaimed.accounts.prepare_setup() is None
    assert not unclaimed.settings.places.setup_token.exists()


def test_plain_users_alone_do_not_close_the_door(unclaimed: House) -> None:
    unclaimed.add("ann")
    status, user = claim(unclaimed)
    assert (status, user["role"]) == (201, "admin")


def test_two_at_once_make_one_administrator(unclaimed: House) -> None:
    def go(name: str) -> int:
        client = unclaimed.client(LOCAL, HERE)
        body = FIRST | {"username": name, "role": "admin"}
        return client.post("/api/users", json=body, headers=csrf(client)).status_code

    with ThreadPoolExecutor(2) as pool:
        answers = sorted(pool.map(go, ["first", "second"]))
    assert answers == [201, 401]


def test_every_database_makes_one_administrator_of_two(
    every_database: Database, places: Places
) -> None:
    settings = Settings.model_validate({"romm_base_path": places.data, "romm_auth_secret_key": KEY})
    accounts = Accounts.open(settings, every_database, open_entries(every_database, None))

    def go(name: str) -> bool:
        try:
            new = UserCreate(username=name, email="", password=PASSWORD, role="user")
            accounts.create_first(new)
        except Unauthenticated:
            return False
        return True

    with ThreadPoolExecutor(2) as pool:
        made = sorted(pool.map(go, ["first", "second"]))
    assert made == [False, True]
    with every_database.read() as session:
        assert list(session.scalars(select(USERS.c.role))) == ["admin"]


def test_the_link_names_this_machine_in_its_network() -> None:
    link = setup_link(Settings.model_validate({"romm_root_path": "/games"}), "abc", 9000)
    host, _, rest = link.removeprefix("http://").partition(":")
    assert host not in ("", "0.0.0.0")
    assert rest == "9000/games/setup?token=abc"


@pytest.mark.parametrize(
    ("values", "link"),
    [
        ({"romm_host": "192.0.2.9"}, "http://192.0.2.9:8080/setup?token=abc"),
        ({"romm_host": "::1"}, "http://[::1]:8080/setup?token=abc"),
        ({"romm_base_url": "https://romm.example/"}, "https://romm.example/setup?token=abc"),
        (
            {"romm_base_url": "https://x.example/games", "romm_root_path": "games"},
            "https://x.example/games/setup?token=abc",
        ),
    ],
)
def test_the_link_follows_the_settings(values: dict[str, str], link: str) -> None:
    assert setup_link(Settings.model_validate(values), "abc", 8080) == link
