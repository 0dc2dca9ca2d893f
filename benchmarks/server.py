"""The real server in a process of its own, and data folders for it."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from benchmarks.library_rows import fill
from romm_lite.app import open_accounts, open_database
from romm_lite.kernel.settings import Settings
from romm_lite.wire.users import UserCreate

WAIT_SECONDS = 60.0
NAME, PASSWORD = "keeper", "correct-horse"
SCOPES = "me.read roms.read platforms.read assets.read collections.read roms.user.read"


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "romm_lite", *arguments]


def environment() -> dict[str, str]:
    """Nothing of the caller's environment changes a setting."""
    return {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}


def make_data(data: Path, roms: int) -> Path:
    """A data folder with an administrator and ``roms`` ROMs in its database; gives its path."""
    settings = Settings(romm_base_path=data)
    with open_database(settings) as database:
        fill(database, roms=roms)
    add_keeper(data)
    return settings.places.database


def add_keeper(data: Path) -> None:
    with open_accounts(Settings(romm_base_path=data)) as accounts:
        new = UserCreate(username=NAME, email="", password=PASSWORD, role="admin")
        accounts.create_user(new)


def find_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass(frozen=True)
class Server:
    """A server that answers; ``started_in`` is seconds from the process's start to that."""

    port: int
    pid: int
    started_in: float

    def sign_in(self, scopes: str = SCOPES) -> dict[str, str]:
        """The header of an access token, which is good for half an hour."""
        form = {"grant_type": "password", "username": NAME, "password": PASSWORD, "scope": scopes}
        answer = httpx.post(f"http://127.0.0.1:{self.port}/api/token", data=form)
        return {"Authorization": f"Bearer {answer.raise_for_status().json()['access_token']}"}

    def get(self, path: str, headers: Mapping[str, str]) -> Any:
        """The JSON at a path."""
        address = f"http://127.0.0.1:{self.port}{path}"
        return httpx.get(address, headers=headers).raise_for_status().json()


@contextmanager
def serve(data: Path) -> Iterator[Server]:
    """``romm-lite serve`` on a data folder; its log goes to a file beside that folder."""
    port = find_port()
    where = ("--data-dir", str(data), "--host", "127.0.0.1", "--port", str(port))
    log = data.with_suffix(".log")
    started = time.perf_counter()
    with run(command("serve", *where), log, data.parent) as process:
        wait_until(lambda: is_alive(port), process, log)
        yield Server(port, process.pid, time.perf_counter() - started)


@contextmanager
def run(words: Sequence[str], log: Path, folder: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """A process that is ended when left."""
    with log.open("ab") as output:
        process = subprocess.Popen(
            words, cwd=folder, env=environment(), stdout=output, stderr=subprocess.STDOUT
        )
        try:
            yield process
        finally:
            process.terminate()
            process.wait(WAIT_SECONDS)


def wait_until(is_up: Callable[[], bool], process: "subprocess.Popen[bytes]", log: Path) -> None:
    """Come back as soon as ``is_up()``; ``SystemExit`` with the end of the log if it never is."""
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        if is_up():
            return
        time.sleep(0.002)
    raise SystemExit(f"The server did not come up:\n{log.read_text(errors='replace')[-2000:]}")


def is_alive(port: int) -> bool:
    """Whether the heartbeat is answered with 200."""
    request = b"GET /api/heartbeat HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
    try:
        with socket.create_connection(("127.0.0.1", port), WAIT_SECONDS) as connection:
            connection.sendall(request)
            return connection.recv(4096).startswith(b"HTTP/1.1 200 ")
    except OSError:
        return False
