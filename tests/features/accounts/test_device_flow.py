"""A device asks for a token and its owner approves."""

import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event, func, select, update
from starlette.testclient import TestClient

from romm_lite.features.accounts import devices
from romm_lite.features.accounts.device_flow import UNKNOWN
from romm_lite.features.accounts.pairing import ALPHABET
from romm_lite.kernel.scopes import ALL_SCOPES
from romm_lite.kernel.times import now
from romm_lite.tables.devices import CLIENT_TOKENS, DEVICES, Device
from romm_lite.tables.system import ENTRIES
from tests.features.accounts.conftest import Build, Clock, House, bearer, csrf
from tests.features.accounts.test_client_tokens import PATH as TOKENS
from tests.features.accounts.test_client_tokens import PROBE, hold, make, sign_in

PATH = "/api/auth/device"
GONE = (404, {"detail": UNKNOWN})
EXCEEDS = (403, {"detail": "Approved scopes exceed what's allowed for this user"})
ASKED: dict[str, Any] = {
    "client_device_identifier": "serial-1",
    "name": "Brick",
    "client": "grout",
    "platform": "muOS",
    "client_version": "5.1.0",
    "requested_scopes": ["roms.read", "me.read", "users.write"],
}


def begin(house: House, **values: Any) -> dict[str, Any]:
    answer = house.client().post(f"{PATH}/init", json=ASKED | values)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


def answer(client: TestClient, how: str, user_code: str, **values: Any) -> tuple[int, Any]:
    """What comes of approving or denying; ``me.read`` is approved unless told otherwise."""
    if how == "approve":
        values = {"approved_scopes": ["me.read"], **values}
    found = client.post(f"{PATH}/{how}", json={"user_code": user_code, **values})
    return found.status_code, found.json()


def approve(client: TestClient, user_code: str, **values: Any) -> dict[str, Any]:
    status, found = answer(client, "approve", user_code, **values)
    assert status == 200, found
    assert isinstance(found, dict)
    return found


def poll(house: House, device_code: str) -> tuple[int, Any]:
    found = house.client().post(f"{PATH}/token", json={"device_code": device_code})
    return found.status_code, found.json()


def refusal(word: str) -> tuple[int, dict[str, str]]:
    return 400, {"detail": word}


def fetch(house: House, device_code: str) -> dict[str, Any]:
    """The token of a flow that was approved."""
    status, token = poll(house, device_code)
    assert status == 200, token
    assert isinstance(token, dict)
    return token


def pair(house: House, username: str = "ann", **values: Any) -> dict[str, Any]:
    """A whole flow: the token a device ends up with."""
    flow = begin(house, **values)
    approve(sign_in(house, username), flow["user_code"])
    return fetch(house, flow["device_code"])


def probe(house: House, token: str) -> Any:
    return house.client().get(PROBE, headers=bearer(token))


def list_devices(house: House) -> list[dict[str, Any]]:
    with house.database.read() as session:
        return [dict(row) for row in session.execute(select(DEVICES)).mappings()]


def count_tokens(house: House) -> int:
    with house.database.read() as session:
        return session.scalar(select(func.count()).select_from(CLIENT_TOKENS)) or 0


def test_a_flow_begins_with_two_codes(house: House) -> None:
    flow = begin(house)
    assert re.fullmatch(r"[0-9a-f]{64}", flow["device_code"])
    assert re.fullmatch(f"[{ALPHABET}]{{8}}", flow["user_code"])
    assert flow["verification_path"] == "/pair/device"
    assert flow["verification_path_complete"] == f"/pair/device?user_code={flow['user_code']}"
    assert (flow["expires_in"], flow["interval"]) == (600, 5)


def test_neither_code_is_kept_as_it_is(house: House) -> None:
    flow = begin(house)
    with house.database.read() as session:
        kept = str(session.execute(select(ENTRIES)).all())
    assert flow["device_code"] not in kept
    assert flow["user_code"] not in kept


