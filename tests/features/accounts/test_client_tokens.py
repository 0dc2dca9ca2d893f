"""Client tokens: made, listed, renewed and voided, and never for more than who makes them."""

import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, update
from starlette.testclient import TestClient

from romm_lite.features.accounts import client_tokens
from romm_lite.features.accounts.identity import NOBODY
from romm_lite.kernel.errors import Unauthenticated
from romm_lite.kernel.scopes import ALL_SCOPES, Role, Scope
from romm_lite.kernel.times import now
from romm_lite.tables.devices import CLIENT_TOKENS, ClientToken
from romm_lite.tables.permissions import PERMISSION_OVERRIDES
from romm_lite.tables.users import USERS
from romm_lite.wire.client_tokens import ClientTokenCreatePayload
from tests.features.accounts.conftest import PASSWORD, Build, House, bearer, csrf

PATH = "/api/client-tokens"
PROBE = "/api/probe"
UNKNOWN = {"detail": "Token not found"}
HANDHELD = ["roms.read", "me.read", "assets.read"]


def sign_in(house: House, username: str = "ann") -> TestClient:
    """A program that shows this user's password with every request."""
    client = house.client()
    client.auth = (username, PASSWORD)
    return client


def make(client: TestClient, *scopes: str, **values: Any) -> dict[str, Any]:
    """A token that must come about."""
    body = {"name": "handheld", "scopes": scopes or HANDHELD, **values}
    answer = client.post(PATH, json=body)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


def hold(house: House, token: dict[str, Any]) -> TestClient:
    """A program that was let in by this token."""
    client = house.client()
    client.headers.update(bearer(token["raw_token"]))
    return client


def add_keeper(house: House) -> None:
    """A plain user who may manage other users."""
    user = house.add("keeper")
    with house.database.write() as session:
        for action in ("read", "write"):
            row = {"user_id": user, "entity": "users", "action": action, "granted": True}
            session.execute(PERMISSION_OVERRIDES.insert().values(row))


def exceed(*scopes: str) -> tuple[int, dict[str, str]]:
    return 403, {"detail": f"Requested scopes exceed your permissions: {', '.join(scopes)}"}


def test_a_token_is_told_once_and_kept_as_a_hash(house: House) -> None:
    client = sign_in(house)
    token = make(client, expires_in="never")
    assert re.fullmatch(r"rmm_[0-9a-f]{64}", token["raw_token"])
    (listed,) = client.get(PATH).json()
    assert listed == {name: value for name, value in token.items() if name != "raw_token"}
    with house.database.read() as session:
        row = session.execute(select(CLIENT_TOKENS)).mappings().one()
    assert token["raw_token"] not in str(dict(row))


def test_a_new_token_has_the_fields_clients_read(house: House) -> None:
    token = make(sign_in(house))
    assert (token["name"], token["scopes"]) == ("handheld", HANDHELD)
    assert (token["expires_at"], token["last_used_at"], token["device_id"]) == (None, None, None)
    assert datetime.fromisoformat(token["created_at"]).utcoffset() == timedelta(0)
    assert isinstance(token["id"], int)


def test_a_token_opens_what_it_is_for(house: House) -> None:
    client = hold(house, make(sign_in(house)))
    assert client.get(PROBE).json()["via"] == "token"
    assert client.get(PROBE).json()["scopes"] == ["me.read", "roms.read", "assets.read"]
    assert client.post(PROBE).status_code == 403


def test_scopes_are_told_once_each_in_the_order_asked_for(house: House) -> None:
    token = make(sign_in(house), "roms.read", "assets.read", "roms.read", "me.read")
    assert token["scopes"] == ["roms.read", "assets.read", "me.read"]


@pytest.mark.parametrize(
    ("word", "days"), [("30d", 30), ("90d", 90), ("1y", 365), ("never", None), (None, None)]
)
def test_a_token_ends_when_it_was_asked_to(house: House, word: str | None, days: int) -> None:
    before = now()
    ends = make(sign_in(house), expires_in=word)["expires_at"]
    if days is None:
        assert ends is None
    else:
        life = timedelta(days=days)
        assert before + life <= datetime.fromisoformat(ends) <= now() + life


