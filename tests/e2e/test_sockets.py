"""The Socket.IO client that browsers have, against a server in a process of its own."""

import base64
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import WHO, Home
from tests.e2e.oidc.provider import install
from tests.e2e.sockets import __file__ as here

FOLDER = Path(here).parent


@pytest.fixture(scope="module")
def client() -> Path:
    install(FOLDER)
    return FOLDER / "scan.mjs"


def run(client: Path, url: str) -> Any:
    word = base64.b64encode(":".join(WHO).encode()).decode()
    options = json.dumps({"url": url, "authorization": f"Basic {word}"})
    done = subprocess.run(
        ["node", str(client), options],
        cwd=FOLDER,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_browsers_client_hears_a_scan_and_opens_a_room(client: Path, home: Home) -> None:
    for name in ("Moss.sfc", "Fern.sfc"):
        file = home.library / "roms/snes" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(name.encode())
    with home.serve() as server:
        told = run(client, server.url)
    names = [name for name, _ in told["heard"] if name != "logs:entry"]
    assert names[0] == "scan:update_stats"
    assert names[-1] == "scan:done"
    assert names.count("scan:scanning_platform") == 1
    roms = [payload for name, payload in told["heard"] if name == "scan:scanning_rom"]
    stages = [(rom["fs_name"], rom["is_identifying"]) for rom in roms]
    assert sorted(stages) == [
        ("Fern.sfc", False),
        ("Fern.sfc", True),
        ("Moss.sfc", False),
        ("Moss.sfc", True),
    ]
    assert told["opened"] == []
    nothing, players = told["joined"]
    assert nothing is None
    assert players["one"]["socketId"] == told["id"]
