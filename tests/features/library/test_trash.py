"""What was deleted is told of, comes back as it was, or goes for ever."""

import shutil
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import delete as delete_rows
from sqlalchemy import insert, select, update

from romm_lite.disk.exclusions import TRASH as TRASH_FOLDER
from romm_lite.features.library import trash
from romm_lite.features.library.kept import list_references
from romm_lite.kernel.scopes import Action, Entity
from romm_lite.kernel.times import now
from romm_lite.tables.collections import COLLECTION_ROMS
from romm_lite.tables.devices import DEVICES
from romm_lite.tables.files import ROM_FILES
from romm_lite.tables.firmware import FIRMWARE
from romm_lite.tables.permissions import HIDDEN_ENTITIES
from romm_lite.tables.platforms import PLATFORMS
from romm_lite.tables.rom_users import ROM_NOTES, ROM_USER, RomNote
from romm_lite.tables.roms import ROM_SOURCES, ROMS
from romm_lite.tables.trash import TRASH
from romm_lite.tables.users import USERS

from .conftest import Home
from .keepsakes import (
    close_library,
    delete,
    dump,
    fill_firmware,
    fill_rom,
    grant,
    keep,
    list_disk,
    rows_of,
    scan,
)

PATH = "roms/snes/Moss (USA).sfc"


def list_items(home: Home, user: str = "root", **query: Any) -> list[dict[str, Any]]:
    answer = home.client(user).get("/api/trash", params=query)
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


def restore(home: Home, item: int | None = None, user: str = "root") -> Any:
    """Bring back an item, or the newest."""
    number = list_items(home, user)[0]["id"] if item is None else item
    answer = home.client(user).post(f"/api/trash/{number}/restore")
    assert answer.status_code == 200, answer.text
    return answer.json()


def age(home: Home, days: int) -> None:
    """Let all that is in the trash have been there for so long."""
    with home.database.write() as session:
        session.execute(update(TRASH).values(created_at=now() - timedelta(days=days)))


def test_the_keepsakes_have_a_row_in_every_table_that_refers_to_roms(home: Home) -> None:
    """Or the tests below would not see that a new table is forgotten."""
    fill_rom(home, home.platform())
    waiting, seen = [ROMS], set()
    while waiting:
        for column in list_references(waiting.pop()):
            if column.table.name not in seen:
                seen.add(column.table.name)
                waiting.append(column.table)
                assert rows_of(home, column.table), f"fill_rom leaves {column.table.name} empty"


@pytest.mark.parametrize("from_disk", [True, False])
def test_a_rom_comes_back_with_all_that_users_had_of_it(every_home: Home, from_disk: bool) -> None:
    home = every_home
    platform = home.platform()
    rom = fill_rom(home, platform)
    fill_rom(home, platform, "Fern.sfc")
    before, disk = dump(home), list_disk(home)
    delete(home, rom, from_disk=from_disk)
    assert dump(home) != before
    assert restore(home) == {"restored": 1, "left": 0}
    assert dump(home) == before
    assert list_disk(home) == disk
    assert list_items(home) == []
    assert home.client("ann").get(f"/api/roms/{rom}").json()["rom_user"]["rating"] == 9


def test_what_is_back_is_new_to_who_asks_for_changes(home: Home) -> None:
    rom = fill_rom(home, home.platform())
    delete(home, rom)
    moment = now()
    restore(home)
    listed = home.client("ann").get("/api/roms", params={"updated_after": moment.isoformat()})
    assert [each["id"] for each in listed.json()["items"]] == [rom]


def test_the_next_scan_finds_nothing_to_do(home: Home) -> None:
    scan_home = fill_by_scan(home)
    before = dump(home)
    delete(home, scan_home)
    restore(home)
    scan(home)
    assert dump(home) == before


def fill_by_scan(home: Home) -> int:
    """A ROM that a scan has found."""
    path = home.settings.places.library / PATH
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"moss")
    (path.parent / "Fern.sfc").write_bytes(b"fern")
    scan(home)
    return next(int(row.id) for row in rows_of(home, ROMS) if row.fs_name == path.name)


