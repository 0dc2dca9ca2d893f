"""How long the server takes from the start of its process to its first answer."""

from benchmarks import measure
from benchmarks.measure import Report, at_most, median, say
from benchmarks.server import make_data, serve

ROMS = 100_000
SMALLER = 20
STARTS = 5
ROMM_SECONDS = 9.0
"""RomM 5.2's container, on a quiet machine of this kind."""


def main() -> None:
    roms = ROMS // (SMALLER if measure.wants_small() else 1)
    with measure.temporary_folder() as folder:
        say(f"making {roms} ROMs …")
        database = make_data(folder / "data", roms)
        seconds, memory = [], []
        for number in range(STARTS):
            say(f"start {number + 1} …")
            with serve(folder / "data") as server:
                seconds.append(round(server.started_in, 3))
                memory.append(measure.resident_mb(server.pid))
        machine = measure.describe_machine(database)
    typical = median(seconds)
    Report(
        "startup",
        machine,
        {
            "roms": roms,
            "seconds": {"median": typical, "best": min(seconds), "all": seconds},
            "resident_mb": median(memory),
            "romm_5_2": {
                "seconds": ROMM_SECONDS,
                "times_faster": round(ROMM_SECONDS / typical, 1),
            },
        },
        {"first_answer": at_most(typical, 2, "s")},
    ).print()


if __name__ == "__main__":
    main()