@pytest.mark.parametrize("word", ["", "31d", "1Y", "forever", "2027-01-01"])
def test_an_unknown_lifetime_is_refused_with_a_text(house: House, word: str) -> None:
    client = sign_in(house)
    body = {"name": "x", "scopes": ["me.read"], "expires_in": word}
    answer = client.post(PATH, json=body)
    text = f"Invalid expires_in value: {word}. Valid values: 30d, 90d, 1y, never"
    assert (answer.status_code, answer.json()) == (422, {"detail": text})
    assert client.get(PATH).json() == []


def test_scopes_above_ones_own_are_refused(house: House) -> None:
    body = {"name": "x", "scopes": ["users.write", "me.read", "logs.read"]}
    answer = sign_in(house).post(PATH, json=body)
    assert (answer.status_code, answer.json()) == exceed("logs.read", "users.write")


def test_a_word_that_is_no_scope_exceeds_anybody(house: House) -> None:
    body = {"name": "x", "scopes": ["me.read", "roms.fly"]}
    answer = sign_in(house, "root").post(PATH, json=body)
    assert (answer.status_code, answer.json()) == exceed("roms.fly")


@pytest.mark.parametrize(
    "change",
    [
        {"scopes": []},
        {"scopes": [""]},
        {"scopes": "me.read"},
        {"scopes": None},
        {"scopes": ["me.read"] * 101},
        {"scopes": ["x" * 65]},
        {"scopes": ["me.read\0"]},
        {"name": "n" * 256},
        {"name": "a\0b"},
        {"name": None},
        {"expires_in": 30},
    ],
)
def test_a_malformed_token_is_refused(house: House, change: dict[str, Any]) -> None:
    client = sign_in(house)
    answer = client.post(PATH, json={"name": "x", "scopes": ["me.read"], **change})
    assert answer.status_code == 422
    assert isinstance(answer.json()["detail"], list)
    assert client.get(PATH).json() == []


def test_an_administrator_may_hand_out_everything(house: House) -> None:
    token = make(sign_in(house, "root"), *ALL_SCOPES)
    assert token["scopes"] == list(ALL_SCOPES)
    assert hold(house, token).get(PROBE + "/tasks").status_code == 200


def test_the_twenty_sixth_token_is_refused(house: House) -> None:
    client = sign_in(house)
    tokens = [make(client) for _ in range(25)]
    full = client.post(PATH, json={"name": "x", "scopes": ["me.read"]})
    assert full.status_code == 400
    assert full.json() == {"detail": "Maximum of 25 tokens per user reached"}
    assert client.delete(f"{PATH}/{tokens[7]['id']}").status_code == 200
    make(client)


def test_the_limit_holds_when_several_ask_at_once(every_house: House) -> None:
    house = every_house
    add_rows(house, 23)
    clients = [sign_in(house) for _ in range(6)]
    body = {"name": "x", "scopes": ["me.read"]}
    with ThreadPoolExecutor(len(clients)) as pool:
        list(pool.map(lambda client: client.get(PROBE), clients))
        answers = list(pool.map(lambda client: client.post(PATH, json=body), clients))
    assert sorted(answer.status_code for answer in answers) == [201] * 2 + [400] * 4
    assert len(clients[0].get(PATH).json()) == 25


def test_a_request_that_a_new_password_overtakes_leaves_no_token(house: House) -> None:
    bob = house.add("bob", epoch=1)
    before = replace(NOBODY, user_id=bob, scopes=(Scope.ME_READ,), own_scopes=(Scope.ME_READ,))
    new = ClientTokenCreatePayload(name="x", scopes=["me.read"])
    with pytest.raises(Unauthenticated), house.database.write() as session:
        client_tokens.create_token(session, before, new)
    with house.database.write() as session:
        client_tokens.create_token(session, replace(before, epoch=1), new)


def add_rows(house: House, count: int) -> None:
    """So many tokens of ann."""
    with house.database.write() as session:
        ann = session.execute(select(USERS.c.id).where(USERS.c.username == "ann")).scalar_one()
        session.add_all(
            ClientToken(user_id=ann, name="x", hashed_token=str(number), scopes="me.read")
            for number in range(count)
        )


def test_the_newest_token_comes_first_and_others_see_none_of_it(every_house: House) -> None:
    client = sign_in(every_house)
    ids = [make(client)["id"] for _ in range(3)]
    assert [token["id"] for token in client.get(PATH).json()] == ids[::-1]
    assert sign_in(every_house, "root").get(PATH).json() == []