def test_the_trash_is_told_newest_first(every_home: Home) -> None:
    home = every_home
    platform = home.platform(custom_name="Mine")
    roms = [fill_rom(home, platform, f"{name}.sfc") for name in ("a", "b", "c")]
    delete(home, roms[0])
    delete(home, roms[1], from_disk=False)
    firmware = fill_firmware(home, platform)
    home.client("root").post(
        "/api/firmware/delete", json={"firmware": [firmware], "delete_from_fs": [firmware]}
    )
    (file,) = rows_of(home, ROM_FILES)
    home.client("root").delete(f"/api/roms/{roms[2]}/files/{file.id}")
    home.client("root").delete(f"/api/platforms/{platform}")
    items = list_items(home)
    told = [(each["kind"], each["library_path"], each["has_file"]) for each in items]
    assert told == [
        ("platform", "roms/snes", False),
        ("rom", "roms/snes/c.sfc", False),
        ("file", "roms/snes/c.sfc", True),
        ("firmware", "bios/snes/chip.bin", True),
        ("rom", "roms/snes/b.sfc", False),
        ("rom", "roms/snes/a.sfc", True),
    ]
    assert {each["platform_name"] for each in items} == {"Mine"}
    assert {each["platform_fs_slug"] for each in items} == {"snes"}
    assert {each["deleted_by"] for each in items} == {"root"}
    assert items[5]["kept"] == {
        **dict.fromkeys(("props", "notes", "saves", "states", "screenshots"), 2),
        **dict.fromkeys(("collections", "playlists", "favorites"), 1),
        "play_sessions": 2,
    }
    assert [each["id"] for each in list_items(home, limit=2, offset=1)] == [
        each["id"] for each in items[1:3]
    ]


def test_who_does_not_see_all_is_told_of_what_they_deleted(home: Home) -> None:
    platform = home.platform()
    rom, own = fill_rom(home, platform), fill_rom(home, platform, "Fern.sfc")
    home.hide(Entity.ROMS, rom, "ann")
    grant(home, Entity.ROMS, Action.WRITE, Action.DELETE)
    delete(home, rom)
    delete(home, own, user="ann")
    (item,) = list_items(home, "ann")
    assert item["deleted_by"] == "ann"
    other = next(each["id"] for each in list_items(home) if each["id"] != item["id"])
    for method, path in (("POST", f"/{other}/restore"), ("DELETE", f"/{other}")):
        answer = home.client("ann").request(method, f"/api/trash{path}")
        assert answer.status_code == 404
        assert answer.json()["detail"] == f"Trash item with id '{other}' not found"
    assert restore(home, item["id"], "ann")["restored"] == 1


def test_platforms_and_firmware_need_the_right_to_delete_them(home: Home) -> None:
    platform = home.platform()
    fill_rom(home, platform)
    home.client("root").delete(f"/api/platforms/{platform}")
    grant(home, Entity.ROMS, Action.WRITE, Action.DELETE)
    item = list_items(home)[0]["id"]
    client = home.client("ann")
    assert client.post(f"/api/trash/{item}/restore").status_code == 403
    assert client.delete(f"/api/trash/{item}").status_code == 403
    assert rows_of(home, PLATFORMS) == []


def test_a_place_that_is_taken_keeps_it_in_the_trash(home: Home) -> None:
    rom = fill_rom(home, home.platform())
    delete(home, rom)
    path = home.settings.places.library / PATH
    path.write_bytes(b"another")
    before, disk = dump(home), list_disk(home)
    item = list_items(home)[0]["id"]
    answer = home.client("root").post(f"/api/trash/{item}/restore")
    assert (answer.status_code, answer.json()["detail"]) == (
        409,
        f"{PATH} is there again: move or delete that first",
    )
    assert (dump(home), list_disk(home)) == (before, disk)
    path.unlink()
    assert restore(home)["restored"] == 1


