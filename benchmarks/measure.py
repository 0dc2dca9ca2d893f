"""What every benchmark needs: figures, bounds, what the machine can do, and the one way to report.

The machine's own figures are taken in the same run as the benchmark's, so that a bound can be a
share of what the machine can do at that moment, and a slow machine is seen as such.
"""

import argparse
import hashlib
import math
import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path
from typing import Any

import orjson
import psutil

from romm_lite.db.engine import Database, open_engine
from romm_lite.disk.members import BLOCK
from romm_lite.kernel.events import Bus

try:
    from isal.isal_zlib import crc32
except ImportError:
    from zlib import crc32

MB = 10**6
MIB = 2**20
ROUNDS = 3


@dataclass(frozen=True)
class Report:
    """What a benchmark found; ``wanted`` is made by ``at_most`` and ``at_least``."""

    benchmark: str
    machine: Mapping[str, Any]
    figures: Mapping[str, Any]
    wanted: Mapping[str, Mapping[str, Any]]

    def print(self) -> None:
        """One JSON object on one line of stdout."""
        print(orjson.dumps(vars(self), option=orjson.OPT_NON_STR_KEYS).decode())


def at_most(figure: float, bound: float, unit: str) -> dict[str, Any]:
    return {"figure": figure, "bound": f"<= {bound:g} {unit}".rstrip(), "met": figure <= bound}


def at_least(figure: float, bound: float, unit: str) -> dict[str, Any]:
    return {"figure": figure, "bound": f">= {bound:g} {unit}".rstrip(), "met": figure >= bound}


def percentiles(times: Sequence[float]) -> dict[str, float]:
    """The 50th, 95th and 99th percentile, each a value that was measured."""
    ordered = sorted(times)
    return {
        f"p{share}": round(ordered[math.ceil(len(ordered) * share / 100) - 1], 3)
        for share in (50, 95, 99)
    }


def median(values: Sequence[float]) -> float:
    return round(statistics.median(values), 3)


def say(text: str) -> None:
    """Progress, for whoever waits."""
    print(text, file=sys.stderr, flush=True)


def wants_small() -> bool:
    """Whether the command line asks for a quick check instead of figures to be believed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--small", action="store_true", help="a quick check on a small library")
    return bool(parser.parse_args().small)


@contextmanager
def temporary_folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="romm-lite-bench-") as folder:
        yield Path(folder)


@contextmanager
def open_file(path: Path) -> Iterator[Database]:
    """A SQLite file as the program opens it."""
    database = Database(open_engine(f"sqlite:///{path}"), Bus())
    try:
        yield database
    finally:
        database.close()


def describe_machine(database: Path) -> dict[str, Any]:
    """What this machine does by itself; ``database`` is one whose table ``roms`` has rows."""
    with open_file(database) as opened:
        module: Any = opened.engine.dialect.dbapi
        return {
            "cores": os.cpu_count(),
            "python": platform.python_version(),
            "sqlite": module.sqlite_version,
            "hash_mb_per_s": round(max(hash_rate() for _ in range(ROUNDS))),
            "select_rows_per_s": round(max(read_rate(opened) for _ in range(ROUNDS))),
        }


def hash_rate(size: int = 256 * MIB) -> float:
    """MB/s of CRC-32, MD5 and SHA-1 over the same bytes in memory, on one core."""
    block = memoryview(os.urandom(BLOCK))
    return _hash(repeat(block, size // BLOCK))


def file_hash_rate(path: Path) -> float:
    """The same for a file, by the fewest lines that can do it."""
    buffer = memoryview(bytearray(BLOCK))
    with path.open("rb", buffering=0) as file:
        return _hash(buffer[:got] for got in iter(lambda: file.readinto(buffer), 0))


def _hash(pieces: Iterable[memoryview]) -> float:
    md5, sha1 = hashlib.md5(), hashlib.sha1()
    crc = size = 0
    started = time.perf_counter()
    for piece in pieces:
        size += len(piece)
        crc = crc32(piece, crc)
        md5.update(piece)
        sha1.update(piece)
    return size / MB / (time.perf_counter() - started)


def read_rate(database: Database) -> float:
    """Rows a second of a plain SELECT over all columns of ``roms``, without any library of ours."""
    connection = database.engine.raw_connection()
    try:
        cursor = connection.cursor()
        started = time.perf_counter()
        cursor.execute("SELECT * FROM roms LIMIT 20000")
        rows = sum(len(some) for some in iter(lambda: cursor.fetchmany(1000), []))
        return rows / (time.perf_counter() - started)
    finally:
        connection.close()


def resident_mb(pid: int) -> float:
    """Resident memory of a process and all its children, in MB."""
    process = psutil.Process(pid)
    family = [process, *process.children(recursive=True)]
    return round(sum(each.memory_info().rss for each in family) / MB, 1)