def test_a_deleted_token_is_void_at_once(every_house: House) -> None:
    client = sign_in(every_house)
    token = make(client)
    holder = hold(every_house, token)
    assert holder.get(PROBE).status_code == 200
    gone = client.delete(f"{PATH}/{token['id']}")
    assert (gone.status_code, gone.json()) == (200, None)
    assert holder.get(PROBE).status_code == 401
    again = client.delete(f"{PATH}/{token['id']}")
    assert (again.status_code, again.json()) == (404, UNKNOWN)


@pytest.mark.parametrize(
    ("method", "end"), [("DELETE", ""), ("PUT", "/regenerate"), ("POST", "/pair")]
)
def test_a_token_of_others_is_as_good_as_none(house: House, method: str, end: str) -> None:
    token = make(sign_in(house))
    for number in (token["id"], 999_999, -1, 0):
        answer = sign_in(house, "root").request(method, f"{PATH}/{number}{end}")
        assert (answer.status_code, answer.json()) == (404, UNKNOWN)
    assert hold(house, token).get(PROBE).status_code == 200


@pytest.mark.parametrize("number", ["nine", str(2**31), str(2**70)])
def test_an_id_that_is_none_is_refused(house: House, number: str) -> None:
    assert sign_in(house).delete(f"{PATH}/{number}").status_code == 422


def test_a_new_secret_voids_the_old_one_and_keeps_the_rest(every_house: House) -> None:
    client = sign_in(every_house)
    token = make(client, expires_in="90d")
    assert hold(every_house, token).get(PROBE).status_code == 200
    (used,) = client.get(PATH).json()
    assert used["last_used_at"] is not None
    answer = client.put(f"{PATH}/{token['id']}/regenerate")
    assert answer.status_code == 200
    renewed = answer.json()
    assert renewed.pop("raw_token") != token.pop("raw_token")
    assert renewed == token
    assert hold(every_house, answer.json()).get(PROBE).status_code == 200


def test_the_old_secret_lets_nobody_in(house: House) -> None:
    client = sign_in(house)
    old = make(client)
    client.put(f"{PATH}/{old['id']}/regenerate")
    assert hold(house, old).get(PROBE).status_code == 401


def test_an_expired_token_and_one_of_a_disabled_user_are_401(house: House) -> None:
    client = sign_in(house)
    token, other = make(client), make(client)
    with house.database.write() as session:
        this = CLIENT_TOKENS.c.id == token["id"]
        session.execute(update(CLIENT_TOKENS).where(this).values(expires_at=now()))
    assert hold(house, token).get(PROBE).status_code == 401
    house.accounts.set_enabled(other["user_id"], False)
    assert hold(house, other).get(PROBE).status_code == 401


def test_losing_a_right_narrows_tokens_at_once(house: House) -> None:
    token = make(sign_in(house, "root"), "tasks.run", "roms.read")
    holder = hold(house, token)
    assert holder.get(PROBE + "/tasks").status_code == 200
    with house.database.write() as session:
        session.execute(update(USERS).values(role=Role.USER))
    assert holder.get(PROBE + "/tasks").status_code == 403
    assert holder.get(PROBE).json()["scopes"] == ["roms.read"]


def test_a_token_makes_none_for_more_than_itself(house: House) -> None:
    holder = hold(house, make(sign_in(house, "root"), "me.write", "me.read", "roms.read"))
    body = {"name": "x", "scopes": ["users.write", "me.read"]}
    answer = holder.post(PATH, json=body)
    assert (answer.status_code, answer.json()) == exceed("users.write")
    assert make(holder, "roms.read", "me.write")["scopes"] == ["roms.read", "me.write"]


def test_neither_does_an_access_token(house: House) -> None:
    client = house.client()
    client.headers.update(bearer(house.tokens("root", "me.write me.read")["access_token"]))
    answer = client.post(PATH, json={"name": "x", "scopes": ["me.read", "roms.read"]})
    assert (answer.status_code, answer.json()) == exceed("roms.read")


@pytest.mark.parametrize(("method", "end"), [("PUT", "/regenerate"), ("POST", "/pair")])
def test_a_token_does_not_hand_out_one_that_may_do_more(
    house: House, method: str, end: str
) -> None:
    client = sign_in(house, "root")
    strong = make(client, "me.write", "users.write", "tasks.run")
    weak = make(client, "me.write", "me.read")
    answer = hold(house, weak).request(method, f"{PATH}/{strong['id']}{end}")
    assert (answer.status_code, answer.json()) == exceed("tasks.run", "users.write")
    assert hold(house, strong).get(PROBE + "/tasks").status_code == 200
    assert hold(house, weak).request(method, f"{PATH}/{weak['id']}{end}").status_code == 200