def test_a_file_that_came_back_by_itself_gets_its_rows(home: Home) -> None:
    """As when a restore is killed between the file and the rows, or the user moves the file."""
    rom = fill_rom(home, home.platform())
    before, disk = dump(home), list_disk(home)
    delete(home, rom)
    (room,) = (home.settings.places.library / TRASH_FOLDER).iterdir()
    (room / "Moss (USA).sfc").rename(home.settings.places.library / PATH)
    assert restore(home) == {"restored": 1, "left": 0}
    assert (dump(home), list_disk(home)) == (before, disk)


def test_a_file_that_was_removed_from_the_trash_leaves_a_missing_rom(home: Home) -> None:
    rom = fill_rom(home, home.platform())
    (home.settings.places.library / "roms/snes/Fern.sfc").write_bytes(b"x")
    delete(home, rom)
    (room,) = (home.settings.places.library / TRASH_FOLDER).iterdir()
    shutil.rmtree(room)
    assert restore(home) == {"restored": 1, "left": 0}
    assert [(row.id, row.missing_from_fs) for row in rows_of(home, ROMS)] == [(rom, True)]
    assert len(rows_of(home, ROM_NOTES)) == 2


def test_without_its_drive_nothing_comes_back_or_goes(home: Home) -> None:
    rom = fill_rom(home, home.platform())
    delete(home, rom)
    before = dump(home)
    item = list_items(home)[0]["id"]
    library = home.settings.places.library
    library.rename(library.with_name("unplugged"))
    library.mkdir()
    client = home.client("root")
    assert client.post(f"/api/trash/{item}/restore").status_code == 503
    assert client.delete(f"/api/trash/{item}").status_code == 503
    age(home, 40)
    assert trash.purge(home.library) == 0
    assert dump(home) == before
    library.rmdir()
    library.with_name("unplugged").rename(library)
    assert restore(home)["restored"] == 1


def test_a_library_for_reading_only_gives_back_rows_alone(home: Home) -> None:
    platform = home.platform()
    rom, other = fill_rom(home, platform), fill_rom(home, platform, "Fern.sfc")
    delete(home, rom)
    delete(home, other, from_disk=False)
    closed = close_library(home)
    client = closed.client("root")
    of_rows, of_file = (each["id"] for each in list_items(home))
    assert client.post(f"/api/trash/{of_file}/restore").status_code == 403
    assert client.delete(f"/api/trash/{of_file}").status_code == 403
    assert client.post(f"/api/trash/{of_rows}/restore").status_code == 200
    age(home, 40)
    assert trash.purge(closed.library) == 0


def test_rows_of_a_user_who_is_gone_are_left_out(every_home: Home) -> None:
    home = every_home
    rom = fill_rom(home, home.platform())
    delete(home, rom)
    with home.database.write() as session:
        session.execute(delete_rows(DEVICES).where(DEVICES.c.user_id == home.users["bob"]))
        session.execute(delete_rows(USERS).where(USERS.c.username == "bob"))
    before = dump(home)
    assert restore(home) == {"restored": 1, "left": 0}
    assert [row.user_id for row in rows_of(home, ROM_NOTES)] == [home.users["ann"]]
    kept = {"devices", "playlists", "collections", "permission_groups"}
    assert {name: before[name] for name in kept} == {name: dump(home)[name] for name in kept}


