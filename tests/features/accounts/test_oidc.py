"""Talking to an OpenID provider: what is asked, and what is believed."""

import asyncio
import base64
import logging
import re
from http.cookies import SimpleCookie
from typing import Any

import httpx
import pytest

from romm_lite.features.accounts.oidc import Provider
from romm_lite.features.accounts.oidc_claims import OidcRefused
from romm_lite.features.accounts.oidc_flows import new_flow
from romm_lite.kernel.settings import Settings
from romm_lite.tables.system import ENTRIES
from tests.features.accounts.conftest import Build, Clock, House, csrf, know_provider
from tests.features.accounts.idp import CODE, ISSUER, PAGE, SECRET, SETTINGS, Idp, new_key

NOT_VALID = "The answer of the login provider is not valid"
UNREACHABLE = "The login provider cannot be reached"
EXPIRED = "The login was not begun in this browser, or too long ago. Try again."


@pytest.fixture
def house(build: Build) -> House:
    """An installation that has an administrator and knows the provider."""
    return know_provider(build)


def detail(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["detail"]


def ask(settings: dict[str, Any], **options: Any) -> Provider:
    return Provider(Settings.model_validate({**SETTINGS, **settings}), **options)


def address(provider: Provider) -> str:
    return asyncio.run(provider.address(new_flow(None), "state"))


# Where the browser is sent


@pytest.mark.parametrize("path", ["/api/login/openid", "/api/oauth/openid"])
def test_switched_off_there_is_nothing(build: Build, path: str) -> None:
    answer = build(**{**SETTINGS, "oidc_enabled": False}).client().get(path)
    assert detail(answer) == (404, "OAuth disabled")


@pytest.mark.parametrize(
    "missing", ["oidc_client_id", "oidc_redirect_uri", "oidc_server_application_url"]
)
def test_half_configured_there_is_nothing_and_the_log_says_what_is_missing(
    build: Build, missing: str, caplog: pytest.LogCaptureFixture
) -> None:
    answer = build(**{**SETTINGS, missing: ""}).client().get("/api/login/openid")
    assert detail(answer) == (404, "OAuth not configured")
    assert missing.upper() in caplog.text


def test_the_browser_is_sent_to_the_provider(house: House, idp: Idp) -> None:
    client = house.client()
    answer = client.get("/api/login/openid", follow_redirects=False)
    assert answer.status_code == 302
    assert answer.headers["cache-control"] == "no-store"
    url = httpx.URL(answer.headers["location"])
    asked = dict(url.params)
    assert str(url.copy_with(query=None)) == f"{ISSUER}/auth"
    for name in ("state", "nonce", "code_challenge"):
        assert re.fullmatch(r"[\w-]{43}", asked.pop(name))
    assert asked == {
        "tenant": "home",
        "response_type": "code",
        "client_id": "romm",
        "redirect_uri": "http://romm.example/api/oauth/openid",
        "scope": "openid profile email",
        "code_challenge_method": "S256",
    }


@pytest.mark.parametrize(
    ("claim", "scope"),
    [("groups", "openid profile email groups"), ("realm_access.roles", "openid profile email")],
)
def test_the_claim_of_roles_is_asked_for(build: Build, idp: Idp, claim: str, scope: str) -> None:
    client = know_provider(build, oidc_claim_roles=claim).client()
    assert idp.send_away(client)["scope"] == scope


def test_the_cookie_of_a_login_is_short_and_out_of_reach(build: Build, idp: Idp) -> None:
    house = know_provider(build, romm_root_path="/games", romm_session_secure_cookie=True)
    answer = house.client().get("/api/login/openid", follow_redirects=False)
    sent = [v for v in answer.headers.get_list("set-cookie") if v.startswith("romm_oidc=")]
    cookie = SimpleCookie(sent[0])["romm_oidc"]
    assert (cookie["path"], cookie["max-age"], cookie["samesite"]) == ("/games", "600", "lax")
    assert cookie["httponly"]
    assert cookie["secure"]


def test_no_two_logins_share_anything(house: House, idp: Idp) -> None:
    client = house.client()
    first, second = idp.send_away(client), idp.send_away(client)
    for name in ("state", "nonce", "code_challenge"):
        assert first[name] != second[name]


# Coming back


def test_somebody_comes_back_and_is_logged_in(house: House, idp: Idp) -> None:
    client = house.client()
    answer = idp.log_in(client)
    assert (answer.status_code, answer.headers["location"]) == (307, "/")
    assert answer.headers["cache-control"] == "no-store"
    assert client.get("/api/users/me").json()["username"] == "zoe"


@pytest.mark.parametrize(
    ("wanted", "end"),
    [
        ("/rom/7?tab=saves#top", "/rom/7?tab=saves#top"),
        ("//evil.example", "/"),
        ("/\\evil.example", "/"),
        ("https://evil.example", "/"),
        ("/\n/evil.example", "/"),
        ("/" + "x" * 3000, "/"),
        ("", "/"),
    ],
)
def test_the_end_is_a_page_of_ours(house: House, idp: Idp, wanted: str, end: str) -> None:
    client = house.client()
    state = idp.send_away(client, next=wanted)["state"]
    assert idp.come_back(client, state).headers["location"] == end


def test_the_session_gets_a_new_id(house: House, idp: Idp) -> None:
    """Whoever planted a session in somebody's browser does not share the login."""
    house.add("ann")
    client = house.login("ann")
    planted = client.cookies["romm_session"]
    idp.log_in(client)
    assert client.cookies["romm_session"] != planted
    assert house.accounts.sessions.find(planted) is None


def test_a_login_can_be_finished_once(house: House, idp: Idp) -> None:
    client = house.client()
    state = idp.send_away(client)["state"]
    assert idp.come_back(client, state).status_code == 307
    assert detail(idp.come_back(client, state)) == (400, EXPIRED)
    assert idp.exchange.call_count == 1


def test_another_browser_cannot_finish_a_login_nor_spoil_it(house: House, idp: Idp) -> None:
    mine, other = house.client(), house.client()
    state = idp.send_away(mine)["state"]
    assert detail(idp.come_back(other, state)) == (400, EXPIRED)
    other.get("/api/login/openid", follow_redirects=False)
    assert detail(idp.come_back(other, state)) == (400, EXPIRED)
    assert idp.come_back(mine, state).status_code == 307


def test_a_login_takes_ten_minutes_at_most(house: House, idp: Idp, clock: Clock) -> None:
    client = house.client()
    state = idp.send_away(client)["state"]
    clock.ahead = 601
    assert detail(idp.come_back(client, state)) == (400, EXPIRED)


def test_what_is_kept_of_a_login_does_not_let_anybody_finish_it(house: House, idp: Idp) -> None:
    client = house.client()
    state = idp.send_away(client)["state"]
    with house.database.read() as session:
        kept = [*session.execute(ENTRIES.select().where(ENTRIES.c.key.startswith("oidc:")))]
    assert len(kept) == 1
    assert state not in str(kept)
    assert client.cookies["romm_oidc"] not in str(kept)


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"code": CODE},
        {"state": "short", "code": CODE},
        {"state": "x" * 43, "code": CODE},
        {"state": "\u00e9" * 43, "code": CODE},
    ],
)
def test_a_state_that_was_never_given_out(house: House, idp: Idp, query: dict[str, str]) -> None:
    client = house.client()
    idp.send_away(client)
    answer = client.get("/api/oauth/openid", params=query)
    assert detail(answer) == (400, EXPIRED)


