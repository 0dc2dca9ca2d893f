"""How fast the library is scanned: the real ``romm-lite scan``, from process start to its end."""

import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from benchmarks import measure
from benchmarks.library_files import make_library
from benchmarks.measure import MB, Report, at_least, at_most, median, say
from benchmarks.server import command, environment
from romm_lite.kernel.paths import Places

ROMS, SIZE = 10_000, 16 * 1024
MANY, TINY = 100_000, 8
SMALLER = 20
ROMM_ROMS_PER_S = 9.8
"""RomM 5.2's scan without metadata providers, of 10,000 files, on a quiet machine of this kind."""
NOT_COUNTED = "scan_runs"


@dataclass(frozen=True)
class Outcome:
    """Seconds of the whole process, and how many ROMs it saw and took in."""

    seconds: float
    seen: int
    new: int


def run_scan(data: Path, library: Path) -> Outcome:
    where = ("--data-dir", str(data), "--library", str(library))
    started = time.perf_counter()
    done = subprocess.run(
        command("scan", "--json", *where),
        cwd=data.parent,
        env=environment(),
        capture_output=True,
        timeout=1800,
        check=False,
    )
    seconds = time.perf_counter() - started
    if done.returncode:
        raise SystemExit(f"The scan failed:\n{done.stderr.decode()[-2000:]}")
    stats = orjson.loads(done.stdout)["stats"]
    return Outcome(seconds, stats["scanned_roms"], stats["new_roms"])


def make_data(data: Path, *, hashes: bool = True) -> Path:
    """A data folder with an empty database; the time to make one is not a scan's."""
    places = Places.at(data)
    places.create()
    if not hashes:
        places.config_file.write_text("filesystem:\n  skip_hash_calculation: true\n")
    subprocess.run(
        command("db", "migrate", "--data-dir", str(data)),
        env=environment(),
        capture_output=True,
        check=True,
    )
    return data


def time_first(folder: Path, library: Path, rounds: int, *, hashes: bool) -> list[Outcome]:
    """First scans, each into a new data folder; the last folder is ``folder/data``."""
    outcomes = []
    for _ in range(rounds):
        shutil.rmtree(folder / "data", ignore_errors=True)
        data = make_data(folder / "data", hashes=hashes)
        outcomes.append(run_scan(data, library))
    return outcomes


def time_again(data: Path, library: Path, rounds: int) -> tuple[list[Outcome], int]:
    """Scans of an unchanged library, and how many rows all of them wrote outside ``scan_runs``."""
    with counting_writes(Places.at(data).database) as counter:
        outcomes = [run_scan(data, library) for _ in range(rounds)]
        return outcomes, counter()


@contextmanager
def counting_writes(path: Path) -> Iterator[Any]:
    """While inside, triggers count every row that any process writes; gives how to ask for it."""
    with measure.open_file(path) as database:
        connection = database.engine.raw_connection()
        tables = connection.cursor().execute(
            "SELECT name FROM pragma_table_list WHERE type = 'table' AND schema = 'main'"
            " AND name NOT LIKE 'sqlite_%' AND name <> ?",
            (NOT_COUNTED,),
        )
        names = [name for (name,) in tables.fetchall()]
        connection.cursor().execute("CREATE TABLE bench_writes (id INTEGER PRIMARY KEY)")
        for name in names:
            for event in ("INSERT", "UPDATE", "DELETE"):
                connection.cursor().execute(
                    f'CREATE TRIGGER "bench_{name}_{event}" AFTER {event} ON "{name}"'
                    " BEGIN INSERT INTO bench_writes VALUES (NULL); END"
                )

        def count() -> int:
            found = connection.cursor().execute("SELECT count(*) FROM bench_writes").fetchone()
            return int(found[0])

        yield count
        for name in names:
            for event in ("INSERT", "UPDATE", "DELETE"):
                connection.cursor().execute(f'DROP TRIGGER "bench_{name}_{event}"')
        connection.cursor().execute("DROP TABLE bench_writes")
        connection.close()


def describe(outcomes: list[Outcome], start: float) -> dict[str, Any]:
    """Figures of scans; ``start`` is what a scan of nothing takes."""
    seconds = median([outcome.seconds for outcome in outcomes])
    seen = outcomes[0].seen
    return {
        "seconds": seconds,
        "roms": seen,
        "roms_per_s": round(seen / seconds),
        "roms_per_s_without_start": round(seen / max(seconds - start, 0.001)),
    }


def measure_library(folder: Path, start: float, roms: int) -> dict[str, Any]:
    library = folder / "library"
    say(f"making {roms} files …")
    make_library(library, roms, SIZE)
    say("scanning by name only …")
    by_name = time_first(folder, library, measure.ROUNDS, hashes=False)
    say("scanning with hashes …")
    hashed = time_first(folder, library, measure.ROUNDS, hashes=True)
    say("scanning again …")
    again, written = time_again(folder / "data", library, measure.ROUNDS)
    return {
        "first_by_name": describe(by_name, start),
        "first_with_hashes": {
            **describe(hashed, start),
            "mb_per_s": round(hashed[0].seen * SIZE / MB / hashed[0].seconds),
        },
        "unchanged": {**describe(again, start), "rows_written": written},
    }


def measure_many(folder: Path, start: float, roms: int) -> dict[str, Any]:
    library = folder / "library"
    say(f"making {roms} tiny files …")
    make_library(library, roms, TINY)
    say("scanning them …")
    first = time_first(folder, library, 1, hashes=True)
    say("scanning again …")
    again, written = time_again(folder / "data", library, measure.ROUNDS)
    return {
        "first_with_hashes": describe(first, start),
        "unchanged": {**describe(again, start), "rows_written": written},
    }


def time_start(folder: Path) -> float:
    """Seconds of a scan that finds nothing: what every scan takes to start and end."""
    (folder / "library" / "roms" / "nes").mkdir(parents=True)
    data = make_data(folder / "data")
    return median([run_scan(data, folder / "library").seconds for _ in range(measure.ROUNDS)])


def main() -> None:
    share = SMALLER if measure.wants_small() else 1
    with measure.temporary_folder() as folder:
        for name in ("start", "some", "many"):
            (folder / name).mkdir()
        start = time_start(folder / "start")
        some = measure_library(folder / "some", start, ROMS // share)
        machine = measure.describe_machine(Places.at(folder / "some" / "data").database)
        shutil.rmtree(folder / "some")
        many = measure_many(folder / "many", start, MANY // share)
    hashed = some["first_with_hashes"]["roms_per_s"]
    written = some["unchanged"]["rows_written"] + many["unchanged"]["rows_written"]
    Report(
        "scan",
        machine,
        {
            "start_seconds": start,
            "files_of_16_kib": some,
            "tiny_files": many,
            "romm_5_2": {
                "roms_per_s": ROMM_ROMS_PER_S,
                "times_faster": round(hashed / ROMM_ROMS_PER_S),
            },
        },
        {
            "first_with_hashes": at_least(hashed, 1000, "roms/s"),
            "first_by_name": at_least(some["first_by_name"]["roms_per_s"], 3000, "roms/s"),
            "unchanged_100k": at_most(many["unchanged"]["seconds"], 5, "s"),
            "rows_written_when_unchanged": at_most(written, 0, "rows"),
        },
    ).print()


if __name__ == "__main__":
    main()
