"""The token endpoint, and tokens nobody should have."""

import base64
import json
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import jwt
import pytest
from sqlalchemy import delete, update

from romm_lite.kernel.scopes import Role
from romm_lite.tables.users import USERS
from tests.features.accounts.conftest import KEY, PASSWORD, Build, House, bearer

PROBE = "/api/probe"
NOT_VALID = {"detail": "Could not validate credentials"}
NOT_AUTHENTICATED = {"detail": "Not authenticated"}


def ask(house: House, **form: str) -> tuple[int, str]:
    answer = house.client().post("/api/token", data=form)
    return answer.status_code, answer.json().get("detail", "")


def refresh(house: House, token: str) -> tuple[int, Any]:
    form = {"grant_type": "refresh_token", "refresh_token": token}
    answer = house.client().post("/api/token", data=form)
    return answer.status_code, answer.json()


def claims_of(token: str) -> dict[str, Any]:
    found: dict[str, Any] = jwt.decode(token, KEY, algorithms=["HS256"])
    return found


def forge(token: str, key: str = KEY, **changes: Any) -> str:
    return jwt.encode(claims_of(token) | changes, key, algorithm="HS256")


def test_a_password_grant_has_the_members_clients_read(house: House) -> None:
    granted = house.tokens(scope="roms.read me.read")
    assert granted["token_type"] == "bearer"
    assert (granted["expires"], granted["refresh_expires"]) == (1800, 604800)
    assert set(granted) == {
        "access_token", "token_type", "expires", "refresh_token", "refresh_expires"
    }  # fmt: skip


def test_the_claims_are_those_clients_know(house: House) -> None:
    granted = house.tokens(scope="roms.read me.read")
    header = jwt.get_unverified_header(granted["access_token"])
    assert header == {"alg": "HS256", "typ": "JWT"}
    claims = claims_of(granted["access_token"])
    assert (claims["sub"], claims["iss"]) == ("ann", "romm:oauth")
    assert (claims["type"], claims["scopes"]) == ("access", "roms.read me.read")
    assert 1790 < claims["exp"] - time.time() <= 1800
    assert claims_of(granted["refresh_token"])["type"] == "refresh"
    assert len(claims_of(granted["refresh_token"])["jti"]) == 36


def test_lifetimes_are_settings(build: Build) -> None:
    house = build(oauth_access_token_expire_seconds=60, oauth_refresh_token_expire_seconds=120)
    house.add("ann")
    granted = house.tokens()
    assert (granted["expires"], granted["refresh_expires"]) == (60, 120)


def test_a_token_lets_in_for_its_scopes(house: House) -> None:
    token = house.tokens(scope="roms.read")["access_token"]
    client = house.client()
    assert client.get(PROBE, headers=bearer(token)).json()["scopes"] == ["roms.read"]
    assert client.get("/api/users/me", headers=bearer(token)).status_code == 403
    assert client.get(PROBE, headers={"authorization": f"bearer {token}"}).status_code == 200


def test_a_token_for_nothing_may_do_nothing(house: House) -> None:
    token = house.tokens(scope="")["access_token"]
    answer = house.client().get(PROBE, headers=bearer(token))
    assert (answer.status_code, answer.json()) == (403, {"detail": "Forbidden"})


@pytest.mark.parametrize(
    ("form", "answer"),
    [
        ({}, (400, "Missing username or password")),
        ({"username": "ann"}, (400, "Missing username or password")),
        ({"username": "ann", "password": ""}, (400, "Missing username or password")),
        ({"username": "ann", "password": "no"}, (401, "Invalid username or password")),
        ({"username": "nobody", "password": PASSWORD}, (401, "Invalid username or password")),
        ({"grant_type": "refresh_token"}, (400, "Missing refresh token")),
        (
            {"grant_type": "client_credentials"},
            (400, "Client credentials are not yet supported"),
        ),
        ({"grant_type": "magic"}, (400, "Invalid or unsupported grant type")),
    ],
)
def test_what_is_missing_or_wrong_is_told(
    house: House, form: dict[str, str], answer: tuple[int, str]
) -> None:
    assert ask(house, **form) == answer


@pytest.mark.parametrize("scope", ["users.read", "roms.read tasks.run", "read:roms write:roms"])
def test_scopes_beyond_the_users_are_refused(house: House, scope: str) -> None:
    asked = ask(house, username="ann", password=PASSWORD, scope=scope)
    assert asked == (403, "Insufficient scope")


def test_a_disabled_user_gets_no_token(house: House) -> None:
    house.add("eve", enabled=False)
    asked = ask(house, username="eve", password=PASSWORD)
    assert asked == (403, "User account is disabled")


def test_the_password_grant_obeys_the_switch(build: Build) -> None:
    house = build(disable_userpass_login=True)
    house.add("ann")
    assert ask(house, username="ann", password=PASSWORD)[0] == 403


def test_a_json_body_is_not_seen(house: House) -> None:
    answer = house.client().post("/api/token", json={"username": "ann", "password": PASSWORD})
    assert answer.status_code == 400


