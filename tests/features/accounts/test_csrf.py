"""When a page has to prove that it is ours."""

from base64 import b64encode

import pytest
from starlette.testclient import TestClient

from romm_lite.features.accounts.csrf import Csrf
from romm_lite.kernel.scopes import Role
from tests.features.accounts.conftest import PASSWORD, Build, House, bearer, csrf

REFUSAL = "CSRF token verification failed"
POST = "/api/probe"
OPEN = "/api/probe/open"


def post(client: TestClient, path: str = POST, **headers: str) -> int:
    return client.post(path, headers=headers).status_code


def test_a_page_of_ours_may_write(house: House) -> None:
    client = house.login()
    assert client.post(POST, headers=csrf(client)).json() == "session"


def test_a_session_without_the_header_may_not_write(house: House) -> None:
    answer = house.login().post(POST)
    assert (answer.status_code, answer.text) == (403, REFUSAL)
    assert answer.headers["content-type"].startswith("text/plain")


def test_a_session_without_the_cookie_may_not_write(house: House) -> None:
    client = house.login()
    sent = csrf(client)
    client.cookies.delete("romm_csrftoken")
    assert client.post(POST, headers=sent).status_code == 403


def test_reading_needs_no_proof(house: House) -> None:
    assert house.login().get(POST).status_code == 200


@pytest.mark.parametrize("value", ["", "x", "eyJhIjoxfQ.bad", "é"])
def test_a_header_that_is_not_ours_is_refused(house: House, value: str) -> None:
    client = house.login()
    answer = client.post(POST, headers={b"x-csrftoken": value.encode()})
    assert answer.status_code == 403


def test_cookie_and_header_must_tell_the_same(house: House) -> None:
    client = house.login()
    other = house.login()
    assert client.post(POST, headers=csrf(other)).status_code == 403


def test_a_pair_signed_with_another_key_is_refused(house: House) -> None:
    client = house.login()
    forged = Csrf("some other key", house.settings).new_cookie(2).split(";")[0].split("=", 1)[1]
    client.cookies.set("romm_csrftoken", forged)
    assert post(client, **{"x-csrftoken": forged}) == 403


def test_a_pair_of_another_user_is_refused(house: House) -> None:
    client = house.login()
    theirs = csrf(house.login("root"))["x-csrftoken"]
    client.cookies.delete("romm_csrftoken")
    client.cookies.set("romm_csrftoken", theirs)
    assert post(client, **{"x-csrftoken": theirs}) == 403


def test_a_pair_from_before_login_is_refused_after_it(house: House) -> None:
    client = house.client()
    before = csrf(client)
    client.post("/api/login", auth=("ann", PASSWORD))
    assert client.post(POST, headers=before).status_code == 403


def test_anonymous_callers_may_show_the_pair_of_a_dead_session(house: House) -> None:
    client = house.login()
    sent = csrf(client)
    client.cookies.delete("romm_session")
    assert client.post(OPEN, headers=sent).json() == "none"


def test_anonymous_callers_need_a_pair_too(house: House) -> None:
    client = house.client()
    assert client.post(OPEN).status_code == 403
    assert client.post(OPEN, headers=csrf(client)).status_code == 200


def test_a_good_header_needs_no_proof_and_beats_the_cookie(house: House) -> None:
    client = house.login("root")
    token = house.tokens(scope="roms.user.write")["access_token"]
    assert client.post(POST, auth=("ann", PASSWORD)).json() == "basic"
    assert client.post(POST, headers=bearer(token)).json() == "bearer"


@pytest.mark.parametrize("value", ["Bearer nonsense", "Basic !!!", "basic YTpi", "bearer rmm_0"])
def test_a_bad_header_is_401_and_the_cookie_does_not_help(house: House, value: str) -> None:
    client = house.login()
    sent = csrf(client) | {"Authorization": value}
    assert client.post(POST, headers=sent).status_code == 401
    assert client.get(POST, headers={"Authorization": value}).status_code == 401


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "TRACE"])
def test_methods_that_change_nothing_need_no_proof(house: House, method: str) -> None:
    assert house.client().request(method, OPEN).status_code != 403


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "PROPFIND"])
def test_all_others_do_wherever_they_go(house: House, method: str) -> None:
    for path in (OPEN, "/api/nothing-here", "/"):
        assert house.client().request(method, path).text == REFUSAL


