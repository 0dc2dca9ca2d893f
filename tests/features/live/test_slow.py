"""A client that reads nothing of what it is sent: it is let go, and nobody waits for it."""

import logging
import os
import socket
from base64 import b64encode
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import pytest

from romm_lite.kernel.log import Lines
from tests.features.live.conftest import MAIN, NETPLAY, Ear, House, basic, play
from tests.features.live.test_netplay import acknowledged, extra

TEXT, MASKED = 0x81, 0x80


def frame(text: str) -> bytes:
    """A message of a WebSocket client; the mask is four zeros."""
    body = text.encode()
    assert len(body) < 65536
    size = bytes([MASKED | len(body)]) if len(body) < 126 else b"\xfe" + len(body).to_bytes(2)
    return bytes([TEXT]) + size + bytes(4) + body


@contextmanager
def deaf(house: House, user: str, path: str, *messages: str) -> Iterator[socket.socket]:
    """A socket that joins, says something, and reads no more."""
    where = urlsplit(house.url)
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.settimeout(10)
        client.connect((where.hostname, where.port))
        lines = [
            f"GET {path}/?EIO=4&transport=websocket HTTP/1.1",
            f"Host: {where.netloc}",
            f"Authorization: {basic(user)['Authorization']}",
            "Connection: Upgrade",
            "Upgrade: websocket",
            "Sec-WebSocket-Version: 13",
            f"Sec-WebSocket-Key: {b64encode(os.urandom(16)).decode()}",
        ]
        client.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        heard = b""
        for asked, answer in (("", b"0{"), ("40", b"40{"), *((each, b"43") for each in messages)):
            if asked:
                client.sendall(frame(asked))
            while answer not in heard:
                heard += client.recv(4096)
            heard = b""
        yield client


@contextmanager
def quiet() -> Iterator[None]:
    """Keeps what is logged out of the report of the test."""
    shown = [each for each in logging.getLogger().handlers if not isinstance(each, Lines)]
    for handler in shown:
        handler.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for handler in shown:
            handler.setLevel(logging.NOTSET)


def logged(house: House) -> Any:
    with house.http() as client:
        return client.get("/api/logs", params={"limit": 300}).json()


def numbers(ear: Ear) -> list[int]:
    lines = [each for each in ear.told("logs:entry") if each["module"] == "lent"]
    return [int(each["message"].partition(" ")[0]) for each in lines]


@pytest.mark.slow
def test_whoever_reads_nothing_of_the_log_is_let_go(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    lent = logging.getLogger("lent")
    caplog.set_level("INFO")

    async def tell(root: Ear, lines: Iterable[int], size: int) -> None:
        before = len(root.heard)
        for number in lines:
            lent.info("%d %s", number, "x" * size)
        await root.until(lambda heard: len(heard) >= before + 100)

    async def scenario() -> None:
        async with house.listen() as root:
            with deaf(house, "root", MAIN):
                told = 0
                while not any("let go" in line["message"] for line in logged(house)):
                    assert told < 10_000, "the client stays"
                    # Long ones fill what the system holds back, and then it is their number.
                    await tell(root, range(told, told + 100), 60_000 if told == 0 else 100)
                    told += 100
                await root.until(lambda _: len(numbers(root)) == told)
                assert numbers(root) == list(range(told))

    with quiet():
        play(scenario())


def test_a_player_who_reads_nothing_leaves_the_room(house: House) -> None:
    picture = b"x" * 500_000

    async def scenario() -> None:
        async with house.listen("ann", NETPLAY) as ann, house.listen("bob", NETPLAY) as bob:
            await acknowledged(ann, "open-room", extra("ann"))
            await acknowledged(bob, "join-room", extra("bob"))
            join = '420["join-room",{"extra":{"sessionid":"r1","userid":"deaf"}}]'
            with deaf(house, "bob", NETPLAY, join):
                await ann.until(lambda _: "deaf" in ann.told("users-updated")[-1])
                sent = 0
                while "deaf" in ann.told("users-updated")[-1]:
                    assert sent < 400, "the player stays"
                    await acknowledged(ann, "snapshot", picture)
                    sent += 1
                await bob.until(lambda _: len(bob.told("snapshot")) == sent)

    play(scenario())
