"""Logging in through a real OpenID provider, over HTTP from beginning to end."""

import re
import socket
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from anyio.from_thread import start_blocking_portal
from playwright.sync_api import Browser as Chromium

from romm_lite.features.accounts.oidc import Provider
from romm_lite.features.accounts.oidc_claims import OidcRefused
from romm_lite.features.accounts.oidc_flows import new_flow
from romm_lite.kernel.settings import Settings
from tests.e2e.conftest import Home, NewHome, Server
from tests.e2e.oidc.provider import CLIENT, RealProvider, Tls, make_tls, running

WAIT = 60.0
PAGE = {"Accept": "text/html,application/xhtml+xml"}
ROLES = {
    "OIDC_CLAIM_ROLES": "groups",
    "OIDC_ROLE_ADMIN": "keepers",
    "OIDC_ROLE_EDITOR": "editors",
    "OIDC_ROLE_VIEWER": "players",
}


class Browser(httpx.Client):
    """A browser of its own: it keeps cookies and goes where it is sent."""

    def __init__(self, server: Server, trust: ssl.SSLContext) -> None:
        super().__init__(base_url=server.url, follow_redirects=True, verify=trust, timeout=WAIT)

    def log_in(self, **params: str) -> httpx.Response:
        return self.get("/api/login/openid", params=params)

    def me(self) -> dict[str, Any]:
        found: dict[str, Any] = self.get("/api/users/me").raise_for_status().json()
        return found

    def come_back_to(self) -> httpx.URL:
        """Go through the provider up to where it sends the browser back; stop there."""
        answer = self.get("/api/login/openid", follow_redirects=False)
        while (step := answer.next_request) and step.url.path != "/api/oauth/openid":
            answer = self.send(step, follow_redirects=False)
        assert step is not None
        return step.url

    def log_out(self) -> str | None:
        """Where to log out at the provider."""
        headers = {"x-csrftoken": self.cookies["romm_csrftoken"]}
        answer = self.post("/api/logout", headers=headers).raise_for_status().json()
        return answer["oidc_logout_url"] if answer else None


NewBrowser = Callable[[], Browser]


def make_settings(provider: RealProvider, address: str, **more: str) -> dict[str, str]:
    return {
        "OIDC_ENABLED": "true",
        "OIDC_SERVER_APPLICATION_URL": provider.issuer,
        "OIDC_REDIRECT_URI": f"{address}/api/oauth/openid",
        "ROMM_RATE_LIMITS": "false",
        **CLIENT,
        **more,
    }


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealProvider]:
    with running(tmp_path_factory.mktemp("provider")) as provider:
        yield provider


@pytest.fixture(scope="module")
def port() -> int:
    return free_port()


@pytest.fixture(scope="module")
def place(provider: RealProvider, port: int, new_home: NewHome) -> Home:
    settings = make_settings(provider, f"http://127.0.0.1:{port}", **ROLES)
    return new_home(**settings, OIDC_RP_INITIATED_LOGOUT="true")


@pytest.fixture(scope="module")
def romm(place: Home, port: int) -> Iterator[Server]:
    with place.serve(port=port) as server:
        yield server
    said = server.log.read_text()
    assert "Traceback" not in said
    assert "eyJ" not in said


@pytest.fixture
def open_browser(romm: Server, provider: RealProvider) -> Iterator[NewBrowser]:
    opened: list[Browser] = []

    def make() -> Browser:
        opened.append(Browser(romm, provider.trust))
        return opened[-1]

    yield make
    for browser in opened:
        browser.close()


def add_user(romm: Server, name: str) -> int:
    body = {
        "username": name,
        "email": f"{name}@example.com",
        "password": "correct-horse",
        "role": "user",
    }
    answer = romm.client.post("/api/users", json=body).raise_for_status()
    return int(answer.json()["id"])


def test_somebody_new_gets_an_account(
    romm: Server, provider: RealProvider, open_browser: NewBrowser
) -> None:
    provider.expect("zoe-1", preferred_username="Zoë.Å", groups=["editors", "other"])
    browser = open_browser()
    answer = browser.log_in()
    assert (answer.url.path, answer.status_code) == ("/", 200)
    me = browser.me()
    assert (me["username"], me["email"], me["role"]) == ("zoe-a", "zoe-1@example.com", "user")
    assert "roms.write" in me["oauth_scopes"]
    assert me["current_device_id"]
    assert romm.client.post("/api/login", auth=("zoe-a", "")).status_code == 401