def test_refreshing_rotates(house: House) -> None:
    first = house.tokens(scope="roms.read")["refresh_token"]
    status, second = refresh(house, first)
    assert (status, set(second)) == (
        200,
        {"access_token", "token_type", "expires", "refresh_token", "refresh_expires"},
    )
    assert house.client().get(PROBE, headers=bearer(second["access_token"])).status_code == 200
    assert refresh(house, first) == (401, NOT_VALID)
    assert refresh(house, second["refresh_token"])[0] == 200


def test_of_many_refreshes_at_once_one_succeeds(house: House) -> None:
    token = house.tokens()["refresh_token"]
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: refresh(house, token)[0], range(6)))
    assert sorted(answers) == [200, *[401] * 5]


def test_a_refresh_token_survives_a_restart(house: House, build: Build) -> None:
    token = house.tokens()["refresh_token"]
    assert refresh(build(), token)[0] == 200


def test_a_refused_refresh_has_a_challenge(house: House) -> None:
    form = {"grant_type": "refresh_token", "refresh_token": "garbage"}
    answer = house.client().post("/api/token", data=form)
    assert (answer.status_code, answer.json()) == (401, NOT_VALID)
    assert answer.headers["www-authenticate"] == "Bearer"


def test_an_access_token_cannot_refresh(house: House) -> None:
    assert refresh(house, house.tokens()["access_token"]) == (401, NOT_VALID)


def test_a_disabled_user_cannot_refresh(house: House) -> None:
    token = house.tokens()["refresh_token"]
    house.accounts.set_enabled(2, False)
    assert refresh(house, token) == (401, {"detail": "Disabled user"})


def test_a_deleted_user_cannot_refresh(house: House) -> None:
    token = house.tokens()["refresh_token"]
    with house.database.write() as session:
        session.execute(delete(USERS).where(USERS.c.username == "ann"))
    assert refresh(house, token) == (401, NOT_VALID)


def test_a_refresh_token_is_no_access_token(house: House) -> None:
    token = house.tokens()["refresh_token"]
    answer = house.client().get(PROBE, headers=bearer(token))
    assert (answer.status_code, answer.json()) == (401, NOT_AUTHENTICATED)


def unsigned(token: str) -> str:
    """The same claims with ``alg: none`` and no signature."""
    head = base64.urlsafe_b64encode(json.dumps({"alg": "none", "typ": "JWT"}).encode())
    return f"{head.decode().rstrip('=')}.{token.split('.')[1]}."


def test_forged_tokens_are_refused(house: House) -> None:
    token = house.tokens()["access_token"]
    head, body, signature = token.split(".")
    fakes = [
        unsigned(token),
        forge(token, key="a key that somebody guessed, long enough"),
        forge(token, exp=int(time.time()) - 1),
        forge(token, uid=999),
        forge(token, epoch=99),
        jwt.encode(claims_of(token), KEY, algorithm="HS384"),
        jwt.encode({"sub": "ann", "iss": "romm:oauth", "exp": 2**31}, KEY, algorithm="HS256"),
        f"{head}.{body}.{signature[::-1]}",
        f"{head}.{body}",
        "abc",
    ]
    answers = [house.client().get(PROBE, headers=bearer(fake)) for fake in fakes]
    assert [a.status_code for a in answers] == [401] * len(fakes)
    assert all(a.json() == NOT_VALID for a in answers)
    assert all(a.headers["www-authenticate"] == "Bearer" for a in answers)


def test_a_token_of_another_issuer_is_no_credential(house: House) -> None:
    token = forge(house.tokens()["access_token"], iss="romm:auth")
    answer = house.client().get(PROBE, headers=bearer(token))
    assert (answer.status_code, answer.json()) == (401, NOT_AUTHENTICATED)


def test_claimed_scopes_never_exceed_the_users(house: House) -> None:
    token = forge(house.tokens()["access_token"], scopes="roms.read tasks.run users.write")
    found = house.client().get(PROBE, headers=bearer(token)).json()
    assert found["scopes"] == ["roms.read"]


def test_a_disabled_user_is_told_so(house: House) -> None:
    token = house.tokens()["access_token"]
    house.accounts.set_enabled(2, False)
    answer = house.client().get(PROBE, headers=bearer(token))
    assert (answer.status_code, answer.json()) == (401, {"detail": "Disabled user"})


def test_being_enabled_again_does_not_revive_tokens(house: House) -> None:
    granted = house.tokens()
    house.accounts.set_enabled(2, False)
    house.accounts.set_enabled(2, True)
    answer = house.client().get(PROBE, headers=bearer(granted["access_token"]))
    assert (answer.status_code, answer.json()) == (401, NOT_VALID)
    assert refresh(house, granted["refresh_token"]) == (401, NOT_VALID)


def test_a_new_password_voids_tokens_and_sessions(house: House) -> None:
    granted = house.tokens()
    client = house.login()
    house.accounts.set_password(2, "something new")
    assert house.client().get(PROBE, headers=bearer(granted["access_token"])).status_code == 401
    assert refresh(house, granted["refresh_token"])[0] == 401
    assert client.get(PROBE).status_code == 401


def test_a_token_does_not_pass_to_the_next_owner_of_a_name(house: House) -> None:
    token = house.tokens()["access_token"]
    with house.database.write() as session:
        session.execute(update(USERS).where(USERS.c.username == "ann").values(username="anna"))
    house.add("ann", Role.ADMIN)
    answer = house.client().get(PROBE, headers=bearer(token))
    assert answer.json()["id"] == 2
