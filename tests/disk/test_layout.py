import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from romm_lite.disk.config import LibraryConfig
from romm_lite.disk.exclusions import DEFAULT_DIRS, DEFAULT_EXTENSIONS, DEFAULT_FILES
from romm_lite.disk.layout import Entry, Layout, Listing, categorize
from romm_lite.disk.structure import Structure
from romm_lite.kernel.errors import LibraryUnavailable, UnsafePath

Put = Callable[..., Path]
NOT_TEXT = b"M\xf6ss.rom".decode("utf-8", "surrogateescape")


@pytest.fixture
def library(tmp_path: Path) -> Path:
    (tmp_path / "library").mkdir()
    return tmp_path / "library"


@pytest.fixture
def put(library: Path) -> Put:
    def put(path: str, data: bytes = b"x") -> Path:
        target = library / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
        return target

    return put


def layout_of(library: Path, **changes: object) -> Layout:
    return Layout(library, replace(LibraryConfig(), **changes))  # type: ignore[arg-type]


def names_of(entries: list[Entry]) -> list[str]:
    return [entry.name for entry in entries]


def test_structure_a_wins_even_beside_b(library: Path, put: Put) -> None:
    put("roms/nes/a.nes")
    put("snes/roms/b.sfc")
    layout = layout_of(library)
    assert layout.structure is Structure.A
    assert layout.platform_folders() == ["nes"]
    assert layout.roms_path("nes") == "roms/nes"
    assert layout.firmware_path("nes") == "bios/nes"


def test_structure_b_lists_folders_that_hold_a_rom_folder(library: Path, put: Put) -> None:
    put("snes/roms/b.sfc")
    put("nes/roms/a.nes")
    put("bios/notes.txt")
    put("loose.txt")
    layout = layout_of(library)
    assert layout.structure is Structure.B
    assert layout.platform_folders() == ["nes", "snes"]
    assert layout.roms_path("nes") == "nes/roms"
    assert layout.firmware_path("nes") == "nes/bios"
    assert names_of(layout.list_roms("nes").entries) == ["a.nes"]


def test_a_dot_folder_makes_no_structure_b(library: Path, put: Put) -> None:
    put(".hidden/roms/b.sfc")
    assert layout_of(library).structure is Structure.NONE


def test_folder_names_come_from_the_config_and_are_no_patterns(library: Path, put: Put) -> None:
    put("[g]/nes/a.nes")
    put("fw/nes/bios.bin")
    layout = layout_of(library, roms_folder="[g]", firmware_folder="fw")
    assert layout.platform_folders() == ["nes"]
    assert names_of(layout.list_firmware("nes").entries) == ["bios.bin"]


def test_an_empty_library_has_no_platforms_and_stays_empty(library: Path) -> None:
    layout = layout_of(library)
    assert layout.structure is Structure.NONE
    assert layout.platform_folders() == []
    assert layout.roms_path("nes") == "roms/nes"
    assert list(library.iterdir()) == []


def test_an_absent_library_is_unavailable_and_not_made(tmp_path: Path) -> None:
    layout = layout_of(tmp_path / "gone")
    with pytest.raises(LibraryUnavailable, match="gone"):
        layout.platform_folders()
    with pytest.raises(LibraryUnavailable):
        layout.list_roms("nes")
    with pytest.raises(LibraryUnavailable):
        layout.list_firmware("nes")
    with pytest.raises(LibraryUnavailable):
        layout.create_platform("nes")
    assert not (tmp_path / "gone").exists()


def test_platforms_are_told_apart_by_case_and_excluded_by_pattern(library: Path, put: Put) -> None:
    for slug in ("nes", "NES", "old-1", "Old-2", "assets", "Assets", "@eaDir"):
        put(f"roms/{slug}/a.rom")
    config = {"excluded_platforms": (*DEFAULT_DIRS, "old-*")}
    assert layout_of(library, **config).platform_folders() == ["Assets", "NES", "Old-2", "nes"]


