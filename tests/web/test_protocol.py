import socket
import threading
import time
from collections.abc import Iterator

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from romm_lite.web.protocol import mend_request_line, tolerant_protocol


async def echo(request: Request) -> JSONResponse:
    body = await request.body()
    return JSONResponse({"query": dict(request.query_params), "body": body.decode()})


@pytest.fixture
def address() -> Iterator[tuple[str, int]]:
    app = Starlette(routes=[Route("/", echo, methods=["GET", "POST"])])
    config = uvicorn.Config(app, http=tolerant_protocol(), log_config=None, lifespan="off")
    server = uvicorn.Server(config)
    listening = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield listening.getsockname()
    server.should_exit = True
    thread.join()


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
