"""How long a scan takes with 50 clients that hear everything of it, and with none."""

import asyncio
import subprocess
import sys
import time
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
from websockets.asyncio.client import connect

from benchmarks.measure import (
    Report,
    at_most,
    describe_machine,
    median,
    say,
    temporary_folder,
    wants_small,
)
from benchmarks.server import Server, add_keeper, serve
from romm_lite.kernel.settings import Settings

SOCKETS = 50
ROUNDS = 3
SCOPES = "roms.read platforms.read tasks.run"


def main() -> None:
    if sys.argv[1:2] == ["listen"]:
        asyncio.run(listen(int(sys.argv[2]), sys.argv[3]))
        return
    roms = 2_000 if wants_small() else 20_000
    alone: list[float] = []
    heard: list[float] = []
    with temporary_folder() as folder:
        for number in range(ROUNDS):
            for sockets, times in ((0, alone), (SOCKETS, heard)):
                times.append(measure(folder / f"{number}-{sockets}", roms, sockets))
                say(f"{roms} files, {sockets} sockets: {times[-1]:.2f} s")
        machine = describe_machine(Settings(romm_base_path=folder / "0-0").places.database)
    ratio = round(median(heard) / median(alone), 3)
    figures = {"roms": roms, "sockets": SOCKETS, "alone_s": median(alone), "heard_s": median(heard)}
    Report("sockets", machine, figures, {"ratio": at_most(ratio, 1.25, "times")}).print()


def measure(data: Path, roms: int, sockets: int) -> float:
    """Seconds of the scan of a new library."""
    folder = Settings(romm_base_path=data).places.library / "roms/snes"
    folder.mkdir(parents=True)
    for number in range(roms):
        (folder / f"Game {number:06} (Europe).sfc").write_bytes(b"%d" % number * 512)
    add_keeper(data)
    with serve(data) as server:
        headers = server.sign_in(SCOPES)
        listeners = start(server, sockets, headers) if sockets else None
        took = scan(server, headers)
        if listeners is not None:
            done, _ = listeners.communicate(timeout=600)
            say(f"heard: {done.strip()}")
    return took


def start(server: Server, sockets: int, headers: Mapping[str, str]) -> "subprocess.Popen[str]":
    """Clients in a process of their own, once all are connected.

    Clients are on other machines; here they get what the scan leaves of this one.
    """
    word = headers["Authorization"]
    command = ["nice", "-n", "15", sys.executable, "-m", "benchmarks.sockets", "listen"]
    address = f"http://127.0.0.1:{server.port}"
    command += [str(sockets), f"{address} {word}"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    process.stdout.readline()
    return process


async def listen(sockets: int, where: str) -> None:
    """Count what each client hears, until all have heard that the scan is done."""
    address, word = where.split(" ", 1)
    address = f"{address.replace('http', 'ws', 1)}/ws/socket.io/?EIO=4&transport=websocket"
    clients = [await join(address, word) for _ in range(sockets)]
    print("connected", flush=True)
    began = time.monotonic()
    counts = await asyncio.gather(*(count(client) for client in clients))
    print(f"{min(counts)} to {max(counts)} ROMs each, {time.monotonic() - began:.1f} s", flush=True)


async def join(address: str, word: str) -> Any:
    """A client that looks no closer at messages than it must: it is not what is measured."""
    client = await connect(address, additional_headers={"Authorization": word}, max_size=None)
    await client.send("40")
    while not str(await client.recv()).startswith("40"):
        pass
    return client


async def count(client: Any) -> int:
    """How many ROMs a client was told of."""
    roms = 0
    async for message in client:
        if message == "2":
            await client.send("3")
        elif message.startswith('42["scan:scanning_rom"'):
            roms += 1
        elif message.startswith('42["scan:done"'):
            break
    await client.close()
    return roms


def scan(server: Server, headers: Mapping[str, str]) -> float:
    address = f"http://127.0.0.1:{server.port}"
    answer = httpx.post(f"{address}/api/scans", headers=headers, json={"type": "quick"})
    number = answer.raise_for_status().json()["id"]
    while True:
        row = server.get(f"/api/scans/{number}", headers)
        if row["ended_at"]:
            assert row["status"] == "done", row
            began, ended = (datetime.fromisoformat(row[n]) for n in ("started_at", "ended_at"))
            return (ended - began).total_seconds()
        time.sleep(0.2)


if __name__ == "__main__":
    main()
