import wave
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from romm_lite.disk import tracks
from romm_lite.disk.tracks import (
    BOX,
    LARGEST,
    Picture,
    Tags,
    describe_track,
    draw_cover,
    is_track,
    keep_cover,
    read_tags,
)
from tests.disk.music import COVER, draw, make_flac, make_mp3


def test_the_tags_of_an_mp3_are_read(tmp_path: Path) -> None:
    tags = read_tags(make_mp3(tmp_path / "a.mp3"))
    assert tags is not None
    assert tags.cover == COVER
    duration = tags.columns.pop("duration_seconds")
    assert 0 < duration < 1
    assert tags.columns == {
        "title": "Title",
        "artist": "One",
        "album": "Album",
        "year": 1997,
        "genre": "Chiptune",
        "track": 3,
        "disc": 2,
        "has_embedded_cover": True,
    }


def test_the_tags_of_a_flac_are_read(tmp_path: Path) -> None:
    tags = read_tags(make_flac(tmp_path / "a.flac"))
    assert tags is not None
    assert (tags.columns["title"], tags.cover) == ("Flac", COVER)
    assert tags.columns["duration_seconds"] == 2


def test_a_wav_without_tags_has_its_length(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(bytes(16000))
    tags = read_tags(path)
    assert tags is not None
    assert (tags.columns["title"], tags.columns["duration_seconds"]) == (None, 1)
    assert tags.columns["has_embedded_cover"] is False


@pytest.mark.parametrize("content", [b"", b"no music", b"ID3\x04\x00\x00\x7f\x7f\x7f\x7f"])
def test_what_is_no_music_has_no_tags(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.mp3"
    path.write_bytes(content)
    assert read_tags(path) is None


def test_a_huge_file_is_left_alone(tmp_path: Path) -> None:
    path = make_mp3(tmp_path / "a.mp3")
    with path.open("r+b") as file:
        file.truncate(LARGEST + 1)
    assert read_tags(path) is None


def test_a_file_that_is_gone_is_told(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_tags(tmp_path / "a.mp3")


@given(place=st.integers(0, 400), damage=st.binary(min_size=1, max_size=8))
def test_no_damage_stops_the_reading(
    tmp_path_factory: pytest.TempPathFactory, place: int, damage: bytes
) -> None:
    path = make_mp3(tmp_path_factory.mktemp("music") / "a.mp3")
    content = bytearray(path.read_bytes())
    content[place : place + len(damage)] = damage
    path.write_bytes(content)
    tags = read_tags(path)
    assert tags is None or "title" in tags.columns


def test_music_is_told_by_its_name() -> None:
    assert is_track("A.MP3")
    assert not is_track("cover.jpg")
    assert not is_track("mp3")


def test_a_picture_is_drawn_small() -> None:
    picture = draw_cover(Tags({}, draw("JPEG", (1200, 800))))
    assert picture is not None
    assert picture.extension == "jpg"
    with Image.open(BytesIO(picture.content)) as drawn:
        assert (drawn.format, drawn.size) == ("JPEG", (BOX[0], 400))


@pytest.mark.parametrize("cover", [None, b"", COVER, b"<svg/>", draw("GIF", (8, 8))])
def test_what_cannot_be_drawn_is_no_picture(cover: bytes | None) -> None:
    assert draw_cover(Tags({}, cover)) is None


def test_a_picture_of_too_many_pixels_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracks, "PIXELS", 63)
    assert draw_cover(Tags({}, draw("PNG", (8, 8)))) is None


def test_one_picture_of_a_track_is_kept(tmp_path: Path) -> None:
    folder = tmp_path / "roms/1/2/soundtracks"
    assert keep_cover(tmp_path, "roms/1/2", 7, None) is None
    assert not folder.exists()
    assert keep_cover(tmp_path, "roms/1/2", 7, Picture(b"old", "png"))
    path = keep_cover(tmp_path, "roms/1/2", 7, Picture(b"new", "jpg"))
    assert path == "roms/1/2/soundtracks/7.jpg"
    assert {each.name: each.read_bytes() for each in folder.iterdir()} == {"7.jpg": b"new"}
    assert keep_cover(tmp_path, "roms/1/2", 7, None) is None
    assert list(folder.iterdir()) == []


def test_a_track_without_tags_is_not_one_that_nobody_has_read() -> None:
    assert describe_track(None, None) == {}
    assert describe_track(Tags({"title": "A"}, None), "x.png") == {
        "title": "A",
        "cover_path": "x.png",
    }
