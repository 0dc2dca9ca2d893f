"""A ROM that is one file becomes a folder and stays the same ROM."""

import shutil
from pathlib import Path
from typing import Any

import pytest
from httpx2 import Response

from romm_lite.disk.exclusions import TRASH as TRASH_FOLDER
from romm_lite.kernel.scopes import Action, Entity
from romm_lite.tables.files import ROM_FILES
from romm_lite.tables.roms import ROMS
from romm_lite.tables.trash import TRASH

from .conftest import Home
from .keepsakes import dump, fill_rom, grant, keep, list_disk, rows_of, scan

NAME = "Moss (USA) (Rev 1).sfc"
STEM = "Moss (USA) (Rev 1)"


def scan_file(home: Home, name: str = NAME, fs_slug: str = "snes") -> int:
    """A ROM of one file that a scan has found."""
    path = home.settings.places.library / "roms" / fs_slug / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"moss")
    scan(home)
    return next(int(row.id) for row in rows_of(home, ROMS) if row.fs_name == name)


def convert(home: Home, rom: int, user: str = "root") -> Response:
    return home.client(user).post(f"/api/roms/{rom}/convert-to-folder")


def refuse(home: Home, rom: int) -> str:
    """That it is a conflict which changes nothing; its text."""
    before, disk = dump(home), list_disk(home)
    answer = convert(home, rom)
    assert answer.status_code == 409
    assert (dump(home), list_disk(home)) == (before, disk)
    assert rows_of(home, TRASH) == []
    return str(answer.json()["detail"])


def test_a_rom_becomes_a_folder(every_home: Home) -> None:
    home = every_home
    rom = scan_file(home)
    keep(home, rom, "ann")
    before = home.client("root").get(f"/api/roms/{rom}").json()
    told: dict[str, Any] = convert(home, rom).json()
    assert list_disk(home) == {f"roms/snes/{STEM}/{NAME}": b"moss"}
    assert told["id"] == rom
    assert (told["fs_name"], told["fs_name_no_tags"], told["fs_extension"]) == (STEM, "Moss", "")
    assert (told["regions"], told["revision"], told["name"]) == (["USA"], "1", "Moss")
    assert (told["has_simple_single_file"], told["has_nested_single_file"]) == (False, True)
    (file,) = told["files"]
    assert (file["id"], file["full_path"]) == (
        before["files"][0]["id"],
        f"roms/snes/{STEM}/{NAME}",
    )
    assert told["sha1_hash"] == before["sha1_hash"]
    assert home.client("ann").get(f"/api/roms/{rom}").json()["rom_user"]["rating"] == 9


@pytest.mark.parametrize(
    ("name", "folder"),
    [
        (NAME, STEM),
        ("Moss", "Moss"),
        (".moss", ".moss"),
        ("Moss.nkit.iso", "Moss"),
        ("Demo.zip", "Demo"),
        ("Mr. Moss v1.5.bin", "Mr. Moss v1.5"),
    ],
)
def test_the_next_scan_finds_nothing_to_do(home: Home, name: str, folder: str) -> None:
    rom = scan_file(home, name)
    assert convert(home, rom).json()["fs_name"] == folder
    assert list(list_disk(home)) == [f"roms/snes/{folder}/{name}"]
    before = dump(home)
    scan(home)
    assert dump(home) == before
    assert [(row.id, row.missing_from_fs) for row in rows_of(home, ROMS)] == [(rom, False)]


def test_a_folder_stays_as_it_is(home: Home) -> None:
    rom = scan_file(home)
    convert(home, rom)
    before, disk = dump(home), list_disk(home)
    assert convert(home, rom).json()["fs_name"] == STEM
    assert (dump(home), list_disk(home)) == (before, disk)


def test_a_name_that_somebody_gave_stays(home: Home) -> None:
    rom = scan_file(home)
    home.change(rom, name="Of Moss and Men")
    assert convert(home, rom).json()["name"] == "Of Moss and Men"


def test_a_folder_of_that_name_is_in_the_way(home: Home) -> None:
    rom = scan_file(home)
    (home.settings.places.library / "roms/snes" / STEM).mkdir()
    assert refuse(home, rom) == f"There is something called {STEM} already"


def test_a_rom_of_that_name_is_in_the_way(home: Home) -> None:
    rom = scan_file(home)
    (platform,) = {row.platform_id for row in rows_of(home, ROMS)}
    home.rom(STEM, platform, missing_from_fs=True)
    assert refuse(home, rom) == f"There is something called {STEM} already"


@pytest.mark.parametrize(
    ("name", "config"),
    [
        ("assets.zip", ""),
        ("Moss.txt", "exclude: {roms: {multi_file: {parts: {extensions: [txt]}}}}"),
        ("Moss.sfc", "exclude: {roms: {multi_file: {names: [moss]}}}"),
    ],
)
def test_what_a_scan_would_not_find_any_more_stays(home: Home, name: str, config: str) -> None:
    home.library.config.state()
    home.settings.places.config_file.write_text(config)
    rom = scan_file(home, name)
    assert refuse(home, rom).startswith(f"A scan would not find {name} in a folder called ")


def test_what_is_not_on_the_disk_cannot_be_moved(home: Home) -> None:
    rom = scan_file(home)
    scan_file(home, "Fern.sfc")
    (home.settings.places.library / "roms/snes" / NAME).unlink()
    assert refuse(home, rom) == f"roms/snes/{NAME} is not on the disk"


def test_nothing_is_moved_behind_a_link_that_leads_out(home: Home, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (home.settings.places.library / "roms").mkdir()
    (home.settings.places.library / "roms/snes").symlink_to(outside)
    rom = scan_file(home)
    assert str(tmp_path) not in refuse(home, rom)
    assert [path.name for path in outside.iterdir()] == [NAME]


def test_an_unknown_or_hidden_rom_is_told(home: Home) -> None:
    rom = fill_rom(home, home.platform())
    home.hide(Entity.ROMS, rom, "ann")
    grant(home, Entity.ROMS, Action.WRITE)
    for user, number in (("root", 77), ("ann", rom)):
        answer = convert(home, number, user)
        assert answer.status_code == 404
        assert answer.json()["detail"] == f"Rom with id '{number}' not found"
    assert list(list_disk(home)) == ["roms/snes/Moss (USA).sfc"]


def test_a_rom_of_a_mapped_folder_stays_there(home: Home, tmp_path: Path) -> None:
    mapped = tmp_path / "mapped"
    mapped.mkdir()
    (mapped / "Moss.sfc").write_bytes(b"moss")
    home.library.config.state()
    home.settings.places.config_file.write_text(f"library: [{{path: {mapped}, platform: snes}}]")
    scan_file(home, "Fern.nes", "nes")
    rom = next(row.id for row in rows_of(home, ROMS) if row.fs_name == "Moss.sfc")
    assert convert(home, rom).status_code == 200
    assert (mapped / "Moss/Moss.sfc").read_bytes() == b"moss"
    assert [path.name for path in (mapped / TRASH_FOLDER).iterdir()] == []
    shutil.rmtree(mapped / TRASH_FOLDER)
    before = dump(home)
    scan(home)
    assert dump(home) == before
    assert {row.rom_id for row in rows_of(home, ROM_FILES)} == {1, 2}
