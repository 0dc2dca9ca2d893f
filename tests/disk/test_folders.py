from dataclasses import replace
from pathlib import Path

import pytest

from romm_lite.disk.config import LibraryConfig, LibraryFolder, load
from romm_lite.disk.layout import Layout
from romm_lite.kernel.errors import LibraryUnavailable, UnsafePath


@pytest.fixture
def library(tmp_path: Path) -> Path:
    write(tmp_path / "library" / "roms" / "nes" / "a.nes")
    return tmp_path / "library"


def write(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x")
    return path


def layout_of(library: Path, *folders: LibraryFolder) -> Layout:
    return Layout(library, replace(LibraryConfig(), library=folders))


def mapped(path: Path | str, platform: str) -> LibraryFolder:
    return LibraryFolder(str(path), platform, "flat")


def names(layout: Layout, fs_slug: str) -> list[str]:
    return [entry.name for entry in layout.list_roms(fs_slug).entries]


def test_a_mapped_folder_is_a_platform(library: Path, tmp_path: Path) -> None:
    game = write(tmp_path / "games" / "Super Nintendo" / "b.sfc")
    layout = layout_of(library, mapped(game.parent, "snes"))
    assert layout.platform_folders() == ["nes", "snes"]
    assert names(layout, "snes") == ["b.sfc"]
    assert layout.roms_path("snes") == "roms/snes"
    assert layout.absolute("roms/snes/b.sfc") == game


def test_a_relative_path_starts_at_the_library(library: Path, tmp_path: Path) -> None:
    write(tmp_path / "more" / "b.sfc")
    assert names(layout_of(library, mapped("../more", "snes")), "snes") == ["b.sfc"]


def test_a_platform_may_lie_in_several_folders(library: Path, tmp_path: Path) -> None:
    here = library / "roms" / "nes" / "a.nes"
    there = write(tmp_path / "one" / "b.nes")
    disc = write(tmp_path / "two" / "c" / "disc 1.cue")
    layout = layout_of(library, mapped(tmp_path / "one", "nes"), mapped(tmp_path / "two", "nes"))
    assert names(layout, "nes") == ["a.nes", "b.nes", "c"]
    assert layout.absolute("roms/nes/a.nes") == here
    assert layout.absolute("roms/nes/b.nes") == there
    assert layout.absolute("roms/nes/c/disc 1.cue") == disc
    files = layout.walk_files("nes", layout.list_roms("nes").entries[2]).files
    assert [file.full_path for file in files] == ["roms/nes/c/disc 1.cue"]


def test_of_two_with_one_name_the_first_counts_and_the_other_is_told(
    library: Path, tmp_path: Path
) -> None:
    write(tmp_path / "one" / "a.nes")
    layout = layout_of(library, mapped(tmp_path / "one", "nes"))
    assert layout.list_roms("nes").shadowed_names == ("a.nes",)
    assert layout.absolute("roms/nes/a.nes").is_relative_to(library)


@pytest.mark.parametrize(
    ("kind", "inside"), [("a", "roms/gba"), ("b", "gba/roms"), ("auto", "gba/roms")]
)
def test_a_further_library_adds_its_platforms(
    library: Path, tmp_path: Path, kind: str, inside: str
) -> None:
    game = write(tmp_path / "nas" / inside / "c.gba")
    layout = layout_of(library, LibraryFolder(str(tmp_path / "nas"), None, kind))
    assert layout.platform_folders() == ["gba", "nes"]
    assert names(layout, "gba") == ["c.gba"]
    assert layout.absolute("roms/gba/c.gba") == game


def test_a_structure_b_library_finds_what_is_elsewhere(tmp_path: Path) -> None:
    here = write(tmp_path / "library" / "nes" / "roms" / "a.nes")
    there = write(tmp_path / "one" / "b.nes")
    layout = layout_of(tmp_path / "library", mapped(there.parent, "nes"))
    assert layout.absolute("nes/roms/a.nes") == here
    assert layout.absolute("nes/roms/b.nes") == there
    assert layout.absolute("nes/bios/x.bin") == tmp_path / "library" / "nes" / "bios" / "x.bin"


def test_an_excluded_platform_of_a_further_library_stays_out(library: Path, tmp_path: Path) -> None:
    write(tmp_path / "nas" / "roms" / "gba" / "c.gba")
    write(tmp_path / "nas" / "roms" / "romm" / "d")
    folders = (LibraryFolder(str(tmp_path / "nas"), None, "a"),)
    config = replace(LibraryConfig(), library=folders, excluded_platforms=("romm",))
    assert Layout(library, config).platform_folders() == ["gba", "nes"]


@pytest.mark.parametrize("is_there", [True, False])
def test_a_drive_that_is_not_mounted_is_no_empty_platform(
    library: Path, tmp_path: Path, is_there: bool
) -> None:
    if is_there:
        (tmp_path / "drive").mkdir()
    layout = layout_of(library, mapped(tmp_path / "drive", "snes"))
    assert layout.platform_folders() == ["nes", "snes"]
    with pytest.raises(LibraryUnavailable):
        layout.list_roms("snes")


@pytest.mark.parametrize("is_there", [True, False])
@pytest.mark.parametrize("kind", ["a", "b", "auto"])
def test_a_further_library_that_is_not_mounted_is_no_empty_one(
    library: Path, tmp_path: Path, kind: str, is_there: bool
) -> None:
    if is_there:
        (tmp_path / "drive").mkdir()
    layout = layout_of(library, LibraryFolder(str(tmp_path / "drive"), None, kind))
    with pytest.raises(LibraryUnavailable):
        layout.platform_folders()


@pytest.mark.parametrize("path", ["roms/nes/../../../x", "roms/../x", "roms/nes/..", "/etc/x"])
def test_no_path_leads_out(library: Path, tmp_path: Path, path: str) -> None:
    write(tmp_path / "one" / "b.nes")
    with pytest.raises(UnsafePath):
        layout_of(library, mapped(tmp_path / "one", "nes")).absolute(path)


def test_a_new_platform_folder_is_made_in_the_library(library: Path, tmp_path: Path) -> None:
    write(tmp_path / "nas" / "roms" / "gba" / "c.gba")
    layout = layout_of(library, LibraryFolder(str(tmp_path / "nas"), None, "a"))
    assert layout.create_platform("snes")
    assert (library / "roms" / "snes").is_dir()
    assert not layout.create_platform("gba")


@pytest.mark.parametrize(
    "text",
    [
        "library: /mnt/nas",
        "library: [/mnt/nas]",
        "library: [{platform: snes}]",
        "library: [{path: x, platform: a/b}]",
        "library: [{path: x, platform: snes, layout: a}]",
        "library: [{path: x, layout: flat}]",
        "library: [{path: x, layout: c}]",
        "library: [",
    ],
)
def test_a_mapping_that_makes_no_sense_is_told_and_known_to_be_missing(
    tmp_path: Path, text: str
) -> None:
    path = tmp_path / "config.yml"
    path.write_text(text)
    config, problem = load(path)
    assert problem
    assert config.library == ()
    assert config.library_unknown
