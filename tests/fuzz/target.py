"""What is fuzzed: a whole application on a copy of a filled data folder, asked in this process."""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from anyio import sleep_forever
from anyio.from_thread import BlockingPortal
from requests import PreparedRequest
from schemathesis import Response
from starlette.types import ASGIApp, Message

from romm_lite import app
from romm_lite.kernel.scopes import Role
from romm_lite.web.operations import Operation
from tests.matrix.requests import Ordinary
from tests.matrix.world import Headers, World

BASE = "http://romm.example"
ADMINISTRATOR, USER = "fuzzer", "plain"
FAR_ID = 1_000_000_007
"""The administrator's: no example happens to name it, and so to change or delete who asks."""

LEFT_OUT = {"POST /api/scans"}
"""It starts a process that reads the library."""


def is_fuzzed(operation: Operation) -> bool:
    """All but what only says that it is not built yet."""
    is_built = "not_built" not in operation.handler.__qualname__
    return is_built and operation.label not in LEFT_OUT


@dataclass(frozen=True)
class Template:
    """A filled data folder, what to show there, and ids of what lies there."""

    folder: Path
    headers: Mapping[str, Headers]
    parameters: Mapping[str, Mapping[str, Any]]
    """For each operation, a value for each parameter of its path."""


def fill_template(world: World, folder: Path) -> Template:
    world.add_user(ADMINISTRATOR, Role.ADMIN, id=FAR_ID)
    ordinary = Ordinary(world)
    return Template(
        folder,
        {name: world.bearer(name) for name in (ADMINISTRATOR, USER)},
        {operation.label: ordinary.find(operation) for operation in app.OPERATIONS},
    )


@dataclass
class Target:
    """An application that may be spoiled. Every request comes from another address, so that no
    limit on attempts is reached."""

    asgi: ASGIApp
    portal: BlockingPortal
    template: Template
    addresses: Iterator[int] = field(default_factory=lambda: count(1))

    def send(self, request: PreparedRequest) -> Response:
        """The answer, as schemathesis judges it."""
        raw, _, query = (request.url or "").removeprefix(BASE).partition("?")
        began = time.monotonic()
        messages = self.portal.call(self._run, request, raw, query)
        start = messages[0]
        headers: dict[str, list[str]] = {}
        for name, value in start["headers"]:
            headers.setdefault(name.decode(), []).append(value.decode("latin-1"))
        body = b"".join(message.get("body", b"") for message in messages[1:])
        elapsed = time.monotonic() - began
        return Response(start["status"], headers, body, request, elapsed, verify=False)

    async def _run(self, request: PreparedRequest, raw: str, query: str) -> Sequence[Message]:
        body = request.body or b""
        content = [body.encode() if isinstance(body, str) else body]
        sent: list[Message] = []

        async def receive() -> Message:
            if not content:
                await sleep_forever()  # the client stays
            return {"type": "http.request", "body": content.pop(), "more_body": False}

        async def send(message: Message) -> None:
            sent.append(message)

        number = next(self.addresses)
        scope = {
            "type": "http",
            "http_version": "1.1",
            "scheme": "http",
            "method": request.method,
            "path": unquote(raw),
            "raw_path": raw.encode(),
            "query_string": query.encode(),
            "headers": [(b"host", b"romm.example"), *map(_encode, request.headers.items())],
            "client": (f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}", 50123),
        }
        await self.asgi(scope, receive, send)
        return sent


def _encode(header: tuple[str, str | bytes]) -> tuple[bytes, bytes]:
    name, value = header
    text = value if isinstance(value, bytes) else value.encode("latin-1")
    return name.lower().encode("latin-1"), text
