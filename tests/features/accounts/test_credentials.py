"""Who a request comes from."""

import base64
import hashlib
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import bcrypt
import pytest
from sqlalchemy import delete, event, insert, select, update
from starlette.testclient import TestClient
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocketDisconnect

from romm_lite.features.accounts import passwords
from romm_lite.features.accounts.middleware import Identify
from romm_lite.kernel.scopes import READ_SCOPES, Role
from romm_lite.kernel.times import now
from romm_lite.tables.devices import CLIENT_TOKENS, DEVICES, ClientToken, Device
from romm_lite.tables.permissions import (
    HIDDEN_ENTITIES,
    PERMISSION_GRANTS,
    PERMISSION_GROUPS,
    PERMISSION_OVERRIDES,
)
from romm_lite.tables.users import USERS
from tests.features.accounts.conftest import PASSWORD, Build, House, bearer

PROBE = "/api/probe"
CHALLENGE = {"detail": "Not authenticated"}


def basic(text: bytes) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(text).decode()}


def add_token(house: House, user: int, scopes: str = "roms.read", **values: Any) -> str:
    raw = "rmm_" + secrets.token_hex(32)
    hashed = hashlib.sha256(raw.encode()).hexdigest()
    with house.database.write() as session:
        session.add(
            ClientToken(user_id=user, name="t", hashed_token=hashed, scopes=scopes, **values)
        )
    return raw


@contextmanager
def counting(house: House) -> Iterator[list[str]]:
    """The statements sent to the database."""
    said: list[str] = []

    def note(_c: Any, _u: Any, statement: str, *_rest: Any) -> None:
        said.append(statement)

    event.listen(house.database.engine, "before_cursor_execute", note)
    yield said
    event.remove(house.database.engine, "before_cursor_execute", note)


def test_anonymous_callers_are_asked_to_authenticate(house: House) -> None:
    answer = house.client().get(PROBE)
    assert (answer.status_code, answer.json()) == (401, CHALLENGE)
    assert answer.headers["www-authenticate"] == "Bearer"


def test_nobody_costs_the_database_nothing(house: House) -> None:
    client = house.client()
    with counting(house) as said:
        assert client.get(PROBE + "/open").status_code == 200
    assert said == []


@pytest.mark.parametrize("scheme", ["Basic", "basic", "BASIC"])
def test_a_password_with_every_request(house: House, scheme: str) -> None:
    header = basic(f"Ann:{PASSWORD}".encode())["Authorization"].replace("Basic", scheme)
    answer = house.client().get(PROBE, headers={"Authorization": header})
    assert (answer.status_code, answer.json()["via"]) == (200, "basic")


@pytest.mark.parametrize(
    "header",
    [
        "Basic",
        "Basic !!!!",
        "Basic YTpi YTpi",
        "Basic " + base64.b64encode(b"no colon").decode(),
        "Basic " + base64.b64encode(b"\xff\xfe:x").decode(),
        "Basic " + base64.b64encode(b"ann:wrong").decode(),
        "Basic " + base64.b64encode(b"ann:").decode(),
        "Basic " + base64.b64encode(b"nobody:" + PASSWORD.encode()).decode(),
        "Basic " + base64.b64encode(b"a\0b:x").decode(),
        "Basic " + base64.b64encode("jürgen:x".encode()).decode(),
        "Basic " + base64.b64encode("jürgen:x".encode("latin-1")).decode(),
        "Basic " + base64.b64encode("ann:pässword".encode()).decode(),
        "Basic " + base64.b64encode("ann:pässword".encode("latin-1")).decode(),
        "Basic " + base64.b64encode(f"ann:{PASSWORD}\0".encode()).decode(),
        "Basic " + base64.b64encode(f"ann\0:{PASSWORD}".encode()).decode(),
        "Basic " + base64.b64encode(f"ann:{PASSWORD}:".encode()).decode(),
        "Basic " + base64.b64encode(f"ann :{PASSWORD}".encode()).decode(),
        "Basic " + base64.b64encode(b"ann:" + PASSWORD.encode()).decode().rstrip("=") + "?",
        "Basic " + base64.b64encode(b"ann:" + b"x" * 4000).decode(),
    ],
)
def test_a_bad_basic_header_is_401(house: House, header: str) -> None:
    answer = house.client().get(PROBE, headers={"Authorization": header})
    assert (answer.status_code, answer.json()) == (401, CHALLENGE)
    assert answer.headers["www-authenticate"] == "Bearer"


