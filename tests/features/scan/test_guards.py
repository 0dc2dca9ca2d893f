"""A library that cannot be read loses nothing in the database."""

import shutil
from pathlib import Path

import pytest

from romm_lite.features.scan.kinds import ScanKind, ScanRequest, Status
from romm_lite.kernel.errors import Invalid
from tests.features.scan.conftest import Shelf


def make_absent(library: Path) -> None:
    shutil.rmtree(library)


def make_empty(library: Path) -> None:
    shutil.rmtree(library)
    library.mkdir()


def make_a_file(library: Path) -> None:
    shutil.rmtree(library)
    library.write_text("not a folder")


def make_a_dead_link(library: Path) -> None:
    shutil.rmtree(library)
    library.symlink_to("/nowhere/at/all")


def make_without_platforms(library: Path) -> None:
    shutil.rmtree(library / "roms")
    (library / "roms").mkdir()


def make_roms_a_dead_link(library: Path) -> None:
    shutil.rmtree(library / "roms")
    (library / "roms").symlink_to("/nowhere/at/all")


@pytest.mark.parametrize(
    "spoil",
    [
        make_absent,
        make_empty,
        make_a_file,
        make_a_dead_link,
        make_without_platforms,
        make_roms_a_dead_link,
    ],
)
def test_a_library_that_looks_unmounted_marks_nothing(shelf: Shelf, spoil: object) -> None:
    shelf.put("roms/snes/Moss.sfc")
    shelf.put("roms/nes/Fern.nes")
    shelf.scan_well()
    before = shelf.everything()
    assert callable(spoil)
    spoil(shelf.root)
    for kind in (ScanKind.QUICK, ScanKind.COMPLETE):
        outcome = shelf.scan(kind)
        assert outcome.status == Status.FAILED
        assert outcome.message is not None
        assert "Nothing was marked missing" in outcome.message
        assert shelf.everything() == before


def test_a_new_library_may_be_empty(shelf: Shelf) -> None:
    outcome = shelf.scan_well()
    assert outcome.stats.total_platforms == 0
    assert list(shelf.root.iterdir()) == []


def test_the_guard_holds_on_every_database(every_shelf: Shelf) -> None:
    shelf = every_shelf
    shelf.put("roms/snes/Moss.sfc")
    shelf.scan_well()
    make_empty(shelf.root)
    assert shelf.scan().status == Status.FAILED
    assert not shelf.missing()


@pytest.mark.parametrize("target", ["file", "dead link"])
def test_a_platform_folder_that_cannot_be_read_marks_nothing(shelf: Shelf, target: str) -> None:
    shelf.put("roms/snes/Moss.sfc")
    shelf.put("roms/nes/Fern.nes")
    shelf.scan_well()
    before = shelf.everything()
    shutil.rmtree(shelf.root / "roms/nes")
    if target == "file":
        shelf.put("roms/nes", "a file")
    else:
        (shelf.root / "roms/nes").symlink_to("/nowhere/at/all")
    outcome = shelf.scan()
    assert outcome.status == Status.DONE
    assert outcome.problems == [
        "The folder of platform nes cannot be read; nothing of it was marked missing."
    ]
    assert shelf.everything() == before


def test_in_structure_b_too(shelf: Shelf) -> None:
    shelf.put("snes/roms/Moss.sfc")
    shelf.put("nes/roms/Fern.nes")
    shelf.scan_well()
    before = shelf.everything()
    shutil.rmtree(shelf.root / "nes/roms")
    shelf.put("nes/roms", "a file")
    outcome = shelf.scan()
    (problem,) = outcome.problems
    assert "nothing of platform nes was marked missing" in problem
    assert shelf.everything() == before


def test_a_platform_the_user_left_out_is_missing(shelf: Shelf) -> None:
    shelf.put("roms/snes/Moss.sfc")
    shelf.put("roms/nes/Fern.nes")
    shelf.scan_well()
    shelf.configure("exclude:\n  platforms: [nes]\n")
    shelf.scan_well()
    assert shelf.missing() == {"Fern.nes"}


def test_an_unknown_platform_is_refused(shelf: Shelf) -> None:
    shelf.put("roms/snes/Moss.sfc")
    outcome = shelf.scan(platforms=("snes", "nse"))
    assert outcome.status == Status.FAILED
    assert outcome.message == "No platform folder in the library is called nse"
    assert not shelf.roms()


def test_files_are_named_by_a_scan_of_files_alone() -> None:
    with pytest.raises(Invalid, match="Invalid scan type: files"):
        ScanRequest(ScanKind.FILES)
    with pytest.raises(Invalid, match="Invalid scan type: hashes"):
        ScanRequest(ScanKind.HASHES, files={"snes": ["Moss.sfc"]})
