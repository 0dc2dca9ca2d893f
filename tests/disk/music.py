"""Music files with tags, and pictures to put into them."""

import struct
from io import BytesIO
from pathlib import Path

from mutagen.flac import FLAC, Picture
from mutagen.id3 import APIC, ID3, TALB, TCON, TDRC, TIT2, TPE1, TPOS, TRCK
from PIL import Image

COVER = b"\x89PNG\r\n\x1a\n picture"
FRAME = b"\xff\xfb\x90\x00" + bytes(413)
STREAMINFO = (
    b"fLaC\x80\x00\x00\x22" + struct.pack(">HH", 4096, 4096) + bytes(6)
    + (44100 << 44 | 1 << 41 | 15 << 36 | 44100 * 2).to_bytes(8, "big") + bytes(16)
)  # fmt: skip


def make_mp3(path: Path, title: str = "Title", cover: bytes = COVER) -> Path:
    path.write_bytes(FRAME * 20)
    tags = ID3()
    for frame in (
        TIT2(text=title),
        TPE1(text=["One", "Two"]),
        TALB(text="Album"),
        TDRC(text="1997-01-31"),
        TCON(text="Chiptune"),
        TRCK(text="3/12"),
        TPOS(text="2"),
        APIC(mime="image/png", type=3, data=cover),
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


def draw(kind: str, size: tuple[int, int]) -> bytes:
    """A picture of a kind as the library for pictures calls it."""
    drawn = BytesIO()
    Image.new("RGB", size, "teal").save(drawn, kind)
    return drawn.getvalue()