def test_a_rom_that_was_found_again_becomes_one_with_the_old(every_home: Home) -> None:
    home = every_home
    rom = fill_by_scan(home)
    keep(home, rom, "ann")
    old_file = next(row.id for row in rows_of(home, ROM_FILES) if row.rom_id == rom)
    delete(home, rom, from_disk=False)
    (home.settings.places.library / PATH).write_bytes(b"moss, mended")
    scan(home)
    again = next(row.id for row in rows_of(home, ROMS) if row.fs_name == "Moss (USA).sfc")
    assert again != rom
    with home.database.read() as session:
        digest = session.scalar(select(ROMS.c.sha1_hash).where(ROMS.c.id == again))
        new_file = session.scalar(select(ROM_FILES.c.id).where(ROM_FILES.c.rom_id == again))
    home.add(RomNote(rom_id=again, user_id=home.users["bob"], title="New", content="note"))
    home.keep(again, "ann", difficulty=4)
    home.collect(again, name="Since")
    home.hide(Entity.ROMS, again, "bob")
    assert restore(home) == {"restored": 1, "left": 0}
    (row,) = (row for row in rows_of(home, ROMS) if row.fs_name == "Moss (USA).sfc")
    assert (row.id, row.sha1_hash, row.fs_size_bytes) == (rom, digest, 12)
    assert [note.title for note in rows_of(home, ROM_NOTES)] == ["Where the key is", "New"]
    (said,) = rows_of(home, ROM_USER)
    assert (said.rom_id, said.rating, said.difficulty, said.status) == (rom, 9, 4, "finished")
    assert [(file.id, file.rom_id) for file in rows_of(home, ROM_FILES) if file.id != old_file][
        -1
    ] == (new_file, rom)
    assert [each.rom_id for each in rows_of(home, COLLECTION_ROMS)] == [rom]
    assert home.client("bob").get(f"/api/roms/{rom}").status_code == 404
    assert [rule.entity_id for rule in rows_of(home, HIDDEN_ENTITIES)] == [rom]
    before = dump(home)
    scan(home)
    assert dump(home) == before


def test_what_providers_know_is_that_of_before(home: Home) -> None:
    rom = fill_rom(home, home.platform())
    delete(home, rom, from_disk=False)
    again = home.rom("Moss (USA).sfc", 1, known={"igdb": (8, None), "ss": (9, None)})
    assert restore(home)["restored"] == 1
    (row,) = rows_of(home, ROMS)
    assert (row.id, row.name, row.summary) == (rom, "The Moss (USA).sfc", "By hand")
    assert [(s.source, s.external_id) for s in rows_of(home, ROM_SOURCES)] == [("igdb", "7")]
    assert again != rom


def test_a_row_whose_place_is_taken_stays_in_the_trash(every_home: Home) -> None:
    home = every_home
    platform = home.platform()
    delete(home, fill_rom(home, platform), from_disk=False)
    again = home.rom("Moss (USA).sfc", platform)
    taken: Any = {"rom_id": again, "user_id": home.users["ann"], "title": "Where the key is"}
    note = home.add(RomNote(**taken, content="In the well"))
    assert restore(home) == {"restored": 1, "left": 1}
    (item,) = list_items(home)
    assert (item["kind"], item["has_file"], item["kept"]) == ("rom", False, {"notes": 1})
    with home.database.write() as session:
        session.execute(delete_rows(ROM_NOTES).where(ROM_NOTES.c.id == note))
    assert restore(home) == {"restored": 1, "left": 0}
    assert {row.content for row in rows_of(home, ROM_NOTES)} == {"Under it"}
    assert list_items(home) == []


@pytest.mark.parametrize("is_found_again", [False, True])
def test_a_platform_comes_back_with_all_it_had(every_home: Home, is_found_again: bool) -> None:
    home = every_home
    platform = home.platform(custom_name="Mine", description="grey")
    for name in ("a", "b", "c"):
        fill_rom(home, platform, f"{name}.sfc")
    fill_firmware(home, platform)
    home.hide(Entity.PLATFORMS, platform, "bob")
    before = dump(home)
    home.client("root").delete(f"/api/platforms/{platform}")
    if is_found_again:
        scan(home)
        assert len(rows_of(home, ROMS)) == 3
    assert restore(home) == {"restored": 4, "left": 0}
    after = dump(home)
    if not is_found_again:
        assert after == before
    (row,) = rows_of(home, PLATFORMS)
    assert (row.custom_name, row.description) == ("Mine", "grey")
    assert {rom.platform_id for rom in rows_of(home, ROMS)} == {row.id}
    assert home.client("bob").get(f"/api/platforms/{row.id}").status_code == 404
    own = ("rom_user", "rom_notes", "saves", "states", "collections_roms", "play_sessions")
    assert {name: after[name] for name in own} == {name: before[name] for name in own}
    assert list_items(home) == []
    listed = home.client("ann").get("/api/roms", params={"platform_ids": row.id}).json()
    assert [each["name"] for each in listed["items"]] == ["The a.sfc", "The b.sfc", "The c.sfc"]