def test_linked_platforms_and_roms_count(library: Path, put: Put, tmp_path: Path) -> None:
    put("roms/nes/a.nes")
    elsewhere = tmp_path / "elsewhere"
    (elsewhere / "Game").mkdir(parents=True)
    (elsewhere / "Game" / "disc.iso").write_bytes(b"12")
    (library / "roms" / "psx").symlink_to(elsewhere)
    (library / "roms" / "nes" / "Linked").symlink_to(elsewhere / "Game")
    (library / "roms" / "nes" / "link.nes").symlink_to(elsewhere / "Game" / "disc.iso")
    layout = layout_of(library)
    assert layout.platform_folders() == ["nes", "psx"]
    linked, flat, target = layout.list_roms("nes").entries
    assert (linked.name, linked.is_dir) == ("Linked", True)
    assert (flat.name, flat.is_dir) == ("a.nes", False)
    assert (target.name, target.size) == ("link.nes", 2)
    assert [file.full_path for file in layout.walk_files("nes", linked).files] == [
        "roms/nes/Linked/disc.iso"
    ]


def test_roms_are_files_and_folders_with_size_and_time_sorted(library: Path, put: Put) -> None:
    put("roms/nes/b.nes", b"123")
    put("roms/nes/.a.nes")
    put("roms/nes/Zelda/disc.iso")
    os.utime(library / "roms/nes/b.nes", ns=(1, 1_700_000_000_123_456_789))
    listing = layout_of(library).list_roms("nes")
    assert names_of(listing.entries) == [".a.nes", "Zelda", "b.nes"]
    assert [entry.is_dir for entry in listing.entries] == [False, True, False]
    assert listing.entries[2] == Entry("b.nes", False, 3, 1_700_000_000_123_456_789)


def test_exclusions_of_roms_follow_their_rule(library: Path, put: Put) -> None:
    for name in ("a.rom", "save.BAK", ".DS_Store", "gamelist.xml", "x.part", "X.PART", "noise"):
        put(f"roms/nes/{name}")
    for name in ("Game", "ASSETS", "skip me", "noise.dir"):
        put(f"roms/nes/{name}/file.rom")
    config = {
        "excluded_single_files": (*DEFAULT_FILES, "*.part", "noise*"),
        "excluded_multi_files": (*DEFAULT_DIRS, " Skip Me "),
    }
    entries = layout_of(library, **config).list_roms("nes").entries
    assert names_of(entries) == ["Game", "X.PART", "a.rom", "noise.dir"]


def test_files_of_a_folder_rom_follow_the_rules_of_parts(library: Path, put: Put) -> None:
    for name in ("a.cue", "b.bin", "._b.bin", "sub/c.BIN", "sub/save.tmp", "sub/deep/d.cue"):
        put(f"roms/psx/Game/{name}")
    config = {
        "excluded_multi_parts_ext": (*DEFAULT_EXTENSIONS, "cue"),
        "excluded_multi_parts_files": (*DEFAULT_FILES, "._*"),
        "excluded_single_ext": ("bin",),
    }
    layout = layout_of(library, **config)
    files = layout.walk_files("psx", layout.list_roms("psx").entries[0]).files
    assert [file.file_name for file in files] == ["b.bin", "c.BIN"]


def test_files_of_a_folder_rom_know_their_place(library: Path, put: Put) -> None:
    put("roms/switch/Moss/moss.nsp", b"1234")
    put("roms/switch/Moss/DLCs/one/extra.nsp")
    put("roms/switch/Moss/update/v2.nsp")
    put("roms/switch/Moss/Z/a.nsp")
    layout = layout_of(library)
    files = layout.walk_files("switch", layout.list_roms("switch").entries[0]).files
    assert [(f.file_path, f.file_name, f.is_top_level, f.category) for f in files] == [
        ("roms/switch/Moss/DLCs/one", "extra.nsp", False, "dlc"),
        ("roms/switch/Moss/Z", "a.nsp", False, None),
        ("roms/switch/Moss", "moss.nsp", True, None),
        ("roms/switch/Moss/update", "v2.nsp", False, "update"),
    ]
    assert files[2].size == 4
    assert files[2].mtime_ns == (library / files[2].full_path).stat().st_mtime_ns