@pytest.mark.parametrize("query", ["state=%ED%A0%80&code=%FF", "state=%00", "state=1&state=2"])
def test_a_query_that_is_no_text(house: House, idp: Idp, query: str) -> None:
    client = house.client()
    idp.send_away(client)
    assert client.get(f"/api/oauth/openid?{query}").status_code in (400, 422)


def test_the_provider_may_say_no(house: House, idp: Idp) -> None:
    client = house.client()
    state = idp.send_away(client)["state"]
    query = {"state": state, "error": "access_denied", "error_description": "<b>no</b>"}
    answer = client.get("/api/oauth/openid", params=query)
    assert detail(answer) == (400, "The login provider did not let you in.")
    assert detail(idp.come_back(client, state)) == (400, EXPIRED)


def test_an_answer_of_another_provider_is_refused(house: House, idp: Idp) -> None:
    client = house.client()
    state = idp.send_away(client)["state"]
    assert detail(idp.come_back(client, state, iss="https://evil.example")) == (400, NOT_VALID)
    assert not idp.exchange.called


def test_a_provider_that_names_itself_must_do_so(house: House, idp: Idp) -> None:
    idp.metadata = {"authorization_response_iss_parameter_supported": True}
    client = house.client()
    assert detail(idp.log_in(client)) == (400, NOT_VALID)
    assert idp.come_back(client, idp.send_away(client)["state"], iss=ISSUER).status_code == 307