def test_nothing_but_one_credential_of_two_words_stands_in_for_the_proof(house: House) -> None:
    good = b64encode(f"ann:{PASSWORD}".encode()).decode()
    client = house.login()
    for headers in (
        [("Authorization", f"Basic {good} {good}")],
        [("Authorization", f"Basic {good}"), ("Authorization", f"Basic {good}")],
        [("Authorization", f"Digest {good}")],
        [("Authorization", "")],
        [("Proxy-Authorization", f"Basic {good}")],
    ):
        assert client.post(POST, headers=headers).text == REFUSAL


def test_a_wrong_password_at_login_is_told_without_a_proof(house: House) -> None:
    answer = house.client().post("/api/login", auth=("ann", "wrong"))
    assert answer.json() == {"detail": "Incorrect username or password"}


def test_login_sets_no_csrf_cookie_but_the_first_page_after_it(house: House) -> None:
    client = house.client()
    client.post("/api/login", auth=("ann", PASSWORD))
    assert "romm_csrftoken" not in client.cookies
    client.get(OPEN)
    assert post(client, **csrf(client)) == 200


def test_the_name_of_a_scheme_alone_is_no_credential(house: House) -> None:
    client = house.login()
    assert client.post(POST, headers={"Authorization": "Bearer"}).text == REFUSAL
    assert client.get(POST, headers={"Authorization": "Bearer"}).status_code == 401


@pytest.mark.parametrize(
    "path",
    [
        "/api/token",
        "/api/token/",
        "/api/client-tokens/exchange",
        "/api/client-tokens/pair/ABCD2345/status",
        "/api/auth/device/init",
        "/api/auth/device/token/",
        "/ws/socket.io/",
        "/netplay/socket.io/",
    ],
)
def test_what_programs_call_before_they_have_anything_is_exempt(house: House, path: str) -> None:
    assert house.client().post(path).text != REFUSAL


@pytest.mark.parametrize(
    "path",
    [
        "/api/tokens",
        "/api/token/other",
        "/api/client-tokens/1/pair",
        "/api/client-tokens/exchange/more",
        "/api/auth/device/approve",
        "/wsx",
        "/api/users",
        "/api/logout",
        "/api/forgot-password",
    ],
)
def test_nothing_else_is_exempt(house: House, path: str) -> None:
    assert house.client().post(path).text == REFUSAL


def test_exempt_paths_are_found_below_a_sub_path(build: Build) -> None:
    house = build(romm_root_path="/games")
    client = house.client(root_path="/games")
    bare = house.client()
    assert bare.post("/games/api/token").text != REFUSAL
    assert client.post("/games/api/token").text != REFUSAL
    assert client.post("/games/api/users").text == REFUSAL


def test_the_check_can_be_switched_off(build: Build) -> None:
    house = build(disable_csrf_protection=True)
    house.add("ann")
    assert house.login().post(POST).json() == "session"


def test_the_cookie_is_set_when_it_is_absent_bad_or_of_another_user(house: House) -> None:
    client = house.client()
    first = client.get(OPEN).headers["set-cookie"]
    assert first.startswith("romm_csrftoken=")
    assert "httponly" not in first.lower()
    assert "max-age" not in first.lower()
    assert "set-cookie" not in client.get(OPEN).headers
    bad = house.client(cookies={"romm_csrftoken": "broken"})
    assert bad.get(OPEN).headers["set-cookie"].startswith("romm_csrftoken=")
    client.post("/api/login", auth=("ann", PASSWORD))
    assert client.get(OPEN).headers["set-cookie"].startswith("romm_csrftoken=")
    assert "set-cookie" not in client.get(OPEN).headers


def test_the_cookie_is_not_set_for_programs_nor_on_a_refusal(house: House) -> None:
    assert "set-cookie" not in house.client().get(OPEN, auth=("ann", PASSWORD)).headers
    assert "set-cookie" not in house.client().get(OPEN, headers=bearer("x")).headers
    assert "set-cookie" not in house.client().post(OPEN).headers


def test_the_cookie_is_set_on_errors_too(house: House) -> None:
    answer = house.client().get("/api/nothing-here")
    assert answer.status_code == 404
    assert answer.headers["set-cookie"].startswith("romm_csrftoken=")


def test_kiosk_visitors_count_as_nobody(build: Build) -> None:
    house = build(kiosk_mode=True)
    house.add("root", Role.ADMIN)
    client = house.client()
    assert client.post(OPEN).status_code == 403
    assert client.post(OPEN, headers=csrf(client)).json() == "kiosk"
