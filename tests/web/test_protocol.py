import socket
import time
from collections.abc import Iterator

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from romm_lite.web.protocol import HEAD_LIMIT, mend_request_line, server_options
from tests.web.support import serve


async def echo(request: Request) -> JSONResponse:
    body = await request.body()
    return JSONResponse({"query": dict(request.query_params), "body": body.decode()})


@pytest.fixture
def address() -> Iterator[tuple[str, int]]:
    app = Starlette(routes=[Route("/", echo, methods=["GET", "POST"])])
    with serve(app, **server_options(())) as server:
        yield server.host, server.port


def exchange(address: tuple[str, int], *parts: bytes) -> str:
    with socket.create_connection(address) as connection:
        for part in parts:
            connection.sendall(part)
            time.sleep(0.05)
        connection.shutdown(socket.SHUT_WR)
        answer = b""
        while piece := connection.recv(65536):
            answer += piece
    return answer.decode()


def test_a_raw_space_in_the_address_is_taken(address: tuple[str, int]) -> None:
    answer = exchange(address, b"GET /?ts=2026-01-01 10:00:00 HTTP/1.1\r\nHost: x\r\n\r\n")
    assert answer.startswith("HTTP/1.1 200")
    assert '{"query":{"ts":"2026-01-01 10:00:00"}' in answer


def test_a_body_that_looks_like_a_request_is_left_alone(address: tuple[str, int]) -> None:
    body = b"GET /a b HTTP/1.1\r\n"
    head = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body)
    assert '"body":"GET /a b HTTP/1.1\\r\\n"' in exchange(address, head, body)


@pytest.mark.parametrize(
    "data", [b"GET /?a=1 HTTP/1.1\r\n\r\n", b"POST /a b HTTP/1.1\r\n\r\n", b"GET /a b", b""]
)
def test_nothing_else_is_changed(data: bytes) -> None:
    assert mend_request_line(data) == data


def test_long_headers_are_read(address: tuple[str, int]) -> None:
    head = b"GET / HTTP/1.1\r\nHost: x\r\nX-Long: %s\r\n\r\n" % (b"a" * (HEAD_LIMIT // 2))
    assert exchange(address, head, head).count("HTTP/1.1 200") == 2


@pytest.mark.parametrize("endless", [b"X-Long: ", b"X: y\r\n"])
def test_endless_ones_are_cut_off(address: tuple[str, int], endless: bytes) -> None:
    with socket.create_connection(address, timeout=20) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n" + endless)
        with pytest.raises(ConnectionError):
            connection.sendall(endless * (64 * HEAD_LIMIT // len(endless)))


def test_who_waits_for_the_answer_is_told_that_it_was_too_much(address: tuple[str, int]) -> None:
    head = b"GET / HTTP/1.1\r\nHost: x\r\nX-Long: "
    assert exchange(address, head, b"a" * HEAD_LIMIT).startswith("HTTP/1.1 431 ")


def test_a_body_has_no_such_limit(address: tuple[str, int]) -> None:
    size = 2 * HEAD_LIMIT
    head = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % size
    follow = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    assert exchange(address, head, b"a" * size, follow).count("HTTP/1.1 200") == 2
