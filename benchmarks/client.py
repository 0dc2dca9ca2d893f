"""The client of the benchmarks: a process of its own that costs the server as little as it can.

``ask`` sends requests over connections that stay open and reads the bodies without a look at them;
``fetch`` takes one large body as fast as a socket gives it. Run by itself it does what the JSON on
its stdin says and prints what it saw.
"""

import asyncio
import gc
import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from itertools import cycle
from typing import Any

PIECE = 2**20
LIMIT_SECONDS = 300.0


def ask(
    port: int,
    paths: Sequence[str],
    headers: Mapping[str, str],
    *,
    at_once: int = 1,
    count: int = 1,
    seconds: float = LIMIT_SECONDS,
    senders: Sequence[Mapping[str, str]] = ({},),
    statuses: Sequence[int] = (200, 206),
) -> dict[str, Any]:
    """Ask for ``paths`` one after another, over again, until ``count`` answers or ``seconds``.

    ``senders`` are more headers, of one after another. ``statuses`` are what the server may
    answer; a different one is ValueError. ``times`` are milliseconds from the request's first byte
    to the answer's last one; ``seconds`` is the time for all of them, ``bytes`` the size of the
    last body.
    """
    plan = {"port": port, "paths": paths, "headers": headers}
    plan |= {"senders": senders, "statuses": statuses}
    return _run("ask", {**plan, "at_once": at_once, "count": count, "seconds": seconds})


def fetch(port: int, path: str, headers: Mapping[str, str]) -> dict[str, Any]:
    """Take one body to its end: its ``bytes``, ``seconds``, and the ``wait`` for the first byte."""
    return _run("fetch", {"port": port, "path": path, "headers": headers})


def _run(work: str, plan: Mapping[str, Any]) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.client", work],
        input=json.dumps(plan).encode(),
        stdout=subprocess.PIPE,
        timeout=2 * LIMIT_SECONDS,
        check=True,
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def _request(port: int, path: str, headers: Mapping[str, str]) -> bytes:
    lines = [f"GET {path} HTTP/1.1", f"Host: 127.0.0.1:{port}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def _read_head(head: bytes, statuses: Sequence[int] = (200, 206)) -> int:
    """The length of the body; ``ValueError`` unless the answer has one of these statuses."""
    first, *lines = head.decode("latin-1").split("\r\n")
    if int(first.split()[1]) not in statuses:
        raise ValueError(f"The server answered {first!r}")
    fields = dict(line.lower().split(": ", 1) for line in lines)
    return int(fields["content-length"])


class _Connection(asyncio.Protocol):
    """One request at a time."""

    def __init__(self, statuses: Sequence[int]) -> None:
        self._statuses = statuses
        self._transport: asyncio.WriteTransport | None = None
        self._answer: asyncio.Future[int] | None = None
        self._head = b""
        self._length = self._left = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        self._transport = transport

    def ask(self, request: bytes) -> "asyncio.Future[int]":
        """Send a request; what is returned becomes the length of the answer's body."""
        assert self._transport is not None
        self._head, self._left = b"", 0
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return self._answer

    def data_received(self, data: bytes) -> None:
        assert self._answer is not None
        if self._left:
            self._left -= len(data)
        else:
            self._head += data
            head, end, body = self._head.partition(b"\r\n\r\n")
            if not end:
                return
            try:
                self._length = _read_head(head, self._statuses)
            except ValueError as error:
                self._answer.set_exception(error)
                return
            self._left = self._length - len(body)
        if not self._left:
            self._answer.set_result(self._length)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(ConnectionError("The server closed the connection"))


async def _ask_all(plan: Mapping[str, Any]) -> dict[str, Any]:
    requests = [
        _request(plan["port"], path, {**plan["headers"], **sender})
        for sender in plan["senders"]
        for path in plan["paths"]
    ]
    coming = zip(range(plan["count"]), cycle(requests), strict=False)
    loop = asyncio.get_running_loop()
    connections = []
    for _ in range(plan["at_once"]):
        made = loop.create_connection(
            lambda: _Connection(plan["statuses"]), "127.0.0.1", plan["port"]
        )
        _, connection = await made
        connections.append(connection)
    times: list[float] = []
    started = time.perf_counter()
    end = started + plan["seconds"]
    lengths = await asyncio.gather(
        *(_ask_in_turn(each, coming, times, end) for each in connections)
    )
    return {
        "times": times,
        "seconds": time.perf_counter() - started,
        "bytes": max(lengths),
    }


async def _ask_in_turn(
    connection: _Connection, coming: Iterator[tuple[int, bytes]], times: list[float], end: float
) -> int:
    length = 0
    for _, request in coming:
        sent = time.perf_counter()
        length = await connection.ask(request)
        done = time.perf_counter()
        times.append((done - sent) * 1000)
        if done > end:
            break
    return length


def _fetch(plan: Mapping[str, Any]) -> dict[str, Any]:
    buffer = memoryview(bytearray(PIECE))
    headers = {**plan["headers"], "Connection": "close"}
    with socket.create_connection(("127.0.0.1", plan["port"]), LIMIT_SECONDS) as connection:
        started = time.perf_counter()
        connection.sendall(_request(plan["port"], plan["path"], headers))
        head = b""
        while b"\r\n\r\n" not in head:
            head += _receive(connection)
        wait = time.perf_counter() - started
        head, _, body = head.partition(b"\r\n\r\n")
        length = _read_head(head)
        left = length - len(body)
        while left:
            got = connection.recv_into(buffer)
            if not got:
                raise ConnectionError(f"The server left with {left} bytes to send")
            left -= got
    return {"bytes": length, "seconds": time.perf_counter() - started, "wait": wait}


def _receive(connection: socket.socket) -> bytes:
    data = connection.recv(PIECE)
    if not data:
        raise ConnectionError("The server closed the connection without an answer")
    return data


def main() -> None:
    plan = json.load(sys.stdin)
    gc.disable()
    print(json.dumps(asyncio.run(_ask_all(plan)) if sys.argv[1] == "ask" else _fetch(plan)))


if __name__ == "__main__":
    main()
