"""What a later scan makes of files that changed, went, came back or got another name."""

import shutil

from sqlalchemy import select, update

from romm_lite.disk.layout import RomFile
from romm_lite.features.scan.compare import FileChanges
from romm_lite.features.scan.kinds import ScanKind
from romm_lite.features.scan.names import write_files
from romm_lite.tables.files import ROM_FILES
from romm_lite.tables.firmware import FIRMWARE
from romm_lite.tables.roms import ROMS
from tests.features.scan.conftest import Shelf, md5, touch


def test_a_changed_file_is_read_again_and_keeps_its_ids(every_shelf: Shelf) -> None:
    shelf = every_shelf
    shelf.put("roms/snes/Moss.sfc", "old")
    shelf.put("roms/snes/Fern.sfc", "same")
    shelf.scan_well()
    rom, file = shelf.roms()["Moss.sfc"], shelf.files()["roms/snes/Moss.sfc"]
    shelf.put("roms/snes/Moss.sfc", "newer content")
    outcome = shelf.scan_well()
    changed = shelf.roms()["Moss.sfc"]
    assert (changed.id, changed.fs_size_bytes) == (rom.id, 13)
    assert changed.md5_hash == md5(b"newer content")
    assert shelf.files()["roms/snes/Moss.sfc"].id == file.id
    assert outcome.stats.new_roms == 0


def test_a_touched_file_with_the_same_content_keeps_its_hashes(shelf: Shelf) -> None:
    file = shelf.put("roms/snes/Moss.sfc")
    shelf.scan_well()
    before = shelf.roms()["Moss.sfc"]
    touch(file)
    with shelf.noting_writes() as writes:
        shelf.scan_well()
    assert writes
    after = shelf.roms()["Moss.sfc"]
    assert (after.md5_hash, after.sha1_hash) == (before.md5_hash, before.sha1_hash)
    assert shelf.files()["roms/snes/Moss.sfc"].hashed


def test_files_of_a_folder_come_go_and_move(every_shelf: Shelf) -> None:
    shelf = every_shelf
    shelf.put("roms/ps2/Game/disc 1.iso", "one")
    shelf.put("roms/ps2/Game/update/patch.bin", "patch")
    old = shelf.put("roms/ps2/Game/dlc/old.bin", "dlc one")
    shelf.scan_well()
    rom = shelf.roms()["Game"]
    ids = {path: file.id for path, file in shelf.files().items()}
    old.rename(old.with_name("new.bin"))
    (shelf.root / "roms/ps2/Game/update/patch.bin").unlink()
    shelf.put("roms/ps2/Game/disc 2.iso", "two")
    shelf.scan_well()
    files = shelf.files()
    assert set(files) == {
        "roms/ps2/Game/disc 1.iso",
        "roms/ps2/Game/disc 2.iso",
        "roms/ps2/Game/dlc/new.bin",
    }
    assert files["roms/ps2/Game/disc 1.iso"].id == ids["roms/ps2/Game/disc 1.iso"]
    assert files["roms/ps2/Game/dlc/new.bin"].id == ids["roms/ps2/Game/dlc/old.bin"]
    changed = shelf.roms()["Game"]
    assert (changed.id, changed.fs_size_bytes) == (rom.id, 13)
    assert changed.md5_hash == md5(b"onetwo")
    with shelf.noting_writes() as writes:
        shelf.scan_well()
    assert writes == []


def test_a_new_file_deep_in_a_folder_leaves_the_others_unread(shelf: Shelf) -> None:
    shelf.put("roms/ps2/Game/disc.iso", "one")
    shelf.scan_well()
    with shelf.database.write() as session:  # a mark that reading again would wipe
        session.execute(update(ROMS).values(md5_hash="mark"))
    shelf.put("roms/ps2/Game/dlc/more.bin")
    shelf.scan_well()
    assert shelf.roms()["Game"].md5_hash == "mark"
    assert shelf.files()["roms/ps2/Game/dlc/more.bin"].md5_hash


def test_a_rom_goes_missing_and_comes_back(every_shelf: Shelf) -> None:
    shelf = every_shelf
    file = shelf.put("roms/snes/Moss.sfc")
    shelf.put("roms/snes/Fern.sfc", "another")
    shelf.scan_well()
    before = shelf.everything()
    key = shelf.roms()["Moss.sfc"].id
    away = file.rename(shelf.places.data / "away.sfc")
    shelf.scan_well()
    assert shelf.missing() == {"Moss.sfc"}
    assert shelf.files()["roms/snes/Moss.sfc"].missing_from_fs
    assert shelf.roms()["Moss.sfc"].md5_hash
    with shelf.noting_writes() as writes:
        shelf.scan_well()
    assert writes == []
    away.rename(file)
    outcome = shelf.scan_well()
    assert shelf.everything() == before
    assert shelf.roms()["Moss.sfc"].id == key
    assert outcome.stats.new_roms == 0