# What goes wrong is told to a page by the login page


def test_a_page_goes_to_the_login_page(house: House, idp: Idp) -> None:
    answer = house.client().get("/api/oauth/openid", headers=PAGE, follow_redirects=False)
    assert answer.status_code == 303
    assert answer.headers["location"] == "/login?error=oidc-expired"
    assert answer.headers["cache-control"] == "no-store"


def test_it_lies_below_the_sub_path(build: Build) -> None:
    client = build(romm_root_path="/games").client()
    answer = client.get("/api/login/openid", headers=PAGE, follow_redirects=False)
    assert answer.headers["location"] == "/games/login?error=oidc-off"


def test_logins_are_limited(house: House) -> None:
    client = house.client()
    answers = [client.get("/api/oauth/openid").status_code for _ in range(61)]
    assert answers == [400] * 60 + [429]
    page = client.get("/api/login/openid", headers=PAGE, follow_redirects=False)
    assert page.headers["location"] == "/login?error=too-many"


# The token endpoint


def test_the_client_shows_its_secret(house: House, idp: Idp) -> None:
    idp.log_in(house.client())
    (request,) = idp.requests
    shown = base64.b64decode(request.headers["authorization"].removeprefix("Basic ")).decode()
    assert shown == "romm:the+client%27s+secret"
    assert SECRET not in request.content.decode()


def test_in_the_form_if_the_provider_wants_that(house: House, idp: Idp) -> None:
    idp.metadata = {"token_endpoint_auth_methods_supported": ["client_secret_post"]}
    assert idp.log_in(house.client()).status_code == 307
    sent = dict(httpx.QueryParams(idp.requests[0].content.decode()))
    assert (sent["client_id"], sent["client_secret"]) == ("romm", SECRET)
    assert "authorization" not in idp.requests[0].headers


def test_a_client_without_a_secret_has_its_verifier(build: Build, idp: Idp) -> None:
    house = know_provider(build, oidc_client_secret="")
    assert idp.log_in(house.client()).status_code == 307
    sent = dict(httpx.QueryParams(idp.requests[0].content.decode()))
    assert sent.pop("client_id") == "romm"
    assert sent.keys() == {"grant_type", "code", "redirect_uri", "code_verifier"}


REFUSALS = [
    (httpx.Response(400, json={"error": "invalid_grant"}), "invalid_grant"),
    (httpx.Response(401, json={"error": "invalid_client"}), "invalid_client"),
    (httpx.Response(400, json={"error": "<script>"}), "status 400"),
    (httpx.Response(403, text="no"), "status 403"),
    (httpx.Response(400, json=["x"]), "status 400"),
]


@pytest.mark.parametrize(("answer", "said"), REFUSALS)
def test_no_token_no_login(house: House, idp: Idp, answer: httpx.Response, said: str) -> None:
    idp.exchange.mock(return_value=answer)
    refused = (400, f"The login provider refused the login: {said}")
    assert detail(idp.log_in(house.client())) == refused


def test_an_answer_without_an_id_token(house: House, idp: Idp) -> None:
    idp.answer = {"id_token": None}
    assert detail(idp.log_in(house.client())) == (400, "Userinfo is missing from token.")


# Who cannot be reached


def fail(request: httpx.Request) -> httpx.Response:
    raise httpx.ConnectTimeout("nobody there", request=request)