def test_one_rom_of_a_deleted_platform_brings_the_platform_back(home: Home) -> None:
    platform = home.platform()
    rom, _ = fill_rom(home, platform), fill_rom(home, platform, "Fern.sfc")
    home.client("root").delete(f"/api/platforms/{platform}")
    item = next(each for each in list_items(home) if each["library_path"] == PATH)
    assert restore(home, item["id"]) == {"restored": 1, "left": 0}
    assert [row.id for row in rows_of(home, PLATFORMS)] == [platform]
    assert [row.id for row in rows_of(home, ROMS)] == [rom]
    assert len(list_items(home)) == 2


def test_a_file_comes_back_to_its_rom(every_home: Home) -> None:
    home = every_home
    rom = home.rom("Game", home.platform(), top_level_files=1, nested_files=2, fs_size_bytes=3)
    home.file(rom, "roms/snes/Game/a.bin", b"aa")
    file = home.file(rom, "roms/snes/Game/dlc/c.bin", b"c", is_top_level=False)
    before, disk = dump(home), list_disk(home)
    home.client("root").delete(f"/api/roms/{rom}/files/{file}")
    assert restore(home) == {"restored": 1, "left": 0}
    assert (dump(home), list_disk(home)) == (before, disk)


def test_a_file_waits_for_its_rom(home: Home) -> None:
    platform = home.platform()
    fill_rom(home, platform)
    rom = home.rom("Game", platform, top_level_files=1, nested_files=2)
    file = home.file(rom, "roms/snes/Game/a.bin", b"aa")
    disk = list_disk(home)
    home.client("root").delete(f"/api/roms/{rom}/files/{file}")
    delete(home, rom)
    whole, part = (each["id"] for each in list_items(home))
    answer = home.client("root").post(f"/api/trash/{part}/restore")
    assert (answer.status_code, answer.json()["detail"]) == (
        409,
        "Game is in the trash too: bring that back first",
    )
    restore(home, whole)
    restore(home, part)
    assert list_disk(home) == disk


def test_firmware_comes_back(every_home: Home) -> None:
    home = every_home
    platform = home.platform()
    fill_rom(home, platform)
    firmware = fill_firmware(home, platform)
    before, disk = dump(home), list_disk(home)
    body = {"firmware": [firmware], "delete_from_fs": [firmware]}
    home.client("root").post("/api/firmware/delete", json=body)
    assert restore(home) == {"restored": 1, "left": 0}
    assert (dump(home), list_disk(home)) == (before, disk)


def test_firmware_that_was_found_again_is_what_was_kept(home: Home) -> None:
    platform = home.platform()
    fill_rom(home, platform)
    firmware = fill_firmware(home, platform)
    home.client("root").post("/api/firmware/delete", json={"firmware": [firmware]})
    scan(home)
    (again,) = rows_of(home, FIRMWARE)
    assert restore(home) == {"restored": 1, "left": 0}
    (row,) = rows_of(home, FIRMWARE)
    assert (row.id, row.md5_hash) == (again.id, "6" * 32)


def test_what_is_erased_is_gone_with_its_artwork(every_home: Home) -> None:
    home = every_home
    platform = home.platform()
    rom, other = fill_rom(home, platform), fill_rom(home, platform, "Fern.sfc")
    covers = [home.settings.places.resources / f"roms/{platform}/{each}" for each in (rom, other)]
    for cover in covers:
        (cover / "cover").mkdir(parents=True)
        (cover / "cover/big.png").write_bytes(b"png")
    delete(home, rom)
    assert covers[0].is_dir()
    before = dump(home)
    item = list_items(home)[0]["id"]
    answer = home.client("root").delete(f"/api/trash/{item}")
    assert (answer.status_code, answer.json()) == (200, None)
    assert [cover.is_dir() for cover in covers] == [False, True]
    assert list_disk(home) == {"roms/snes/Fern.sfc": b"Fern.sfc"}
    assert (dump(home), list_items(home)) == (before, [])
    assert home.client("root").post(f"/api/trash/{item}/restore").status_code == 404


