"""Invitations, registration, and links to a new password."""

import logging
import time
from functools import partial
from typing import Any

import jwt
import pytest
from sqlalchemy import delete, select, update

from romm_lite.features.accounts import links, passwords
from romm_lite.features.accounts.vouchers import INVITE, RESET
from romm_lite.kernel.errors import Invalid
from romm_lite.kernel.scopes import Role
from romm_lite.tables.devices import CLIENT_TOKENS
from romm_lite.tables.permissions import PERMISSION_OVERRIDES, PermissionOverride
from romm_lite.tables.users import USERS
from romm_lite.wire.users import UserRegister
from tests.features.accounts.conftest import KEY, PASSWORD, Build, Clock, House, bearer, csrf
from tests.features.accounts.test_user_changes import at_once, give_token

ROOT = ("root", PASSWORD)
ANN = ("ann", PASSWORD)
NEW = {"username": "Bob", "email": "Bob@x.org", "password": "secret!"}
USED = "Invite token has already been used or is invalid."
SPENT = "This token has already been used or is invalid"


@pytest.fixture(autouse=True)
def cheap_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "ROUNDS", 4)


def invite(house: House, auth: tuple[str, str] = ROOT, **query: Any) -> tuple[int, Any]:
    params = {"role": "user", **query}
    answer = house.client().post("/api/users/invite-link", params=params, auth=auth)
    return answer.status_code, answer.json()


def register(house: House, token: str, **changes: str) -> tuple[int, Any]:
    client = house.client()
    body = {**NEW, "token": token, **changes}
    answer = client.post("/api/users/register", json=body, headers=csrf(client))
    return answer.status_code, answer.json()


def sign_up(house: House, token: str, name: str = "bob") -> None:
    """Register without the web around it."""
    form = UserRegister(username=name, email="", password="secret!", token=token)
    links.register(house.accounts, form)


def reset(house: House, token: str, password: str = "something new") -> tuple[int, Any]:
    client = house.client()
    body = {"token": token, "new_password": password}
    answer = client.post("/api/reset-password", json=body, headers=csrf(client))
    return answer.status_code, answer.json()


def told(detail: str) -> tuple[int, Any]:
    return 400, {"detail": detail}


def sign(**claims: Any) -> str:
    """A token under the key of the tests, as RomM would make one, or a forger who has the key."""
    return jwt.encode({"exp": int(time.time()) + 60, **claims}, KEY, algorithm="HS256")


def let_ann_manage_users(house: House) -> None:
    with house.database.write() as session:
        session.add(PermissionOverride(user_id=2, entity="users", action="write"))


# Inviting


def test_an_invitation_is_a_token_with_a_role(house: House) -> None:
    status, link = invite(house, role="admin")
    assert (status, link["url"]) == (201, None)
    claims = jwt.decode(link["token"], KEY, algorithms=["HS256"])
    assert (claims["sub"], claims["type"], claims["role"]) == ("root", "invite", "ADMIN")
    assert claims["exp"] - claims["iat"] == 600
    assert claims["jti"]


def test_an_invitation_lasts_as_long_as_asked_for(build: Build, house: House) -> None:
    def life(house: House, **query: Any) -> int:
        claims = jwt.decode(invite(house, **query)[1]["token"], KEY, algorithms=["HS256"])
        return int(claims["exp"] - claims["iat"])

    assert life(house, expiration=7200) == 7200
    assert life(build(invite_token_expiry_seconds=99)) == 99


@pytest.mark.parametrize(
    ("base", "root_path", "expected"),
    [
        ("https://games.example", "", "https://games.example/register?token="),
        ("https://games.example", "/romm", "https://games.example/romm/register?token="),
        ("https://games.example/romm", "/romm", "https://games.example/romm/register?token="),
        ("http://localhost:8080", "", None),
        ("http://127.0.0.1", "", None),
        ("http://[::1]:80", "", None),
        ("http://0.0.0.0", "", None),
        ("ftp://games.example", "", None),
    ],
)
def test_a_link_is_given_where_the_public_address_is_known(
    build: Build, house: House, base: str, root_path: str, expected: str | None
) -> None:
    link = invite(build(romm_base_url=base, romm_root_path=root_path))[1]
    assert link["url"] == (expected and expected + link["token"])


def test_inviting_is_a_right(house: House) -> None:
    assert invite(house, ANN) == (403, {"detail": "Forbidden"})
    let_ann_manage_users(house)
    assert invite(house, ANN)[0] == 201
    refused = {"detail": "Only an administrator can create admin invite links"}
    assert invite(house, ANN, role=" Admin") == (403, refused)


@pytest.mark.parametrize("role", ["captain", "", "administrator", "user admin"])
def test_only_known_roles_can_be_invited(house: House, role: str) -> None:
    assert invite(house, role=role) == told(f"Role {role} is not valid")