BROKEN = {
    "nobody there": fail,
    "fault": lambda _: httpx.Response(500),
    "not found": lambda _: httpx.Response(404, text="<html>"),
    "elsewhere": lambda _: httpx.Response(302, headers={"location": "https://else.example"}),
    "a page": lambda _: httpx.Response(200, text="<html>"),
    "a list": lambda _: httpx.Response(200, json=[]),
    "no text": lambda _: httpx.Response(200, content=b"\xff\xfe"),
}


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN.keys())
@pytest.mark.parametrize("part", ["discovery", "jwks", "exchange", "userinfo"])
def test_a_provider_that_does_not_work(house: House, idp: Idp, part: str, broken: Any) -> None:
    idp.token = {"email": None}  # else nobody asks for userinfo
    getattr(idp, part).mock(side_effect=broken)
    client = house.client()
    begun = client.get("/api/login/openid", follow_redirects=False)
    answer = begun if part == "discovery" else idp.log_in(client)
    assert detail(answer) == (503, UNREACHABLE)


@pytest.mark.parametrize(
    "keys", [{}, {"keys": []}, {"keys": "x"}, {"keys": [7]}, {"keys": [{"kty": "EC", "x": "?"}]}]
)
def test_keys_that_are_none(house: House, idp: Idp, keys: dict[str, Any]) -> None:
    idp.jwks.mock(return_value=httpx.Response(200, json=keys))
    assert detail(idp.log_in(house.client())) == (503, UNREACHABLE)


def test_a_page_is_told_as_well(house: House, idp: Idp) -> None:
    idp.discovery.mock(side_effect=fail)
    answer = house.client().get("/api/login/openid", headers=PAGE, follow_redirects=False)
    assert answer.headers["location"] == "/login?error=oidc-unreachable"


def test_an_authority_that_cannot_be_read(build: Build, caplog: pytest.LogCaptureFixture) -> None:
    house = know_provider(build, oidc_tls_cacertfile="/nowhere/ca.pem")
    assert detail(house.client().get("/api/login/openid")) == (503, UNREACHABLE)
    assert "/nowhere/ca.pem" in caplog.text


# What the provider says of itself


@pytest.mark.parametrize(
    "bent",
    [
        {"issuer": None},
        {"issuer": "https://evil.example"},
        {"issuer": f"{ISSUER}/deeper"},
        {"issuer": "https://id.example/" + "x" * 255},
        {"token_endpoint": None},
        {"token_endpoint": "javascript:alert(1)"},
        {"authorization_endpoint": "/relative"},
        {"jwks_uri": "https://id.example:port"},
        {"id_token_signing_alg_values_supported": ["HS256", "none"]},
        {"claims_supported": "email"},
    ],
)
def test_what_cannot_be_used(idp: Idp, bent: dict[str, Any]) -> None:
    idp.metadata = bent
    with pytest.raises(OidcRefused) as refusal:
        address(ask({}))
    assert refusal.value.why == "oidc-unreachable"


def test_the_log_says_what_to_do_about_a_provider_that_signs_by_a_secret(
    idp: Idp, caplog: pytest.LogCaptureFixture
) -> None:
    idp.metadata = {"id_token_signing_alg_values_supported": ["HS256"]}
    with pytest.raises(OidcRefused):
        address(ask({}))
    assert "only HS256; choose a key to sign with" in caplog.text


def test_a_slash_at_the_end_of_the_issuer_is_all_the_same(idp: Idp) -> None:
    idp.metadata = {"issuer": f"{ISSUER}/", "claims_supported": None}
    assert address(ask({"oidc_server_application_url": f"{ISSUER}/"})).startswith(ISSUER)


def test_a_discovery_address_of_its_own_allows_any_issuer(idp: Idp) -> None:
    found = idp.router.get("http://inside:9000/discovery").mock(side_effect=idp._describe)
    assert address(ask({"oidc_server_metadata_url": "http://inside:9000/discovery"}))
    assert found.called


def test_it_is_asked_once_an_hour(idp: Idp) -> None:
    moment = [0.0]
    provider = ask({}, clock=lambda: moment[0])
    address(provider)
    address(provider)
    assert idp.discovery.call_count == 1
    moment[0] = 3600.0
    address(provider)
    assert idp.discovery.call_count == 2


# The id token


def test_a_new_key_is_fetched_when_it_is_first_used(house: House, idp: Idp) -> None:
    client = house.client()
    idp.log_in(client)
    idp.log_in(client)
    assert idp.jwks.call_count == 1
    idp.key = new_key("second")
    assert idp.log_in(client).status_code == 307
    assert idp.jwks.call_count == 2


