"""Logging in and out of the web interface."""

import logging
import time
from datetime import UTC, datetime, timedelta
from http.cookies import SimpleCookie

import pytest
from sqlalchemy import select, update
from starlette.testclient import TestClient

from romm_lite.features.accounts.browsers import name_browser
from romm_lite.kernel.scopes import Role
from romm_lite.kernel.times import now
from romm_lite.tables.devices import DEVICES
from romm_lite.tables.users import USERS
from tests.features.accounts.conftest import PASSWORD, Build, House, csrf

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
CHROME = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/141.0.0.0 Safari/537.36"
)
EDGE = CHROME + " Edg/141.0.0.0"
IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 "
    "(KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1"
)


def set_cookies(client: TestClient, *auth: str, **headers: str) -> dict[str, str]:
    """The Set-Cookie values of a login, by name."""
    answer = client.post("/api/login", auth=(auth[0], auth[1]), headers=headers)
    return {v.partition("=")[0]: v for v in answer.headers.get_list("set-cookie")}


def device_of(client: TestClient) -> str:
    found: str = client.get("/api/users/me").json()["current_device_id"]
    return found


def test_login_answers_null_and_opens_a_session(house: House) -> None:
    client = house.client()
    answer = client.post("/api/login", auth=("ann", PASSWORD), json={})
    assert (answer.status_code, answer.json()) == (200, None)
    assert answer.headers["content-type"] == "application/json"
    assert client.get("/api/users/me").json()["username"] == "ann"


def test_the_username_may_be_in_any_case(house: House) -> None:
    assert house.login("ANN").get("/api/users/me").status_code == 200


def test_the_session_cookie_is_strict_and_out_of_reach_of_scripts(house: House) -> None:
    sent = set_cookies(house.client(), "ann", PASSWORD)["romm_session"]
    cookie = SimpleCookie(sent)["romm_session"]
    assert (cookie["path"], cookie["max-age"], cookie["samesite"]) == ("/", "1209600", "strict")
    assert cookie["httponly"]
    assert not cookie["secure"]


def test_cookies_follow_the_sub_path_and_the_secure_setting(build: Build) -> None:
    house = build(romm_root_path="/games", romm_session_secure_cookie=True, oidc_enabled=True)
    house.add("ann")
    sent = set_cookies(house.client(), "ann", PASSWORD)
    cookie = SimpleCookie(sent["romm_session"])["romm_session"]
    assert (cookie["path"], cookie["samesite"], cookie["secure"]) == ("/games", "lax", True)
    sent_csrf = house.client().get("/api/probe/open").headers["set-cookie"]
    ours = SimpleCookie(sent_csrf)["romm_csrftoken"]
    assert (ours["path"], ours["samesite"].lower(), ours["secure"]) == ("/games", "lax", True)
    assert not ours["httponly"]


@pytest.mark.parametrize("name", ["ann", "nobody-there"])
def test_wrong_credentials_are_told_without_a_challenge(house: House, name: str) -> None:
    answer = house.client().post("/api/login", auth=(name, "not it"))
    assert answer.status_code == 401
    assert answer.json() == {"detail": "Incorrect username or password"}
    assert "www-authenticate" not in answer.headers
    assert "romm_session" not in answer.headers.get("set-cookie", "")


def test_a_disabled_user_is_told_so_only_with_the_right_password(house: House) -> None:
    house.add("eve", enabled=False)
    right = house.client().post("/api/login", auth=("eve", PASSWORD))
    wrong = house.client().post("/api/login", auth=("eve", "not it"))
    assert (right.status_code, right.json()) == (401, {"detail": "Disabled user"})
    assert wrong.json() == {"detail": "Incorrect username or password"}


def test_without_a_header_csrf_comes_first_and_then_a_challenge(house: House) -> None:
    client = house.client()
    assert client.post("/api/login").status_code == 403
    answer = client.post("/api/login", headers=csrf(client))
    assert (answer.status_code, answer.json()) == (401, {"detail": "Not authenticated"})
    assert answer.headers["www-authenticate"] == "Basic"


