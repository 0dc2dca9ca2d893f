"""The server killed while saves come in: what it acknowledged is there, nothing is left over."""

import hashlib
import json
import random
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

from tests.e2e.conftest import WAIT, WHO, Home, NewHome, Server
from tests.e2e.library import make_bytes, write

pytestmark = pytest.mark.slow
CLIENTS, UPLOADS = 8, 25
DICE = random.Random(6)
Kept = dict[int, str]
"""The SHA-256 of what was acknowledged, by the id of its save."""


@contextmanager
def killed_after(server: Server, number: int) -> Iterator[threading.Semaphore]:
    """Kills the server once so many uploads were acknowledged."""
    done = threading.Semaphore(0)

    def wait() -> None:
        for _ in range(number):
            done.acquire()
        server.process.kill()

    killer = threading.Thread(target=wait)
    killer.start()
    yield done
    for _ in range(number):
        done.release()
    killer.join()


def upload_all(server: Server, rom: int, client: int, done: threading.Semaphore) -> Kept:
    """Upload until all is sent or nobody listens any more."""
    kept: Kept = {}
    with httpx.Client(base_url=server.url, auth=WHO, timeout=WAIT) as mine:
        for number in range(UPLOADS):
            content = make_bytes(f"{client} {number}", 32 * 1024)
            params: dict[str, Any] = {"rom_id": rom}
            if number % 3:
                params["slot"] = f"slot {client % 3}"
            name = f"Game {client} {number}.srm"
            try:
                answer = mine.post("/api/saves", params=params, files={"saveFile": (name, content)})
            except httpx.TransportError:
                return kept
            assert answer.status_code == 200, answer.text
            kept[answer.json()["id"]] = hashlib.sha256(content).hexdigest()
            done.release()
    return kept


def list_files(home: Home) -> set[str]:
    """All files in the store, whatever they are called."""
    return {path.name for path in (home.data / "assets/blobs").rglob("*") if path.is_file()}


@pytest.mark.parametrize("turn", range(5))
def test_every_acknowledged_upload_outlives_a_kill(new_home: NewHome, turn: int) -> None:
    home = new_home()
    write(home.library / "roms/snes/Game.sfc", b"game")
    home.scan()
    with home.serve() as server:
        rom = server.roms()["Game.sfc"]["id"]
        number = DICE.randrange(20, CLIENTS * UPLOADS - 20)
        with (
            killed_after(server, number) as done,
            ThreadPoolExecutor(CLIENTS) as pool,
        ):
            works = [pool.submit(upload_all, server, rom, each, done) for each in range(CLIENTS)]
            kept = {save: sha for work in works for save, sha in work.result().items()}
    assert number <= len(kept) < CLIENTS * UPLOADS

    checked = home.run("saves", "verify", "--json")
    assert checked.returncode == 0, checked.stdout + checked.stderr
    found = json.loads(checked.stdout)
    assert (found["missing"], found["damaged"]) == ([], [])
    with home.serve() as server:
        stored = server.get("/api/saves", rom_id=rom)
        versions = server.get("/api/saves/versions", limit=1000)
        for save, sha in kept.items():
            content = server.client.get(f"/api/saves/{save}/content").raise_for_status().content
            assert hashlib.sha256(content).hexdigest() == sha
    assert {save["id"] for save in stored} >= kept.keys()
    assert len(versions) == len(stored)
    assert list_files(home) == {version["sha256"] for version in versions}
    again = home.run("saves", "verify", "--json")
    assert json.loads(again.stdout)["unreferenced"] == 0
