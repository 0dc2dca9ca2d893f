"""How fast the library is listed, searched and looked up, by one client and by sixteen at once.

Every request carries a bearer token. ``cold_ms`` is the first answer after the library changed, the
rest is what later ones take. Each case is asked over connections that stay open, without
compression unless its name says so.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from random import Random
from typing import Any

from benchmarks import measure
from benchmarks.client import ask
from benchmarks.library_rows import FIRST, SECOND
from benchmarks.measure import MB, Report, at_most, median, percentiles, say
from benchmarks.server import make_data, serve
from romm_lite.db import versions

SIZES = (10_000, 100_000)
SMALLER = 20
CROWD = 16
COUNT, SECONDS = {1: 300, CROWD: 1000}, 4.0
CHANGES = 5
WARMING = 3
PLACES = 400
"""How many different pages, ROMs or terms the cases with changing ones go through."""

LEAN = "with_char_index=false&with_filter_values=false&with_rom_id_index=false"
WINDOW = f"/api/roms?limit=72&{LEAN}&with_total=false"
ROMM = {
    "page": {"p50": 48.0, "requests_per_s": 20.0},
    "search": {"p50": 79.0},
    "detail": {"p50": 37.0},
    "platforms": {"p50": 23.0},
    "heartbeat": {"requests_per_s": 99.0},
}
"""RomM 5.2 with 10,000 ROMs on a quiet machine of this kind; requests a second of 16 clients."""
ROMM_RESIDENT_MB = 409.0  # 390 MiB


@dataclass(frozen=True)
class Case:
    """Addresses that are asked for in turn."""

    paths: Sequence[str]
    headers: Mapping[str, str] = field(default_factory=dict)


def make_cases(roms: int) -> dict[str, Case]:
    """All cases by name; ROMs have the ids 1 to ``roms``."""
    random = Random(2)
    page = "/api/roms?limit=50"
    ids = [random.randint(1, roms) for _ in range(PLACES)]
    offsets = [random.randint(0, roms - 50) for _ in range(PLACES)]
    deep = [random.randint(roms // 2, roms - 72) for _ in range(PLACES)]
    orders = ("fs_size_bytes", "created_at", "first_release_date", "average_rating")
    return {
        "page": Case([page]),
        "page, gzip": Case([page], {"Accept-Encoding": "gzip"}),
        "page, no sidecars": Case([f"{page}&{LEAN}"]),
        "page anywhere": Case([f"{page}&offset={offset}" for offset in offsets]),
        "page anywhere, no sidecars": Case([f"{page}&{LEAN}&offset={o}" for o in offsets]),
        "window of 72, deep": Case([f"{WINDOW}&offset={offset}" for offset in deep]),
        "search": Case([f"{page}&search_term=dragon"]),
        "search, no sidecars": Case([f"{page}&{LEAN}&search_term=dragon"]),
        "search, ever new": Case([f"{page}&{LEAN}&search_term={t}" for t in make_terms()]),
        "platform": Case([f"{page}&platform_ids=3"]),
        "genre": Case([f"{page}&{LEAN}&genres=Puzzle"]),
        "grouped": Case([f"{page}&{LEAN}&group_by_meta_id=true"]),
        **{
            f"by {order}": Case([f"{page}&{LEAN}&order_by={order}&order_dir=desc"])
            for order in orders
        },
        "detail": Case([f"/api/roms/{rom_id}" for rom_id in ids]),
        "simple": Case([f"/api/roms/{rom_id}/simple" for rom_id in ids]),
        "platforms": Case(["/api/platforms"]),
        "filters": Case(["/api/roms/filters"]),
        "identifiers": Case(["/api/roms/identifiers"]),
        "random": Case(["/api/roms/random"]),
        "heartbeat": Case(["/api/heartbeat"]),
        "stats": Case(["/api/stats"]),
    }


def make_terms() -> list[str]:
    """Terms to search for that are all different, for a query."""
    terms = [f"{first}%20{second[:4]}".lower() for first, second in product(FIRST, SECOND)]
    Random(3).shuffle(terms)
    return terms


def change_library(database: Path) -> None:
    """Make everything the server keeps stale, as any change of the library does."""
    with measure.open_file(database) as opened, opened.write() as session:
        versions.bump(session, versions.LIBRARY)


def time_case(
    port: int, token: Mapping[str, str], case: Case, change: Callable[[], None]
) -> dict[str, Any]:
    """Figures of one case: cold, then with one client and with many."""
    headers = {**token, **case.headers}
    cold = []
    for _ in range(CHANGES):
        change()
        cold += ask(port, case.paths, headers)["times"]
    ask(port, case.paths, headers, count=WARMING)
    figures: dict[str, Any] = {"cold_ms": median(cold)}
    for clients, count in COUNT.items():
        seen = ask(port, case.paths, headers, at_once=clients, count=count, seconds=SECONDS)
        times = seen["times"]
        figures[f"c{clients}"] = {
            **percentiles(times),
            "requests_per_s": round(len(times) / seen["seconds"], 1),
        }
        figures["kb"] = round(seen["bytes"] / 1000, 1)
    return figures


def measure_size(folder: Path, roms: int) -> tuple[Path, dict[str, Any]]:
    """The database made, and all figures with so many ROMs in it."""
    say(f"making {roms} ROMs …")
    database = make_data(folder / f"data-{roms}", roms)
    cases = {}
    with serve(folder / f"data-{roms}") as server:
        token = server.sign_in()
        at_rest = measure.resident_mb(server.pid)
        for name, case in make_cases(roms).items():
            cases[name] = time_case(server.port, token, case, lambda: change_library(database))
            say(f"{roms} ROMs, {name}: {cases[name]}")
        after = measure.resident_mb(server.pid)
    return database, {
        "database_mb": round(database.stat().st_size / MB),
        "resident_mb": {"at_rest": at_rest, "after": after},
        "cases": cases,
    }


def compare(figures: Mapping[str, Any]) -> dict[str, Any]:
    """RomM's figures and how many times better ours are."""
    compared: dict[str, Any] = {}
    for name, theirs in ROMM.items():
        ours = figures["cases"][name]
        compared[name] = dict(theirs)
        if "p50" in theirs:
            compared[name]["times_faster"] = round(theirs["p50"] / ours["c1"]["p50"], 1)
        if "requests_per_s" in theirs:
            more = ours[f"c{CROWD}"]["requests_per_s"] / theirs["requests_per_s"]
            compared[name]["times_more_requests"] = round(more, 1)
    smaller = round(ROMM_RESIDENT_MB / figures["resident_mb"]["after"], 1)
    return {**compared, "resident_mb": ROMM_RESIDENT_MB, "times_smaller": smaller}


