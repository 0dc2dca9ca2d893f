"""Watching the library: what changes there is scanned by itself, and just that."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from romm_lite.app import open_application
from romm_lite.disk import mounts
from romm_lite.features.scan import changes, eyes, service, watching
from romm_lite.features.scan.follow_up import FollowUps
from romm_lite.features.scan.kinds import ScanKind
from romm_lite.features.scan.watching import Watching
from tests.features.scan.conftest import Shelf, wait_for


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Little is waited for."""
    monkeypatch.setattr(watching, "SHORTEST_SECONDS", 0.3)
    monkeypatch.setattr(watching, "TICK_SECONDS", 0.05)
    monkeypatch.setattr(watching, "RENEW_SECONDS", 0.1)
    monkeypatch.setattr(watching, "LOOK_SECONDS", 0.2)


@contextmanager
def watched(shelf: Shelf) -> Iterator[Watching]:
    """The library is watched, and what waits is run."""
    at_once = shelf.settings.model_copy(update={"rescan_on_filesystem_change_delay": 0})
    shelf.settings = at_once
    with FollowUps(at_once, shelf.database), Watching(at_once, shelf.database) as watch:
        wait_for(lambda: watch.is_watching)
        yield watch


def kinds(shelf: Shelf) -> list[str]:
    """The kinds of the scans there were, without those of names that went well."""
    return [run.kind for run in service.find(shelf.database)]


@pytest.fixture
def library(shelf: Shelf) -> Shelf:
    for name in ("Moss", "Fern", "Reed"):
        shelf.put(f"roms/snes/{name}.sfc", name)
    shelf.put("roms/psx/Discs/one.bin", "one")
    shelf.scan_well()
    return shelf


def test_the_server_watches_where_that_is_switched_on(shelf: Shelf) -> None:
    shelf.put("roms/snes/Fern.sfc")
    settings = shelf.settings.model_copy(
        update={"enable_rescan_on_filesystem_change": True, "rescan_on_filesystem_change_delay": 0}
    )
    with open_application(settings):
        number = 0

        def add() -> bool:
            nonlocal number
            number += 1
            shelf.put(f"roms/snes/{number}.sfc", str(number))
            return bool(shelf.roms())

        wait_for(add)
    assert "Fern.sfc" not in shelf.roms()


def test_a_new_a_changed_and_a_deleted_file_are_scanned_alone(library: Shelf) -> None:
    shelf = library
    with watched(shelf):
        shelf.put("roms/snes/New.sfc", "new")
        shelf.put("roms/snes/Fern.sfc", "something else")
        (shelf.root / "roms/snes/Reed.sfc").unlink()
        wait_for(lambda: "New.sfc" in shelf.roms() and shelf.missing() == {"Reed.sfc"})
        wait_for(lambda: shelf.roms()["Fern.sfc"].fs_size_bytes == len("something else"))
        wait_for(lambda: kinds(shelf) == [ScanKind.QUICK])


def test_a_renamed_file_keeps_its_id(library: Shelf) -> None:
    moss = library.root / "roms/snes/Moss.sfc"
    known = library.roms()["Moss.sfc"].id
    with watched(library):
        moss.rename(moss.with_name("Moss (USA).sfc"))
        wait_for(lambda: "Moss (USA).sfc" in library.roms())
    assert library.roms()["Moss (USA).sfc"].id == known
    assert library.missing() == set()


def test_a_file_in_a_game_s_folder_belongs_to_the_game(library: Shelf) -> None:
    with watched(library):
        library.put("roms/psx/Discs/extra/two.bin", "two")
        wait_for(lambda: "roms/psx/Discs/extra/two.bin" in library.files())
    assert set(library.roms()) == {"Moss.sfc", "Fern.sfc", "Reed.sfc", "Discs"}


@pytest.mark.slow
def test_a_moved_folder_is_watched_where_it_went(library: Shelf) -> None:
    folder = library.root / "roms/psx/Discs"
    with watched(library):
        folder.rename(folder.with_name("Disc set"))
        wait_for(lambda: "Disc set" in library.roms())
        library.put("roms/psx/Disc set/two.bin", "two")
        wait_for(lambda: "roms/psx/Disc set/two.bin" in library.files())
    assert len(library.roms()) == 4


@pytest.mark.slow
def test_a_new_platform_and_firmware_are_found(library: Shelf) -> None:
    with watched(library):
        library.put("roms/nes/Pond.nes", "pond")
        wait_for(lambda: "Pond.nes" in library.roms())
        library.put("bios/snes/chip.bin", "chip")
        wait_for(
            lambda: any((r.stats or {}).get("new_firmware") for r in service.find(library.database))
        )