@pytest.mark.parametrize(
    "change",
    [
        {"client_device_identifier": ""},
        {"client_device_identifier": "x" * 256},
        {"name": ""},
        {"name": "x" * 256},
        {"client": ""},
        {"client": "x" * 51},
        {"platform": "x" * 51},
        {"client_version": "x" * 51},
        {"requested_scopes": []},
        {"requested_scopes": ["me.read"] * 23},
        {"requested_scopes": "me.read"},
        {"requested_scopes": [""]},
        {"name": "a\0b"},
        {"name": None},
    ],
)
def test_a_malformed_beginning_is_refused(house: House, change: dict[str, Any]) -> None:
    assert house.client().post(f"{PATH}/init", json=ASKED | change).status_code == 422


def test_unknown_scopes_are_named(house: House) -> None:
    body = ASKED | {"requested_scopes": ["roms.fly", "me.read", "a.b"]}
    refused = house.client().post(f"{PATH}/init", json=body)
    (error,) = refused.json()["detail"]
    assert (refused.status_code, error["loc"]) == (422, ["body", "requested_scopes"])
    assert error["msg"] == "Value error, Unknown scopes: a.b, roms.fly"


def test_every_scope_may_be_asked_for(house: House) -> None:
    begin(house, requested_scopes=list(ALL_SCOPES), platform=None, client_version=None)


def test_a_user_sees_what_a_device_asks_for(house: House) -> None:
    flow = begin(house)
    code = flow["user_code"].lower()
    typed = f"{code[:4]}- {code[4:]}"
    found = sign_in(house).get(f"{PATH}/pending/{typed}").json()
    ends = datetime.fromisoformat(found.pop("expires_at"))
    assert now() < ends <= now() + timedelta(seconds=600)
    assert found == {
        **{name: value for name, value in ASKED.items() if name != "requested_scopes"},
        "requested_scopes": ["me.read", "roms.read", "users.write"],
        "allowed_scopes": ["me.read", "roms.read"],
    }


def test_what_may_be_approved_hangs_on_who_looks(build: Build, house: House) -> None:
    flow = begin(house)

    def ask(client: TestClient) -> Any:
        return client.get(f"{PATH}/pending/{flow['user_code']}").json()["allowed_scopes"]

    assert ask(sign_in(house, "root")) == ["me.read", "roms.read", "users.write"]
    weak = make(sign_in(house, "root"), "me.read", "me.write", "logs.read")
    assert ask(hold(house, weak)) == ["me.read"]
    assert ask(hold(house, make(sign_in(house, "root"), "me.read"))) == []
    assert ask(build(kiosk_mode=True).client()) == []


def test_an_unknown_code_is_404(house: House) -> None:
    client = sign_in(house)
    for code in ("ABCD2345", "x" * 300, "-"):
        found = client.get(f"{PATH}/pending/{code}")
        assert (found.status_code, found.json()) == GONE
    assert answer(client, "approve", "ABCD2345") == GONE
    assert answer(client, "deny", "ABCD2345") == GONE


def test_a_device_polls_until_it_was_approved(every_house: House) -> None:
    house = every_house
    flow = begin(house)
    assert poll(house, flow["device_code"]) == refusal("authorization_pending")
    assert poll(house, flow["device_code"]) == refusal("slow_down")
    given = approve(sign_in(house), flow["user_code"], approved_scopes=["roms.read", "me.read"])
    token = fetch(house, flow["device_code"])
    assert re.fullmatch(r"rmm_[0-9a-f]{64}", token.pop("access_token"))
    scopes = ["me.read", "roms.read"]
    assert token == {"device_id": given["device_id"], "scopes": scopes, "expires_at": None}
    assert poll(house, flow["device_code"]) == refusal("expired_token")


def test_each_poll_begins_the_pause_anew(house: House, clock: Clock) -> None:
    code = begin(house)["device_code"]
    words = []
    for wait in (0, 3, 3, 3, 5, 5):
        clock.ahead += wait
        words.append(poll(house, code)[1]["detail"])
    assert words == ["authorization_pending", *["slow_down"] * 3, *["authorization_pending"] * 2]


def test_the_token_is_bound_to_the_device(house: House) -> None:
    token = pair(house)
    me = house.client().get("/api/users/me", headers=bearer(token["access_token"])).json()
    assert me["current_device_id"] == token["device_id"]


def test_the_device_is_as_it_told(house: House) -> None:
    flow = begin(house)
    given = approve(sign_in(house), flow["user_code"])
    (device,) = list_devices(house)
    assert given == {"device_id": device["id"], "device_name": "Brick"}
    assert {name: device[name] for name in ("client", "platform", "client_version")} == {
        name: ASKED[name] for name in ("client", "platform", "client_version")
    }
    assert (device["client_device_identifier"], device["sync_mode"]) == ("serial-1", "api")
    assert device["last_seen"] is not None