def test_colons_belong_to_the_password(house: House) -> None:
    house.accounts.set_password(house.add("bob"), ":a:b:c:")
    client = house.client()
    assert client.get(PROBE, headers=basic(b"bob::a:b:c:")).json()["via"] == "basic"
    assert client.get(PROBE, headers=basic(b"bob:a:b:c:")).status_code == 401


@pytest.mark.parametrize(
    "value",
    [b"", b" ", b"\xc3\xbc", b"Basic \xfc", b"Basic\xa0YTpi", b"Basic ="],
)
def test_a_header_that_says_nothing_is_401(house: House, value: bytes) -> None:
    answer = house.client().get(PROBE, headers={b"authorization": value})
    assert (answer.status_code, answer.json()) == (401, CHALLENGE)


@pytest.mark.parametrize("value", [b"", b"Bearer \xc3\xbc", b"Bearer rmm_0"])
def test_a_header_that_says_nothing_is_not_made_up_for(house: House, value: bytes) -> None:
    assert house.login().get(PROBE, headers={b"authorization": value}).status_code == 401


@pytest.mark.parametrize("scheme", ["Basic", "Bearer", "Bearer rmm_", "Digest"])
def test_very_long_headers_are_refused_without_ado(house: House, scheme: str) -> None:
    header = {"Authorization": scheme + ("x" if "_" in scheme else " x") * 400_000}
    assert house.client().get(PROBE, headers=header).status_code == 401


def test_of_two_headers_none_counts(house: House) -> None:
    good = basic(f"ann:{PASSWORD}".encode())["Authorization"]
    client = house.client()
    for other in (good, "Bearer x", ""):
        headers = [("Authorization", good), ("Authorization", other)]
        assert client.get(PROBE, headers=headers).status_code == 401


def test_a_disabled_user_has_no_password(house: House) -> None:
    house.add("eve", enabled=False)
    assert house.client().get(PROBE, auth=("eve", PASSWORD)).json() == CHALLENGE


def test_a_user_without_a_password_has_none_that_fits(house: House) -> None:
    with house.database.write() as session:
        session.execute(update(USERS).values(hashed_password=None))
    assert house.client().get(PROBE, auth=("ann", "")).status_code == 401


def test_public_operations_answer_whatever_the_header(house: House) -> None:
    answer = house.client().get(PROBE + "/open", headers={"Authorization": "Bearer nonsense"})
    assert (answer.status_code, answer.json()) == (200, "none")


