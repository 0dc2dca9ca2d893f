"""How long an upload of a save takes, beside what the disk takes for the same number of fsyncs."""

import os
import time
from collections.abc import Callable
from http.client import HTTPConnection
from pathlib import Path

from benchmarks.measure import (
    Report,
    at_most,
    describe_machine,
    percentiles,
    say,
    temporary_folder,
    wants_small,
)
from benchmarks.server import Server, make_data, serve

SIZE = 32 * 1024
BOUND_MS = 8
SCOPES = "roms.read assets.read assets.write"
BOUNDARY = "a-boundary-that-is-in-no-save"


def measure(times: int, act: Callable[[int], None]) -> list[float]:
    """Milliseconds that each of so many took."""
    found = []
    for number in range(times):
        started = time.perf_counter()
        act(number)
        found.append((time.perf_counter() - started) * 1000)
    return found


def write_durably(folder: Path, number: int) -> None:
    """The least a durable upload has to do: a file, its name, a row of a log; an fsync each."""
    staged, log = folder / "staged", folder / "log"
    with staged.open("wb", buffering=0) as file:
        file.write(os.urandom(SIZE))
        os.fsync(file.fileno())
    staged.rename(folder / f"{number}.srm")
    descriptor = os.open(folder, os.O_RDONLY)
    os.fsync(descriptor)
    os.close(descriptor)
    with log.open("ab", buffering=0) as file:
        file.write(b"x" * 4096)
        os.fsync(file.fileno())


def make_form(content: bytes) -> bytes:
    head = (
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="saveFile"; filename="Game.srm"\r\n'
        "Content-Type: application/octet-stream\r\n\r\n"
    )
    return head.encode() + content + f"\r\n--{BOUNDARY}--\r\n".encode()


def upload(server: Server, times: int) -> tuple[list[float], list[float]]:
    """Milliseconds of uploads into a slot, and of reading the list of them."""
    headers = server.sign_in(SCOPES)
    rom = server.get("/api/roms?limit=1", headers)["items"][0]["id"]
    connection = HTTPConnection("127.0.0.1", server.port)
    kind = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}

    def ask(method: str, path: str, body: bytes | None = None) -> None:
        connection.request(method, path, body, headers | kind if body else headers)
        answer = connection.getresponse()
        said = answer.read()
        if answer.status != 200:
            raise SystemExit(f"{method} {path}: {answer.status} {said!r}")

    def send(number: int) -> None:
        path = f"/api/saves?rom_id={rom}&slot=slot%20{number % 3}&emulator=snes9x"
        ask("POST", path, make_form(os.urandom(SIZE)))

    measure(10, send)
    uploads = measure(times, send)
    lists = measure(20, lambda _number: ask("GET", f"/api/saves?rom_id={rom}"))
    connection.close()
    return uploads, lists


def main() -> None:
    times = 50 if wants_small() else 500
    with temporary_folder() as folder:
        data, floor = folder / "data", folder / "floor"
        floor.mkdir()
        database = make_data(data, roms=100)
        say("The disk alone")
        disk = percentiles(measure(times, lambda number: write_durably(floor, number)))
        say("Uploads")
        with serve(data) as server:
            uploads, lists = upload(server, times)
        took = percentiles(uploads)
        Report(
            "saves",
            describe_machine(database),
            {
                "uploads": times,
                "bytes": SIZE,
                "upload_ms": took,
                "disk_floor_ms": disk,
                "list_ms": percentiles(lists),
            },
            {"upload": at_most(took["p95"], BOUND_MS, "ms")},
        ).print()


if __name__ == "__main__":
    main()
