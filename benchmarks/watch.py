"""How soon a new file is in the lists while a large library is watched, and what watching costs."""

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil

from benchmarks import measure
from benchmarks.measure import MB, Report, at_most, median, say
from benchmarks.scan import make_data, run_scan
from benchmarks.server import SCOPES, Server, add_keeper, serve
from romm_lite.features.scan.watching import SHORTEST_SECONDS
from romm_lite.kernel.paths import Places

ROMS, SMALL = 100_000, 5_000
FOLDERS = 600
"""Of ROMs that are folders."""
PLATFORMS = ("nes", "snes", "gb", "gba", "genesis", "n64", "psx", "ps2")
TAKES = 5
AFTER_SECONDS = 2.0
MEMORY_MB = 16
LONGEST_SECONDS = 60.0


def make_library(library: Path, roms: int) -> None:
    """Empty files, and folders of one; nothing of them is read."""
    for fs_slug in PLATFORMS:
        (library / "roms" / fs_slug).mkdir(parents=True)
    for number in range(roms):
        path = library / "roms" / PLATFORMS[number % len(PLATFORMS)] / f"Game {number:06}"
        if number % (roms // FOLDERS) == 0:
            path.mkdir()
            path /= "disc"
        os.close(os.open(f"{path}.bin", os.O_CREAT | os.O_WRONLY))


@contextmanager
def serving(data: Path, *, watched: bool) -> Iterator[tuple[Server, float]]:
    """A server, and its memory in MB once it has come to rest."""
    words = [f"ENABLE_RESCAN_ON_FILESYSTEM_CHANGE={watched}", "RESCAN_ON_FILESYSTEM_CHANGE_DELAY=0"]
    (data.parent / ".env").write_text("\n".join(words))
    with serve(data) as server:
        deadline = time.monotonic() + LONGEST_SECONDS
        while watched and "is watched" not in data.with_suffix(".log").read_text():
            if time.monotonic() > deadline:
                raise SystemExit("The library is not watched")
            time.sleep(0.05)
        time.sleep(2)
        yield server, psutil.Process(server.pid).memory_info().rss / MB


def wait_until_listed(server: Server, headers: Mapping[str, str], name: str) -> float:
    """Seconds until a ROM is in the list."""
    started = time.perf_counter()
    url = f"http://127.0.0.1:{server.port}/api/roms"
    with httpx.Client(headers=dict(headers)) as client:
        while time.perf_counter() - started < LONGEST_SECONDS:
            page = client.get(url, params={"search_term": name}).raise_for_status().json()
            if any(rom["fs_name"] == f"{name}.bin" for rom in page["items"]):
                return time.perf_counter() - started
            time.sleep(0.02)
    raise SystemExit(f"{name} never came into the list")


def measure_all(places: Places, roms: int) -> dict[str, Any]:
    say(f"a library of {roms} files …")
    make_library(places.library, roms)
    make_data(places.data, hashes=False)
    run_scan(places.data, places.library)
    add_keeper(places.data)
    with serving(places.data, watched=False) as (server, unwatched):
        plain_start = server.started_in
    with serving(places.data, watched=True) as (server, resident):
        headers = server.sign_in(f"{SCOPES} tasks.run")
        listed = []
        for number in range(TAKES):
            say(f"a new file, round {number + 1} …")
            name = f"Newcomer {number}"
            (places.library / "roms/snes" / f"{name}.bin").write_bytes(b"new")
            listed.append(wait_until_listed(server, headers, name))
        scans = server.get("/api/scans", headers)
        started_in = server.started_in
    return {
        "files": roms,
        "listed_after_s": round(median(listed), 2),
        "slowest_s": round(max(listed), 2),
        "settling_s": SHORTEST_SECONDS,
        "whole_scans": sum(scan["type"] != "files" for scan in scans) - 1,
        "start_ms": round(started_in * 1000),
        "start_unwatched_ms": round(plain_start * 1000),
        "resident_mb": round(resident, 1),
        "watching_mb": round(resident - unwatched, 1),
    }


def main() -> None:
    roms = SMALL if measure.wants_small() else ROMS
    with measure.temporary_folder() as folder:
        places = Places.at(folder / "data")
        figures = measure_all(places, roms)
        machine = measure.describe_machine(places.database)
    Report(
        "watch",
        machine,
        figures,
        {
            "listed": at_most(figures["slowest_s"], SHORTEST_SECONDS + AFTER_SECONDS, "s"),
            "whole_scans": at_most(figures["whole_scans"], 0, ""),
            "memory": at_most(figures["watching_mb"], MEMORY_MB, "MB"),
        },
    ).print()


if __name__ == "__main__":
    main()
