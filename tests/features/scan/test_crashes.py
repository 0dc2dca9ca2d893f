"""Killed, out of space, without a database: nothing is lost and the next scan goes on."""

import random
import time
from typing import Any

import pytest
from sqlalchemy import event, text

from romm_lite.db.engine import Database, open_engine
from romm_lite.features.scan import service
from romm_lite.features.scan.kinds import Status
from romm_lite.kernel.events import Bus
from tests.features.scan.conftest import Shelf
from tests.features.scan.test_runs import scanning_elsewhere


def fill(shelf: Shelf) -> None:
    for number in range(600):
        shelf.put(f"roms/snes/Moss {number} (USA).sfc", f"moss {number}" * 100)
        shelf.put(f"roms/nes/Fern {number} (En,Fr).nes", f"fern {number}" * 100)
    for number in range(100):
        shelf.put(f"roms/ps2/Game {number}/disc.iso", f"disc {number}")
        shelf.put(f"roms/ps2/Game {number}/dlc/more.bin", f"more {number}")
        shelf.put(f"bios/ps2/chip {number}.bin", str(number))


def kill_at_random(shelf: Shelf, dice: random.Random, longest: float) -> None:
    with scanning_elsewhere(shelf) as process:
        time.sleep(dice.uniform(0, longest))
        process.kill()
        process.wait()


def check_against_undisturbed(shelf: Shelf) -> None:
    """The rows after a last, undisturbed scan are those of a database that saw only that one."""
    shelf.scan_well()
    with shelf.noting_writes() as writes:
        shelf.scan_well()
    assert writes == []
    found = shelf.everything()
    with shelf.database.write() as session:
        session.execute(text("DELETE FROM platforms"))
        session.execute(text("DELETE FROM facets"))
    assert shelf.roms() == {}
    shelf.scan_well()
    assert shelf.everything() == found


def test_killed_scans_end_as_an_undisturbed_one(every_shelf: Shelf) -> None:
    dice = random.Random(7)
    fill(every_shelf)
    for _ in range(3):
        kill_at_random(every_shelf, dice, 0.6)
    check_against_undisturbed(every_shelf)


@pytest.mark.slow
def test_killed_scans_of_a_changing_library_end_as_an_undisturbed_one(every_shelf: Shelf) -> None:
    shelf = every_shelf
    dice = random.Random(11)
    fill(shelf)
    for turn in range(30):
        kill_at_random(shelf, dice, 1.0)
        files = sorted(path for path in (shelf.root / "roms/snes").iterdir())
        for file in dice.sample(files, 5):
            file.rename(file.with_name(f"Moved {turn} {file.name}"))
        for file in dice.sample(files, 5):
            if file.exists():
                file.write_text(f"changed in turn {turn}")
        shelf.put(f"roms/ps2/Game {turn}/late/{turn}.bin", str(turn))
    shelf.scan()
    forget_missing(shelf)
    check_against_undisturbed(shelf)


def forget_missing(shelf: Shelf) -> None:
    """A database that was not there when files went does not know of them."""
    with shelf.database.write() as session:
        for name in shelf.missing():
            session.execute(text("DELETE FROM roms WHERE fs_name = :name"), {"name": name})
        session.execute(
            text("DELETE FROM facets WHERE id NOT IN (SELECT facet_id FROM rom_facets)")
        )


def open_small(shelf: Shelf, spare_pages: int) -> Database:
    """The same database on a disk that has room for only a few more pages."""
    engine = open_engine(str(shelf.database.engine.url))

    def limit(connection: Any, _record: Any) -> None:
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {pages + spare_pages}")

    event.listen(engine, "connect", limit)
    return Database(engine, Bus())


@pytest.mark.parametrize("spare_pages", [1, 100, 200])
def test_a_full_disk_fails_the_scan_and_loses_nothing(shelf: Shelf, spare_pages: int) -> None:
    fill(shelf)
    small = Shelf(shelf.places, open_small(shelf, spare_pages))
    outcome = small.scan()
    small.database.close()
    assert outcome.status == Status.FAILED
    assert outcome.message is not None
    assert outcome.message.startswith("The disk of the database is full")
    stored = len(shelf.roms())
    assert stored < 1300
    check_against_undisturbed(shelf)


def test_a_database_that_is_gone_fails_the_scan(shelf: Shelf) -> None:
    fill(shelf)

    def break_it(_run: object) -> None:
        with shelf.database.write() as session:
            session.execute(text("ALTER TABLE rom_facets RENAME TO hidden"))

    outcome = shelf.scan(started=break_it)
    assert outcome.status == Status.FAILED
    with shelf.database.write() as session:
        session.execute(text("ALTER TABLE hidden RENAME TO rom_facets"))
    assert service.get(shelf.database, outcome.id).status == Status.FAILED
    check_against_undisturbed(shelf)
