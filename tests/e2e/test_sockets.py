"""The Socket.IO client that browsers have, against a server in a process of its own."""

import asyncio
import base64
import json
import os
import subprocess
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
import redis
import socketio

from tests.e2e.conftest import WHO, Home, NewHome, Server
from tests.e2e.oidc.provider import install
from tests.e2e.sockets import __file__ as here

FOLDER = Path(here).parent
REDIS = os.environ.get("TEST_REDIS_URL", "redis://127.0.0.1:6379/9").rpartition("/")[0] + "/8"


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


def test_the_server_ends_at_once_though_clients_listen(new_home: NewHome) -> None:
    settings = {"ROMM_REDIS_URL": REDIS} if has_redis() else {}
    home = new_home(**settings)
    word = base64.b64encode(":".join(WHO).encode()).decode()
    headers = {"Authorization": f"Basic {word}"}

    async def scenario(server: Server) -> int:
        async with AsyncExitStack() as leaving:
            for path, way in (("ws", "websocket"), ("ws", "polling"), ("netplay", "websocket")):
                client = socketio.AsyncClient(reconnection=False)
                options: dict[str, Any] = {"socketio_path": f"/{path}/socket.io"}
                await client.connect(server.url, headers, transports=[way], **options)
                leaving.push_async_callback(client.disconnect)
            server.process.terminate()
            return await asyncio.to_thread(server.process.wait, 60)

    with home.serve() as server:
        assert asyncio.run(scenario(server)) == 0
    for word in ("graceful shutdown exceeded", "Traceback"):
        assert word not in server.log.read_text()


def has_redis() -> bool:
    try:
        with redis.Redis.from_url(REDIS) as client:
            return bool(client.ping())
    except redis.ConnectionError:
        return False