@pytest.mark.parametrize("seconds", [0, -1])
def test_an_invitation_must_last_a_while(house: House, seconds: int) -> None:
    expected = told("Invite link expiration must be a positive integer")
    assert invite(house, expiration=seconds) == expected


@pytest.mark.parametrize("seconds", [2**40, 2**80, "soon"])
def test_an_invitation_lasts_a_year_at_most(house: House, seconds: Any) -> None:
    assert invite(house, expiration=seconds)[0] == 422


def test_nobody_is_invited_before_there_is_an_administrator(build: Build) -> None:
    house = build()
    with pytest.raises(Invalid, match="first account"):
        links.invite(house.accounts, "admin")
    client = house.client()
    answer = client.post("/api/users/invite-link?role=admin", headers=csrf(client))
    assert answer.status_code == 401


# Registering


@pytest.mark.parametrize(
    ("role", "expected"),
    [("user", ("user", None)), ("admin", ("admin", None)), ("viewer", ("user", 1)),
     ("Editor", ("user", 2))],
)  # fmt: skip
def test_who_is_invited_registers_with_the_role(
    house: House, role: str, expected: tuple[str, int | None]
) -> None:
    status, user = register(house, invite(house, role=role)[1]["token"])
    assert (status, user["username"], user["email"]) == (201, "bob", "bob@x.org")
    assert (user["role"], user["permission_group_id"]) == expected
    assert house.client().post("/api/login", auth=("bob", "secret!")).status_code == 200


def test_registering_from_a_page_needs_the_csrf_token(house: House) -> None:
    body = {**NEW, "token": invite(house)[1]["token"]}
    answer = house.client().post("/api/users/register", json=body)
    assert (answer.status_code, answer.text) == (403, "CSRF token verification failed")


def test_an_invitation_works_once(house: House) -> None:
    token = invite(house)[1]["token"]
    assert register(house, token)[0] == 201
    assert register(house, token, username="rob", email="") == told(USED)


def test_of_two_who_use_an_invitation_at_once_one_gets_in(every_house: House) -> None:
    token = links.invite(every_house.accounts, "user").token
    uses = [partial(sign_up, every_house, token, name) for name in ("bob", "rob")]
    assert sorted(at_once(*uses)) == [200, 400]
    names = {user["username"] for user in every_house.accounts.list_users()}
    assert len(names & {"bob", "rob"}) == 1


@pytest.mark.parametrize(
    ("changes", "detail"),
    [
        ({"username": "bo"}, "Username must be at least 3 characters long"),
        ({"username": "ROOT"}, "Username ROOT already exists"),
        ({"email": "bob"}, "Invalid email format"),
        ({"email": "Root@x.org"}, "User with email Root@x.org already exists"),
        ({"password": "12345"}, "Password must be at least 6 characters long"),
    ],
)
def test_a_broken_rule_leaves_the_invitation_good(
    house: House, changes: dict[str, str], detail: str
) -> None:
    with house.database.write() as session:
        session.execute(update(USERS).where(USERS.c.id == 1).values(email="root@x.org"))
    token = invite(house)[1]["token"]
    assert register(house, token, **changes) == told(detail)
    assert register(house, token)[0] == 201


def test_who_comes_second_with_a_name_keeps_the_invitation(house: House) -> None:
    tokens = [links.invite(house.accounts, "user").token for _ in range(4)]
    statuses = at_once(*(partial(sign_up, house, token) for token in tokens))
    assert sorted(statuses) == [200, 400, 400, 400]
    again = [
        register(house, token, username=f"rob{at}", email="")[0] for at, token in enumerate(tokens)
    ]
    assert sorted(again) == [201, 201, 201, 400]


def test_without_an_invitation_nobody_learns_who_is_here(house: House) -> None:
    assert register(house, "x", username="root") == told("Invalid token")


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "é", "rmm_" + "0" * 64, "x" * 70_000])
def test_what_is_no_token_is_told(house: House, token: str) -> None:
    assert register(house, token) == told("Invalid token")
    assert reset(house, token) == told("Invalid token")


def test_a_token_under_another_key_is_none(house: House) -> None:
    claims = {"type": "invite", "uid": 1, "epoch": 0, "jti": "a", "role": "ADMIN"}
    forged = jwt.encode(claims, "another key, long enough to be taken", algorithm="HS256")
    assert register(house, forged) == told("Invalid token")
    unsigned = jwt.encode(claims, "", algorithm="none")
    assert register(house, unsigned) == told("Invalid token")


def test_tokens_for_something_else_are_told(house: House) -> None:
    tokens = house.tokens("root", "users.write")
    link = links.make_reset(house.accounts, 2).token
    for token in (tokens["access_token"], tokens["refresh_token"], link):
        assert register(house, token) == told("Invalid token type.")
    invitation = invite(house)[1]["token"]
    for token in (tokens["access_token"], invitation):
        assert reset(house, token) == told("Invalid token purpose")
    assert house.client().get("/api/users/me", headers=bearer(invitation)).status_code == 401
    assert house.client().get("/api/users/me", headers=bearer(link)).status_code == 401


