"""Seeing and ending one's own browser sessions."""

import hashlib
import json
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, update
from starlette.testclient import TestClient

from romm_lite.features.accounts import sessions
from romm_lite.features.accounts.sessions import BrowserSession
from romm_lite.kernel.times import now
from romm_lite.tables.system import ENTRIES
from romm_lite.tables.users import USERS
from tests.features.accounts.conftest import PASSWORD, Build, House, bearer, csrf

URL = "/api/users/me/sessions"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
LOGIN = ("ann", PASSWORD)
FORTNIGHT = 1209600


def browser(house: House, username: str = "ann") -> TestClient:
    """A browser of its own in which this user is logged in."""
    return house.login(username, house.client(agent=FIREFOX))


def listed(client: TestClient, **options: Any) -> list[dict[str, Any]]:
    answer = client.get(URL, **options)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()
    return found


def current(client: TestClient) -> str:
    """The id by which the session of this browser is listed."""
    return next(str(each["id"]) for each in listed(client) if each["is_current"])


def end(client: TestClient, session_id: str) -> tuple[int, bytes]:
    answer = client.delete(f"{URL}/{session_id}", headers=csrf(client))
    return answer.status_code, answer.content


def is_in(client: TestClient) -> bool:
    return client.get("/api/users/me").status_code == 200


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def key_of(client: TestClient) -> str:
    cookie = client.cookies["romm_session"]
    return "session:" + hashlib.sha256(cookie.encode()).hexdigest()


def test_a_session_says_where_and_when_it_was_opened(house: House) -> None:
    start = now()
    client = browser(house)
    (found,) = listed(client)
    assert set(found) == {
        "id", "device_id", "device_name", "ip_address", "opened_at", "last_seen_at",
        "expires_at", "is_current",
    }  # fmt: skip
    assert found["device_id"] == client.get("/api/users/me").json()["current_device_id"]
    assert (found["device_name"], found["ip_address"]) == ("Firefox on Linux", "192.0.2.7")
    assert found["is_current"]
    assert start <= moment(found["opened_at"]) <= moment(found["last_seen_at"]) <= now()
    assert moment(found["expires_at"]) >= start + timedelta(seconds=FORTNIGHT)


def test_the_newest_comes_first_and_the_own_is_marked(house: House) -> None:
    first, second, third = (browser(house) for _ in range(3))
    names = [current(third), current(second), current(first)]
    for client in (first, second, third):
        found = listed(client)
        assert [each["id"] for each in found] == names
        assert [each["id"] for each in found if each["is_current"]] == [current(client)]


def test_sessions_of_others_are_not_listed(house: House) -> None:
    browser(house, "root")
    assert len(listed(browser(house))) == 1


def test_refresh_tokens_are_no_sessions(house: House) -> None:
    house.tokens()
    assert len(listed(browser(house))) == 1


def test_a_credential_of_its_own_has_no_current_session(house: House) -> None:
    client = browser(house)
    (found,) = listed(client, auth=LOGIN)
    assert not found["is_current"]


def test_the_id_of_a_session_lets_nobody_in(house: House) -> None:
    client = browser(house)
    (found,) = listed(client)
    cookie = client.cookies["romm_session"]
    assert found["id"] not in cookie
    assert cookie not in json.dumps(found)
    assert len(found["id"]) < len(key_of(client).removeprefix("session:"))
    assert not is_in(house.client(cookies={"romm_session": found["id"]}))


def test_one_session_can_be_ended(house: House) -> None:
    here, there = browser(house), browser(house)
    assert end(here, current(there)) == (204, b"")
    assert not is_in(there)
    assert is_in(here)
    assert len(listed(here)) == 1


def test_the_own_session_can_be_ended(house: House) -> None:
    here, there = browser(house), browser(house)
    assert end(here, current(here))[0] == 204
    assert not is_in(here)
    assert is_in(there)


def test_a_session_ends_once(house: House) -> None:
    here, there = browser(house), browser(house)
    name = current(there)
    assert end(here, name)[0] == 204
    status, body = end(here, name)
    assert status == 404
    assert json.loads(body) == {"detail": f"Session with ID {name} not found"}


def test_sessions_of_others_cannot_be_ended(house: House) -> None:
    theirs, mine = browser(house), browser(house, "root")
    assert end(mine, current(theirs))[0] == 404
    assert is_in(theirs)


@pytest.mark.parametrize("name", ["nothing", "0" * 32, "é", "x" * 400])
def test_an_unknown_session_is_404(house: House, name: str) -> None:
    client = browser(house)
    assert end(client, name)[0] == 404
    assert is_in(client)


def test_neither_cookie_nor_key_is_taken_for_the_id(house: House) -> None:
    here, there = browser(house), browser(house)
    for name in (there.cookies["romm_session"], key_of(there), key_of(there)[8:]):
        assert end(here, name)[0] == 404
    assert is_in(there)


def test_all_others_can_be_ended_at_once(house: House) -> None:
    here, others = browser(house), [browser(house) for _ in range(2)]
    foreign = browser(house, "root")
    refresh_token = house.tokens()["refresh_token"]
    answer = here.delete(URL, headers=csrf(here))
    assert (answer.status_code, answer.content) == (204, b"")
    assert [is_in(client) for client in others] == [False, False]
    assert is_in(here)
    assert is_in(foreign)
    form = {"grant_type": "refresh_token", "refresh_token": refresh_token}
    assert house.client().post("/api/token", data=form).status_code == 200