def test_a_forger_does_not_get_in(house: House, idp: Idp) -> None:
    client = house.client()
    idp.answer = {"id_token": idp.sign(idp.key)}  # of before, with another nonce
    assert detail(idp.log_in(client)) == (400, NOT_VALID)
    idp.answer = {"id_token": idp.sign(new_key("x"), kid="x")}
    assert detail(idp.log_in(client)) == (400, NOT_VALID)
    assert client.get("/api/users/me").status_code == 401


# What the provider tells when asked


def test_claims_that_the_token_lacks_are_asked_for(house: House, idp: Idp) -> None:
    idp.token = {"email": None, "email_verified": None, "preferred_username": None}
    client = house.client()
    assert idp.log_in(client).status_code == 307
    assert idp.userinfo.calls[0].request.headers["authorization"] == "Bearer an access token"
    assert client.get("/api/users/me").json()["email"] == "zoe@example.com"


def test_they_are_not_where_the_token_tells_everything(house: House, idp: Idp) -> None:
    assert idp.log_in(house.client()).status_code == 307
    assert not idp.userinfo.called


def test_they_must_be_about_the_same_person(house: House, idp: Idp) -> None:
    idp.token = {"email": None, "sub": "somebody-else"}
    assert detail(idp.log_in(house.client())) == (400, NOT_VALID)


def test_nobody_can_be_asked(house: House, idp: Idp) -> None:
    idp.token, idp.metadata = {"email": None}, {"userinfo_endpoint": None}
    assert detail(idp.log_in(house.client())) == (400, "Email is missing from token.")


# Logging out


def log_out(client: Any) -> Any:
    client.get("/api/probe/open")
    return client.post("/api/logout", headers=csrf(client)).json()


def test_logging_out_leads_to_the_provider_if_it_shall(build: Build, idp: Idp) -> None:
    client = know_provider(build, oidc_rp_initiated_logout=True).client()
    idp.log_in(client)
    url = httpx.URL(log_out(client)["oidc_logout_url"])
    assert str(url.copy_with(query=None)) == f"{ISSUER}/logout"
    assert url.params["client_id"] == "romm"
    assert url.params["id_token_hint"].count(".") == 2
    assert client.get("/api/users/me").status_code == 401


def test_else_it_leads_nowhere(house: House, idp: Idp) -> None:
    client = house.client()
    idp.log_in(client)
    assert log_out(client) is None


@pytest.mark.parametrize("endpoint", [None, "javascript:alert(1)"])
def test_a_provider_without_a_place_to_log_out(
    build: Build, idp: Idp, endpoint: str | None
) -> None:
    house = know_provider(
        build, oidc_rp_initiated_logout=True, oidc_end_session_endpoint=endpoint or ""
    )
    idp.metadata = {"end_session_endpoint": None}
    client = house.client()
    assert idp.log_in(client).status_code == 307
    assert log_out(client) is None


def test_the_place_to_log_out_can_be_set(build: Build, idp: Idp) -> None:
    there = "https://id.example/bye?post_logout_redirect_uri=http%3A%2F%2Fromm.example%2Flogin"
    settings = {"oidc_rp_initiated_logout": True, "oidc_end_session_endpoint": there}
    client = know_provider(build, **settings).client()
    idp.log_in(client)
    url = httpx.URL(log_out(client)["oidc_logout_url"])
    assert url.path == "/bye"
    assert url.params["post_logout_redirect_uri"] == "http://romm.example/login"
    assert "id_token_hint" in url.params


def test_no_secret_reaches_the_log_or_a_repr(
    build: Build, idp: Idp, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "romm_lite")
    house = know_provider(build, oidc_rp_initiated_logout=True)
    client = house.client()
    state = idp.send_away(client)["state"]
    idp.come_back(client, state)
    idp.answer = {"id_token": idp.sign(new_key("x"))}
    idp.log_in(client)
    kept = house.accounts.sessions.find(client.cookies["romm_session"])
    said = caplog.text + repr(kept) + repr(new_flow(None))
    for secret in (CODE, state, SECRET, "an access token", idp.nonce, "eyJ", "id_token_hint"):
        assert secret not in said