def test_the_token_is_listed_under_the_name_of_the_device(house: House) -> None:
    flow = begin(house)
    client = sign_in(house)
    given = approve(client, flow["user_code"], device_name=" My Brick ", expires_in="30d")
    (listed,) = client.get(TOKENS).json()
    assert given["device_name"] == "My Brick"
    assert (listed["name"], listed["device_id"]) == ("My Brick", given["device_id"])
    assert listed["expires_at"] == fetch(house, flow["device_code"])["expires_at"]
    assert listed["expires_at"] is not None


@pytest.mark.parametrize("name", [None, "", "   "])
def test_without_another_name_a_device_keeps_its_own(house: House, name: str | None) -> None:
    flow = begin(house)
    assert approve(sign_in(house), flow["user_code"], device_name=name)["device_name"] == "Brick"


def test_no_secret_is_kept_while_a_device_has_not_fetched_it(house: House) -> None:
    flow = begin(house)
    approve(sign_in(house), flow["user_code"])
    with house.database.read() as session:
        kept = str(session.execute(select(ENTRIES)).all())
        mark = session.scalar(select(CLIENT_TOKENS.c.hashed_token))
    assert "rmm_" not in kept
    assert not re.fullmatch(r"[0-9a-f]{64}", str(mark))
    for guess in (mark, f"rmm_{mark}", flow["device_code"], "rmm_" + flow["device_code"]):
        assert probe(house, str(guess)).status_code == 401


def test_a_device_that_pairs_again_keeps_its_id_and_its_old_token_is_void(
    every_house: House,
) -> None:
    house = every_house
    old = pair(house)
    new = pair(house, name="Brick 2", client_version=None)
    assert new["device_id"] == old["device_id"]
    (device,) = list_devices(house)
    assert (device["name"], device["client_version"]) == ("Brick 2", "5.1.0")
    old_one, new_one = (probe(house, token["access_token"]) for token in (old, new))
    assert (old_one.status_code, new_one.status_code) == (401, 403)
    assert count_tokens(house) == 1


def test_the_old_token_is_void_from_the_approval_on(house: House) -> None:
    old = pair(house)
    approve(sign_in(house), begin(house)["user_code"])
    assert probe(house, old["access_token"]).status_code == 401


def test_other_devices_and_users_keep_theirs(house: House) -> None:
    first = pair(house)
    others = [pair(house, client_device_identifier="serial-2"), pair(house, "root")]
    assert len({first["device_id"], *(other["device_id"] for other in others)}) == 3
    for token in (first, *others):
        assert probe(house, token["access_token"]).status_code == 403


@pytest.mark.parametrize(
    "scopes", [["users.write"], ["assets.read"], ["me.read", "roms.fly"], ["me.read", "logs.read"]]
)
def test_more_than_was_asked_for_or_than_one_may_is_not_approved(
    house: House, scopes: list[str]
) -> None:
    flow = begin(house, requested_scopes=["me.read", "users.write"])
    client = sign_in(house)
    assert answer(client, "approve", flow["user_code"], approved_scopes=scopes) == EXCEEDS
    assert (list_devices(house), count_tokens(house)) == ([], 0)
    approve(client, flow["user_code"])


def test_a_token_approves_none_for_more_than_itself(house: House) -> None:
    flow = begin(house)
    weak = hold(house, make(sign_in(house, "root"), "me.write", "me.read"))
    scopes = ["me.read", "users.write"]
    assert answer(weak, "approve", flow["user_code"], approved_scopes=scopes) == EXCEEDS
    approve(weak, flow["user_code"])
    assert fetch(house, flow["device_code"])["scopes"] == ["me.read"]


@pytest.mark.parametrize(
    "change",
    [
        {"approved_scopes": []},
        {"approved_scopes": None},
        {"user_code": ""},
        {"user_code": "x" * 33},
        {"device_name": "x" * 256},
        {"device_name": "a\0b"},
    ],
)
def test_a_malformed_approval_is_refused(house: House, change: dict[str, Any]) -> None:
    flow = begin(house)
    client = sign_in(house)
    status, _ = answer(client, "approve", **{"user_code": flow["user_code"], **change})
    assert status == 422
    approve(client, flow["user_code"])