def test_a_flat_rom_is_its_own_file(library: Path, put: Put) -> None:
    put("nes/roms/a.nes", b"123")
    layout = layout_of(library)
    (entry,) = layout.list_roms("nes").entries
    (file,) = layout.walk_files("nes", entry).files
    assert (file.full_path, file.size, file.is_top_level) == ("nes/roms/a.nes", 3, True)


def test_links_to_folders_deeper_down_are_not_followed(library: Path, put: Put) -> None:
    put("roms/psx/Game/disc.iso")
    (library / "roms/psx/Game/loop").symlink_to(library / "roms/psx")
    (library / "roms/psx/Game/linked.iso").symlink_to(library / "roms/psx/Game/disc.iso")
    layout = layout_of(library)
    files = layout.walk_files("psx", layout.list_roms("psx").entries[0]).files
    assert [file.file_name for file in files] == ["disc.iso", "linked.iso"]


def test_what_is_no_file_and_links_to_nowhere_are_passed_over(library: Path, put: Put) -> None:
    put("roms/nes/a.nes")
    os.mkfifo(library / "roms/nes/pipe.nes")
    (library / "roms/nes/broken.nes").symlink_to(library / "nowhere")
    (library / "roms/nes/self.nes").symlink_to(library / "roms/nes/self.nes")
    assert names_of(layout_of(library).list_roms("nes").entries) == ["a.nes"]


@pytest.mark.parametrize(
    "name",
    [
        "a:b.rom",
        "back\\slash.rom",
        'it\'s "q".rom',
        "🎮 モス.rom",
        ".dot",
        "n" * 250,
        "a\nb",
        " s ",
    ],
)
def test_odd_names_are_roms_like_any(library: Path, put: Put, name: str) -> None:
    put(f"roms/nes/{name}")
    put(f"roms/psx/{name}/{name}")
    layout = layout_of(library)
    assert names_of(layout.list_roms("nes").entries) == [name]
    (folder,) = layout.list_roms("psx").entries
    (file,) = layout.walk_files("psx", folder).files
    assert layout.absolute(file.full_path).read_bytes() == b"x"


def test_names_that_are_no_text_are_reported_apart(library: Path, put: Put) -> None:
    put(f"roms/nes/{NOT_TEXT}")
    put("roms/nes/a.nes")
    put(f"roms/nes/Game/{NOT_TEXT}/inside.rom")
    put(f"roms/{NOT_TEXT}/a.nes")
    put(f"bios/nes/{NOT_TEXT}")
    layout = layout_of(library)
    listing = layout.list_roms("nes")
    assert names_of(listing.entries) == ["Game", "a.nes"]
    assert listing.unreadable_names == [NOT_TEXT]
    assert layout.walk_files("nes", listing.entries[0]) == (
        [],
        [f"roms/nes/Game/{NOT_TEXT}"],
    )
    assert layout.platform_folders() == ["nes"]
    assert layout.list_firmware("nes") == Listing([], [NOT_TEXT])


def test_firmware_is_files_only_by_the_rules_of_single_files(library: Path, put: Put) -> None:
    put("roms/psx/a.iso")
    put("bios/psx/scph1001.bin")
    put("bios/psx/readme.log")
    put("bios/psx/folder/file.bin")
    layout = layout_of(library)
    assert names_of(layout.list_firmware("psx").entries) == ["scph1001.bin"]
    assert layout.list_firmware("nes") == Listing([], [])


