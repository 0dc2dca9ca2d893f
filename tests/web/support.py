"""A small application around an operation table, and a real server for what needs one."""

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import uvicorn
from starlette.authentication import AuthCredentials, SimpleUser, UnauthenticatedUser
from starlette.datastructures import Headers
from starlette.testclient import TestClient
from starlette.types import ASGIApp, Receive, Scope, Send

from romm_lite.web.operations import Router
from romm_lite.web.table import OperationTable


class ScopesFromHeader:
    """Grants the scopes that ``X-Scopes`` names, as an authentication middleware would."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        granted = Headers(scope=scope).get("x-scopes")
        scope["auth"] = AuthCredentials(granted.split() if granted else [])
        scope["user"] = UnauthenticatedUser() if granted is None else SimpleUser("somebody")
        await self._app(scope, receive, send)


def client_of(router: Router, provide: dict[str, Any] | None = None, **options: Any) -> TestClient:
    return TestClient(ScopesFromHeader(OperationTable(router.operations, provide or {}, **options)))


@dataclass
class Server:
    """A running uvicorn."""

    host: str
    port: int

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    def connect(self) -> socket.socket:
        return socket.create_connection((self.host, self.port), timeout=20)


@contextlib.contextmanager
def serve(app: ASGIApp, host: str = "127.0.0.1", **options: Any) -> Iterator[Server]:
    options = {"log_config": None, "lifespan": "off", **options}
    server = uvicorn.Server(uvicorn.Config(app, host=host, port=0, **options))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive()
            time.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        yield Server(host, port)
    finally:
        server.should_exit = True
        thread.join(20)


def read_head(connection: socket.socket) -> bytes:
    """Read up to the end of the headers; what came of the body with them."""
    received = b""
    while b"\r\n\r\n" not in received:
        received += connection.recv(1024)
    return received.partition(b"\r\n\r\n")[2]