def test_the_next_login_is_the_same_account_under_whatever_name(
    provider: RealProvider, open_browser: NewBrowser
) -> None:
    provider.expect("moss")
    first = open_browser()
    first.log_in()
    provider.expect("moss", email="new@example.com", preferred_username="fern")
    second = open_browser()
    second.log_in()
    assert second.me()["id"] == first.me()["id"]
    assert second.me()["username"] == "moss"


def test_the_wanted_page_is_where_it_ends(provider: RealProvider, open_browser: NewBrowser) -> None:
    provider.expect("ivy")
    assert open_browser().log_in(next="/api/users/me?x=1").url.path == "/api/users/me"
    assert open_browser().log_in(next="//example.com/").url.path == "/"


def test_the_role_follows_the_provider_and_old_sessions_end(
    provider: RealProvider, open_browser: NewBrowser
) -> None:
    provider.expect("reed", groups=["keepers"])
    first = open_browser()
    first.log_in()
    assert first.me()["role"] == "admin"
    provider.expect("reed", groups=["players"])
    second = open_browser()
    second.log_in()
    assert second.me()["role"] == "user"
    assert "roms.write" not in second.me()["oauth_scopes"]
    assert first.get("/api/users/me").status_code == 401


def test_a_disabled_user_is_refused(
    romm: Server, provider: RealProvider, open_browser: NewBrowser
) -> None:
    provider.expect("dock")
    browser = open_browser()
    browser.log_in()
    user_id = browser.me()["id"]
    romm.client.put(f"/api/users/{user_id}", data={"enabled": "false"}).raise_for_status()
    answer = browser.log_in()
    assert (answer.status_code, answer.json()) == (401, {"detail": "Disabled user"})
    assert browser.get("/api/users/me").status_code == 401


def test_an_account_with_the_verified_address_is_linked(
    romm: Server, provider: RealProvider, open_browser: NewBrowser
) -> None:
    user_id = add_user(romm, "sedge")
    provider.expect("sub-of-sedge", email="SEDGE@example.com")
    browser = open_browser()
    browser.log_in()
    assert browser.me()["id"] == user_id


def test_an_account_of_a_provider_that_was_set_up_anew_is_linked_again(
    place: Home, provider: RealProvider, open_browser: NewBrowser
) -> None:
    provider.expect("birch")
    browser = open_browser()
    browser.log_in()
    user_id = browser.me()["id"]
    provider.expect("birch-of-now", email="birch@example.com")
    assert open_browser().log_in().status_code == 403
    done = place.run("user", "unlink", "birch")
    assert (done.returncode, done.stdout) == (0, "birch is not linked any more\n")
    assert browser.get("/api/users/me").status_code == 401
    browser = open_browser()
    browser.log_in()
    assert browser.me()["id"] == user_id


def test_an_address_that_is_not_verified_opens_nothing(
    romm: Server, provider: RealProvider, open_browser: NewBrowser
) -> None:
    add_user(romm, "rush")
    for verified in (False, None):
        provider.expect("sub-of-rush", email="rush@example.com", email_verified=verified)
        answer = open_browser().log_in()
        assert (answer.status_code, answer.json()) == (400, {"detail": "Email is not verified."})


def test_without_a_role_nobody_comes_in(provider: RealProvider, open_browser: NewBrowser) -> None:
    provider.expect("weed", groups=["not-keepers"])
    answer = open_browser().log_in()
    assert answer.status_code == 403
    detail = "User has not been granted any roles for this application."
    assert answer.json() == {"detail": detail}


def test_a_page_is_sent_to_the_login_page(
    romm: Server, provider: RealProvider, open_browser: NewBrowser
) -> None:
    provider.expect("weed", groups=[])
    browser = open_browser()
    browser.headers.update(PAGE)
    answer = browser.log_in()
    assert str(answer.url) == f"{romm.url}/login?error=oidc-no-role"


def test_whoever_cancels_at_the_provider_is_not_logged_in(
    provider: RealProvider, open_browser: NewBrowser
) -> None:
    provider.expect_refusal()
    answer = open_browser().log_in()
    assert answer.status_code == 400
    assert answer.json() == {"detail": "The login provider did not let you in."}


def test_what_was_begun_elsewhere_cannot_be_finished_here(
    provider: RealProvider, open_browser: NewBrowser
) -> None:
    provider.expect("bait")
    attacker, victim = open_browser(), open_browser()
    address = attacker.come_back_to()
    victim.get("/api/login/openid", follow_redirects=False)
    assert victim.get(address).status_code == 400
    assert victim.get("/api/users/me").status_code == 401
    assert attacker.get(address).url.path == "/"