def test_a_platform_goes_missing_with_its_roms_and_comes_back(every_shelf: Shelf) -> None:
    shelf = every_shelf
    for number in range(3):
        shelf.put(f"roms/nes/Fern {number}.nes", str(number))
    shelf.put("roms/snes/Moss.sfc")
    shelf.scan_well()
    before = shelf.everything()
    (shelf.root / "roms/nes").rename(shelf.places.data / "away")
    shelf.scan_well()
    assert shelf.platforms()["nes"].missing_from_fs
    assert shelf.missing() == {"Fern 0.nes", "Fern 1.nes", "Fern 2.nes"}
    (shelf.places.data / "away").rename(shelf.root / "roms/nes")
    shelf.scan_well()
    assert shelf.everything() == before


def test_a_renamed_rom_keeps_its_id_and_takes_the_new_name(every_shelf: Shelf) -> None:
    shelf = every_shelf
    old = shelf.put("roms/snes/Moss (USA).sfc", "content of moss")
    shelf.put("roms/snes/Fern.sfc", "content of fern")
    shelf.scan_well()
    rom = shelf.roms()["Moss (USA).sfc"]
    file = shelf.files()["roms/snes/Moss (USA).sfc"]
    old.rename(old.with_name("New Moss (Japan).sfc"))
    outcome = shelf.scan_well()
    roms = shelf.roms()
    assert set(roms) == {"New Moss (Japan).sfc", "Fern.sfc"}
    renamed = roms["New Moss (Japan).sfc"]
    assert (renamed.id, renamed.name, renamed.regions) == (rom.id, "New Moss", ["Japan"])
    assert not renamed.missing_from_fs
    assert renamed.search_text == "new moss\nnew moss (japan).sfc"
    assert shelf.facets("New Moss (Japan).sfc") == {("region", "Japan")}
    assert shelf.files()["roms/snes/New Moss (Japan).sfc"].id == file.id
    assert outcome.stats.new_roms == 0
    with shelf.noting_writes() as writes:
        shelf.scan_well()
    assert writes == []


def test_a_name_given_by_a_person_survives_a_rename(shelf: Shelf) -> None:
    old = shelf.put("roms/snes/Moss (USA).sfc")
    shelf.scan_well()
    with shelf.database.write() as session:
        session.execute(update(ROMS).values(name="My Moss"))
    old.rename(old.with_name("Other.sfc"))
    shelf.scan_well()
    assert shelf.roms()["Other.sfc"].name == "My Moss"


def test_a_renamed_folder_keeps_the_ids_of_its_files(every_shelf: Shelf) -> None:
    shelf = every_shelf
    shelf.put("roms/ps2/Game/disc 1.iso", "one")
    shelf.put("roms/ps2/Game/disc 2.iso", "two")
    shelf.put("roms/ps2/Game/dlc/more.bin", "more")
    shelf.scan_well()
    ids = sorted(file.id for file in shelf.files().values())
    key = shelf.roms()["Game"].id
    (shelf.root / "roms/ps2/Game").rename(shelf.root / "roms/ps2/Other (Europe)")
    shelf.scan_well()
    assert {name: rom.id for name, rom in shelf.roms().items()} == {"Other (Europe)": key}
    assert sorted(file.id for file in shelf.files().values()) == ids
    assert "roms/ps2/Other (Europe)/dlc/more.bin" in shelf.files()


def test_a_rename_is_not_guessed_among_equals(shelf: Shelf) -> None:
    first = shelf.put("roms/snes/One.sfc", "same")
    shelf.put("roms/snes/Two.sfc", "same").unlink()
    shelf.put("roms/snes/Two.sfc", "same")
    shelf.scan_well()
    first.unlink()
    (shelf.root / "roms/snes/Two.sfc").rename(shelf.root / "roms/snes/Three.sfc")
    outcome = shelf.scan_well()
    assert shelf.missing() == {"One.sfc", "Two.sfc"}
    assert outcome.stats.new_roms == 1


