"""Hashes of RetroAchievements, from the disk to the database and to clients."""

import os
import shutil
from collections.abc import Iterator

import pytest
from sqlalchemy import update

from romm_lite.features.scan.kinds import ScanKind
from romm_lite.kernel.paths import Places
from romm_lite.tables.roms import ROMS
from romm_lite.wire.roms import DetailedRomSchema
from tests.disk.exotic.conftest import EXPECTED, SAMPLES
from tests.disk.exotic.making import make_files, make_iso, make_psx, make_raw
from tests.features.library.conftest import Home, as_modelled, make_home
from tests.features.scan.conftest import Shelf, touch

FILES = dict(make_files())
SKIP = "filesystem:\n  skip_hash_calculation: true\n"


@pytest.fixture
def home(shelf: Shelf, places: Places) -> Iterator[Home]:
    yield from make_home(shelf.database, places)


def stored(shelf: Shelf) -> dict[str, str | None]:
    return {f"{rom.fs_path}/{rom.fs_name}": rom.ra_hash for rom in shelf.roms().values()}


def test_a_scan_stores_that_of_every_system(shelf: Shelf) -> None:
    for name, data in FILES.items():
        shelf.put(f"roms/{name}", data)
    shelf.put("roms/ngc/Moss.rvz", b"RVZ\x01" + bytes(200))
    told = {"roms/arcade/pacman.zip", "roms/arcade/Sub Folder-name.zip"}
    outcome = shelf.scan()
    assert {problem.partition(": ")[0] for problem in outcome.problems} == told
    expected: dict[str, str | None] = {f"roms/{name}": each for name, each in EXPECTED.items()}
    assert stored(shelf) == {**expected, "roms/ngc/Moss.rvz": None}
    assert {file.ra_hash for file in shelf.files().values()} == {None}
    with shelf.noting_writes() as writes:
        shelf.scan()
        shelf.scan(ScanKind.COMPLETE)
    assert writes == []


def test_it_goes_over_the_wire(shelf: Shelf, home: Home) -> None:
    shelf.put("roms/nes/Moss.nes", FILES["nes/headered.nes"])
    shelf.put("roms/psx/Fern/Fern.bin", make_raw(make_iso(make_psx()), 2))
    sheet = 'FILE "Fern.bin" BINARY\n TRACK 01 MODE2/2352\n  INDEX 01 00:00:00\n'
    shelf.put("roms/psx/Fern/Fern.cue", sheet)
    shutil.copyfile(SAMPLES / "psx-cdlz.chd", shelf.put("roms/psx/Reed.chd"))
    shelf.scan_well()
    client = home.client()
    for name, vector in (("Moss.nes", "nes/headered.nes"), ("Fern", "psx/disc.iso")):
        answer = client.get(f"/api/roms/{shelf.roms()[name].id}")
        assert as_modelled(DetailedRomSchema, answer)["ra_hash"] == EXPECTED[vector]
    answer = client.get("/api/roms/by-hash", params={"ra_hash": EXPECTED["nes/bare.nes"]})
    assert as_modelled(DetailedRomSchema, answer)["fs_name"] == "Moss.nes"
    found = as_modelled(DetailedRomSchema, client.get(f"/api/roms/{shelf.roms()['Reed.chd'].id}"))
    assert found["ra_hash"] == EXPECTED["psx/disc.iso"]
    assert len(found["files"][0]["chd_sha1_hash"]) == 40


def test_it_is_made_anew_when_the_file_changed_or_all_is_read(shelf: Shelf) -> None:
    file = shelf.put("roms/nes/Moss.nes", FILES["nes/headered.nes"])
    shelf.scan_well()
    with shelf.database.write() as session:
        session.execute(update(ROMS).values(ra_hash="wrong"))
    shelf.scan_well()
    assert shelf.roms()["Moss.nes"].ra_hash == "wrong"
    shelf.scan_well(ScanKind.COMPLETE)
    assert shelf.roms()["Moss.nes"].ra_hash == EXPECTED["nes/bare.nes"]
    before = shelf.roms()["Moss.nes"].ra_hash
    file.write_bytes(FILES["nes/headered.nes"][:-1] + b"!")
    touch(file)
    shelf.scan_well()
    assert shelf.roms()["Moss.nes"].ra_hash not in (None, before)


def test_it_is_not_made_where_hashes_are_switched_off(shelf: Shelf) -> None:
    shelf.put("roms/nes/Old.nes", FILES["nes/bare.nes"])
    shelf.put("roms/nes/Changed.nes", FILES["nes/bare.nes"])
    shelf.scan_well()
    shelf.configure(SKIP)
    shelf.put("roms/nes/Changed.nes", FILES["nes/bare.nes"] + b"more")
    shelf.put("roms/nes/New.nes", FILES["nes/bare.nes"])
    shelf.put("roms/psx/New.iso", FILES["psx/disc.iso"])
    shelf.scan_well()
    shelf.scan_well(ScanKind.COMPLETE)
    assert stored(shelf) == {
        "roms/nes/Old.nes": EXPECTED["nes/bare.nes"],
        "roms/nes/Changed.nes": None,
        "roms/nes/New.nes": None,
        "roms/psx/New.iso": None,
    }


def test_a_renamed_arcade_game_has_that_of_its_new_name(shelf: Shelf) -> None:
    old = shelf.put("roms/arcade/x.bin", FILES["arcade/pacman.zip"])
    shelf.scan_well()
    before = shelf.roms()["x.bin"]
    old.rename(old.with_name("pacman.bin"))
    shelf.scan_well()
    after = shelf.roms()["pacman.bin"]
    assert after.id == before.id
    assert before.ra_hash != after.ra_hash == EXPECTED["arcade/pacman.zip"]


def test_no_hash_depends_on_the_order_of_a_folder(shelf: Shelf) -> None:
    names = ["b.bin", "a.bin", "c.iso", "disc 1/d.bin", "a.txt"]
    for name in names:
        shelf.put(f"roms/psx/Game/{name}", FILES["psx/disc.iso"] if name == "c.iso" else name)
    shelf.scan_well()
    first = shelf.everything()
    assert shelf.roms()["Game"].ra_hash == EXPECTED["psx/disc.iso"]
    folder = shelf.root / "roms" / "psx" / "Game"
    found = [entry.name for entry in os.scandir(folder)]
    for name in reversed(found):  # the same files, put into a new folder in another order
        target = folder.with_name("again") / name
        target.parent.mkdir(exist_ok=True)
        (folder / name).rename(target)
    folder.rmdir()
    folder.with_name("again").rename(folder)
    with shelf.database.write() as session:
        session.execute(update(ROMS).values(sha1_hash="wrong", ra_hash="wrong"))
    shelf.scan_well(ScanKind.COMPLETE)
    assert shelf.everything() == first
