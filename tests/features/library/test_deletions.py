"""Deleting ROMs, files, firmware and platforms over HTTP."""

import shutil
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, select

from romm_lite.disk.exclusions import TRASH as TRASH_FOLDER
from romm_lite.kernel.scopes import Action, Entity
from romm_lite.tables.files import ROM_FILES
from romm_lite.tables.firmware import FIRMWARE
from romm_lite.tables.platforms import PLATFORMS
from romm_lite.tables.roms import ROMS, Rom
from romm_lite.tables.trash import TRASH

from .conftest import Home
from .keepsakes import (
    close_library,
    delete,
    dump,
    fill_firmware,
    fill_rom,
    grant,
    list_disk,
    rows_of,
    scan,
)


def test_a_rom_and_its_file_go(every_home: Home) -> None:
    home = every_home
    platform = home.platform()
    rom, other = fill_rom(home, platform), fill_rom(home, platform, "Fern.sfc")
    told = delete(home, rom)
    assert told == {"successful_items": 1, "failed_ids": [], "errors": []}
    assert home.client("root").get(f"/api/roms/{rom}").status_code == 404
    assert [row.id for row in rows_of(home, ROMS)] == [other]
    assert [row.rom_id for row in rows_of(home, ROM_FILES)] == [other]
    assert list_disk(home) == {
        f"{TRASH_FOLDER}/room/Moss (USA).sfc": b"Moss (USA).sfc",
        "roms/snes/Fern.sfc": b"Fern.sfc",
    }


def test_a_rom_goes_without_its_file(home: Home) -> None:
    rom = fill_rom(home, home.platform())
    before = list_disk(home)
    assert delete(home, rom, from_disk=False)["successful_items"] == 1
    assert list_disk(home) == before
    assert rows_of(home, ROMS) == []


def test_the_last_rom_leaves_its_platform_alone(home: Home) -> None:
    rom = fill_rom(home, home.platform())
    delete(home, rom)
    assert (home.settings.places.library / "roms/snes").is_dir()
    scan(home)
    assert [row.missing_from_fs for row in rows_of(home, PLATFORMS)] == [False]


def test_a_folder_goes_as_a_whole(home: Home) -> None:
    rom = home.rom("Game", home.platform(), nested_files=2)
    home.file(rom, "roms/snes/Game/a.bin", b"a")
    home.file(rom, "roms/snes/Game/dlc/b.bin", b"b", is_top_level=False)
    (home.settings.places.library / "roms/snes/Game/unknown.txt").write_bytes(b"c")
    delete(home, rom)
    there = {path.rpartition("Game/")[2]: content for path, content in list_disk(home).items()}
    assert there == {"a.bin": b"a", "dlc/b.bin": b"b", "unknown.txt": b"c"}


def test_unknown_and_hidden_ones_fail_and_the_rest_goes(home: Home) -> None:
    platform = home.platform()
    rom, hidden = fill_rom(home, platform), fill_rom(home, platform, "Fern.sfc")
    home.hide(Entity.ROMS, hidden, "ann")
    grant(home, Entity.ROMS, Action.WRITE, Action.DELETE)
    assert delete(home, 77, hidden, rom, rom, user="ann") == {
        "successful_items": 1,
        "failed_ids": [77, hidden],
        "errors": ["ROM with ID 77 not found", f"ROM with ID {hidden} not found"],
    }
    assert [row.id for row in rows_of(home, ROMS)] == [hidden]


def test_what_is_asked_to_go_from_the_disk_has_to_be_deleted_too(home: Home) -> None:
    rom = fill_rom(home, home.platform())
    body = {"roms": [], "delete_from_fs": [rom]}
    home.client("root").post("/api/roms/delete", json=body)
    assert len(rows_of(home, ROMS)) == 1
    assert len(list_disk(home)) == 1


def test_a_file_that_is_not_there_is_fine(home: Home) -> None:
    platform = home.platform()
    fill_rom(home, platform, "Fern.sfc")
    rom = home.rom("Moss.sfc", platform)
    home.file(rom, "roms/snes/Moss.sfc", None)
    assert delete(home, rom)["successful_items"] == 1


