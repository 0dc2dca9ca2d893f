"""A real server process on a free port, with an account and a data folder of its own."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.conftest import absent
from tests.e2e.library import Structure, write_library

WHO = ("keeper", "correct-horse")
WAIT = 60.0
CHROMIUM = os.environ.get("TEST_CHROMIUM") or shutil.which("chromium") or ""


@dataclass(frozen=True)
class Home:
    """One installation: its data folder and the settings it runs with."""

    data: Path
    environment: dict[str, str]

    @property
    def library(self) -> Path:
        return self.data / "library"

    def command(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "romm_lite", *words, "--data-dir", str(self.data)]

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*words),
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=WAIT,
            check=False,
        )

    def scan(self, *words: str) -> dict[str, Any]:
        """The outcome of a scan that must succeed."""
        done = self.run("scan", "--json", *words)
        assert done.returncode == 0, done.stderr
        outcome: dict[str, Any] = json.loads(done.stdout)
        return outcome

    @contextmanager
    def serve(self, *words: str, port: int = 0) -> Iterator["Server"]:
        """The server, running; stopped in the end, however that comes. A port of 0 is any."""
        with socket.create_server(("127.0.0.1", port)) as probe:
            port = probe.getsockname()[1]
        address = ("--host", "127.0.0.1", "--port", str(port))
        log = self.data.with_name(f"{self.data.name}.log")
        with log.open("ab") as output:
            process = subprocess.Popen(
                self.command("serve", *address, *words),
                env=self.environment,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        url = f"http://127.0.0.1:{port}{self.environment.get('ROMM_ROOT_PATH', '')}"
        with process, httpx.Client(base_url=url, auth=WHO, timeout=WAIT) as client:
            try:
                wait_until_up(client, process, log)
                yield Server(url, client, process, log)
            finally:
                process.terminate()


@dataclass(frozen=True)
class Server:
    """A running server; ``client`` logs in as the administrator."""

    url: str
    client: httpx.Client
    process: subprocess.Popen[bytes]
    log: Path

    def get(self, path: str, **params: Any) -> Any:
        """The JSON of an answer that must be fine."""
        return self.client.get(path, params=params).raise_for_status().json()

    def roms(self, **params: Any) -> dict[str, dict[str, Any]]:
        """All ROMs with their files, by name of file."""
        page = self.get("/api/roms", limit=10_000, with_files=True, **params)
        return {rom["fs_name"]: rom for rom in page["items"]}

    def start_scan(self, **body: Any) -> int:
        """The id of a scan that has begun."""
        answer = self.client.post("/api/scans", json=body).raise_for_status()
        number: int = answer.json()["id"]
        return number

    def wait_for_scan(self, number: int, until: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """The scan, once it is as far as asked for."""
        deadline = time.monotonic() + WAIT
        while time.monotonic() < deadline:
            scan: dict[str, Any] = self.get(f"/api/scans/{number}")
            if until(scan):
                return scan
            time.sleep(0.1)
        raise AssertionError(f"The scan did not get there: {scan}")


def has_ended(scan: dict[str, Any]) -> bool:
    return scan["ended_at"] is not None


def wait_until_up(client: httpx.Client, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + WAIT
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        try:
            client.get("/api/heartbeat").raise_for_status()
        except httpx.TransportError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError(f"The server did not come up:\n{log.read_text()}")


def make_home(folder: Path, **settings: str) -> Home:
    data = folder / "data"
    (data / "library").mkdir(parents=True)
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return Home(data, {**kept, "NO_COLOR": "1", **settings})


def create_admin(home: Home) -> None:
    name, password = WHO
    done = home.run("user", "create", name, "--role", "admin", "--password", password)
    assert done.returncode == 0, done.stderr


NewHome = Callable[..., Home]
"""Makes an installation with an administrator and an empty library; its arguments are settings."""


@pytest.fixture(scope="session")
def new_home(tmp_path_factory: pytest.TempPathFactory) -> NewHome:
    template = make_home(tmp_path_factory.mktemp("template"))
    create_admin(template)

    def make(**settings: str) -> Home:
        made = make_home(tmp_path_factory.mktemp("home"), **settings)
        shutil.copytree(template.data, made.data, dirs_exist_ok=True)
        return made

    return make


@pytest.fixture
def home(new_home: NewHome) -> Home:
    """An installation with an administrator and an empty library."""
    return new_home()


@dataclass(frozen=True)
class Served:
    """The made-up library, scanned, behind a running server."""

    structure: Structure
    home: Home
    server: Server
    roms: dict[str, dict[str, Any]]


@pytest.fixture(scope="session", params=["A", "B"])
def served(request: pytest.FixtureRequest, new_home: NewHome) -> Iterator[Served]:
    """In each of the two structures; for reading only."""
    home = new_home()
    write_library(home.library, request.param)
    outcome = home.scan()
    assert outcome["problems"] == []
    with home.serve() as server:
        yield Served(request.param, home, server, server.roms())
    assert "Traceback" not in server.log.read_text()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if not CHROMIUM:
        absent("Chromium is not installed: apt install chromium, or name it in TEST_CHROMIUM")
    with sync_playwright() as playwright:
        options = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=options)
        yield browser
        browser.close()