def test_tokens_that_romm_made_with_the_same_key_are_void(house: House) -> None:
    assert register(house, sign(type="invite", sub="root", role="ADMIN", jti="a")) == told(USED)
    assert reset(house, sign(type="reset", sub="ann", jti="a")) == told("Invalid token payload")


def test_tokens_nobody_remembers_are_void(house: House) -> None:
    claims = {"sub": "root", "uid": 1, "epoch": 0, "jti": "a"}
    assert register(house, sign(type="invite", role="ADMIN", **claims)) == told(USED)
    assert reset(house, sign(type="reset", **claims)) == told(SPENT)


def test_tokens_end(house: House, clock: Clock) -> None:
    invitation = invite(house)[1]["token"]
    link = links.make_reset(house.accounts, 2).token
    clock.ahead = 25 * 3600
    assert register(house, invitation) == told(USED)
    assert reset(house, link) == told(SPENT)
    late = {"sub": "ann", "uid": 2, "epoch": 0, "jti": "a", "exp": int(time.time()) - 1}
    assert register(house, sign(type="invite", **late)) == told(USED)
    assert reset(house, sign(type="reset", **late)) == told("Token has expired")


@pytest.mark.parametrize("how", ["deleted", "disabled", "new password", "demoted"])
def test_an_invitation_ends_with_whoever_made_it(house: House, how: str) -> None:
    chief = house.add("chief", Role.ADMIN)
    token = invite(house, ("chief", PASSWORD), role="admin")[1]["token"]
    client = house.client()
    if how == "deleted":
        client.delete(f"/api/users/{chief}", auth=ROOT)
    else:
        form = {"disabled": {"enabled": "false"}, "demoted": {"role": "user"}}
        change = form.get(how, {"password": "something new"})
        assert client.put(f"/api/users/{chief}", data=change, auth=ROOT).status_code == 200
    assert register(house, token) == told(USED)


def test_an_invitation_ends_with_the_right_to_invite(house: House) -> None:
    let_ann_manage_users(house)
    token = invite(house, ANN)[1]["token"]
    with house.database.write() as session:
        session.execute(delete(PERMISSION_OVERRIDES))
    assert register(house, token) == told(USED)
    let_ann_manage_users(house)
    assert register(house, token)[0] == 201


def test_invitations_of_the_command_line_need_no_inviter(house: House) -> None:
    token = links.invite(house.accounts, "admin").token
    assert register(house, token)[1]["role"] == "admin"


@pytest.mark.parametrize("body", [{}, {**NEW}, {**NEW, "token": None}, {**NEW, "token": "a\0"}])
def test_what_is_left_out_is_422(house: House, body: dict[str, Any]) -> None:
    client = house.client()
    answer = client.post("/api/users/register", json=body, headers=csrf(client))
    assert answer.status_code == 422


def test_registrations_of_one_address_are_counted(house: House) -> None:
    statuses = [register(house, "x")[0] for _ in range(11)]
    assert statuses == [400] * 10 + [429]


# A forgotten password


def forget(house: House, username: str) -> Any:
    client = house.client()
    body = {"username": username}
    return client.post("/api/forgot-password", json=body, headers=csrf(client))


@pytest.mark.parametrize("username", ["ann", "ANN", "nobody", "", "jürgen", "a" * 5000])
def test_the_answer_to_a_forgotten_password_is_always_the_same(house: House, username: str) -> None:
    answer = forget(house, username)
    assert (answer.status_code, answer.json()) == (200, None)