def test_one_that_cannot_be_moved_stays_and_stops_no_other(home: Home, tmp_path: Path) -> None:
    platform, linked = home.platform(), home.platform("nes")
    rom = fill_rom(home, platform)
    outside = tmp_path / "outside"
    outside.mkdir()
    (home.settings.places.library / "roms/nes").symlink_to(outside)
    stays = fill_rom(home, linked, "Fern.nes", "nes")
    before = dump(home)
    told = delete(home, stays, rom)
    assert (told["successful_items"], told["failed_ids"]) == (1, [stays])
    assert told["errors"][0].startswith(f"Failed to delete ROM {stays}: roms/nes/Fern.nes lies")
    assert str(tmp_path) not in told["errors"][0]
    assert (outside / "Fern.nes").read_bytes() == b"Fern.nes"
    assert [row for row in before["roms"] if str(stays) in row] == dump(home)["roms"]


def test_without_the_library_nothing_is_taken_to_be_gone(home: Home) -> None:
    rom = fill_rom(home, home.platform())
    before = dump(home)
    library = home.settings.places.library
    for gone in (library / "roms/snes", library):
        shutil.rmtree(gone)
        body = {"roms": [rom], "delete_from_fs": [rom]}
        answer = home.client("root").post("/api/roms/delete", json=body)
        assert (answer.status_code, answer.json()["detail"]) == (
            503,
            "The library is not there. Is its drive mounted?",
        )
        assert dump(home) == before
        assert rows_of(home, TRASH) == []


def test_without_its_platforms_folder_a_rom_stays(home: Home) -> None:
    fill_rom(home, home.platform("nes"), "Fern.nes", "nes")
    rom = fill_rom(home, home.platform())
    shutil.rmtree(home.settings.places.library / "roms/snes")
    assert delete(home, rom)["errors"] == [
        f"Failed to delete ROM {rom}: its folder cannot be read; is its drive mounted?"
    ]
    home.change(rom, missing_from_fs=True)  # as a scan decides it
    assert delete(home, rom)["successful_items"] == 1


def test_a_library_for_reading_only_is_left_alone(home: Home) -> None:
    rom = fill_rom(home, home.platform())
    firmware = fill_firmware(home, 1)
    before, disk = dump(home), list_disk(home)
    client = close_library(home).client("root")
    file = rows_of(home, ROM_FILES)[0].id
    asked = [
        client.post("/api/roms/delete", json={"roms": [rom], "delete_from_fs": [rom]}),
        client.delete(f"/api/roms/{rom}/files/{file}"),
        client.post(
            "/api/firmware/delete", json={"firmware": [firmware], "delete_from_fs": [firmware]}
        ),
        client.post("/api/firmware?platform_id=1", files={"files": ("new.bin", b"new")}),
        client.post(f"/api/roms/{rom}/convert-to-folder"),
    ]
    assert {answer.status_code for answer in asked} == {403}
    assert (dump(home), list_disk(home)) == (before, disk)
    assert client.post("/api/roms/delete", json={"roms": [rom]}).json()["successful_items"] == 1
    assert list_disk(home) == disk


@pytest.mark.parametrize(
    ("entity", "method", "path", "body"),
    [
        (Entity.ROMS, "POST", "/api/roms/delete", {"roms": [1]}),
        (Entity.ROMS, "DELETE", "/api/roms/1/files/1", None),
        (Entity.PLATFORMS, "DELETE", "/api/platforms/1", None),
        (Entity.FIRMWARE, "POST", "/api/firmware/delete", {"firmware": [1]}),
        (Entity.ROMS, "GET", "/api/trash", None),
        (Entity.ROMS, "POST", "/api/trash/1/restore", None),
        (Entity.ROMS, "DELETE", "/api/trash/1", None),
    ],
)
def test_deleting_is_a_right_of_its_own(
    home: Home, entity: Entity, method: str, path: str, body: Any
) -> None:
    fill_rom(home, home.platform())
    fill_firmware(home, 1)
    grant(home, entity, Action.WRITE)
    before = dump(home)
    client = home.client("ann")
    refused = client.request(method, path, json=body)
    assert (refused.status_code, refused.json()["detail"]) == (403, "Insufficient permissions")
    assert dump(home) == before
    grant(home, entity, Action.DELETE)
    assert client.request(method, path, json=body).status_code in (200, 404)


