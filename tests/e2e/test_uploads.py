"""Uploads to a real server: seen at once, going on after it was killed, behind a long scan."""

import os
import socket
import time
from base64 import b64encode
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from tests.e2e.conftest import WAIT, WHO, Home, Server
from tests.e2e.library import digest, make_bytes, read_digest, write
from tests.e2e.test_running_scans import is_reading, kill_with_children

CHUNK = 100_000


def start(server: Server, name: str, size: int) -> str:
    headers = {
        "X-Upload-Platform-Slug": "snes",
        "X-Upload-Filename": quote(name),
        "X-Upload-Total-Size": str(size),
        "X-Upload-Total-Chunks": str(-(-size // CHUNK)),
    }
    answer = server.client.post("/api/roms/upload/start", headers=headers).raise_for_status()
    upload: str = answer.json()["upload_id"]
    return upload


def send(server: Server, upload: str, index: int, content: bytes) -> None:
    part = content[index * CHUNK : (index + 1) * CHUNK]
    path = f"/api/roms/upload/{upload}"
    headers = {"X-Chunk-Index": str(index)}
    server.client.put(path, content=part, headers=headers).raise_for_status()


def show(server: Server, upload: str) -> Any:
    return server.get(f"/api/roms/upload/{upload}")


def complete(server: Server, upload: str) -> None:
    server.client.post(f"/api/roms/upload/{upload}/complete").raise_for_status()


def bring(server: Server, name: str, content: bytes) -> None:
    upload = start(server, name, len(content))
    for index in range(-(-len(content) // CHUNK)):
        send(server, upload, index, content)
    complete(server, upload)


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


def is_known(server: Server, name: str, content: bytes) -> bool:
    """Whether a ROM is in the list, with its hashes."""
    rom = server.roms().get(name)
    return rom is not None and read_digest(rom) == digest(content)


def test_what_was_uploaded_is_in_the_list_without_a_scan(home: Home) -> None:
    contents = {f"赤 {number} 🎮.sfc": make_bytes(str(number), 250_000) for number in range(8)}
    with home.serve() as server:
        start(server, "left alone.sfc", 10)
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda item: bring(server, *item), contents.items()))
        wait_for(lambda: all(is_known(server, *item) for item in contents.items()))
        assert "Traceback" not in server.log.read_text()
    for name, content in contents.items():
        assert (home.library / "roms" / "snes" / name).read_bytes() == content


def send_half(server: Server, upload: str, index: int) -> None:
    """Half a chunk, and then the client is gone."""
    url = urlsplit(server.url)
    login = b64encode(":".join(WHO).encode()).decode()
    head = (
        f"PUT /api/roms/upload/{upload} HTTP/1.1\r\nHost: {url.netloc}\r\n"
        f"Authorization: Basic {login}\r\nX-Chunk-Index: {index}\r\nContent-Length: {CHUNK}\r\n\r\n"
    )
    with socket.create_connection((url.hostname, url.port or 0), WAIT) as connection:
        connection.sendall(head.encode() + bytes(CHUNK // 2))


def test_an_upload_goes_on_after_the_server_was_killed(home: Home) -> None:
    content = make_bytes("Moss", 5 * CHUNK - 7)
    with home.serve() as server:
        upload = start(server, "Moss (USA).sfc", len(content))
        for index in (4, 0, 2):
            send(server, upload, index, content)
        send_half(server, upload, 1)
        send_half(server, upload, 0)
        wait_for(lambda: show(server, upload)["received"] == [2, 4])
        kill_with_children(server)
    with home.serve() as server:
        found = show(server, upload)
        assert (found["received"], found["missing"]) == ([2, 4], [0, 1, 3])
        for index in found["missing"]:
            send(server, upload, index, content)
        complete(server, upload)
        wait_for(lambda: is_known(server, "Moss (USA).sfc", content))
    assert os.listdir(home.library / "roms" / "snes") == ["Moss (USA).sfc"]  # noqa: PTH208


def test_a_file_is_scanned_though_the_server_was_killed(home: Home) -> None:
    content = make_bytes("Moss", 1000)
    with home.serve() as server:
        bring(server, "Moss (USA).sfc", content)
        kill_with_children(server)
    with home.serve() as server:
        wait_for(lambda: is_known(server, "Moss (USA).sfc", content))


def make_huge(home: Home) -> Path:
    """A file that keeps a scan busy for as long as it is needed."""
    huge = home.library / "roms" / "wii" / "Vast (World).iso"
    write(huge, b"")
    write(huge.with_name("Small.iso"), b"small")
    os.truncate(huge, 64 << 30)
    return huge


def test_files_that_come_during_a_scan_are_scanned_after_it(home: Home) -> None:
    huge = make_huge(home)
    contents = {f"Moss {number}.sfc": make_bytes(str(number), 1000) for number in range(5)}
    with home.serve() as server:
        number = server.start_scan()
        server.wait_for_scan(number, is_reading)
        for name, content in contents.items():
            bring(server, name, content)
        waiting, running = server.get("/api/scans")
        assert (waiting["type"], waiting["status"]) == ("files", "waiting")
        assert (waiting["platforms"], running["status"]) == (["snes"], "running")
        server.client.post(f"/api/scans/{number}/stop").raise_for_status()
        wait_for(lambda: all(is_known(server, *item) for item in contents.items()))
        os.truncate(huge, 10)