def test_coming_back_works_once(provider: RealProvider, open_browser: NewBrowser) -> None:
    provider.expect("fern-2")
    browser = open_browser()
    address = browser.come_back_to()
    assert browser.get(address, follow_redirects=False).status_code == 307
    browser.cookies.delete("romm_session")
    assert browser.get(address).status_code == 400
    assert browser.get("/api/users/me").status_code == 401


def test_two_tabs_can_log_in_at_the_same_time(
    provider: RealProvider, open_browser: NewBrowser
) -> None:
    provider.expect("twin")
    browser = open_browser()
    addresses = [browser.come_back_to(), browser.come_back_to()]
    ends = [browser.get(address, follow_redirects=False).status_code for address in addresses]
    assert ends == [307, 307]


def test_a_made_up_code_is_refused(provider: RealProvider, open_browser: NewBrowser) -> None:
    provider.expect("forger")
    browser = open_browser()
    answer = browser.get(browser.come_back_to().copy_set_param("code", "made-up"))
    assert answer.status_code == 400
    assert answer.json() == {"detail": "The login provider refused the login: invalid_grant"}


def test_logging_out_ends_the_login_at_the_provider_too(
    provider: RealProvider, open_browser: NewBrowser
) -> None:
    provider.expect("leaf")
    browser = open_browser()
    browser.log_in()
    url = browser.log_out()
    assert url is not None
    assert url.startswith(f"{provider.issuer}/session/end?id_token_hint=")
    assert browser.get("/api/users/me").status_code == 401
    form = browser.get(url).text
    action = re.search(r'action="([^"]+)"', form)
    xsrf = re.search(r'name="xsrf" value="([^"]+)"', form)
    assert action is not None
    assert xsrf is not None
    browser.post(action[1], data={"xsrf": xsrf[1], "logout": "yes"}).raise_for_status()
    provider.expect_refusal()
    assert browser.log_in().status_code == 400


def test_logging_out_of_a_login_by_password_leads_nowhere(
    romm: Server, open_browser: NewBrowser
) -> None:
    add_user(romm, "pass")
    browser = open_browser()
    browser.post("/api/login", auth=("pass", "correct-horse")).raise_for_status()
    browser.me()
    assert browser.log_out() is None


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Tls:
    return make_tls(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def guarded(tls: Tls, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealProvider]:
    """Over HTTPS, by an authority of its own; the id token tells everything."""
    folder = tmp_path_factory.mktemp("guarded")
    with running(folder, tls, id_token_has_claims=True) as provider:
        yield provider


def test_a_provider_with_its_own_authority_below_a_sub_path(
    tls: Tls, guarded: RealProvider, new_home: NewHome
) -> None:
    port = free_port()
    settings = make_settings(guarded, f"http://127.0.0.1:{port}/romm")
    home = new_home(**settings, ROMM_ROOT_PATH="/romm", OIDC_TLS_CACERTFILE=str(tls.authority))
    guarded.expect("cress")
    with home.serve(port=port) as server, Browser(server, guarded.trust) as browser:
        assert browser.log_in().url.path == "/romm/"
        assert browser.me()["username"] == "cress"
        assert browser.log_out() is None
        browser.headers.update(PAGE)
        guarded.expect("cress-2", email_verified=False)
        browser.cookies.clear()
        assert browser.log_in().url.path == "/romm/login"


def test_a_provider_whose_authority_is_not_known_is_not_believed(
    guarded: RealProvider, tmp_path: Path
) -> None:
    values = make_settings(guarded, "http://127.0.0.1")
    settings = Settings.model_validate({name.lower(): value for name, value in values.items()})
    with start_blocking_portal() as thread, pytest.raises(OidcRefused) as refusal:
        thread.call(Provider(settings).address, new_flow(None), "state")
    assert refusal.value.status == 503


def test_a_real_browser_is_known_again(
    romm: Server, provider: RealProvider, browser: Chromium
) -> None:
    """It sends along fewer cookies when it comes from another site than programs do."""
    provider.expect("yew")
    with browser.new_context() as context:
        page = context.new_page()
        devices = []
        for _ in range(2):
            page.goto(f"{romm.url}/api/login/openid")
            page.get_by_role("button").click()
            page.wait_for_url(f"{romm.url}/")
            me = context.request.get(f"{romm.url}/api/users/me").json()
            assert me["username"] == "yew"
            devices.append(me["current_device_id"])
            context.clear_cookies(domain="localhost")
        assert devices[0] == devices[1]
        sent = {cookie["name"] for cookie in context.cookies(romm.url)}
        assert {"romm_session", "romm_browser", "romm_oidc"} <= sent