def test_an_unknown_lifetime_leaves_the_flow_open(house: House) -> None:
    flow = begin(house)
    client = sign_in(house)
    status, refused = answer(client, "approve", flow["user_code"], expires_in="2d")
    text = "Invalid expires_in value: 2d. Valid values: 30d, 90d, 1y, never"
    assert (status, refused) == (422, {"detail": text})
    approve(client, flow["user_code"])


def test_a_flow_is_answered_once(house: House) -> None:
    flow = begin(house)
    client = sign_in(house)
    approve(client, flow["user_code"])
    assert answer(client, "approve", flow["user_code"]) == GONE
    assert answer(client, "deny", flow["user_code"]) == GONE
    assert client.get(f"{PATH}/pending/{flow['user_code']}").status_code == 404


def test_two_who_approve_at_once_make_one_token(every_house: House) -> None:
    house = every_house
    flow = begin(house)
    clients = [sign_in(house), sign_in(house, "root")]
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda client: client.get(PROBE), clients))
        answers = list(pool.map(lambda c: answer(c, "approve", flow["user_code"])[0], clients))
    assert sorted(answers) == [200, 404]
    assert (len(list_devices(house)), count_tokens(house)) == (1, 1)


def test_flows_of_one_device_approved_at_once_make_one_device(every_house: House) -> None:
    house = every_house
    flows = [begin(house) for _ in range(4)]
    clients = [sign_in(house) for _ in flows]
    with ThreadPoolExecutor(len(flows)) as pool:
        list(pool.map(lambda client: client.get(PROBE), clients))
        given = list(pool.map(lambda c, flow: approve(c, flow["user_code"]), clients, flows))
    assert [each["device_id"] for each in given] == [given[0]["device_id"]] * 4
    assert (len(list_devices(house)), count_tokens(house)) == (1, 1)


def test_two_polls_at_once_get_one_token(every_house: House) -> None:
    house = every_house
    flow = begin(house)
    approve(sign_in(house), flow["user_code"])
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda _: poll(house, flow["device_code"]), range(2)))
    (token,) = [found for status, found in answers if status == 200]
    assert refusal("expired_token") in answers
    assert probe(house, token["access_token"]).status_code == 403


def test_a_denied_device_is_told_so_for_a_minute(house: House, clock: Clock) -> None:
    flow = begin(house)
    client = sign_in(house)
    assert answer(client, "deny", flow["user_code"].lower()) == (200, None)
    assert poll(house, flow["device_code"]) == refusal("access_denied")
    clock.ahead += 55
    assert poll(house, flow["device_code"]) == refusal("access_denied")
    assert answer(client, "approve", flow["user_code"]) == GONE
    clock.ahead += 7
    assert poll(house, flow["device_code"]) == refusal("expired_token")


def test_a_flow_ends_after_ten_minutes(house: House, clock: Clock) -> None:
    flow = begin(house)
    clock.ahead += 590
    assert poll(house, flow["device_code"]) == refusal("authorization_pending")
    clock.ahead += 12
    assert poll(house, flow["device_code"]) == refusal("expired_token")
    assert answer(sign_in(house), "approve", flow["user_code"]) == GONE


def test_approving_gives_no_more_time(
    house: House, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time, "time", clock)
    flow = begin(house)
    clock.ahead += 590
    approve(sign_in(house), flow["user_code"])
    clock.ahead += 12
    assert poll(house, flow["device_code"]) == refusal("expired_token")


def test_a_token_never_fetched_is_forgotten_with_the_next_approval(house: House) -> None:
    kept = pair(house)
    approve(sign_in(house), begin(house, client_device_identifier="lost")["user_code"])
    approve(sign_in(house, "root"), begin(house)["user_code"])
    with house.database.write() as session:
        session.execute(update(CLIENT_TOKENS).values(created_at=datetime(2026, 1, 1, tzinfo=UTC)))
    assert count_tokens(house) == 3
    pair(house, client_device_identifier="serial-3")
    assert count_tokens(house) == 3
    assert probe(house, kept["access_token"]).status_code == 403
    assert len(sign_in(house, "root").get(TOKENS).json()) == 1