def test_login_is_post_only(house: House) -> None:
    assert house.client().get("/api/login").status_code == 405


def test_a_new_login_ends_the_session_before_it(house: House) -> None:
    client = house.login()
    before = client.cookies["romm_session"]
    house.login("root", client)
    assert client.cookies["romm_session"] != before
    old = house.client(cookies={"romm_session": before})
    assert old.get("/api/users/me").status_code == 401


def test_logout_ends_the_session_and_forgets_the_cookie(house: House) -> None:
    client = house.login()
    session_id = client.cookies["romm_session"]
    answer = client.post("/api/logout", headers=csrf(client), json={})
    assert (answer.status_code, answer.json()) == (200, None)
    gone = SimpleCookie(answer.headers["set-cookie"])["romm_session"]
    assert (gone.value, gone["expires"]) == ("null", "Thu, 01 Jan 1970 00:00:00 GMT")
    again = house.client(cookies={"romm_session": session_id})
    assert again.get("/api/users/me").status_code == 401


def test_logout_needs_csrf(house: House) -> None:
    client = house.login()
    assert client.post("/api/logout").status_code == 403
    assert client.get("/api/users/me").status_code == 200


def test_logout_by_a_foreign_credential_leaves_the_session(house: House) -> None:
    client = house.login()
    assert client.post("/api/logout", auth=("root", PASSWORD)).status_code == 200
    assert client.post("/api/logout", headers={"Authorization": "Bearer x"}).status_code == 200
    assert client.get("/api/users/me").json()["username"] == "ann"


def test_an_unknown_session_cookie_is_forgotten(house: House) -> None:
    answer = house.client(cookies={"romm_session": "made-up"}).get("/api/probe")
    assert answer.status_code == 401
    assert any(v.startswith("romm_session=null") for v in answer.headers.get_list("set-cookie"))


def test_the_session_cookie_is_not_sent_with_every_answer(house: House) -> None:
    client = house.login()
    assert "set-cookie" not in client.get("/api/users/me").headers


