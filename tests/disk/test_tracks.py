import struct
import wave
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mutagen.flac import FLAC, Picture
from mutagen.id3 import APIC, ID3, TALB, TCON, TDRC, TIT2, TPE1, TPOS, TRCK

from romm_lite.disk.tracks import LARGEST, is_track, read_tags

COVER = b"\x89PNG\r\n\x1a\n picture"
FRAME = b"\xff\xfb\x90\x00" + bytes(413)
STREAMINFO = (
    b"fLaC\x80\x00\x00\x22" + struct.pack(">HH", 4096, 4096) + bytes(6)
    + (44100 << 44 | 1 << 41 | 15 << 36 | 44100 * 2).to_bytes(8, "big") + bytes(16)
)  # fmt: skip


def make_mp3(path: Path) -> Path:
    path.write_bytes(FRAME * 20)
    tags = ID3()
    for frame in (
        TIT2(text="Title"),
        TPE1(text=["One", "Two"]),
        TALB(text="Album"),
        TDRC(text="1997-01-31"),
        TCON(text="Chiptune"),
        TRCK(text="3/12"),
        TPOS(text="2"),
        APIC(mime="image/png", type=3, data=COVER),
    ):
        tags.add(frame)
    tags.save(path)
    return path


def make_flac(path: Path) -> Path:
    path.write_bytes(STREAMINFO)
    file = FLAC(path)
    file["title"] = "Flac"
    picture = Picture()
    picture.data = COVER
    file.add_picture(picture)
    file.save()
    return path


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
