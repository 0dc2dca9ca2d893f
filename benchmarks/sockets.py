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
import socketio

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
    """Clients in a process of their own, once all are connected."""
    word = headers["Authorization"]
    command = [sys.executable, "-m", "benchmarks.sockets", "listen", str(sockets)]
    address = f"http://127.0.0.1:{server.port}"
    process = subprocess.Popen([*command, f"{address} {word}"], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    process.stdout.readline()
    return process


async def listen(sockets: int, where: str) -> None:
    """Count what each client hears, until all have heard that the scan is done."""
    address, word = where.split(" ", 1)
    counts = [0] * sockets
    done = [asyncio.Event() for _ in range(sockets)]

    async def connect(number: int) -> Any:
        client = socketio.AsyncClient(reconnection=False)

        def count(_rom: Any) -> None:
            counts[number] += 1

        def end(_stats: Any) -> None:
            done[number].set()

        client.on("scan:scanning_rom", count)
        client.on("scan:done", end)
        client.on("disconnect", lambda *_: done[number].set())
        headers = {"Authorization": word}
        await client.connect(
            address, headers, socketio_path="/ws/socket.io", transports=["websocket"]
        )
        return client

    clients = [await connect(number) for number in range(sockets)]
    print("connected", flush=True)
    began = time.monotonic()
    await asyncio.gather(*(each.wait() for each in done))
    print(f"{min(counts)} to {max(counts)} ROMs each, {time.monotonic() - began:.1f} s", flush=True)
    for client in clients:
        await client.disconnect()


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
