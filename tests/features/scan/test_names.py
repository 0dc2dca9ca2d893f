"""What a first scan stores, and what a name says."""

import os

from sqlalchemy import select

from romm_lite.db import versions
from romm_lite.features.library import service as library
from romm_lite.features.scan.kinds import ScanKind
from romm_lite.kernel.events import Bus, LibraryChanged
from romm_lite.tables.firmware import FIRMWARE
from tests.features.scan.conftest import Shelf, md5, stop_in


def test_structure_a_is_stored_with_names_tags_and_hashes(every_shelf: Shelf) -> None:
    shelf = every_shelf
    shelf.put("roms/snes/The Pokémon 2 (USA, Europe) (En,Fr) (Rev 1) [!].sfc", "a" * 10)
    shelf.put("bios/snes/chip.bin", "bios")
    outcome = shelf.scan_well()
    (rom,) = shelf.roms().values()
    assert (rom.name, rom.fs_name_no_tags) == ("The Pokémon 2", "The Pokémon 2")
    assert rom.fs_name_no_ext == "The Pokémon 2 (USA, Europe) (En,Fr) (Rev 1) [!]"
    assert (rom.fs_extension, rom.fs_path, rom.fs_size_bytes) == ("sfc", "roms/snes", 10)
    assert (rom.regions, rom.languages, rom.revision, rom.tags) == (
        ["USA", "Europe"],
        ["English", "French"],
        "1",
        ["!"],
    )
    assert rom.name_sort_key == "pokémon 000000000002"
    assert rom.search_text.startswith("the pokemon 2\nthe pokemon 2 (usa")
    assert (rom.top_level_files, rom.nested_files) == (1, 0)
    assert (rom.crc_hash, rom.md5_hash) == ("4c11cdf0", md5(b"a" * 10))
    (file,) = shelf.files().values()
    assert file.hashed
    assert (file.crc_hash, file.sha1_hash) == (rom.crc_hash, rom.sha1_hash)
    assert shelf.facets(rom.fs_name) == {
        ("region", "USA"),
        ("region", "Europe"),
        ("language", "English"),
        ("language", "French"),
        ("tag", "!"),
    }
    platform = shelf.platforms()["snes"]
    assert (platform.slug, platform.igdb_id) == ("snes", 19)
    (firmware,) = shelf.rows(select(FIRMWARE))
    assert (firmware.file_name, firmware.file_path, firmware.platform_id) == (
        "chip.bin",
        "bios/snes",
        platform.id,
    )
    stats = outcome.stats
    assert (stats.total_platforms, stats.new_platforms, stats.identified_platforms) == (1, 1, 1)
    assert (stats.total_roms, stats.scanned_roms, stats.new_roms) == (1, 1, 1)
    assert (stats.scanned_firmware, stats.new_firmware) == (1, 1)


def test_structure_b_is_found(shelf: Shelf) -> None:
    shelf.put("snes/roms/Moss.sfc")
    shelf.put("snes/bios/chip.bin")
    shelf.put("photos/cat.jpg")
    shelf.scan_well()
    assert shelf.roms()["Moss.sfc"].fs_path == "snes/roms"
    assert list(shelf.platforms()) == ["snes"]
    assert shelf.rows(select(FIRMWARE.c.file_path)) == [("snes/bios",)]


def test_a_folder_is_one_rom_with_all_its_files(every_shelf: Shelf) -> None:
    shelf = every_shelf
    shelf.put("roms/ps2/Game v1.5/disc 1.iso", "one")
    shelf.put("roms/ps2/Game v1.5/disc 2.iso", "two")
    shelf.put("roms/ps2/Game v1.5/dlc/more.bin", "more")
    shelf.put("roms/ps2/Game v1.5/soundtracks/song.mp3", "song")
    shelf.scan_well()
    rom = shelf.roms()["Game v1.5"]
    assert (rom.name, rom.fs_extension, rom.fs_size_bytes) == ("Game v1.5", "5", 14)
    assert (rom.top_level_files, rom.nested_files, rom.has_soundtrack) == (2, 4, True)
    files = shelf.files()
    assert {path: file.category for path, file in files.items()} == {
        "roms/ps2/Game v1.5/disc 1.iso": None,
        "roms/ps2/Game v1.5/disc 2.iso": None,
        "roms/ps2/Game v1.5/dlc/more.bin": "dlc",
        "roms/ps2/Game v1.5/soundtracks/song.mp3": "soundtrack",
    }
    assert {file.rom_id for file in files.values()} == {rom.id}
    assert all(file.hashed and file.crc_hash for file in files.values())
    assert rom.md5_hash == md5(b"onetwo")


def test_a_second_scan_writes_nothing(every_shelf: Shelf) -> None:
    shelf = every_shelf
    for number in range(30):
        shelf.put(f"roms/snes/Moss {number} (USA).sfc", str(number))
    shelf.put("roms/ps2/Folder/a.bin")
    shelf.put("roms/switch/never read.nsp")
    shelf.put("bios/snes/chip.bin")
    shelf.scan_well()
    with shelf.database.read() as session:
        before = versions.read(session, versions.LIBRARY)
    with shelf.noting_writes() as writes:
        outcome = shelf.scan_well()
    assert writes == []
    assert (outcome.stats.scanned_roms, outcome.stats.new_roms) == (32, 0)
    with shelf.database.read() as session:
        assert versions.read(session, versions.LIBRARY) == before


