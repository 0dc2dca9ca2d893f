"""What the library does by itself: what goes, and above all what stays."""

import logging
import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from sqlalchemy import update

from romm_lite.features.library import jobs
from romm_lite.features.library.webp import find
from romm_lite.kernel.errors import Unavailable
from romm_lite.kernel.jobs import Job, JobStopped, Work
from romm_lite.kernel.times import now
from romm_lite.tables.platforms import PLATFORMS
from romm_lite.tables.roms import ROMS
from romm_lite.tables.trash import TRASH

from .conftest import Home
from .keepsakes import delete, fill_rom, rows_of


def run(job: Job, home: Home, **arguments: Any) -> Work:
    """A run of a job to its end, with arguments as somebody gives them."""
    work = Work()
    assert job.run is not None
    job.run(work, home.library, **job.read_arguments(arguments))
    return work


def lose(home: Home, *names: str, days: int = 0) -> None:
    """Files are gone, and a scan has seen it so many days ago."""
    for name in names:
        (home.settings.places.library / "roms/snes" / name).unlink()
    with home.database.write() as session:
        values = {"missing_from_fs": True, "updated_at": now() - timedelta(days=days)}
        session.execute(update(ROMS).where(ROMS.c.fs_name.in_(names)).values(**values))


def names_of(home: Home) -> set[str]:
    return {row.fs_name for row in rows_of(home, ROMS)}


@pytest.fixture
def shelf(home: Home) -> Home:
    platform = home.platform()
    for name in ("Moss.sfc", "Fern.sfc", "Reed.sfc"):
        fill_rom(home, platform, name)
    return home


def test_missing_roms_go_into_the_trash(every_home: Home) -> None:
    home = every_home
    platform = home.platform()
    for name in ("Moss.sfc", "Fern.sfc"):
        fill_rom(home, platform, name)
    lose(home, "Moss.sfc")
    work = run(jobs.cleanup_missing_roms, home)
    assert work.stats == {"platform_id": None, "roms_found": 1, "roms_deleted": 1, "errors": 0}
    assert names_of(home) == {"Fern.sfc"}
    (item,) = home.client("root").get("/api/trash").json()["items"]
    assert home.client("root").post(f"/api/trash/{item['id']}/restore").status_code == 200
    assert names_of(home) == {"Fern.sfc", "Moss.sfc"}


def test_a_dry_run_only_counts(shelf: Home) -> None:
    lose(shelf, "Moss.sfc")
    work = run(jobs.cleanup_missing_roms, shelf, dry_run=True)
    assert (work.stats["roms_found"], work.stats["roms_deleted"]) == (1, 0)
    assert work.message == "Nothing was deleted; 1 would be."
    assert len(names_of(shelf)) == 3
    assert rows_of(shelf, TRASH) == []


def test_those_missing_for_some_days_go_alone(shelf: Home) -> None:
    lose(shelf, "Moss.sfc", days=10)
    lose(shelf, "Fern.sfc", days=2)
    run(jobs.cleanup_missing_roms, shelf, older_than_days=7)
    assert names_of(shelf) == {"Fern.sfc", "Reed.sfc"}


def test_those_of_one_platform_go_alone(shelf: Home) -> None:
    other = shelf.platform("nes")
    shelf.rom("Gone.nes", other, fs_path="roms/nes", missing_from_fs=True)
    lose(shelf, "Moss.sfc")
    work = run(jobs.cleanup_missing_roms, shelf, platform_id=other)
    assert (work.stats["platform_id"], work.stats["roms_deleted"]) == (other, 1)
    assert "Moss.sfc" in names_of(shelf)


def test_what_is_on_the_disk_again_stays(shelf: Home) -> None:
    lose(shelf, "Moss.sfc", "Fern.sfc")
    (shelf.settings.places.library / "roms/snes/Moss.sfc").write_bytes(b"back")
    work = run(jobs.cleanup_missing_roms, shelf)
    assert names_of(shelf) == {"Moss.sfc", "Reed.sfc"}
    assert work.message is not None
    assert "1 are on the disk again" in work.message


def test_without_the_library_nothing_goes(shelf: Home) -> None:
    lose(shelf, "Moss.sfc")
    shutil.rmtree(shelf.settings.places.library)
    with pytest.raises(Unavailable, match="mounted"):
        run(jobs.cleanup_missing_roms, shelf)
    assert len(names_of(shelf)) == 3


def draw(home: Home, *paths: str) -> None:
    for path in paths:
        file = home.settings.places.resources / "roms" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 8), "red").save(file)


