"""How much of the machine's own hashing rate a scan reaches, on one large file and on many."""

import os
import shutil
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from benchmarks import measure
from benchmarks.library_files import make_large_file
from benchmarks.measure import MB, MIB, Report, at_least, file_hash_rate, hash_rate, say
from benchmarks.server import make_data
from romm_lite.disk.config import LibraryConfig
from romm_lite.disk.layout import Layout
from romm_lite.features.scan.reading import (
    Reading,
    Source,
    Stop,
    make_groups,
    read_rom,
    run_in_threads,
)

FILES_A_CORE = 4
SIZE = 256 * MIB
SMALLER = 8
ROMS_IN_THE_TABLE = 5_000


def never() -> bool:
    return False


def list_sources(library: Path, paths: Sequence[Path]) -> list[Source]:
    sources = []
    for path in paths:
        status = path.stat()
        relative = path.relative_to(library).as_posix()
        sources.append(Source(relative, status.st_size, status.st_mtime_ns, True))
    return sources


def read_all(layout: Layout, sources: Sequence[Source], workers: int) -> float:
    """MB/s of the scan's own way from files to hashes."""

    def read(group: list[Source], stop: Stop) -> list[Reading]:
        return [
            read_rom(
                layout,
                [each],
                is_flat=True,
                system=None,
                stop=stop,
                timeout=60,
                is_settled=True,
            )
            for each in group
        ]

    started = time.perf_counter()
    groups = make_groups(sources, lambda source: (1, source.size))
    done = 0
    for readings in run_in_threads(read, groups, workers=workers, stop=never):
        for _, group in readings:
            done += sum(1 for reading in group if reading.files[0] and not reading.problems)
    seconds = time.perf_counter() - started
    if done != len(sources):
        raise SystemExit(f"{len(sources) - done} files could not be read")
    return sum(source.size for source in sources) / MB / seconds


def rate_of_all_cores(cores: int) -> float:
    """MB/s of as many threads as cores, each with bytes of its own in memory."""
    with ThreadPoolExecutor(cores) as pool:
        started = time.perf_counter()
        list(pool.map(hash_rate, [SIZE] * cores))
        return cores * SIZE / MB / (time.perf_counter() - started)


def main() -> None:
    size = SIZE // (SMALLER if measure.wants_small() else 1)
    cores = os.cpu_count() or 1
    with measure.temporary_folder() as folder:
        layout = Layout(folder, LibraryConfig())
        first = folder / "roms" / "psx" / "0.bin"
        say("making large files …")
        make_large_file(first, size)
        paths = [first]
        for number in range(1, FILES_A_CORE * cores):
            paths.append(first.with_name(f"{number}.bin"))
            shutil.copyfile(first, paths[-1])
        sources = list_sources(folder, paths)
        works = {
            "one_core_in_memory": partial(hash_rate, size),
            "one_file_plainly": partial(file_hash_rate, first),
            "one_file": partial(read_all, layout, sources[:1], cores),
            "all_cores_in_memory": partial(rate_of_all_cores, cores),
            "many_files": partial(read_all, layout, sources, cores),
        }
        best = dict.fromkeys(works, 0.0)
        for number in range(measure.ROUNDS):
            say(f"hashing, round {number + 1} …")
            for name, work in works.items():
                best[name] = max(best[name], work())
        machine = measure.describe_machine(make_data(folder / "data", ROMS_IN_THE_TABLE))
    core = best["one_core_in_memory"]
    shares = {
        "one_file_of_one_core": round(best["one_file"] / core, 3),
        "many_files_of_all_cores": round(best["many_files"] / (cores * core), 3),
        "many_files_of_all_cores_at_once": round(
            best["many_files"] / best["all_cores_in_memory"], 3
        ),
    }
    Report(
        "hashing",
        machine,
        {
            "mb_per_s": {name: round(rate) for name, rate in best.items()},
            "shares": shares,
            "files": len(paths),
            "file_mib": size // MIB,
        },
        {
            "one_file": at_least(shares["one_file_of_one_core"], 0.95, "of one core"),
            "many_files": at_least(shares["many_files_of_all_cores"], 0.90, "of all cores"),
        },
    ).print()


if __name__ == "__main__":
    main()