def test_asked_from_elsewhere_all_are_others(house: House) -> None:
    clients = [browser(house) for _ in range(2)]
    assert house.client().delete(URL, auth=LOGIN).status_code == 204
    assert [is_in(client) for client in clients] == [False, False]


def test_ending_sessions_needs_csrf_and_the_right(house: House) -> None:
    client = browser(house)
    name = current(client)
    reader = bearer(house.tokens(scope="me.read")["access_token"])
    for url in (URL, f"{URL}/{name}"):
        assert client.delete(url).status_code == 403
        assert house.client().delete(url, headers=reader).status_code == 403
        assert house.client().delete(url, headers=bearer("x")).status_code == 401
    assert is_in(client)
    assert house.client().get(URL).status_code == 401


def test_a_visitor_has_no_sessions(build: Build) -> None:
    client = build(kiosk_mode=True).client()
    assert listed(client) == []
    assert client.delete(URL, headers=csrf(client)).status_code == 403


def test_a_session_of_before_a_change_of_password_is_not_listed(house: House) -> None:
    client = browser(house)
    with house.database.write() as session:
        session.execute(
            update(USERS).where(USERS.c.username == "ann").values(epoch=USERS.c.epoch + 1)
        )
    assert listed(client, auth=LOGIN) == []


def test_a_session_that_did_not_note_when_it_was_opened_goes_on(house: House) -> None:
    newer = browser(house)
    old = house.client(cookies={"romm_session": "of an older program"})
    value = {"user_id": 2, "epoch": 0, "device_id": None}
    house.entries.put(key_of(old), value, FORTNIGHT, owner="user:2")
    assert is_in(old)
    first, last = listed(old)
    assert (first["id"], last["is_current"]) == (current(newer), True)
    assert (last["opened_at"], last["device_name"], last["ip_address"]) == (None, None, None)
    assert moment(last["last_seen_at"]) <= now()
    assert end(newer, last["id"])[0] == 204
    assert not is_in(old)


def expire_at(house: House, client: TestClient, seconds: int) -> None:
    """Let the session of this browser end at another moment."""
    with house.database.write() as session:
        this = update(ENTRIES).where(ENTRIES.c.key == key_of(client))
        session.execute(this.values(expires_at=seconds))


def test_use_moves_when_a_session_was_last_seen(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = browser(house)
    opened = moment(listed(client)[0]["opened_at"])
    with house.database.write() as session:
        row = session.execute(select(ENTRIES).where(ENTRIES.c.key == key_of(client))).one()
        older = json.loads(row.value) | {"opened_at": opened.timestamp() - 5000}
        session.execute(update(ENTRIES).values(value=json.dumps(older)))
    expire_at(house, client, row.expires_at - 4000)
    (before,) = listed(client)
    lifetime = moment(before["expires_at"]) - moment(before["last_seen_at"])
    assert lifetime == timedelta(seconds=FORTNIGHT + 1)
    assert listed(client) == [before]
    later = time.monotonic() + sessions.RENEW_SECONDS + 1
    monkeypatch.setattr("romm_lite.features.accounts.sessions.time.monotonic", lambda: later)
    assert is_in(client)
    (after,) = listed(client)
    assert moment(after["last_seen_at"]) > moment(before["last_seen_at"])
    assert moment(after["expires_at"]) > moment(before["expires_at"])
    assert after["opened_at"] == before["opened_at"]


@pytest.mark.parametrize("seconds", [60, 10**8, 10**12])
def test_another_lifetime_of_sessions_leaves_times_that_make_sense(
    house: House, build: Build, seconds: int
) -> None:
    client = browser(house)
    (found,) = listed(
        build(session_max_age_seconds=seconds).client(cookies=dict(client.cookies)), auth=LOGIN
    )
    assert moment(found["opened_at"]) <= moment(found["last_seen_at"]) <= now()


def test_a_session_longer_than_time_itself_can_be_listed(build: Build) -> None:
    house = build(session_max_age_seconds=10**12)
    house.add("ann")
    assert listed(browser(house))[0]["expires_at"].startswith("9999-")


def test_a_session_that_is_renewed_while_it_ends_stays_ended(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = house.accounts.sessions
    cookie = kept.open(BrowserSession(user_id=2, epoch=0, device_id=None))
    assert kept.find(cookie) is not None  # a request comes in
    kept.close(cookie)  # another logs out
    later = time.monotonic() + sessions.RENEW_SECONDS + 1
    monkeypatch.setattr("romm_lite.features.accounts.sessions.time.monotonic", lambda: later)
    kept.renew(cookie)  # the first one goes on
    assert kept.find(cookie) is None
    assert kept.list_open(2, 0, None) == []


def test_requests_on_their_way_do_not_bring_a_session_back(
    every_build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sessions, "RENEW_SECONDS", 0)
    house = every_build()
    house.add("ann")
    client = browser(house)
    cookie = client.cookies["romm_session"]
    requests = [house.client(cookies={"romm_session": cookie}) for _ in range(3)]

    def ask(other: TestClient) -> None:
        """Go on until the session is over; each request extends it."""
        for _ in range(200):
            if not is_in(other):
                return

    with ThreadPoolExecutor(len(requests)) as pool:
        asking = [pool.submit(ask, other) for other in requests]
        assert client.post("/api/logout", headers=csrf(client)).status_code == 200
        for each in asking:
            each.result()
    assert not is_in(house.client(cookies={"romm_session": cookie}))
    assert listed(house.client(), auth=LOGIN) == []