def test_listeners_hear_that_the_library_changed(shelf: Shelf, bus: Bus) -> None:
    heard: list[LibraryChanged] = []
    bus.subscribe(LibraryChanged, heard.append)
    shelf.put("roms/snes/Moss.sfc")
    shelf.scan_well()
    assert heard
    heard.clear()
    shelf.scan_well()
    assert not heard


def test_only_the_platforms_asked_for_are_read(shelf: Shelf) -> None:
    shelf.put("roms/snes/Moss.sfc")
    shelf.put("roms/nes/Fern.nes")
    outcome = shelf.scan(platforms=("nes",))
    assert list(shelf.roms()) == ["Fern.nes"]
    assert outcome.stats.total_platforms == 1


def test_config_decides_what_counts(shelf: Shelf) -> None:
    shelf.configure(
        "exclude:\n  platforms: [old]\n  roms:\n    single_file:\n      extensions: [txt]\n"
        "system:\n  platforms: {Super: snes}\n"
    )
    shelf.put("roms/Super/Moss.sfc")
    shelf.put("roms/Super/notes.txt")
    shelf.put("roms/old/Fern.nes")
    shelf.scan_well()
    assert list(shelf.roms()) == ["Moss.sfc"]
    assert shelf.platforms()["Super"].slug == "snes"


def test_a_platform_follows_its_binding(shelf: Shelf) -> None:
    shelf.put("roms/Super/Moss.sfc")
    shelf.scan_well()
    key = shelf.platforms()["Super"].id
    shelf.configure("system:\n  platforms: {Super: snes}\n")
    shelf.scan_well()
    platform = shelf.platforms()["Super"]
    assert (platform.id, platform.slug, platform.igdb_id) == (key, "snes", 19)


def test_odd_names_are_kept_as_they_are(every_shelf: Shelf) -> None:
    shelf = every_shelf
    names = [
        "A.sfc",
        "a.sfc",
        "á.sfc",
        "(USA).sfc",
        ".hidden.sfc",
        "100% 'quoted' \"twice\" _.sfc",
        "trailing dot.",
        "trailing space ",
        "line\nbreak.sfc",
        "emoji 🎮 (Japan).sfc",
        "x" * 251 + ".sfc",
        "dots." + "a" * 150,
    ]
    for name in names:
        shelf.put(f"roms/snes/{name}", name)
    shelf.scan_well()
    assert sorted(shelf.roms()) == sorted(names)
    assert all(rom.name for rom in shelf.roms().values())
    with shelf.noting_writes() as writes:
        shelf.scan_well()
    assert writes == []


def test_a_name_that_is_no_text_is_told_and_the_rest_is_stored(shelf: Shelf) -> None:
    shelf.put("roms/snes/Moss.sfc")
    (shelf.root / "roms/snes" / os.fsdecode(b"bad \xff.sfc")).write_bytes(b"x")
    outcome = shelf.scan()
    assert list(shelf.roms()) == ["Moss.sfc"]
    assert outcome.problems == [
        "roms/snes/bad \\xff.sfc: the name is not valid UTF-8; rename the file to have it listed."
    ]


def test_an_empty_folder_is_a_rom(shelf: Shelf) -> None:
    (shelf.root / "roms/snes/Empty").mkdir(parents=True)
    shelf.scan_well()
    rom = shelf.roms()["Empty"]
    assert (rom.fs_size_bytes, rom.top_level_files, rom.nested_files) == (0, 0, 0)


def test_names_come_before_hashes(shelf: Shelf) -> None:
    shelf.put_huge("roms/nes/huge.nes")
    shelf.put("roms/snes/Moss.sfc")

    shelf.scan(started=stop_in("hashes"))
    assert set(shelf.roms()) == {"huge.nes", "Moss.sfc"}
    assert not shelf.files()["roms/nes/huge.nes"].hashed


def test_complete_parses_names_again_and_repairs_what_they_say(every_shelf: Shelf) -> None:
    shelf = every_shelf
    shelf.put("roms/snes/Moss (USA) [!].sfc")
    shelf.scan_well()
    before = shelf.everything()
    with shelf.database.write() as session:
        rom = shelf.roms()["Moss (USA) [!].sfc"]
        wrong = library.describe_name("Other (Japan).sfc") | {"fs_name": rom.fs_name}
        library.change_names(session, rom.platform_id, [{"id": rom.id, **wrong}])
    assert shelf.facets(rom.fs_name) == {("region", "Japan")}
    shelf.scan_well()
    assert shelf.facets(rom.fs_name) == {("region", "Japan")}
    shelf.scan_well(ScanKind.COMPLETE)
    assert shelf.everything() == before


def test_more_tags_than_a_statement_could_hold(every_shelf: Shelf) -> None:
    shelf = every_shelf
    for number in range(520):
        tags = " ".join(f"[t{number}-{each}]" for each in range(20))
        shelf.put(f"roms/snes/Moss {number} {tags}.sfc", b"")
    shelf.scan_well()
    assert len(shelf.all_facets()) == 520 * 20


def test_a_folder_of_many_files_comes_and_goes(shelf: Shelf) -> None:
    folder = shelf.root / "roms/ps2/Game"
    folder.mkdir(parents=True)
    for number in range(1200):
        (folder / str(number)).touch()
    shelf.scan_well()
    assert shelf.roms()["Game"].top_level_files == 1200
    for file in folder.iterdir():
        file.unlink()
    shelf.scan_well()
    assert shelf.files() == {}