@pytest.mark.slow
def test_a_deleted_platform_is_missing(library: Shelf) -> None:
    with watched(library):
        shutil.rmtree(library.root / "roms/psx")
        wait_for(lambda: bool(library.platforms()["psx"].missing_from_fs))
        wait_for(lambda: library.missing() == {"Discs"})


@pytest.mark.slow
def test_structure_b_and_mapped_folders_are_watched(shelf: Shelf, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "Lake.gb").write_text("lake")
    shelf.put("snes/roms/Moss.sfc")
    with watched(shelf):
        shelf.put("snes/roms/Fern.sfc")
        wait_for(lambda: "Fern.sfc" in shelf.roms())
        shelf.configure(f"library:\n  - path: {elsewhere}\n    platform: gb\n")
        wait_for(lambda: "Lake.gb" in shelf.roms())
        (elsewhere / "Pond.gb").write_text("pond")
        wait_for(lambda: "Pond.gb" in shelf.roms())


def test_what_is_left_out_asks_for_nothing(library: Shelf) -> None:
    with watched(library):
        library.put("roms/snes/.romm_tmp_upload_1.tmp")
        library.put("roms/snes/notes.log")
        library.put("roms/snes/Last.sfc")
        wait_for(lambda: "Last.sfc" in library.roms())
        wait_for(lambda: kinds(library) == [ScanKind.QUICK])


def test_of_many_files_only_the_platform_is_scanned(
    library: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(changes, "BATCH", 20)
    with watched(library):
        for number in range(100):
            library.put(f"roms/snes/{number}.sfc", str(number))
        wait_for(lambda: len(library.roms()) == 104)
        wait_for(lambda: service.find(library.database)[0].status == "done")
    scopes = [run.scope for run in service.find(library.database)]
    assert {"platforms": ["snes"]} in scopes


def test_lost_events_make_a_scan_of_everything(library: Shelf) -> None:
    with watched(library) as watch:
        (watched_root,) = watch._eyes
        watched_root.on_queue_overflow()  # type: ignore[attr-defined]
        wait_for(lambda: kinds(library) == [ScanKind.QUICK] * 2)
        wait_for(lambda: watch._eyes != [watched_root] and bool(watch._eyes))
        library.put("roms/snes/New.sfc", "new")
        wait_for(lambda: "New.sfc" in library.roms())


@pytest.mark.parametrize("why", ["share", "limit"])
def test_without_events_it_is_looked(
    library: Shelf, monkeypatch: pytest.MonkeyPatch, why: str
) -> None:
    if why == "share":
        _, kind = max(
            (len(line.split(" ")[1]), line.split(" ")[2])
            for line in Path("/proc/self/mounts").read_text().splitlines()
            if library.root.is_relative_to(line.split(" ")[1])
        )
        monkeypatch.setattr(mounts, "SILENT", (kind,))
    else:

        def refuse(*_: object) -> None:
            raise eyes.NoEvents("there are no watches left")

        monkeypatch.setattr(watching, "watch", refuse)
    with watched(library) as watch:
        assert watch._eyes == []
        library.put("roms/snes/New.sfc", "new")
        (library.root / "roms/snes/Reed.sfc").unlink()
        wait_for(lambda: "New.sfc" in library.roms() and library.missing() == {"Reed.sfc"})


def test_a_library_that_is_unplugged_is_watched_when_it_is_back(library: Shelf) -> None:
    away = library.root.with_name("away")
    with watched(library) as watch:
        library.root.rename(away)
        wait_for(lambda: watch._eyes == [])
        assert library.missing() == set()
        (away / "roms/snes/While away.sfc").write_text("while away")
        away.rename(library.root)
        wait_for(lambda: "While away.sfc" in library.roms())
        library.put("roms/snes/Later.sfc", "later")
        wait_for(lambda: "Later.sfc" in library.roms())
    assert library.missing() == set()


def test_the_file_system_of_a_folder_is_known() -> None:
    lines = [
        "/dev/sda / ext4 rw 0 0",
        "nas:/games /mnt/my\\040nas nfs4 rw 0 0",
        "rclone /mnt/my\\040nas/cloud fuse.rclone rw 0 0",
    ]
    found = [mounts.find_kind(Path(path), lines) for path in ("/roms", "/mnt/my nas/roms")]
    assert found == ["ext4", "nfs4"]
    assert mounts.find_kind(Path("/mnt/my nas/cloud/roms"), lines) == "fuse.rclone"