@pytest.mark.parametrize("how", ["delete", "regenerate"])
def test_a_token_taken_back_before_it_was_fetched_is_not_given(house: House, how: str) -> None:
    flow = begin(house)
    client = sign_in(house)
    approve(client, flow["user_code"])
    (listed,) = client.get(TOKENS).json()
    if how == "delete":
        client.delete(f"{TOKENS}/{listed['id']}")
    else:
        client.put(f"{TOKENS}/{listed['id']}/regenerate")
    assert poll(house, flow["device_code"]) == refusal("expired_token")


def test_bound_tokens_are_not_held_back_by_the_limit(house: House) -> None:
    client = sign_in(house)
    for _ in range(25):
        make(client)
    pair(house)
    assert len(client.get(TOKENS).json()) == 26


def test_when_nothing_comes_of_an_approval_one_may_try_again(house: House) -> None:
    flow = begin(house)
    client = sign_in(house)
    ann = client.get(PROBE).json()["id"]
    with house.database.write() as session:
        for number in range(devices.MOST_DEVICES):
            session.add(Device(id=str(number), user_id=ann))
    status, refused = answer(client, "approve", flow["user_code"])
    assert (status, refused) == (400, {"detail": "Maximum of 200 devices per user reached"})
    assert poll(house, flow["device_code"]) == refusal("authorization_pending")
    with house.database.write() as session:
        session.execute(DEVICES.delete().where(DEVICES.c.id == "7"))
    approve(client, flow["user_code"])
    fetch(house, flow["device_code"])


@contextmanager
def failing(house: House, word: str) -> Iterator[None]:
    """The disk is full whenever a statement has this word."""

    def fail(_c: Any, _u: Any, statement: str, *_rest: Any) -> None:
        if word in statement:
            raise OSError(28, "No space left on device")

    event.listen(house.database.engine, "before_cursor_execute", fail)
    yield
    event.remove(house.database.engine, "before_cursor_execute", fail)


def test_a_poll_that_fails_loses_no_token(house: House) -> None:
    flow = begin(house)
    approve(sign_in(house), flow["user_code"])
    with failing(house, "UPDATE client_tokens"):
        assert poll(house, flow["device_code"])[0] == 507
    fetch(house, flow["device_code"])


def test_beginning_is_limited(house: House) -> None:
    client = house.client()
    answers = [client.post(f"{PATH}/init", json=ASKED) for _ in range(11)]
    assert [found.status_code for found in answers] == [201] * 10 + [429]
    assert answers[-1].json() == {"detail": "Too many authorize attempts. Try again later."}


def test_polling_is_limited(house: House) -> None:
    client = house.client()
    body = {"device_code": "x"}
    answers = [client.post(f"{PATH}/token", json=body) for _ in range(61)]
    assert [found.status_code for found in answers] == [400] * 60 + [429]
    assert answers[-1].json() == {"detail": "Too many polling attempts. Try again later."}


@pytest.mark.parametrize("code", ["", "x" * 129, None, 7, "a\0b"])
def test_what_is_no_device_code_is_refused(house: House, code: Any) -> None:
    assert poll(house, code)[0] == 422


def test_visitors_and_strangers_answer_nothing(build: Build, house: House) -> None:
    flow = begin(house)
    stranger = house.client()
    visitor = build(kiosk_mode=True).client()
    for how in ("approve", "deny"):
        body = {"user_code": flow["user_code"], "approved_scopes": ["me.read"]}
        for client, status in ((stranger, 401), (visitor, 403)):
            found = client.post(f"{PATH}/{how}", json=body, headers=csrf(client))
            assert found.status_code == status
    assert stranger.get(f"{PATH}/pending/{flow['user_code']}").status_code == 401
    assert poll(house, flow["device_code"]) == refusal("authorization_pending")


def test_a_page_answers_with_its_csrf_token_alone(house: House) -> None:
    flow = begin(house)
    page = house.login()
    body = {"user_code": flow["user_code"], "approved_scopes": ["me.read"]}
    assert page.post(f"{PATH}/approve", json=body).text == "CSRF token verification failed"
    assert page.post(f"{PATH}/approve", json=body, headers=csrf(page)).status_code == 200
    assert page.post(f"{PATH}/token", json={"device_code": flow["device_code"]}).status_code == 200
