"""The trash on the disk: moved by renaming, found again, passed over by scans."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from romm_lite.disk import trash
from romm_lite.disk.config import LibraryConfig, LibraryFolder
from romm_lite.disk.exclusions import TRASH
from romm_lite.disk.layout import Layout
from romm_lite.disk.structure import Structure
from romm_lite.kernel.errors import UnsafePath
from romm_lite.kernel.times import now

Put = Callable[..., Path]
GAME = "roms/snes/Moss.sfc"


@pytest.fixture
def library(tmp_path: Path) -> Path:
    root = tmp_path / "library"
    root.mkdir()
    return root


@pytest.fixture
def put(library: Path) -> Put:
    """Writes a file of the library."""

    def put(path: str, content: bytes = b"content") -> Path:
        file = library / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        return file

    return put


def discard(layout: Layout, relative: str) -> str:
    """Move something into the trash; its path there."""
    place = trash.locate(layout, relative)
    assert place is not None
    name = trash.name_room(now())
    room = trash.make_room(layout, place, name)
    place.rename(room / place.name)
    return f"{name}/{place.name}"


def restore(layout: Layout, relative: str, trash_path: str) -> Path:
    spot = trash.find(layout, relative, trash_path)
    assert spot is not None
    trash.take_back(spot)
    return spot.place


def empty(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.mkdir()


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[Path]:
    """A folder on another file system."""
    folder = Path("/dev/shm") / f"romm-lite-test-{os.getpid()}-{tmp_path.name}"
    try:
        folder.mkdir()
    except OSError:
        pytest.skip("there is no second file system to write to")
    if folder.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("there is no second file system")
    yield folder
    shutil.rmtree(folder)


def test_what_is_deleted_lies_at_the_root_and_comes_back(library: Path, put: Put) -> None:
    file = put(GAME)
    number = file.stat().st_ino
    layout = Layout(library, LibraryConfig())
    path = discard(layout, GAME)
    assert not file.exists()
    assert (library / TRASH / path).stat().st_ino == number
    assert restore(layout, GAME, path) == file
    assert file.stat().st_ino == number
    assert list((library / TRASH).iterdir()) == []


def test_a_folder_goes_and_comes_as_a_whole(library: Path, put: Put) -> None:
    put("roms/snes/Game/a.bin")
    put("roms/snes/Game/dlc/b.bin")
    layout = Layout(library, LibraryConfig())
    path = discard(layout, "roms/snes/Game")
    assert (library / TRASH / path / "dlc/b.bin").is_file()
    restore(layout, "roms/snes/Game", path)
    assert (library / "roms/snes/Game/dlc/b.bin").is_file()


def test_a_place_that_is_taken_is_left_alone(library: Path, put: Put) -> None:
    put(GAME, b"old")
    layout = Layout(library, LibraryConfig())
    path = discard(layout, GAME)
    put(GAME, b"new")
    spot = trash.find(layout, GAME, path)
    assert spot is not None
    with pytest.raises(FileExistsError):
        trash.take_back(spot)
    assert (library / GAME).read_bytes() == b"new"
    assert spot.thing.read_bytes() == b"old"


def test_a_folder_that_is_gone_is_made_again(library: Path, put: Put) -> None:
    put(GAME)
    layout = Layout(library, LibraryConfig())
    path = discard(layout, GAME)
    shutil.rmtree(library / "roms")
    assert restore(layout, GAME, path).is_file()


def test_a_link_goes_and_its_target_stays(library: Path, put: Put, tmp_path: Path) -> None:
    put("roms/snes/other.sfc")
    target = tmp_path / "target.sfc"
    target.write_bytes(b"far")
    (library / GAME).symlink_to(target)
    layout = Layout(library, LibraryConfig())
    path = discard(layout, GAME)
    assert target.read_bytes() == b"far"
    trash.erase(layout, GAME, path, "1")
    assert target.read_bytes() == b"far"
    assert not (library / TRASH / path).is_symlink()


@pytest.mark.parametrize("kind", ["file", "folder", "half a folder"])
def test_what_is_erased_is_gone(library: Path, put: Put, kind: str) -> None:
    put(GAME)
    put("roms/snes/Game/a.bin")
    layout = Layout(library, LibraryConfig())
    relative = GAME if kind == "file" else "roms/snes/Game"
    path = discard(layout, relative)
    if kind == "half a folder":  # its killed predecessor left this
        thing = library / TRASH / path
        thing.rename(thing.with_name(".erasing-1"))
    trash.erase(layout, relative, path, "1")
    assert list((library / TRASH).iterdir()) == []
    assert len(list((library / "roms/snes").iterdir())) == 1


def test_another_file_system_has_a_trash_of_its_own(
    library: Path, put: Put, elsewhere: Path
) -> None:
    put("roms/nes/Fern.nes")
    (library / "roms/snes").symlink_to(elsewhere)
    file = put(GAME)
    number = file.stat().st_ino
    further = LibraryFolder(str(elsewhere), "other", "flat")
    layout = Layout(library, LibraryConfig(library=(further,)))
    path = discard(layout, GAME)
    assert (elsewhere / TRASH / path).stat().st_ino == number
    assert not (library / TRASH).exists()
    assert restore(layout, GAME, path).stat().st_ino == number


def test_where_the_root_cannot_hold_it_a_nearer_folder_does(library: Path, put: Put) -> None:
    put(GAME)
    (library / TRASH).write_text("in the way")
    layout = Layout(library, LibraryConfig())
    path = discard(layout, GAME)
    assert (library / "roms" / TRASH / path).is_file()
    assert restore(layout, GAME, path).is_file()


def test_a_trash_that_is_a_link_is_not_used(library: Path, put: Put, tmp_path: Path) -> None:
    put(GAME)
    (tmp_path / "outside").mkdir()
    (library / TRASH).symlink_to(tmp_path / "outside")
    layout = Layout(library, LibraryConfig())
    discard(layout, GAME)
    assert list((tmp_path / "outside").iterdir()) == []


def test_a_mapped_folder_has_its_own_trash(library: Path, put: Put, tmp_path: Path) -> None:
    put("roms/nes/Fern.nes")
    mapped = tmp_path / "mapped"
    mapped.mkdir()
    (mapped / "Moss.sfc").write_bytes(b"moss")
    config = LibraryConfig(library=(LibraryFolder(str(mapped), "snes", "flat"),))
    layout = Layout(library, config)
    path = discard(layout, GAME)
    assert (mapped / TRASH / path).read_bytes() == b"moss"
    assert layout.list_roms("snes").entries == []  # which is not an empty drive
    assert restore(layout, GAME, path) == mapped / "Moss.sfc"


def test_a_further_library_has_its_own_trash(library: Path, put: Put, tmp_path: Path) -> None:
    put("roms/nes/Fern.nes")
    further = tmp_path / "further"
    (further / "snes/roms").mkdir(parents=True)
    (further / "snes/roms/Moss.sfc").write_bytes(b"moss")
    config = LibraryConfig(library=(LibraryFolder(str(further), None, "b"),))
    layout = Layout(library, config)
    path = discard(layout, GAME)
    assert (further / TRASH / path).is_file()
    assert layout.platform_folders() == ["nes", "snes"]
    assert restore(layout, GAME, path) == further / "snes/roms/Moss.sfc"


def test_nothing_is_moved_behind_a_link_that_leads_out(
    library: Path, put: Put, tmp_path: Path
) -> None:
    put("roms/nes/Fern.nes")
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "Moss.sfc").write_bytes(b"moss")
    (library / "roms/snes").symlink_to(outside)
    layout = Layout(library, LibraryConfig())
    place = trash.locate(layout, GAME)
    assert place is not None
    with pytest.raises(UnsafePath) as refused:
        trash.check_inside(layout, GAME, place)
    assert str(tmp_path) not in str(refused.value)
    named = LibraryConfig(library=(LibraryFolder(str(outside), "other", "flat"),))
    trash.check_inside(Layout(library, named), GAME, place)


@pytest.mark.parametrize("folder", ["", "roms", "roms/snes", "roms/snes/Game", "bios/snes"])
def test_no_scan_sees_it(library: Path, put: Put, folder: str) -> None:
    put(GAME)
    put("roms/snes/Game/a.bin")
    put("bios/snes/chip.bin")
    layout = Layout(library, LibraryConfig())

    def look() -> list[object]:
        game = next(each for each in layout.list_roms("snes").entries if each.is_dir)
        return [
            layout.platform_folders(),
            [each.name for each in layout.list_roms("snes").entries],
            layout.walk_files("snes", game),
            layout.list_firmware("snes"),
        ]

    before = look()
    put(f"{folder}/{TRASH}/room/roms/x.sfc")
    put(f"{folder}/{TRASH}-room/roms/x.sfc")
    put(f"{folder}/.romm_tmp_x.sfc")
    assert look() == before


def test_it_makes_no_structure_b(library: Path, put: Put) -> None:
    put(f"{TRASH}/roms/x.sfc")
    assert Layout(library, LibraryConfig()).structure is Structure.NONE


@pytest.mark.parametrize("spoil", [shutil.rmtree, empty])
def test_what_is_on_a_drive_that_is_not_mounted_is_not_gone(
    library: Path, put: Put, spoil: Callable[[Path], object]
) -> None:
    put(GAME)
    layout = Layout(library, LibraryConfig())
    path = discard(layout, GAME)
    assert trash.is_present(layout, GAME, path)
    spoil(library)
    assert trash.find(layout, GAME, path) is None
    assert not trash.is_present(layout, GAME, path)