def test_a_platform_folder_that_is_gone_or_none_is_unavailable(library: Path, put: Put) -> None:
    put("roms/nes")
    layout = layout_of(library)
    with pytest.raises(LibraryUnavailable, match="snes"):
        layout.list_roms("snes")
    with pytest.raises(LibraryUnavailable):
        layout.list_roms("nes")
    with pytest.raises(LibraryUnavailable):
        layout.walk_files("nes", Entry("Gone", True, 0, 0))


@pytest.mark.usefixtures("needs_rights")
@pytest.mark.parametrize("mode", [0o000, 0o400])
def test_a_folder_without_rights_is_unavailable_not_empty(
    library: Path, put: Put, mode: int
) -> None:
    put("roms/nes/a.nes")
    put("roms/psx/Game/sub/disc.iso")
    layout = layout_of(library)
    (game,) = layout.list_roms("psx").entries
    folders = [library / "roms/nes", library / "roms/psx/Game/sub"]
    try:
        for folder in folders:
            folder.chmod(mode)
        with pytest.raises(LibraryUnavailable):
            layout.list_roms("nes")
        with pytest.raises(LibraryUnavailable):
            layout.walk_files("psx", game)
    finally:
        for folder in folders:
            folder.chmod(0o700)


@pytest.mark.usefixtures("needs_rights")
def test_a_platform_without_rights_is_skipped_in_structure_b(library: Path, put: Put) -> None:
    put("nes/roms/a.nes")
    put("psx/roms/a.iso")
    (library / "psx").chmod(0)
    try:
        assert layout_of(library).platform_folders() == ["nes"]
    finally:
        (library / "psx").chmod(0o700)


def test_a_platform_is_made_where_the_structure_has_it(library: Path, put: Put) -> None:
    assert layout_of(library).create_platform("nes")
    assert (library / "roms/nes").is_dir()
    assert not layout_of(library).create_platform("nes")
    put("roms/taken")
    assert not layout_of(library).create_platform("taken")
    assert layout_of(library).platform_folders() == ["nes"]


def test_a_platform_is_made_in_structure_b(library: Path, put: Put) -> None:
    put("nes/roms/a.nes")
    assert layout_of(library).create_platform("psx")
    assert (library / "psx/roms").is_dir()
    assert layout_of(library).platform_folders() == ["nes", "psx"]


@pytest.mark.parametrize("slug", ["../nes", "a/b", "", "..", "con", "nes ", "a:b"])
def test_a_platform_with_a_bad_name_is_refused(library: Path, slug: str) -> None:
    with pytest.raises(UnsafePath):
        layout_of(library).create_platform(slug)
    assert list(library.iterdir()) == []


@pytest.mark.parametrize("slug", ["../..", ".."])
def test_no_slug_leads_out_of_the_library(library: Path, put: Put, slug: str) -> None:
    put("roms/nes/a.nes")
    with pytest.raises(UnsafePath):
        layout_of(library).list_roms(slug)
    put("bios/nes/a.bin")
    with pytest.raises(UnsafePath):
        layout_of(library).list_firmware(slug)


@pytest.mark.parametrize(
    ("path", "category"),
    [
        ("roms/switch/Moss/DLC", "dlc"),
        ("roms/switch/Moss/patchs", "patch"),
        ("roms/switch/Moss/update/dlc", "dlc"),
        ("roms/switch/games/mod", "game"),
        ("roms/switch/Game of dlc", None),
        ("demo/roms", "demo"),
    ],
)
def test_the_first_category_named_in_the_path_counts(path: str, category: str | None) -> None:
    assert categorize(path) == category


@pytest.mark.parametrize(
    ("path", "category"),
    [
        ("games/snes/Demo/manual", "manual"),
        ("games/snes/Demo/update/dlc", "dlc"),
        ("games/snes/Demo/more", "game"),
        ("games/snes/Demo", "game"),
    ],
)
def test_folders_of_a_game_count_before_those_above(path: str, category: str) -> None:
    assert categorize(path, "games/snes/Demo") == category
