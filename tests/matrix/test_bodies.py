"""Nothing of a body is read for somebody who is not let in."""

from collections.abc import Callable

import pytest
from starlette.types import Message

from romm_lite.web.operations import Operation
from tests.matrix.requests import SAFE, Ordinary
from tests.matrix.world import Headers, World

STRANGERS: dict[str, tuple[int, Callable[[World], Headers]]] = {
    "a stranger": (401, lambda world: world.browser(None)),
    "a bad token": (401, lambda _world: {"authorization": "Bearer nonsense"}),
    "a token for nothing": (403, lambda world: world.bearer("root", scopes="")),
    "a foreign page": (403, lambda world: {"cookie": world.browser("root")["cookie"]}),
}


def send_unread(world: World, operation: Operation, path: str, headers: Headers) -> tuple[int, int]:
    """The code of the answer, and how often the body was asked for."""
    codes: list[int] = []
    reads = 0

    async def receive() -> Message:
        nonlocal reads
        reads += 1
        return {"type": "http.request", "body": b"--x\r\n", "more_body": False}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            codes.append(message["status"])

    kind = {"content-type": "multipart/form-data; boundary=x", "content-length": "1000000"}
    sent = {"host": "testserver", **kind, **headers}
    scope = {
        "type": "http",
        "method": operation.method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": [(name.encode(), value.encode()) for name, value in sent.items()],
        "client": ("192.0.2.7", 50123),
    }
    world.portal.call(world.doors["closed"], scope, receive, send)
    return codes[0], reads


@pytest.mark.parametrize("who", STRANGERS)
def test_a_body_is_not_read_before_its_sender_is_let_in(
    who: str, world: World, ordinary: Ordinary
) -> None:
    expected, show = STRANGERS[who]
    headers, wrong = show(world), []
    for operation in world.operations:
        if operation.method not in SAFE and not operation.public:
            found = send_unread(world, operation, ordinary.fill(operation), headers)
            if found != (expected, 0):
                wrong.append(f"{operation.label}: {found}")
    assert wrong == []