def test_the_artwork_of_a_rom_that_is_back_stays(home: Home) -> None:
    rom = fill_rom(home, home.platform())
    cover = home.settings.places.resources / f"roms/1/{rom}"
    cover.mkdir(parents=True)
    delete(home, rom, from_disk=False)
    again = home.rom("Moss (USA).sfc", 1)
    taken: Any = {"rom_id": again, "user_id": home.users["ann"], "title": "Where the key is"}
    home.add(RomNote(**taken, content="In the well"))
    assert restore(home)["left"] == 1
    home.client("root").delete(f"/api/trash/{list_items(home)[0]['id']}")
    assert cover.is_dir()


def test_the_trash_is_purged_of_what_is_old(every_home: Home) -> None:
    home = every_home
    platform = home.platform()
    old, young = fill_rom(home, platform), fill_rom(home, platform, "Fern.sfc")
    delete(home, old)
    age(home, 31)
    delete(home, young)
    assert trash.purge(home.library) == 1
    assert [each["library_path"] for each in list_items(home)] == ["roms/snes/Fern.sfc"]
    assert list(list_disk(home)) == [f"{TRASH_FOLDER}/room/Fern.sfc"]
    assert trash.purge(home.library, timedelta(0)) == 1
    assert list_disk(home) == {}


def test_purging_goes_on_after_what_cannot_be_removed(home: Home) -> None:
    platform = home.platform()
    roms = [fill_rom(home, platform, f"{name}.sfc") for name in ("a", "b", "c")]
    delete(home, *roms)
    (room,) = (home.settings.places.library / TRASH_FOLDER).iterdir()
    item = next(each["id"] for each in list_items(home) if each["name"] == "The b.sfc")
    (room / f".erasing-{item}" / "in the way").mkdir(parents=True)
    age(home, 31)
    assert trash.purge(home.library) == 2
    assert [each["id"] for each in list_items(home)] == [item]
    assert (room / "b.sfc").read_bytes() == b"b.sfc"


def test_rows_of_another_version_are_taken_as_far_as_they_fit(home: Home) -> None:
    rom = fill_rom(home, home.platform())
    delete(home, rom, from_disk=False)
    (row,) = rows_of(home, TRASH)
    kept = row.kept_rows
    kept["rows"]["roms"][0]["lost_column"] = 5
    del kept["rows"]["roms"][0]["has_soundtrack"]
    kept["rows"]["lost_table"] = [{"id": 1}]
    kept["links"]["lost_table"] = [{"key": {"id": 1}, "column": "x", "value": 1}]
    kept["links"]["play_sessions"][0]["column"] = "lost_column"
    with home.database.write() as session:
        session.execute(delete_rows(TRASH))
        values = {"name": "x", "library_path": PATH, "trash_path": "", "size_bytes": 0}
        session.execute(insert(TRASH).values(**values, kept_rows=kept))
    assert restore(home) == {"restored": 1, "left": 0}
    assert [(each.id, each.has_soundtrack) for each in rows_of(home, ROMS)] == [(rom, False)]


@pytest.mark.parametrize("query", [{"limit": 0}, {"limit": 501}, {"offset": -1}, {"offset": 2**40}])
def test_a_page_that_makes_no_sense_is_refused(home: Home, query: dict[str, int]) -> None:
    assert home.client("root").get("/api/trash", params=query).status_code == 422


@pytest.mark.parametrize("item", ["0", "-1", "x", str(2**31)])
def test_an_id_that_none_can_have_is_refused(home: Home, item: str) -> None:
    assert home.client("root").post(f"/api/trash/{item}/restore").status_code == 422
    assert home.client("root").delete(f"/api/trash/{item}").status_code == 422
