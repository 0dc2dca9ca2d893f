"""How a library of a million ROMs is listed and searched, by one client with a bearer token.

``first_ms`` is the answer after the library changed, which makes the list anew; the other figures
are of the list once it is known: pages of 50 from anywhere in it, most never asked for before.
Terms of a search are ever new ones. The same is done with a tenth of the ROMs.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Any

from benchmarks import measure
from benchmarks.client import ask
from benchmarks.library_copies import multiply
from benchmarks.listing import LEAN, change_library, make_terms
from benchmarks.measure import MB, Report, at_most, median, percentiles, say
from benchmarks.server import Server, make_data, serve

ROMS, TIMES = 100_000, 10
SMALLER = 20
CHANGES = 3
COUNT, SECONDS = 300, 8.0
PAGE = f"/api/roms?limit=50&{LEAN}"
GROUPED = "group_by_meta_id=true"
LISTS: Mapping[str, str] = {
    "by name": "",
    "by name, backwards": "order_dir=desc",
    "by size": "order_by=fs_size_bytes&order_dir=desc",
    "by change": "order_by=updated_at&order_dir=desc",
    "by release": "order_by=first_release_date",
    "by rating": "order_by=average_rating&order_dir=desc",
    "grouped": GROUPED,
    "grouped, by size": f"{GROUPED}&order_by=fs_size_bytes&order_dir=desc",
    "platform": "platform_ids=3",
    "platform, grouped": f"platform_ids=3&{GROUPED}",
    "genre": "genres=Puzzle",
    "genre, grouped": f"genres=Puzzle&{GROUPED}",
    "two genres and no Japan": "genres=Puzzle&genres=Action&genres_logic=all"
    "&regions=Japan&regions_logic=none",
    "matched and verified": "matched=true&verified=true",
    "not matched": "matched=false",
    "duplicates": "duplicate=true",
    "missing": "missing=true",
    "two providers": "metadata_providers=igdb&metadata_providers=ss",
}
Figures = dict[str, Any]


def time_list(server: Server, token: Mapping[str, str], database: Path, question: str) -> Figures:
    """The first answers, and pages from anywhere."""
    path = f"{PAGE}&{question}"
    first = []
    for _ in range(CHANGES):
        change_library(database)
        first += ask(server.port, [path], token)["times"]
    total = count_roms(server, token, question)
    random = Random(question)
    offsets = [random.randrange(max(total - 50, 1)) for _ in range(COUNT)]
    paths = [f"{path}&offset={offset}" for offset in offsets]
    seen = ask(server.port, paths, token, count=COUNT, seconds=SECONDS)
    return {"roms": total, "first_ms": median(first), **percentiles(seen["times"])}


def count_roms(server: Server, token: Mapping[str, str], question: str) -> int:
    answer = server.get(f"{PAGE}&{question}", token)
    return int(answer["total"])


def time_paths(server: Server, token: Mapping[str, str], paths: Sequence[str]) -> Figures:
    """The first of these apart, and all the others in turn."""
    first = ask(server.port, paths[:1], token)["times"]
    seen = ask(server.port, paths[1:], token, count=COUNT, seconds=SECONDS)
    return {"first_ms": median(first), **percentiles(seen["times"])}


def measure_library(data: Path, database: Path) -> Figures:
    """All figures of the server with this database."""
    with serve(data) as server:
        token = server.sign_in()
        at_rest = measure.resident_mb(server.pid)
        lists = {}
        for name, question in LISTS.items():
            lists[name] = time_list(server, token, database, question)
            say(f"{name}: {lists[name]}")
        search = time_paths(server, token, [f"{PAGE}&search_term={t}" for t in make_terms()])
        say(f"search: {search}")
        full = f"/api/roms?limit=50&offset={lists['by name']['roms'] // 2}"
        change_library(database)
        sidecars = time_paths(server, token, [full] * 2)
        say(f"with all sidecars: {sidecars}")
        return {
            "database_mb": round(database.stat().st_size / MB),
            "resident_mb": {"at_rest": at_rest, "after": measure.resident_mb(server.pid)},
            "lists": lists,
            "search, ever new": search,
            "with all sidecars": sidecars,
        }


def main() -> None:
    roms = ROMS // (SMALLER if measure.wants_small() else 1)
    with measure.temporary_folder() as folder:
        data = folder / "data"
        say(f"making {roms} ROMs …")
        database = make_data(data, roms)
        small = measure_library(data, database)
        say(f"making {roms * TIMES} of them …")
        with measure.open_file(database) as opened:
            multiply(opened, TIMES)
        large = measure_library(data, database)
        machine = measure.describe_machine(database)
    Report(
        "million",
        machine,
        {"roms": {roms: small, roms * TIMES: large}},
        {
            "page_anywhere_p95": at_most(
                max(each["p95"] for each in large["lists"].values()), 50, "ms"
            ),
            "search_p95": at_most(large["search, ever new"]["p95"], 40, "ms"),
            "search_p95_of_a_tenth": at_most(small["search, ever new"]["p95"], 10, "ms"),
            "first_grouped_of_a_tenth": at_most(small["lists"]["grouped"]["first_ms"], 200, "ms"),
            "resident_of_a_tenth": at_most(small["resident_mb"]["after"], 150, "MB"),
        },
    ).print()


if __name__ == "__main__":
    main()