def test_administrators_read_who_forgot_but_no_link(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        forget(house, "ann")
        forget(house, "nobody")
    lines = [record.getMessage() for record in caplog.records if "romm_lite" in record.name]
    (line,) = [line for line in lines if "password" in line]
    assert "user 2" in line
    assert "eyJ" not in caplog.text
    assert "http" not in line


def test_forgotten_passwords_of_one_address_are_counted(house: House) -> None:
    statuses = [forget(house, "ann").status_code for _ in range(6)]
    assert statuses == [200] * 5 + [429]


def test_resets_of_one_address_are_counted(house: House) -> None:
    statuses = [reset(house, "x")[0] for _ in range(11)]
    assert statuses == [400] * 10 + [429]


def make_link(house: House, user_id: int = 2, auth: tuple[str, str] = ROOT) -> tuple[int, Any]:
    answer = house.client().post(f"/api/users/{user_id}/reset-link", auth=auth)
    return answer.status_code, answer.json()


def test_an_administrator_makes_a_link_to_a_new_password(
    build: Build, house: House, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        status, link = make_link(build(romm_base_url="https://games.example"))
    assert status == 201
    assert link["url"] == f"https://games.example/reset-password?token={link['token']}"
    claims = jwt.decode(link["token"], KEY, algorithms=["HS256"])
    assert (claims["sub"], claims["type"], claims["uid"]) == ("ann", "reset", 2)
    assert link["token"] not in caplog.text
    assert reset(house, link["token"]) == (200, None)
    assert house.client().post("/api/login", auth=("ann", "something new")).status_code == 200


def test_a_link_leads_to_where_the_administrator_found_the_server(house: House) -> None:
    assert make_link(house)[1]["url"].startswith("http://romm.example/reset-password?token=")


def test_links_are_made_by_administrators_who_are_logged_in(house: House) -> None:
    assert make_link(house, auth=ANN) == (403, {"detail": "Forbidden"})
    let_ann_manage_users(house)
    refused = "Only an administrator who is logged in can create password reset links"
    assert make_link(house, 1, ANN) == (403, {"detail": refused})
    header = give_token(house, 1, "users.write")
    answer = house.client().post("/api/users/2/reset-link", headers=header)
    assert (answer.status_code, answer.json()) == (403, {"detail": refused})
    assert make_link(house, 99) == (404, {"detail": "User not found"})
    assert make_link(house, 0)[0] == 422


def test_a_link_works_once(house: House) -> None:
    token = links.make_reset(house.accounts, 2).token
    assert reset(house, token)[0] == 200
    assert reset(house, token, "something else") == told(SPENT)


def test_of_two_who_use_a_link_at_once_one_sets_the_password(every_house: House) -> None:
    house = every_house
    ann = house.accounts.get_user_named("ann")["id"]
    token = links.make_reset(house.accounts, ann).token
    statuses = at_once(
        lambda: links.reset_password(house.accounts, token, "something one"),
        lambda: links.reset_password(house.accounts, token, "something two"),
    )
    assert sorted(statuses) == [200, 400]


def test_a_second_link_is_void_once_the_first_was_used(house: House) -> None:
    first, second = (links.make_reset(house.accounts, 2).token for _ in range(2))
    assert reset(house, first)[0] == 200
    assert reset(house, second) == told(SPENT)


@pytest.mark.parametrize("password", ["x", "", "  ", "pässword", "x" * 256])
def test_the_rules_hold_and_a_broken_one_leaves_the_link_good(house: House, password: str) -> None:
    token = links.make_reset(house.accounts, 2).token
    status, answer = reset(house, token, password)
    assert (status, answer["detail"].startswith("Password ")) == (400, True)
    assert reset(house, token)[0] == 200


def test_a_link_is_void_once_the_user_has_another_password(house: House) -> None:
    token = links.make_reset(house.accounts, 2).token
    change = {"password": "another one"}
    assert house.client().put("/api/users/2", data=change, auth=ANN).status_code == 200
    assert reset(house, token) == told(SPENT)


def test_a_link_for_somebody_who_is_gone_is_told(house: House) -> None:
    token = links.make_reset(house.accounts, 2).token
    house.client().delete("/api/users/2", auth=ROOT)
    assert reset(house, token) == (404, {"detail": "User not found"})


def test_a_reset_ends_sessions_tokens_and_paired_devices(house: House) -> None:
    client, access = house.login(), bearer(house.tokens()["access_token"])
    paired = give_token(house, 2, "me.read")
    assert reset(house, links.make_reset(house.accounts, 2).token)[0] == 200
    assert client.get("/api/users/me").status_code == 401
    for header in (access, paired):
        assert house.client().get("/api/probe", headers=header).status_code == 401
    with house.database.read() as session:
        assert session.scalars(select(CLIENT_TOKENS.c.id)).all() == []


def test_a_user_who_never_had_a_password_gets_one(house: House) -> None:
    with house.database.write() as session:
        session.execute(update(USERS).where(USERS.c.id == 2).values(hashed_password=None))
    assert reset(house, links.make_reset(house.accounts, 2).token)[0] == 200
    assert house.client().post("/api/login", auth=("ann", "something new")).status_code == 200


def test_a_disabled_user_stays_out_with_a_new_password(house: House) -> None:
    house.accounts.set_enabled(2, False)
    assert reset(house, links.make_reset(house.accounts, 2).token)[0] == 200
    assert house.client().post("/api/login", auth=("ann", "something new")).status_code == 401


def test_tokens_are_not_shown_by_accident(house: House) -> None:
    vouchers = (links.invite(house.accounts, "user"), links.make_reset(house.accounts, 2))
    for voucher, kind in zip(vouchers, (INVITE, RESET), strict=True):
        assert voucher.token not in repr(voucher)
        assert voucher.token not in repr(house.accounts.vouchers.read(voucher.token, kind))