def main() -> None:
    share = SMALLER if measure.wants_small() else 1
    sizes = {}
    with measure.temporary_folder() as folder:
        for size in SIZES:
            database, sizes[size // share] = measure_size(folder, size // share)
        machine = measure.describe_machine(database)
    small, large = sizes.values()
    cases = large["cases"]
    Report(
        "listing",
        machine,
        {
            "authentication": "bearer token",
            "roms": sizes,
            "romm_5_2": compare(small),
        },
        {
            "page_without_sidecars_p95": at_most(cases["page, no sidecars"]["c1"]["p95"], 12, "ms"),
            "page_anywhere_without_sidecars_p95": at_most(
                cases["page anywhere, no sidecars"]["c1"]["p95"], 12, "ms"
            ),
            "page_p95": at_most(cases["page"]["c1"]["p95"], 20, "ms"),
            "page_anywhere_p95": at_most(cases["page anywhere"]["c1"]["p95"], 20, "ms"),
            "page_of_16_clients_p50": at_most(cases["page"]["c16"]["p50"], 80, "ms"),
            "page_anywhere_of_16_clients_p50": at_most(
                cases["page anywhere"]["c16"]["p50"], 80, "ms"
            ),
            "resident": at_most(large["resident_mb"]["after"], 150, "MB"),
        },
    ).print()


if __name__ == "__main__":
    main()