def test_many_are_deleted_in_a_few_statements_each_batch(home: Home) -> None:
    platform = home.platform()
    roms = [Rom(**rom_columns(platform, number)) for number in range(250)]
    with home.database.write() as session:
        session.add_all(roms)
    for number in range(250):
        path = home.settings.places.library / f"roms/snes/{number}.sfc"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    statements = []

    def note(_c: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        statements.append(statement)

    event.listen(home.database.engine, "before_cursor_execute", note)
    told = delete(home, *[row.id for row in rows_of(home, ROMS)])
    event.remove(home.database.engine, "before_cursor_execute", note)
    assert told["successful_items"] == 250
    assert (rows_of(home, ROMS), len(rows_of(home, TRASH))) == ([], 250)
    assert len(statements) < 200


def rom_columns(platform: int, number: int) -> dict[str, Any]:
    name = f"{number}.sfc"
    return {
        "platform_id": platform,
        "fs_name": name,
        "fs_name_no_tags": str(number),
        "fs_name_no_ext": str(number),
        "fs_path": "roms/snes",
        "name": name,
        "name_sort_key": name,
    }


def test_a_file_of_a_rom_goes(every_home: Home) -> None:
    home = every_home
    rom = home.rom("Game", home.platform(), top_level_files=2, nested_files=3, sha1_hash="5" * 40)
    first = home.file(rom, "roms/snes/Game/a.bin", b"aa", hashed=True)
    second = home.file(rom, "roms/snes/Game/b.bin", b"b", hashed=True)
    third = home.file(rom, "roms/snes/Game/dlc/c.bin", b"ccc", is_top_level=False, hashed=True)
    client = home.client("root")
    answer = client.delete(f"/api/roms/{rom}/files/{third}")
    assert (answer.status_code, answer.content) == (200, b"")
    (row,) = rows_of(home, ROMS)
    assert (row.fs_size_bytes, row.nested_files, row.sha1_hash) == (3, 2, "5" * 40)
    client.delete(f"/api/roms/{rom}/files/{first}")
    (row,) = rows_of(home, ROMS)
    assert (row.fs_size_bytes, row.top_level_files, row.sha1_hash) == (1, 1, None)
    assert [(file.id, file.hashed) for file in rows_of(home, ROM_FILES)] == [(second, False)]
    assert (home.settings.places.library / "roms/snes/Game/dlc").is_dir()
    scan(home)
    assert [row.id for row in rows_of(home, ROMS)] == [rom]


def test_the_only_file_of_a_rom_leaves_a_missing_rom(home: Home) -> None:
    rom = fill_rom(home, home.platform())
    (file,) = rows_of(home, ROM_FILES)
    assert home.client("root").delete(f"/api/roms/{rom}/files/{file.id}").status_code == 200
    (row,) = rows_of(home, ROMS)
    assert (row.id, row.missing_from_fs, row.fs_size_bytes) == (rom, True, 0)


def test_a_file_that_is_missing_on_the_disk_goes(home: Home) -> None:
    rom = fill_rom(home, home.platform())
    (file,) = rows_of(home, ROM_FILES)
    (home.settings.places.library / "roms/snes/Moss (USA).sfc").unlink()
    (home.settings.places.library / "roms/snes/Fern.sfc").write_bytes(b"x")
    assert home.client("root").delete(f"/api/roms/{rom}/files/{file.id}").status_code == 200
    assert rows_of(home, ROM_FILES) == []


def test_a_file_is_deleted_as_one_of_its_rom_only(home: Home) -> None:
    platform = home.platform()
    rom, other = fill_rom(home, platform), fill_rom(home, platform, "Fern.sfc")
    (of_rom, _) = rows_of(home, ROM_FILES)
    home.hide(Entity.ROMS, rom, "ann")
    grant(home, Entity.ROMS, Action.WRITE, Action.DELETE)
    for user, path in (
        ("root", f"/api/roms/{other}/files/{of_rom.id}"),
        ("root", f"/api/roms/{rom}/files/777"),
        ("ann", f"/api/roms/{rom}/files/{of_rom.id}"),
    ):
        answer = home.client(user).delete(path)
        assert (answer.status_code, answer.json()["detail"]) == (404, "File not found")
    assert len(rows_of(home, ROM_FILES)) == 2


def test_a_platform_goes_and_its_files_stay(every_home: Home) -> None:
    home = every_home
    platform, other = home.platform(), home.platform("nes")
    fill_rom(home, platform)
    fill_rom(home, other, "Fern.nes", "nes")
    fill_firmware(home, platform)
    disk = list_disk(home)
    answer = home.client("root").delete(f"/api/platforms/{platform}")
    assert (answer.status_code, answer.json()) == (200, None)
    assert list_disk(home) == disk
    assert [row.id for row in rows_of(home, PLATFORMS)] == [other]
    assert [row.platform_id for row in rows_of(home, ROMS)] == [other]
    assert rows_of(home, FIRMWARE) == []
    listed = home.client("root").get("/api/platforms").json()
    assert [each["id"] for each in listed] == [other]


def test_a_platform_of_many_roms_goes(home: Home) -> None:
    platform = home.platform()
    with home.database.write() as session:
        session.add_all(Rom(**rom_columns(platform, number)) for number in range(250))
    assert home.client("root").delete(f"/api/platforms/{platform}").status_code == 200
    assert rows_of(home, ROMS) == []
    assert len(rows_of(home, select(TRASH.c.id).subquery())) == 251


def test_an_unknown_or_hidden_platform_is_told(home: Home) -> None:
    platform = home.platform()
    home.hide(Entity.PLATFORMS, platform, "ann")
    grant(home, Entity.PLATFORMS, Action.WRITE, Action.DELETE)
    for user, number in (("root", 77), ("ann", platform)):
        answer = home.client(user).delete(f"/api/platforms/{number}")
        assert answer.status_code == 404
        assert answer.json()["detail"] == f"Platform with id '{number}' not found"
    assert len(rows_of(home, PLATFORMS)) == 1


def test_firmware_goes_with_its_file_or_without(every_home: Home) -> None:
    home = every_home
    platform = home.platform()
    fill_rom(home, platform)
    first, second = (fill_firmware(home, platform, name) for name in ("a.bin", "b.bin"))
    body = {"firmware": [first, second, 77], "delete_from_fs": [first]}
    answer = home.client("root").post("/api/firmware/delete", json=body)
    assert answer.json() == {
        "successful_items": 2,
        "failed_ids": [77],
        "errors": ["Firmware with ID 77 not found"],
    }
    assert rows_of(home, FIRMWARE) == []
    assert sorted(path for path in list_disk(home) if ".bin" in path) == [
        f"{TRASH_FOLDER}/room/a.bin",
        "bios/snes/b.bin",
    ]


def test_firmware_without_its_file_fails_though_it_is_gone(home: Home) -> None:
    platform = home.platform()
    fill_rom(home, platform)
    firmware = fill_firmware(home, platform)
    (home.settings.places.library / "bios/snes/chip.bin").unlink()
    body = {"firmware": [firmware], "delete_from_fs": [firmware]}
    told = home.client("root").post("/api/firmware/delete", json=body).json()
    assert (told["successful_items"], told["failed_ids"]) == (0, [firmware])
    assert told["errors"] == [
        f"Failed to delete firmware {firmware}: there is no such file on the disk"
    ]
    assert rows_of(home, FIRMWARE) == []


@pytest.mark.parametrize(
    "body",
    [
        None,
        [],
        {},
        {"roms": 1},
        {"roms": ["x"]},
        {"roms": [2**40]},
        {"roms": [1.5]},
        {"roms": [1], "delete_from_fs": None},
    ],
)
def test_a_body_that_makes_no_sense_deletes_nothing(home: Home, body: Any) -> None:
    fill_rom(home, home.platform())
    assert home.client("root").post("/api/roms/delete", json=body).status_code == 422
    assert len(rows_of(home, ROMS)) == 1
