import socket
import threading
from collections.abc import Iterator, Sequence
from http.server import BaseHTTPRequestHandler, HTTPServer
from io import BytesIO

import httpx
import pytest
import respx

from romm_lite.kernel.errors import Invalid
from romm_lite.metadata.fetch import Fetcher, NotFetched, is_public

PUBLIC = "93.184.215.14"
NAMES = {
    "art.example": [PUBLIC],
    "mixed.example": [PUBLIC, "10.0.0.1"],
    "home.example": ["192.168.1.1"],
    "nothing.example": [],
}


def resolve(host: str, port: int) -> Sequence[str]:
    if host in NAMES:
        return NAMES[host]
    return [str(each[4][0]) for each in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


@pytest.fixture
def fetcher() -> Fetcher:
    return Fetcher(resolve=resolve)


def fetch(fetcher: Fetcher, url: str, most: int = 1000) -> tuple[str, bytes]:
    into = BytesIO()
    kind = fetcher.download(url, into, most=most, kinds=("image/",))
    return kind, into.getvalue()


def picture(content: bytes = b"picture", kind: str = "image/png; q=1") -> httpx.Response:
    return httpx.Response(200, content=content, headers={"Content-Type": kind})


@respx.mock
def test_the_connection_goes_to_the_address_that_was_checked(fetcher: Fetcher) -> None:
    route = respx.get(f"https://{PUBLIC}:8443/a.png?b=c").mock(return_value=picture())
    assert fetch(fetcher, "https://art.example:8443/a.png?b=c") == ("image/png", b"picture")
    request = route.calls.last.request
    assert request.headers["host"] == "art.example:8443"
    assert request.extensions["sni_hostname"] == "art.example"


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/a",
        "http://localhost/a",
        "http://LOCALHOST./a",
        "http://printer.local/a",
        "http://db.internal/a",
        "http://x.localhost/a",
        "http://2130706433/a",
        "http://0x7f.1/a",
        "http://017700000001/a",
        "http://127.1/a",
        "http://[::1]/a",
        "http://[::]/a",
        "http://[::ffff:10.0.0.1]/a",
        "http://[64:ff9b::a00:1]/a",
        "http://[2002:a00:1::]/a",
        "http://169.254.169.254/latest",
        "http://0.0.0.0/a",
        "http://224.0.0.1/a",
        "http://home.example/a",
        "http://mixed.example/a",
        "http://nothing.example/a",
        "http://user:word@art.example/a",
        "ftp://art.example/a",
        "file:///etc/passwd",
        "//art.example/a",
        "art.example/a",
        "http://",
        "http://a..b/",
        "http://art.example:99999/",
        "",
        "http://\x00/",
    ],
)
def test_an_address_inside_or_none_at_all_is_refused(fetcher: Fetcher, url: str) -> None:
    with pytest.raises(Invalid):
        fetch(fetcher, url)
    with pytest.raises(Invalid):
        fetcher.check(url)


@respx.mock
@pytest.mark.parametrize("to", ["http://home.example/", "http://127.0.0.1/", "file:///etc/passwd"])
def test_a_redirect_inside_is_refused(fetcher: Fetcher, to: str) -> None:
    moved = httpx.Response(302, headers={"Location": to})
    respx.get(f"http://{PUBLIC}/a").mock(return_value=moved)
    with pytest.raises(Invalid):
        fetch(fetcher, "http://art.example/a")


@respx.mock
def test_a_redirect_is_followed_from_where_it_is(fetcher: Fetcher) -> None:
    moved = httpx.Response(301, headers={"Location": "../b.png"})
    respx.get(f"http://{PUBLIC}/x/a").mock(return_value=moved)
    respx.get(f"http://{PUBLIC}/b.png").mock(return_value=picture())
    assert fetch(fetcher, "http://art.example/x/a")[1] == b"picture"


@respx.mock
def test_redirects_without_end_are_given_up(fetcher: Fetcher) -> None:
    moved = httpx.Response(302, headers={"Location": "/a"})
    respx.get(f"http://{PUBLIC}/a").mock(return_value=moved)
    with pytest.raises(NotFetched, match="redirects more than"):
        fetch(fetcher, "http://art.example/a")


@respx.mock
@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (picture(kind="text/html"), "of type text/html"),
        (httpx.Response(200), "of type unknown"),
        (httpx.Response(404), "answers 404"),
        (picture(b"x" * 1001), "larger than 1000"),
    ],
)
def test_an_answer_that_cannot_be_used_is_told(
    fetcher: Fetcher, answer: httpx.Response, why: str
) -> None:
    respx.get(f"http://{PUBLIC}/a").mock(return_value=answer)
    with pytest.raises(NotFetched, match=why):
        fetch(fetcher, "http://art.example/a")


@respx.mock
def test_a_host_that_does_not_answer_is_told(fetcher: Fetcher) -> None:
    respx.get(f"http://{PUBLIC}/a").mock(side_effect=httpx.ConnectTimeout)
    with pytest.raises(NotFetched, match="cannot be reached: ConnectTimeout"):
        fetch(fetcher, "http://art.example/a")


@respx.mock
def test_a_fetch_ends_in_time() -> None:
    moments = iter([0.0, 1000.0, 2000.0])
    respx.get(f"http://{PUBLIC}/a").mock(return_value=picture())
    with pytest.raises(NotFetched, match="more than 120 seconds"):
        fetch(Fetcher(resolve=resolve, clock=lambda: next(moments)), "http://art.example/a")


def test_a_name_nobody_has_is_refused() -> None:
    def fail(_host: str, _port: int) -> Sequence[str]:
        raise socket.gaierror

    with pytest.raises(Invalid, match="no host called"):
        fetch(Fetcher(resolve=fail), "http://gone.example/a")


class Server(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "image/png")
        self.end_headers()
        self.wfile.write(b"picture of " + self.headers["Host"].encode())

    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.fixture
def port() -> Iterator[int]:
    with HTTPServer(("127.0.0.1", 0), Server) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def test_a_host_inside_may_be_allowed_by_name(port: int) -> None:
    allowed = Fetcher(frozenset({f"localhost:{port}"}))
    found = fetch(allowed, f"http://localhost:{port}/a")
    assert found == ("image/png", f"picture of localhost:{port}".encode())
    with pytest.raises(Invalid):
        fetch(allowed, f"http://127.0.0.1:{port}/a")


@pytest.mark.parametrize(
    ("address", "public"),
    [
        (PUBLIC, True),
        ("2606:4700::1111", True),
        ("100.64.0.1", False),
        ("fe80::1%eth0", False),
        ("fc00::1", False),
        ("64:ff9b::5db8:d70e", True),
        ("not an address", False),
    ],
)
def test_what_is_public(address: str, public: bool) -> None:
    assert is_public(address) is public
