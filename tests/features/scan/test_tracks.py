"""Tags of soundtracks that lie in the library."""

from pathlib import Path

import pytest
from sqlalchemy import update

from romm_lite.features.scan.kinds import ScanKind, Status
from romm_lite.tables.files import ROM_FILES
from tests.disk.music import draw, make_mp3
from tests.features.scan.conftest import Shelf, touch

TRACK = "roms/snes/Moss/soundtrack/one.mp3"
COVER = draw("PNG", (40, 30))


def put_track(shelf: Shelf, path: str = TRACK, title: str = "One", cover: bytes = COVER) -> Path:
    shelf.put("roms/snes/Moss/Moss.sfc", "game")
    return make_mp3(shelf.put(path), title, cover)


def read_title(shelf: Shelf, path: str = TRACK) -> str | None:
    tags = shelf.files()[path].track_meta
    assert tags is not None
    title: str | None = tags.get("title")
    return title


def test_a_scan_reads_tags_and_keeps_the_picture(every_shelf: Shelf) -> None:
    shelf = every_shelf
    put_track(shelf)
    shelf.put("roms/snes/Moss/soundtrack/notes.txt", "no music")
    shelf.put("roms/snes/Moss/manual/one.mp3", "no soundtrack")
    shelf.scan_well()
    files = shelf.files()
    track, rom = files[TRACK], shelf.roms()["Moss"]
    cover = f"roms/{rom.platform_id}/{rom.id}/soundtracks/{track.id}.png"
    assert (track.track_meta["title"], track.track_meta["artist"]) == ("One", "One")
    assert track.track_meta["cover_path"] == cover
    assert (shelf.places.resources / cover).is_file()
    assert [path for path, file in files.items() if file.track_meta is not None] == [TRACK]
    assert rom.has_soundtrack


def test_tags_of_unchanged_files_are_not_read_again(every_shelf: Shelf) -> None:
    shelf = every_shelf
    put_track(shelf)
    put_track(shelf, "roms/snes/Moss/soundtrack/two.mp3", cover=b"no picture")
    shelf.put("roms/snes/Moss/soundtrack/broken.ogg", "no music at all")
    shelf.scan_well()
    with shelf.noting_writes() as writes:
        shelf.scan_well()
    assert writes == []


def test_a_changed_track_gets_its_new_tags(shelf: Shelf) -> None:
    track = put_track(shelf)
    shelf.scan_well()
    before = shelf.files()[TRACK]
    put_track(shelf, title="Two, and longer", cover=draw("JPEG", (20, 20)))
    touch(track)
    shelf.scan_well()
    after = shelf.files()[TRACK]
    assert (after.id, read_title(shelf)) == (before.id, "Two, and longer")
    covers = [path.name for path in (shelf.places.resources / "roms").rglob("soundtracks/*")]
    assert covers == [f"{after.id}.jpg"]


def test_a_renamed_track_keeps_its_tags(shelf: Shelf) -> None:
    track = put_track(shelf)
    shelf.scan_well()
    before = shelf.files()[TRACK]
    track.rename(track.with_name("other.mp3"))
    shelf.scan_well()
    after = shelf.files()[TRACK.replace("one", "other")]
    assert (after.id, after.track_meta) == (before.id, before.track_meta)


@pytest.mark.parametrize("config", ["", "filesystem: {skip_hash_calculation: true}"])
def test_tags_are_read_where_files_are_not_hashed(shelf: Shelf, config: str) -> None:
    shelf.configure(config)
    shelf.put("roms/switch/Moss/Moss.nsp", "game")
    make_mp3(shelf.put("roms/switch/Moss/soundtracks/one.mp3"))
    shelf.scan_well()
    path = "roms/switch/Moss/soundtracks/one.mp3"
    assert read_title(shelf, path) == "Title"
    assert shelf.files()[path].hashed is False


def test_what_has_no_tags_stops_nothing(shelf: Shelf) -> None:
    put_track(shelf)
    shelf.put("roms/snes/Moss/soundtrack/broken.ogg", "no music at all")
    shelf.scan_well()
    assert read_title(shelf) == "One"
    assert shelf.files()["roms/snes/Moss/soundtrack/broken.ogg"].track_meta == {}


def test_a_picture_that_cannot_be_kept_is_told_and_tried_again(shelf: Shelf) -> None:
    put_track(shelf)
    (shelf.places.resources / "roms").write_text("in the way")
    outcome = shelf.scan()
    assert outcome.status == Status.DONE
    assert [problem for problem in outcome.problems if TRACK in problem]
    (shelf.places.resources / "roms").unlink()
    shelf.scan_well()
    assert read_title(shelf) == "One"


def test_a_complete_scan_reads_all_tags(shelf: Shelf) -> None:
    put_track(shelf)
    shelf.scan_well()
    with shelf.database.write() as session:
        session.execute(update(ROM_FILES).values(track_meta={"title": "Wrong"}))
    shelf.scan_well()
    assert read_title(shelf) == "Wrong"
    shelf.scan_well(ScanKind.COMPLETE)
    assert read_title(shelf) == "One"


def test_only_tracks_of_the_platforms_asked_for_are_read(shelf: Shelf) -> None:
    put_track(shelf)
    shelf.scan_well()
    with shelf.database.write() as session:
        session.execute(update(ROM_FILES).values(track_meta=None))
    shelf.put("roms/nes/Fern.nes")
    assert shelf.scan(platforms=("nes",)).status == Status.DONE
    assert shelf.files()[TRACK].track_meta is None
