"""Whose forwarding headers are believed, on a real server."""

import socket
from collections.abc import Callable, Iterator

import httpx
import pytest
from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from romm_lite.kernel.settings import Settings
from romm_lite.web.protocol import server_options
from tests.web.support import serve

PROXY, STRANGER = "127.0.0.2", "127.0.0.3"
"""Peers: on Linux every address of 127.0.0.0/8 can be one's own."""
Tell = Callable[..., str]


async def tell(scope: Scope, receive: Receive, send: Send) -> None:
    """What the server takes the client and the scheme to be."""
    answer = f"{scope['scheme']} {scope['client'][0]}"
    await JSONResponse(answer)(scope, receive, send)


def ask(url: str, peer: str, headers: list[tuple[str, str]]) -> str:
    with httpx.Client(transport=httpx.HTTPTransport(local_address=peer)) as client:
        found: str = client.get(url, headers=headers).raise_for_status().json()
    return found


@pytest.fixture(scope="module")
def heard() -> Iterator[Tell]:
    """Asks a server that trusts one address and two networks."""
    settings = Settings.model_validate(
        {"romm_trusted_proxies": f"{PROXY}, 10.1.2.3/16, 2001:db8::/32"}
    )
    with serve(tell, **server_options(settings.romm_trusted_proxies)) as server:
        yield lambda peer, *headers: ask(server.url, peer, list(headers))


def forwarded(*addresses: str) -> tuple[str, str]:
    return "X-Forwarded-For", ", ".join(addresses)


@pytest.mark.parametrize(
    ("chain", "client"),
    [
        (("203.0.113.9",), "203.0.113.9"),
        (("2001:db9::9",), "2001:db9::9"),
        (("203.0.113.9:4711",), "203.0.113.9"),
        (("[2001:db9::9]:4711",), "2001:db9::9"),
        # what the client made up stands before what the proxy saw
        (("127.0.0.1", "203.0.113.9"), "203.0.113.9"),
        (("10.1.0.1", "203.0.113.9"), "203.0.113.9"),
        (("203.0.113.1", "203.0.113.9", "10.1.255.1"), "203.0.113.9"),
        (("203.0.113.9", "2001:db8::1", PROXY), "203.0.113.9"),
        (("203.0.113.1", "10.2.0.1"), "10.2.0.1"),
    ],
)
def test_from_a_proxy_the_last_address_that_is_none_is_the_client(
    heard: Tell, chain: tuple[str, ...], client: str
) -> None:
    assert heard(PROXY, forwarded(*chain)) == f"http {client}"


def test_several_headers_are_one_list(heard: Tell) -> None:
    headers = forwarded("127.0.0.1"), forwarded("203.0.113.9"), forwarded("10.1.0.1")
    assert heard(PROXY, *headers) == "http 203.0.113.9"


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_from_a_proxy_the_scheme_counts(heard: Tell, scheme: str) -> None:
    assert heard(PROXY, ("X-Forwarded-Proto", scheme)) == f"{scheme} {PROXY}"


def test_a_scheme_that_is_none_is_ignored(heard: Tell) -> None:
    assert heard(PROXY, ("X-Forwarded-Proto", "javascript")) == f"http {PROXY}"


@pytest.mark.parametrize("name", ["X-Real-IP", "Forwarded", "X-Client-IP", "CF-Connecting-IP"])
def test_no_other_header_tells_the_client(heard: Tell, name: str) -> None:
    value = "for=203.0.113.9" if name == "Forwarded" else "203.0.113.9"
    assert heard(PROXY, (name, value)) == f"http {PROXY}"


def test_nobody_else_is_believed(heard: Tell) -> None:
    headers = forwarded("203.0.113.9"), ("X-Forwarded-Proto", "https")
    assert heard(STRANGER, *headers) == f"http {STRANGER}"


def test_nobody_is_believed_when_none_is_named() -> None:
    headers = [forwarded("203.0.113.9"), ("X-Forwarded-Proto", "https")]
    with serve(tell, **server_options(())) as server:
        assert ask(server.url, "127.0.0.1", headers) == "http 127.0.0.1"


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="no IPv6 here")
def test_a_proxy_is_known_on_a_socket_for_both_kinds_of_addresses() -> None:
    with (
        socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True) as both,
        serve(tell, fd=both.fileno(), **server_options(("127.0.0.0/30",))),
    ):
        url = f"http://127.0.0.1:{both.getsockname()[1]}"
        found = [ask(url, peer, [forwarded("203.0.113.9")]) for peer in (PROXY, "127.0.0.9")]
    assert found == ["http 203.0.113.9", "http ::ffff:127.0.0.9"]