def test_a_good_password_is_remembered(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    client = house.client()
    assert client.get(PROBE, auth=("ann", PASSWORD)).status_code == 200
    monkeypatch.setattr(bcrypt, "checkpw", lambda *_: pytest.fail("bcrypt was asked again"))
    assert client.get(PROBE, auth=("ann", PASSWORD)).status_code == 200


def test_what_is_remembered_ends_with_a_new_password(house: House) -> None:
    client = house.client()
    ann = client.get(PROBE, auth=("ann", PASSWORD)).json()["id"]
    house.accounts.set_password(ann, "something new")
    assert client.get(PROBE, auth=("ann", PASSWORD)).status_code == 401
    assert client.get(PROBE, auth=("ann", "something new")).status_code == 200


def test_what_is_remembered_ends_with_the_user(house: House) -> None:
    client = house.client()
    ann = client.get(PROBE, auth=("ann", PASSWORD)).json()["id"]
    house.accounts.set_enabled(ann, False)
    assert client.get(PROBE, auth=("ann", PASSWORD)).status_code == 401


def test_an_unknown_user_costs_as_much_as_a_known_one(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    rounds: list[bytes] = []
    real = bcrypt.checkpw
    with house.database.write() as session:
        hashed = passwords.hash_password(PASSWORD)
        session.execute(update(USERS).values(hashed_password=hashed))

    def note(text: bytes, hashed: bytes) -> bool:
        rounds.append(hashed[:7])
        return real(text, hashed)

    monkeypatch.setattr(bcrypt, "checkpw", note)
    house.client().get(PROBE, auth=("ann", "wrong"))
    house.client().get(PROBE, auth=("nobody", "wrong"))
    # an unknown user's empty hash is refused before any work, then the stand-in is checked
    assert [r for r in rounds if r] == [b"$2b$12$", b"$2b$12$"]


def test_a_client_token_lets_in_for_its_scopes(house: House) -> None:
    ann = house.add("bob")
    raw = add_token(house, ann, "roms.read users.read assets.write")
    found = house.client().get(PROBE, headers=bearer(raw)).json()
    assert found["via"] == "token"
    assert found["scopes"] == ["roms.read", "assets.write"]


def test_a_client_token_can_be_for_less_than_is_asked(house: House) -> None:
    raw = add_token(house, house.add("bob"), "me.read")
    answer = house.client().get(PROBE, headers=bearer(raw))
    assert (answer.status_code, answer.json()) == (403, {"detail": "Forbidden"})


def test_a_narrow_token_still_shows_the_users_own_scopes(house: House) -> None:
    raw = add_token(house, house.add("bob"), "me.read")
    me = house.client().get("/api/users/me", headers=bearer(raw)).json()
    assert "roms.read" in me["oauth_scopes"]


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_the_scheme_of_a_token_is_in_any_case(house: House, scheme: str) -> None:
    raw = add_token(house, house.add("bob"))
    answer = house.client().get(PROBE, headers={"Authorization": f"{scheme}  {raw}"})
    assert answer.status_code == 200


def test_client_tokens_that_are_over_or_unknown_are_401(house: House) -> None:
    bob = house.add("bob")
    eve = house.add("eve", enabled=False)
    tokens = [
        add_token(house, bob, expires_at=now() - timedelta(seconds=1)),
        add_token(house, eve),
        "rmm_" + "0" * 64,
        "rmm_",
    ]
    client = house.client()
    answers = [client.get(PROBE, headers=bearer(token)) for token in tokens]
    assert [a.status_code for a in answers] == [401] * 4
    assert all(a.json() == CHALLENGE for a in answers)
    assert client.get(
        PROBE, headers=bearer(add_token(house, bob, expires_at=now() + timedelta(seconds=60)))
    ).is_success


def test_a_client_token_ends_with_a_new_password(house: House) -> None:
    bob = house.add("bob")
    raw = add_token(house, bob)
    house.accounts.set_password(bob, "something new")
    assert house.client().get(PROBE, headers=bearer(raw)).status_code == 401


def test_using_a_token_notes_token_and_device_now_and_then(house: House) -> None:
    bob = house.add("bob")
    with house.database.write() as session:
        session.add(Device(id="handheld", user_id=bob))
    raw = add_token(house, bob, device_id="handheld")
    client = house.client()

    def marks() -> tuple[datetime | None, datetime | None]:
        assert client.get(PROBE, headers=bearer(raw)).json()["device"] == "handheld"
        with house.database.read() as session:
            used = session.scalar(select(CLIENT_TOKENS.c.last_used_at))
            seen = session.scalar(select(DEVICES.c.last_seen).where(DEVICES.c.id == "handheld"))
        return used, seen

    first = marks()
    assert None not in first
    assert marks() == first
    with house.database.write() as session:
        then = now() - timedelta(seconds=301)
        session.execute(update(CLIENT_TOKENS).values(last_used_at=then))
    assert marks()[1] != first[1]


def test_a_device_bound_token_is_the_current_device(house: House) -> None:
    bob = house.add("bob")
    with house.database.write() as session:
        session.add(Device(id="handheld", user_id=bob))
    raw = add_token(house, bob, "me.read", device_id="handheld")
    me = house.client().get("/api/users/me", headers=bearer(raw)).json()
    assert me["current_device_id"] == "handheld"
    mine = house.client().get("/api/users/me", auth=("bob", PASSWORD)).json()
    assert mine["current_device_id"] is None


def test_administrators_have_every_scope_and_nothing_hidden(house: House) -> None:
    hide(house, user_id=1)
    found = house.client().get(PROBE, auth=("root", PASSWORD)).json()
    assert len(found["scopes"]) == 22
    assert (found["hidden"], found["group"]) == (False, None)


def hide(house: House, **principal: Any) -> None:
    with house.database.write() as session:
        session.execute(insert(HIDDEN_ENTITIES).values(entity="roms", entity_id=1, **principal))


def test_users_without_a_group_are_in_the_default_one(house: House) -> None:
    found = house.client().get(PROBE, auth=("ann", PASSWORD)).json()
    assert found["scopes"] == [
        *READ_SCOPES,
        *("me.write", "assets.write", "devices.write", "roms.user.write", "collections.write"),
        "playlists.write",
    ]
    assert found["group"] == 1
    assert found["hidden"] is False


def test_what_is_hidden_from_the_group_or_the_user_is_told(house: House) -> None:
    bob = house.add("bob", permission_group_id=2)
    hide(house, group_id=1)
    client = house.client()
    assert client.get(PROBE, auth=("ann", PASSWORD)).json()["hidden"] is True
    assert client.get(PROBE, auth=("bob", PASSWORD)).json()["hidden"] is False
    hide(house, user_id=bob)
    assert client.get(PROBE, auth=("bob", PASSWORD)).json()["hidden"] is True


def test_exceptions_of_a_user_beat_the_group(house: House) -> None:
    bob = house.add("bob")
    for entity, action, granted in (
        ("tasks", "write", True),
        ("roms", "delete", True),
        ("playlists", "write", False),
        ("roms", "read", False),
    ):
        with house.database.write() as session:
            values = {"entity": entity, "action": action, "granted": granted}
            session.execute(insert(PERMISSION_OVERRIDES).values(user_id=bob, **values))
    client = house.client()
    assert client.get(PROBE + "/tasks", auth=("bob", PASSWORD)).status_code == 200
    assert client.get(PROBE, auth=("bob", PASSWORD)).status_code == 403
    me = client.get("/api/users/me", auth=("bob", PASSWORD)).json()
    assert "playlists.write" not in me["oauth_scopes"]
    assert "roms.delete" not in me["oauth_scopes"]


def test_a_change_of_the_group_counts_at_once(house: House) -> None:
    client = house.client()
    assert client.get(PROBE, auth=("ann", PASSWORD)).status_code == 200
    with house.database.write() as session:
        session.execute(delete(PERMISSION_GRANTS))
    assert client.get(PROBE, auth=("ann", PASSWORD)).status_code == 403


def test_without_any_group_the_personal_scopes_remain(house: House) -> None:
    with house.database.write() as session:
        session.execute(delete(PERMISSION_GROUPS))
    found = house.client().get("/api/users/me", auth=("ann", PASSWORD)).json()
    assert found["oauth_scopes"] == ["me.read", "roms.user.read", "me.write", "roms.user.write"]


def test_kiosk_visitors_may_read(build: Build) -> None:
    house = build(kiosk_mode=True)
    hide(house, group_id=1)
    client = house.client()
    found = client.get(PROBE).json()
    assert (found["id"], found["via"], found["scopes"]) == (-1, "kiosk", list(READ_SCOPES))
    assert (found["group"], found["hidden"]) == (1, True)
    assert client.get(PROBE + "/tasks").json() == {"detail": "Forbidden"}
    me = client.get("/api/users/me").json()
    assert (me["id"], me["username"], me["role"], me["ra_username"]) == (-1, "kiosk", "user", None)


def test_in_a_kiosk_a_wrong_credential_is_still_wrong(build: Build) -> None:
    house = build(kiosk_mode=True)
    for header in ("Basic YTpi", "Bearer x", "Bearer rmm_0", "Bearer"):
        assert house.client().get(PROBE, headers={"Authorization": header}).status_code == 401
    assert house.client().get(PROBE, headers={"Authorization": "Digest x"}).status_code == 200


def test_in_a_kiosk_users_keep_their_rights(build: Build) -> None:
    house = build(kiosk_mode=True)
    house.add("root", Role.ADMIN)
    assert house.login("root").get(PROBE + "/tasks").status_code == 200


def test_the_session_of_a_deleted_user_is_over(house: House) -> None:
    client = house.login()
    with house.database.write() as session:
        session.execute(delete(USERS).where(USERS.c.username == "ann"))
    answer = client.get(PROBE)
    assert answer.status_code == 401
    assert any(v.startswith("romm_session=null") for v in answer.headers.get_list("set-cookie"))


def test_the_tokens_of_a_deleted_user_are_over(house: House) -> None:
    token = house.tokens()["access_token"]
    with house.database.write() as session:
        session.execute(delete(USERS).where(USERS.c.username == "ann"))
    assert house.client().get(PROBE, headers=bearer(token)).status_code == 401


def test_a_dead_session_leaves_a_kiosk_visitor(build: Build) -> None:
    client = build(kiosk_mode=True).client(cookies={"romm_session": "gone"})
    assert client.get(PROBE).json()["via"] == "kiosk"


def test_a_session_costs_three_statements(house: House) -> None:
    client = house.login()
    client.get(PROBE)
    with counting(house) as said:
        client.get(PROBE)
    asked = [s for s in said if not s.startswith("BEGIN") and "entries" not in s]
    assert len(asked) <= 3


def test_web_sockets_have_an_identity_too(house: House) -> None:
    session_id = house.login().cookies["romm_session"]
    met: list[Any] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        met.append(scope["user"])
        await send({"type": "websocket.close"})

    client = TestClient(Identify(app, house.accounts), cookies={"romm_session": session_id})
    with pytest.raises(WebSocketDisconnect), client.websocket_connect("/ws/socket.io"):
        pass
    assert met[0].username == "ann"