def test_who_has_lost_a_right_may_still_renew_a_token_that_had_it(house: House) -> None:
    token = make(sign_in(house, "root"), "tasks.run", "roms.read")
    with house.database.write() as session:
        session.execute(update(USERS).values(role=Role.USER))
    renewed = sign_in(house, "root").put(f"{PATH}/{token['id']}/regenerate")
    assert renewed.status_code == 200
    assert hold(house, renewed.json()).get(PROBE).json()["scopes"] == ["roms.read"]


def test_a_token_without_the_right_manages_none(house: House) -> None:
    holder = hold(house, make(sign_in(house), "me.read", "roms.read"))
    assert len(holder.get(PATH).json()) == 1
    body = {"name": "x", "scopes": ["me.read"]}
    assert holder.post(PATH, json=body).json() == {"detail": "Forbidden"}


def test_a_page_makes_tokens_with_its_csrf_token_alone(house: House) -> None:
    page = house.login()
    body = {"name": "x", "scopes": ["me.read"]}
    assert page.post(PATH, json=body).text == "CSRF token verification failed"
    assert page.post(PATH, json=body, headers=csrf(page)).status_code == 201


def test_visitors_have_no_tokens(build: Build) -> None:
    client = build(kiosk_mode=True).client()
    headers = csrf(client)
    assert client.get(PATH).json() == []
    assert client.post(PATH, json={}, headers=headers).status_code == 403
    assert client.delete(f"{PATH}/1", headers=headers).status_code == 403
    assert client.get(f"{PATH}/all").status_code == 403


def test_strangers_are_asked_to_log_in(house: House) -> None:
    client = house.client()
    for method, end in (("GET", ""), ("GET", "/all"), ("GET", "/pair/ABCD2345/qr.svg")):
        assert client.request(method, PATH + end).status_code == 401


def test_an_administrator_sees_everybodys_tokens(every_house: House) -> None:
    house = every_house
    first, second = make(sign_in(house)), make(sign_in(house, "root"))
    found = sign_in(house, "root").get(f"{PATH}/all").json()
    assert [(token["id"], token["username"]) for token in found] == [
        (second["id"], "root"),
        (first["id"], "ann"),
    ]
    assert found[0]["user_avatar_path"] == ""
    assert datetime.fromisoformat(found[0]["user_updated_at"]).utcoffset() == timedelta(0)
    assert "raw_token" not in found[0]
    assert "hashed_token" not in found[0]


def test_who_manages_users_does_not_see_the_tokens_of_administrators(house: House) -> None:
    add_keeper(house)
    token = make(sign_in(house))
    make(sign_in(house, "root"))
    found = sign_in(house, "keeper").get(f"{PATH}/all").json()
    assert [each["id"] for each in found] == [token["id"]]


def test_an_administrator_voids_anybodys_token(every_house: House) -> None:
    house = every_house
    token = make(sign_in(house))
    client = sign_in(house, "root")
    gone = client.delete(f"{PATH}/{token['id']}/admin")
    assert (gone.status_code, gone.json()) == (200, None)
    assert hold(house, token).get(PROBE).status_code == 401
    again = client.delete(f"{PATH}/{token['id']}/admin")
    assert (again.status_code, again.json()) == (404, UNKNOWN)


def test_who_manages_users_voids_no_token_of_an_administrator(house: House) -> None:
    add_keeper(house)
    token, other = make(sign_in(house, "root")), make(sign_in(house))
    keeper = sign_in(house, "keeper")
    refused = keeper.delete(f"{PATH}/{token['id']}/admin")
    assert refused.status_code == 403
    assert refused.json() == {"detail": "Administrator privileges required"}
    assert hold(house, token).get(PROBE).status_code == 200
    assert keeper.delete(f"{PATH}/{other['id']}/admin").status_code == 200


def test_plain_users_manage_their_own_alone(house: House) -> None:
    token = make(sign_in(house, "root"))
    client = sign_in(house)
    assert client.get(f"{PATH}/all").json() == {"detail": "Forbidden"}
    assert client.delete(f"{PATH}/{token['id']}/admin").json() == {"detail": "Forbidden"}
