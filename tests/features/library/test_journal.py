"""A move that was cut short did not happen: whoever looks next finds everything in its place."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.exc import OperationalError

from romm_lite import app
from romm_lite.disk import trash
from romm_lite.disk.exclusions import TRASH as TRASH_FOLDER
from romm_lite.features.library import journal
from romm_lite.kernel.errors import Conflict, Unavailable
from romm_lite.kernel.locks import hold
from romm_lite.kernel.times import now
from romm_lite.tables.firmware import FIRMWARE
from romm_lite.tables.roms import ROMS
from romm_lite.tables.trash import TRASH

from .conftest import Home
from .keepsakes import delete, dump, fill_firmware, fill_rom, list_disk, rows_of, scan

Look = Callable[[Home], object]


def start(home: Home) -> None:
    with app.open_application(home.settings):
        pass


def delete_another(home: Home) -> None:
    delete(home, 777)
    other = fill_rom(home, 1, "Fern.sfc")
    delete(home, other)
    client = home.client("root")
    client.post(f"/api/trash/{client.get('/api/trash').json()['items'][0]['id']}/restore")
    delete(home, other, from_disk=False)
    (home.settings.places.library / "roms/snes/Fern.sfc").unlink()


def begin(home: Home, path: str, room: str) -> tuple[int, str]:
    """Write a move down; its row and its path in the trash."""
    trash_path = f"{room}/{path.rpartition('/')[2]}"
    move = journal.Move("x", path, trash_path, 5, home.users["ann"], now())
    (row,) = journal.begin(home.database, [move])
    return row, trash_path


def cut_short(home: Home, path: str, steps: int, room: str = "room-1", folder: str = "") -> None:
    """Take the first steps of a move, as a process that was killed then has."""
    begin(home, path, room)
    layout = home.library.layout()
    place = home.settings.places.library / path
    if steps > 0:
        made = trash.make_room(layout, place, room)
    if steps > 1:
        place.rename(made / place.name)
    if steps > 2:
        made.rename(place.with_name(folder))


@contextmanager
def failing(home: Home, word: str) -> Iterator[None]:
    """The database refuses statements that begin so, or to commit the next ROM."""

    def refuse(_connection: Any, cursor: Any, statement: str, *_rest: Any) -> None:
        if word == "COMMIT" and statement.startswith("INSERT INTO roms "):
            cursor.execute("PRAGMA defer_foreign_keys = ON")
            cursor.execute("INSERT INTO collections_roms (collection_id, rom_id) VALUES (9, 9)")
        elif statement.startswith(word):
            raise OperationalError(word, {}, Exception("disk is full"))

    event.listen(home.database.engine, "before_cursor_execute", refuse)
    try:
        yield
    finally:
        event.remove(home.database.engine, "before_cursor_execute", refuse)


@pytest.mark.parametrize("look", [scan, start, delete_another])
@pytest.mark.parametrize("steps", [0, 1, 2])
def test_a_deletion_that_was_killed_did_not_happen(home: Home, steps: int, look: Look) -> None:
    fill_rom(home, home.platform())
    scan(home)
    before, disk = dump(home), list_disk(home)
    cut_short(home, "roms/snes/Moss (USA).sfc", steps)
    look(home)
    assert list_disk(home) == disk
    if look is not delete_another:
        assert dump(home) == before
    assert [row.id for row in rows_of(home, ROMS)] == [1]
    assert [row for row in rows_of(home, TRASH) if row.kept_rows is None] == []


@pytest.mark.parametrize("name", ["Moss.sfc", "Moss"])
@pytest.mark.parametrize("steps", [0, 1, 2, 3])
def test_a_conversion_that_was_killed_did_not_happen(
    every_home: Home, steps: int, name: str
) -> None:
    home = every_home
    fill_rom(home, home.platform(), name)
    scan(home)
    before, disk = dump(home), list_disk(home)
    cut_short(home, f"roms/snes/{name}", steps, f"room{journal.WRAPPING}", "Moss")
    scan(home)
    assert (dump(home), list_disk(home)) == (before, disk)
    assert rows_of(home, TRASH) == []
    names = [path.name for path in (home.settings.places.library / "roms/snes").iterdir()]
    assert names == [name]


@pytest.mark.parametrize("look", [scan, start])
@pytest.mark.parametrize("is_moved", [False, True])
def test_a_restore_that_was_killed_did_not_happen(home: Home, is_moved: bool, look: Look) -> None:
    rom = fill_rom(home, home.platform(), "Moss.sfc")
    scan(home)
    before = dump(home)
    delete(home, rom)
    after, disk = dump(home), list_disk(home)
    (item,) = rows_of(home, TRASH)
    room = item.trash_path.partition("/")[0]
    begin(home, item.library_path, f"{room}{journal.RETURNING}")
    if is_moved:
        spot = trash.find(home.library.layout(), item.library_path, item.trash_path)
        assert spot is not None
        trash.take_back(spot)
    look(home)
    assert (dump(home), list_disk(home)) == (after, disk)
    assert [row.id for row in rows_of(home, TRASH)] == [item.id]
    home.client("root").post(f"/api/trash/{item.id}/restore")
    assert dump(home) == before


def test_a_folder_beside_a_file_is_none_that_was_made_of_it(home: Home) -> None:
    platform = home.platform()
    fill_rom(home, platform, "Moss.sfc")
    twin = home.file(home.rom("Moss", platform), "roms/snes/Moss/Moss.sfc", b"another")
    cut_short(home, "roms/snes/Moss.sfc", 2)
    (room,) = (home.settings.places.library / TRASH_FOLDER).iterdir()
    (room / "Moss.sfc").unlink()  # somebody empties the trash
    scan(home)
    assert twin
    assert list(list_disk(home)) == ["roms/snes/Moss/Moss.sfc"]


def test_what_lost_its_place_meanwhile_stays_in_the_trash(home: Home) -> None:
    fill_rom(home, home.platform())
    path = home.settings.places.library / "roms/snes/Moss (USA).sfc"
    cut_short(home, "roms/snes/Moss (USA).sfc", 2)
    path.write_bytes(b"another")
    scan(home)
    client = home.client("root")
    (item,) = client.get("/api/trash").json()["items"]
    assert (item["kind"], item["has_file"]) == ("file", True)
    path.unlink()
    assert client.post(f"/api/trash/{item['id']}/restore").status_code == 200
    assert path.read_bytes() == b"Moss (USA).sfc"


def test_what_is_out_of_reach_is_put_back_later(home: Home) -> None:
    fill_rom(home, home.platform())
    disk = list_disk(home)
    cut_short(home, "roms/snes/Moss (USA).sfc", 2)
    library = home.settings.places.library
    library.rename(library.with_name("unplugged"))
    start(home)
    assert len(rows_of(home, TRASH)) == 1
    library.rmdir()
    library.with_name("unplugged").rename(library)
    start(home)
    assert (rows_of(home, TRASH), list_disk(home)) == ([], disk)


def test_nobody_undoes_what_somebody_is_doing(home: Home) -> None:
    fill_rom(home, home.platform())
    cut_short(home, "roms/snes/Moss (USA).sfc", 2)
    layout, places = home.library.layout(), home.settings.places
    with hold(places.moves_lock, {}):
        journal.settle_moves(home.database, layout, places)
        assert len(rows_of(home, TRASH)) == 1
        with (
            pytest.raises(Unavailable),
            journal.moving(home.database, layout, places, patience=0.1),
        ):
            pytest.fail("two at the same time")


def test_what_was_undone_by_somebody_else_is_not_finished(every_home: Home) -> None:
    home = every_home
    row, _ = begin(home, "roms/snes/x.sfc", "room")
    other, _ = begin(home, "roms/snes/y.sfc", "room")
    with home.database.write() as session:
        journal.claim(session, [row, other])
    with home.database.write() as session:
        journal.drop(session, [row])
    with pytest.raises(Conflict), home.database.write() as session:
        journal.claim(session, [row, other])


@pytest.mark.parametrize("word", ["DELETE FROM roms", "UPDATE trash"])
def test_a_deletion_the_database_refuses_did_not_happen(home: Home, word: str) -> None:
    rom = fill_rom(home, home.platform())
    before, disk = dump(home), list_disk(home)
    with failing(home, word):
        body = {"roms": [rom], "delete_from_fs": [rom]}
        assert home.client("root").post("/api/roms/delete", json=body).status_code == 507
    assert (dump(home), list_disk(home)) == (before, disk)
    assert rows_of(home, TRASH) == []


@pytest.mark.parametrize("name", ["Moss.sfc", "Moss"])
def test_a_conversion_the_database_refuses_did_not_happen(home: Home, name: str) -> None:
    rom = fill_rom(home, home.platform(), name)
    before, disk = dump(home), list_disk(home)
    with failing(home, "UPDATE roms"):
        answer = home.client("root").post(f"/api/roms/{rom}/convert-to-folder")
        assert answer.status_code == 507
    assert (dump(home), list_disk(home)) == (before, disk)
    assert rows_of(home, TRASH) == []


@pytest.mark.parametrize("word", ["INSERT INTO roms", "COMMIT"])
def test_a_restore_the_database_refuses_did_not_happen(home: Home, word: str) -> None:
    rom = fill_rom(home, home.platform())
    delete(home, rom)
    before, disk = dump(home), list_disk(home)
    client = home.client("root")
    item = client.get("/api/trash").json()["items"][0]["id"]
    with failing(home, word):
        assert client.post(f"/api/trash/{item}/restore").status_code >= 500
    assert (dump(home), list_disk(home)) == (before, disk)
    assert client.post(f"/api/trash/{item}/restore").status_code == 200


def test_firmware_the_database_refuses_leaves_what_was_there(home: Home) -> None:
    platform = home.platform()
    fill_rom(home, platform)
    fill_firmware(home, platform)
    before, disk = dump(home), list_disk(home)
    with failing(home, "UPDATE firmware"):
        files = {"files": ("chip.bin", b"another")}
        answer = home.client("root").post(f"/api/firmware?platform_id={platform}", files=files)
        assert answer.status_code == 507
    assert (dump(home), list_disk(home)) == (before, disk)
    assert rows_of(home, TRASH) == []
    assert len(rows_of(home, FIRMWARE)) == 1


@pytest.mark.slow
def test_nothing_is_lost_however_often_it_is_killed(home: Home) -> None:
    """Another process deletes, restores and erases nothing, and is killed over and over."""
    dice = random.Random(5)
    platform = home.platform()
    roms = {fill_rom(home, platform, f"{number}.sfc"): number for number in range(60)}
    scan(home)
    before, disk = dump(home), list_disk(home)
    for turn in range(40):
        churn(home, turn, dice.uniform(0.8, 2.5))
        scan(home)
        check(home, roms)
    client = home.client("root")
    while items := client.get("/api/trash").json()["items"]:
        for item in items:
            assert client.post(f"/api/trash/{item['id']}/restore").status_code == 200
    scan(home)
    assert (dump(home), list_disk(home)) == (before, disk)


def churn(home: Home, seed: int, seconds: float) -> None:
    words = [sys.executable, "-m", "tests.features.library.churn", str(seed)]
    environment = {**os.environ, "ROMM_BASE_PATH": str(home.settings.places.data)}
    root = Path(__file__).resolve().parents[3]
    with subprocess.Popen(words, env=environment, cwd=root) as process:
        time.sleep(seconds)
        process.send_signal(signal.SIGKILL)


def check(home: Home, roms: dict[int, int]) -> None:
    """Every ROM is in the library with its row, or in the trash with its item, and not both."""
    there = {row.fs_name: (row.id, row.missing_from_fs) for row in rows_of(home, ROMS)}
    items = {row.library_path: row for row in rows_of(home, TRASH)}
    disk = list_disk(home)
    for rom, number in roms.items():
        name = f"{number}.sfc"
        if name in there:
            assert there[name] == (rom, False)
            assert disk[f"roms/snes/{name}"] == name.encode()
            assert f"roms/snes/{name}" not in items
        else:
            kept = items[f"roms/snes/{name}"].kept_rows
            assert kept["rows"]["roms"][0]["id"] == rom
            assert disk[f"{TRASH_FOLDER}/room/{name}"] == name.encode()
    assert len(disk) == len(roms)