def drawn(home: Home) -> set[str]:
    root = home.settings.places.resources / "roms"
    return {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}


def test_artwork_of_what_is_gone_goes(home: Home) -> None:
    platform = home.platform()
    here = home.rom("Moss.sfc", platform)
    mine = f"{platform}/{here}/cover/big.png"
    moved = f"990/{here}/cover/big.png"
    draw(home, mine, moved, f"{platform}/991/cover/big.png", "990/992/cover/a.png", "993/994/a.png")
    draw(home, "notes/a.png", f"{platform}/007/a.png")
    work = run(jobs.cleanup_orphaned_resources, home)
    assert drawn(home) == {mine, moved, "notes/a.png", f"{platform}/007/a.png"}
    assert work.stats == {
        "platforms_in_db": 1,
        "roms_in_db": 1,
        "platforms_in_fs": 3,
        "roms_in_fs": 5,
        "removed_fs_platforms": 1,
        "removed_fs_roms": 3,
    }


def test_artwork_of_what_is_in_the_trash_stays(home: Home) -> None:
    platform = home.platform()
    rom, other = (fill_rom(home, platform, name) for name in ("Moss.sfc", "Fern.sfc"))
    draw(home, f"{platform}/{rom}/cover/big.png", f"{platform}/{other}/cover/big.png")
    before = drawn(home)
    delete(home, rom)
    run(jobs.cleanup_orphaned_resources, home)
    assert drawn(home) == before


@pytest.mark.parametrize("has_platform", [False, True])
def test_nothing_goes_while_the_database_looks_empty(home: Home, has_platform: bool) -> None:
    if has_platform:
        home.platform()
    draw(home, "990/992/cover/a.png")
    work = run(jobs.cleanup_orphaned_resources, home)
    assert drawn(home) == {"990/992/cover/a.png"}
    assert work.message is not None
    assert "Nothing was removed" in work.message
    run(jobs.cleanup_orphaned_resources, home, force=True)
    assert drawn(home) == set()


def test_what_a_link_leads_to_stays(home: Home, tmp_path: Path) -> None:
    home.rom("Moss.sfc", home.platform())
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "kept").write_text("kept")
    draw(home, "990/992/a.png")
    roms = home.settings.places.resources / "roms"
    (roms / "995").symlink_to(outside)
    (roms / "990/996").symlink_to(outside)
    run(jobs.cleanup_orphaned_resources, home)
    assert (outside / "kept").read_text() == "kept"


def test_covers_get_copies_as_webp(home: Home, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL, "romm_lite")
    draw(home, "1/2/cover/big.png", "1/2/cover/small.gif", "1/2/cover/done.jpg", "1/2/shots/a.png")
    cover = home.settings.places.resources / "roms/1/2/cover"
    (cover / "done.webp").write_bytes(b"there")
    (cover / "broken.png").write_bytes(b"no picture")
    Image.new("CMYK", (8, 8)).save(cover / "odd.tiff")
    work = run(jobs.convert_images_to_webp, home)
    assert work.stats == {"processed": 3, "errors": 1, "total": 4}
    assert {path.name for path in cover.glob("*.webp")} == {
        "big.webp",
        "small.webp",
        "odd.webp",
        "done.webp",
    }
    with Image.open(cover / "big.webp") as picture:
        assert (picture.format, picture.size) == ("WEBP", (8, 8))
    assert (cover / "done.webp").read_bytes() == b"there"
    assert [path.name for path in find(home.settings.places.resources)] == ["broken.png"]


@pytest.mark.parametrize("job", [jobs.cleanup_missing_roms, jobs.cleanup_orphaned_resources])
def test_they_stop_when_they_are_to(shelf: Home, job: Job) -> None:
    lose(shelf, "Moss.sfc")
    draw(shelf, "990/992/a.png")
    work = Work()
    work.stop()
    assert job.run is not None
    with pytest.raises(JobStopped):
        job.run(work, shelf.library)
    assert len(names_of(shelf)) == 3
    assert drawn(shelf) == {"990/992/a.png"}


def test_a_platform_in_the_trash_keeps_its_artwork(shelf: Home) -> None:
    (platform,) = rows_of(shelf, PLATFORMS)
    draw(shelf, f"{platform.id}/a.png")
    shelf.rom("Else.nes", shelf.platform("nes"))
    assert shelf.client("root").delete(f"/api/platforms/{platform.id}").is_success
    run(jobs.cleanup_orphaned_resources, shelf)
    assert drawn(shelf) == {f"{platform.id}/a.png"}
