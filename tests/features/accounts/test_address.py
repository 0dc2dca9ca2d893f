"""Where this server is found."""

import socket
from typing import Any

import pytest
from starlette.requests import HTTPConnection

from romm_lite.features.accounts.address import (
    host_of,
    own_address,
    public_address,
    reachable_address,
)
from romm_lite.kernel.settings import Settings


def settle(**values: Any) -> Settings:
    return Settings.model_validate({f"romm_{name}": value for name, value in values.items()})


def ask(host: str, scheme: str = "http", **headers: str) -> HTTPConnection:
    named = {"host": host, **headers}
    raw = [(name.encode(), value.encode("latin-1")) for name, value in named.items()]
    return HTTPConnection({"type": "http", "scheme": scheme, "path": "/", "headers": raw})


@pytest.mark.parametrize(
    ("base", "found"),
    [
        ("https://romm.example", "https://romm.example/games"),
        ("HTTPS://romm.example:8443/", "HTTPS://romm.example:8443/games"),
        ("http://romm.example/games", "http://romm.example/games"),
        ("http://192.168.1.20", "http://192.168.1.20/games"),
        ("http://0.0.0.0", None),
        ("http://localhost:8080", None),
        ("http://LOCALHOST.", None),
        ("http://romm.localhost", None),
        ("http://127.0.0.1", None),
        ("http://[::1]:8080", None),
        ("http://[::ffff:127.0.0.1]", None),
        ("http://[::]", None),
        ("ftp://romm.example", None),
        ("romm.example", None),
        ("http://", None),
        ("http://[", None),
        ("http://romm.example:99999", None),
    ],
)
def test_the_public_address_is_one_that_others_can_follow(base: str, found: str | None) -> None:
    assert public_address(settle(base_url=base, root_path="games")) == found


def test_the_public_address_wins_over_the_one_asked_for() -> None:
    settings = settle(base_url="https://romm.example", root_path="games")
    assert reachable_address(settings, ask("192.168.1.20:8080")) == "https://romm.example/games"


@pytest.mark.parametrize(
    "host", ["192.168.1.20:8080", "romm.example", "nas", "romm.lan:80", "[fd00::2]:8080"]
)
def test_the_address_that_was_asked_for_has_proved_good(host: str) -> None:
    assert reachable_address(settle(), ask(host)) == f"http://{host}"
    assert reachable_address(settle(root_path="games"), ask(host)) == f"http://{host}/games"


def test_a_browser_behind_a_proxy_nobody_trusts_tells_that_it_speaks_tls() -> None:
    asked = ask("romm.example", origin="https://romm.example")
    assert reachable_address(settle(), asked) == "https://romm.example"


def test_the_origin_of_another_page_tells_nothing() -> None:
    asked = ask("romm.example", origin="https://other.example")
    assert reachable_address(settle(), asked) == "http://romm.example"


def test_the_scheme_is_that_of_the_request() -> None:
    assert reachable_address(settle(), ask("romm.example", "https")) == "https://romm.example"


@pytest.mark.parametrize(
    "host",
    [
        "localhost:8080", "127.0.0.1:8080", "[::1]", "0.0.0.0:8080", "", "[", "a b", "a/b", "a@b",
        "a:99999", "a:b", "-a", "[zz]", "é", "a\\b", "a?b", "a#b", "<a>",
    ],
)  # fmt: skip
def test_a_host_that_leads_nobody_here_gives_the_address_in_the_network(host: str) -> None:
    settings = settle(host="192.168.1.20", port=9000, root_path="games")
    assert reachable_address(settings, ask(host)) == "http://192.168.1.20:9000/games"


def test_a_server_that_listens_for_this_machine_alone_has_no_address_for_others() -> None:
    assert reachable_address(settle(host="127.0.0.1"), ask("localhost:8080")) is None
    assert reachable_address(settle(host="::1"), ask("localhost:8080")) is None


def test_a_machine_without_a_network_has_none_either(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise OSError("Network is unreachable")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    assert reachable_address(settle(), ask("localhost:8080")) is None
    assert own_address(settle(), 9000) == "http://127.0.0.1:9000"


@pytest.mark.parametrize(
    ("authority", "host"),
    [("A.example:80", "a.example"), ("[::1]:80", "::1"), ("", ""), ("[", ""), ("a:99999", "")],
)
def test_the_host_of_a_header(authority: str, host: str) -> None:
    assert host_of(authority) == host