def test_one_missing_rom_is_taken_once(shelf: Shelf) -> None:
    old = shelf.put("roms/snes/Moss.sfc", "same")
    shelf.scan_well()
    key = shelf.roms()["Moss.sfc"].id
    shutil.copy(old, old.with_name("B.sfc"))
    old.rename(old.with_name("A.sfc"))
    outcome = shelf.scan_well()
    roms = shelf.roms()
    assert set(roms) == {"A.sfc", "B.sfc"}
    assert roms["A.sfc"].id == key
    assert outcome.stats.new_roms == 1
    assert roms["B.sfc"].md5_hash == roms["A.sfc"].md5_hash
    assert shelf.files()["roms/snes/B.sfc"].hashed


def test_the_same_size_alone_is_no_rename(shelf: Shelf) -> None:
    shelf.put("roms/snes/Moss.sfc", "1111").unlink()
    shelf.put("roms/snes/Moss.sfc", "1111")
    shelf.scan_well()
    (shelf.root / "roms/snes/Moss.sfc").unlink()
    shelf.put("roms/snes/Fern.sfc", "2222")
    shelf.scan_well()
    assert shelf.missing() == {"Moss.sfc"}
    assert shelf.roms()["Fern.sfc"].crc_hash


def test_a_library_that_changes_its_structure_keeps_everything(shelf: Shelf) -> None:
    shelf.put("roms/snes/Moss.sfc")
    shelf.put("roms/snes/Game/disc.iso")
    shelf.scan_well()
    ids = sorted([rom.id for rom in shelf.roms().values()])
    file_ids = sorted(file.id for file in shelf.files().values())
    (shelf.root / "snes").mkdir()
    (shelf.root / "roms/snes").rename(shelf.root / "snes/roms")
    (shelf.root / "roms").rmdir()
    shelf.scan_well()
    assert sorted(rom.id for rom in shelf.roms().values()) == ids
    assert sorted(file.id for file in shelf.files().values()) == file_ids
    assert set(shelf.files()) == {"snes/roms/Moss.sfc", "snes/roms/Game/disc.iso"}
    assert not shelf.missing()


def test_a_file_that_becomes_a_folder_stays_the_rom(shelf: Shelf) -> None:
    file = shelf.put("roms/snes/Moss", "one")
    shelf.scan_well()
    key = shelf.roms()["Moss"].id
    file.unlink()
    shelf.put("roms/snes/Moss/a.sfc", "a")
    shelf.scan_well()
    rom = shelf.roms()["Moss"]
    assert (rom.id, rom.nested_files, rom.fs_size_bytes) == (key, 1, 1)
    assert list(shelf.files()) == ["roms/snes/Moss/a.sfc"]


def test_firmware_is_read_again_only_when_it_changed(every_shelf: Shelf) -> None:
    shelf = every_shelf
    shelf.put("roms/gba/Moss.gba")
    file = shelf.put("bios/gba/chip (v2).bin", "old")
    gone = shelf.put("bios/gba/gone.bin", "gone")
    shelf.scan_well()
    before = {row.file_name: row for row in shelf.rows(select(FIRMWARE))}
    assert before["chip (v2).bin"].file_name_no_tags == "chip"
    file.write_bytes(b"new content")
    gone.unlink()
    outcome = shelf.scan_well()
    after = {row.file_name: row for row in shelf.rows(select(FIRMWARE))}
    assert after["chip (v2).bin"].id == before["chip (v2).bin"].id
    assert after["chip (v2).bin"].md5_hash == md5(b"new content")
    assert after["gone.bin"].missing_from_fs
    assert (outcome.stats.scanned_firmware, outcome.stats.new_firmware) == (1, 0)
    with shelf.noting_writes() as writes:
        shelf.scan_well()
    assert writes == []
    shelf.scan_well(ScanKind.COMPLETE)
    assert [row.id for row in shelf.rows(select(FIRMWARE.c.id))]


def test_a_file_that_an_upload_has_stored_meanwhile_is_stored_once(every_shelf: Shelf) -> None:
    shelf = every_shelf
    shelf.put("roms/snes/Moss/Moss.sfc")
    shelf.scan_well()
    rom = shelf.roms()["Moss"].id
    found = [
        RomFile(name, "roms/snes/Moss/manual", 1, 1, False, "manual") for name in ("a.pdf", "b.pdf")
    ]
    for new in (found[:1], found):
        with shelf.database.write() as session:
            write_files(session, [(rom, FileChanges(new=new))])
    paths = sorted(file.file_name for file in shelf.rows(select(ROM_FILES)))
    assert paths == ["Moss.sfc", "a.pdf", "b.pdf"]