def test_a_session_in_use_is_extended_after_a_while(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = house.login()
    later = time.monotonic() + 301
    monkeypatch.setattr("romm_lite.features.accounts.sessions.time.monotonic", lambda: later)
    answer = client.get("/api/users/me")
    assert answer.headers["set-cookie"].startswith("romm_session=")
    assert "Max-Age=1209600" in answer.headers["set-cookie"]


def test_a_session_outlives_the_program(house: House, build: Build) -> None:
    client = house.login()
    restarted = build().client(cookies={"romm_session": client.cookies["romm_session"]})
    assert restarted.get("/api/users/me").status_code == 200


def test_the_id_of_a_session_is_not_in_the_database(house: House) -> None:
    session_id = house.login().cookies["romm_session"]
    files = house.settings.places.data.glob("romm_lite.db*")
    assert not any(session_id.encode() in path.read_bytes() for path in files)


def test_a_disabled_user_is_out_at_once(house: House) -> None:
    client = house.login()
    user_id = client.get("/api/users/me").json()["id"]
    house.accounts.set_enabled(user_id, False)
    assert client.get("/api/users/me").status_code == 401
    house.accounts.set_enabled(user_id, True)
    assert client.get("/api/users/me").status_code == 401


def test_a_user_disabled_behind_our_back_is_out_too(house: House) -> None:
    client = house.login()
    with house.database.write() as session:
        session.execute(update(USERS).where(USERS.c.username == "ann").values(enabled=False))
    assert client.get("/api/users/me").status_code == 401


def test_a_session_follows_the_user_not_the_name(house: House) -> None:
    client = house.login()
    with house.database.write() as session:
        session.execute(update(USERS).where(USERS.c.username == "ann").values(username="anna"))
    house.add("ann")
    assert client.get("/api/users/me").json()["username"] == "anna"


def test_login_notes_the_moment_without_ageing_the_avatar(house: House) -> None:
    start = now()
    with house.database.write() as session:
        old = datetime(2020, 1, 1, tzinfo=UTC)
        session.execute(update(USERS).values(updated_at=old))
    me = house.login().get("/api/users/me").json()
    assert datetime.fromisoformat(me["last_login"]) >= start
    assert datetime.fromisoformat(me["last_active"]) >= start
    assert datetime.fromisoformat(me["updated_at"]) == old


def test_activity_is_noted_every_five_minutes(house: House) -> None:
    client = house.login()

    def came_back_after(seconds: int) -> bool:
        then = now() - timedelta(seconds=seconds)
        with house.database.write() as session:
            session.execute(update(USERS).values(last_active=then, updated_at=then))
        client.get("/api/probe")
        with house.database.read() as session:
            query = select(USERS.c.last_active).where(USERS.c.username == "ann")
            return bool(session.scalar(query) != then)

    assert not came_back_after(200)
    assert came_back_after(301)


def test_a_browser_keeps_its_device(house: House) -> None:
    client = house.client(agent=FIREFOX)
    first = device_of(house.login(client=client))
    assert device_of(house.login(client=client)) == first


def test_two_browsers_behind_one_address_are_two_devices(house: House) -> None:
    one = device_of(house.login(client=house.client(agent=FIREFOX)))
    two = device_of(house.login(client=house.client(agent=FIREFOX)))
    assert one != two


def test_a_program_without_cookies_gets_the_same_device_again(house: House) -> None:
    assert device_of(house.login()) == device_of(house.login())


def test_users_of_one_browser_have_a_device_each(house: House) -> None:
    client = house.client(agent=FIREFOX)
    first = device_of(house.login("ann", client))
    assert device_of(house.login("root", client)) != first
    assert device_of(house.login("ann", client)) == first


def test_the_device_says_what_browser_it_is(house: House) -> None:
    client = house.client(agent=FIREFOX)
    device_id = device_of(house.login(client=client))
    with house.database.read() as session:
        row = session.execute(select(DEVICES).where(DEVICES.c.id == device_id)).mappings().one()
    assert (row["name"], row["platform"], row["client"]) == ("Firefox on Linux", "Web", "web")
    assert (row["client_version"], row["ip_address"]) == ("140", "192.0.2.7")
    assert row["sync_mode"] == "api"
    assert row["last_seen"] is not None


@pytest.mark.parametrize(
    ("agent", "name"),
    [
        (FIREFOX, ("Firefox on Linux", "140")),
        (CHROME, ("Chrome on Windows", "141")),
        (EDGE, ("Edge on Windows", "141")),
        (IPHONE, ("Safari on iOS", "18")),
        ("Firefox/99", ("Firefox", "99")),
        ("Something (Android 14)", ("Android", None)),
        ("", ("Web Browser", None)),
    ],
)
def test_browsers_are_named(agent: str, name: tuple[str, str | None]) -> None:
    assert name_browser(agent) == name


def test_login_by_password_can_be_switched_off_but_for_administrators(build: Build) -> None:
    house = build(disable_userpass_login=True)
    house.add("ann")
    house.add("root", Role.ADMIN)
    refused = house.client().post("/api/login", auth=("ann", PASSWORD))
    assert refused.status_code == 403
    assert house.client().get("/api/probe", auth=("ann", PASSWORD)).status_code == 401
    assert house.login("root").get("/api/users/me").status_code == 200


def test_no_secret_reaches_the_log(house: House, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    client = house.login()
    house.client().post("/api/login", auth=("ann", "a wrong guess"))
    granted = house.tokens()
    house.client().get("/api/probe", headers={"Authorization": "Bearer rmm_" + "0" * 64})
    house.accounts.set_password(client.get("/api/users/me").json()["id"], "another secret")
    secrets = [PASSWORD, "a wrong guess", "another secret", client.cookies["romm_session"]]
    secrets += [granted["access_token"], granted["refresh_token"], "rmm_0000"]
    said = "\n".join(f"{record.getMessage()} {record.exc_text}" for record in caplog.records)
    assert not [secret for secret in secrets if secret in said]
