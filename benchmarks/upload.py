"""How fast a file comes in by chunks, beside a plain write of the same bytes in the same run."""

import os
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import httpx
import psutil

from benchmarks import measure
from benchmarks.measure import MB, MIB, Report, at_least, at_most, median, say
from benchmarks.server import SCOPES, Server, make_data, serve
from romm_lite.kernel.paths import Places

SIZE, CHUNK = 256 * MIB, 10 * MIB
SMALLER = 8
TAKES = 5
SIDE_BY_SIDE = 8
LITTLE = MIB
ROMS = 2000
WRITING = f"{SCOPES} roms.write platforms.write"
GROWTH_MB = 32
Headers = Mapping[str, str]


def upload(port: int, headers: Headers, name: str, content: memoryview) -> float:
    """Bring a file as RomM's page does, one chunk after another; seconds it took."""
    connection = HTTPConnection("127.0.0.1", port)
    chunks = [content[at : at + CHUNK] for at in range(0, len(content), CHUNK)]
    started = time.perf_counter()
    about = {
        **headers,
        "x-upload-platform-slug": "psx",
        "x-upload-filename": name,
        "x-upload-total-size": str(len(content)),
        "x-upload-total-chunks": str(len(chunks)),
    }
    found = ask(connection, "POST", "start", about)
    for index, chunk in enumerate(chunks):
        ask(connection, "PUT", found["upload_id"], {**headers, "x-chunk-index": str(index)}, chunk)
    ask(connection, "POST", f"{found['upload_id']}/complete", headers)
    seconds = time.perf_counter() - started
    connection.close()
    return seconds


def ask(
    connection: HTTPConnection, method: str, path: str, headers: Headers, body: Any = None
) -> Any:
    """The JSON of an answer that must be fine."""
    connection.request(method, f"/api/roms/upload/{path}", body, headers)
    answer = connection.getresponse()
    content = answer.read()
    if answer.status not in (200, 201):
        raise SystemExit(f"{method} {path}: {answer.status} {content!r}")
    return httpx.Response(answer.status, content=content).json() if content else None


def write(path: Path, content: memoryview) -> float:
    """The least there is to do: write the file to the disk; seconds it took."""
    started = time.perf_counter()
    with path.open("wb", buffering=0) as file:
        for at in range(0, len(content), CHUNK):
            file.write(content[at : at + CHUNK])
        os.fsync(file.fileno())
    seconds = time.perf_counter() - started
    path.unlink()
    return seconds


def wait_until_listed(server: Server, headers: Headers, name: str) -> float:
    """Seconds until a ROM is in the list, hashes and all."""
    started = time.perf_counter()
    url = f"http://127.0.0.1:{server.port}/api/roms"
    with httpx.Client(headers=dict(headers)) as client:
        while True:
            page = client.get(url, params={"search_term": name}).raise_for_status().json()
            if any(rom["md5_hash"] for rom in page["items"]):
                return time.perf_counter() - started


def measure_all(places: Places, size: int) -> dict[str, Any]:
    content = memoryview(os.urandom(size))
    with serve(places.data) as server:
        headers = server.sign_in(WRITING)
        send = partial(upload, server.port, headers)
        listed = partial(wait_until_listed, server, headers)
        little, large = [], []
        for number in range(TAKES):
            send(f"little{number}.bin", content[number : LITTLE + number])
            little.append(listed(f"little{number}") * 1000)
        before = psutil.Process(server.pid).memory_info().rss
        rates: dict[str, list[float]] = {"upload": [], "plain_write": []}
        for number in range(TAKES):
            say(f"uploads, round {number + 1} …")
            rates["plain_write"].append(size / MIB / write(places.data / "plain", content))
            rates["upload"].append(size / MIB / send(f"large{number}.bin", content))
            large.append(listed(f"large{number}") * 1000)
        together = send_together(send, content)
        after = psutil.Process(server.pid).memory_info().rss
    return {
        "mib": size // MIB,
        "chunk_mib": CHUNK // MIB,
        **{f"{name}_mib_per_s": round(median(each)) for name, each in rates.items()},
        "side_by_side_mib_per_s": round(size / MIB / together),
        "listed_after_ms": round(median(little)),
        "large_listed_after_ms": round(median(large)),
        "resident_mb": round(after / MB, 1),
        "growth_mb": round((after - before) / MB, 1),
    }


def send_together(send: Callable[[str, memoryview], float], content: memoryview) -> float:
    """Bring as many bytes as parts of them side by side; seconds it took."""
    part = content[: len(content) // SIDE_BY_SIDE]
    started = time.perf_counter()
    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        list(pool.map(lambda number: send(f"many{number}.bin", part), range(SIDE_BY_SIDE)))
    return time.perf_counter() - started


def main() -> None:
    share = SMALLER if measure.wants_small() else 1
    with measure.temporary_folder() as folder:
        places = Places.at(folder / "data")
        make_data(places.data, ROMS)
        figures = measure_all(places, SIZE // share)
        machine = measure.describe_machine(places.database)
    rate = figures["upload_mib_per_s"]
    Report(
        "upload",
        machine,
        {**figures, "of_plain_write": round(rate / figures["plain_write_mib_per_s"], 3)},
        {
            "upload": at_least(rate, 320, "MiB/s"),
            "listed": at_most(figures["listed_after_ms"], 1000, "ms"),
            "growth": at_most(figures["growth_mb"], GROWTH_MB, "MB"),
        },
    ).print()


if __name__ == "__main__":
    main()
