"""The tags of music files, and the pictures in them.

A picture lies below the resources in ``<folder of the ROM>/soundtracks/<id of the file>.<ext>``.
"""

import base64
import logging
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from romm_lite.disk.images import FORMATS, measure, redraw, sniff
from romm_lite.kernel.errors import Invalid
from romm_lite.kernel.paths import safe_join, write_whole

log = logging.getLogger(__name__)
EXTENSIONS = (".mp3", ".ogg", ".oga", ".opus", ".m4a", ".aac", ".wav", ".flac")
LARGEST = 512 * 2**20
"""Bytes of a file whose tags are read."""
LONGEST = 400
"""Characters of a tag."""
LARGEST_NUMBER = 2**31 - 1
BOX = (600, 600)
"""Pixels across and down that a kept picture has at most."""
PIXELS = 16_000_000
"""A larger picture is not kept; several are drawn at once while a library is read."""
_KEPT = ("image/png", "image/jpeg")


class Tags(NamedTuple):
    """What a file says of itself; ``cover`` is the picture in it as it lies there."""

    columns: dict[str, Any]
    """As ``TrackMetaSchema`` has them, without ``cover_path``."""
    cover: bytes | None


class Picture(NamedTuple):
    """The picture of a track, ready to be kept."""

    content: bytes
    extension: str


def is_track(file_name: str) -> bool:
    """Whether a file is music, by its name."""
    return PurePosixPath(file_name).suffix.lower() in EXTENSIONS


def read_tags(path: Path) -> Tags | None:
    """The tags of a music file; None if it is too large or has nothing that can be read."""
    import mutagen

    try:
        if path.stat().st_size > LARGEST:
            return None
        plain = mutagen.File(path, easy=True)
        whole = mutagen.File(path)
    except OSError:
        raise
    except Exception as error:  # the library raises whatever a broken file leads it to
        log.debug("Tags of %s cannot be read: %s", path.name, error)
        return None
    if plain is None or whole is None:
        return None
    tags = plain.tags or {}
    cover = _find_cover(whole)
    columns = {
        "title": _text(tags, "title"),
        "artist": _text(tags, "artist"),
        "album": _text(tags, "album"),
        "year": _number(tags, "date") or _number(tags, "year"),
        "genre": _text(tags, "genre"),
        "track": _number(tags, "tracknumber"),
        "disc": _number(tags, "discnumber"),
        "duration_seconds": _duration(plain),
        "has_embedded_cover": cover is not None,
    }
    return Tags(columns, cover)


def draw_cover(tags: Tags | None) -> Picture | None:
    """The picture among the tags, small; None if there is none, or none that can be drawn."""
    found = tags.cover if tags else None
    if not found or (kind := sniff(found)) not in _KEPT:
        return None
    form, what = FORMATS[kind], "The picture of a track"
    try:
        width, height = measure(found, form, what)
        if width * height > PIXELS:
            return None
        return Picture(redraw(found, form, BOX, what), form.extension)
    except Invalid as error:
        log.debug("%s", error)
        return None


def describe_track(tags: Tags | None, cover_path: str | None) -> dict[str, Any]:
    """What is stored of a track, as ``TrackMetaSchema`` has it; empty where nothing could be read,
    so that it is known that somebody tried."""
    return {**tags.columns, "cover_path": cover_path} if tags else {}


def keep_cover(resources: Path, folder: str, file_id: int, picture: Picture | None) -> str | None:
    """Put the picture of a track in place of the one before; its path below the resources."""
    name = f"{file_id}.{picture.extension}" if picture else ""
    there = safe_join(resources, f"{folder}/soundtracks")
    for kind in _KEPT:
        old = there / f"{file_id}.{FORMATS[kind].extension}"
        if old.name != name:
            old.unlink(missing_ok=True)
    if picture is None:
        return None
    there.mkdir(parents=True, exist_ok=True)
    write_whole(there / name, picture.content)
    return f"{folder}/soundtracks/{name}"


def _text(tags: Any, key: str) -> str | None:
    values = tags.get(key) if hasattr(tags, "get") else None
    if not values:
        return None
    first = values[0] if isinstance(values, list) else values
    text = str(first).replace("\0", " ").strip()
    return text.encode("utf-8", "replace").decode()[:LONGEST] or None


def _number(tags: Any, key: str) -> int | None:
    """The first number of a tag such as ``3/12`` or ``1997-01-31``."""
    digits = ""
    for character in _text(tags, key) or "":
        if not (character.isascii() and character.isdigit()):
            break
        digits += character
    return int(digits) if digits and int(digits) <= LARGEST_NUMBER else None


def _duration(file: Any) -> float | None:
    length = getattr(file.info, "length", None)
    return round(float(length), 3) if length else None


def _find_cover(file: Any) -> bytes | None:
    """The first picture, by whichever way the format keeps it."""
    if pictures := getattr(file, "pictures", None):  # FLAC
        return bytes(pictures[0].data)
    tags = file.tags or {}
    if hasattr(tags, "getall") and (frames := tags.getall("APIC")):  # ID3
        return bytes(frames[0].data)
    if hasattr(tags, "get"):
        if covers := tags.get("covr"):  # MP4
            return bytes(covers[0])
        if blocks := tags.get("metadata_block_picture"):  # Ogg
            return _decode_block(blocks[0])
    return None


def _decode_block(block: str) -> bytes | None:
    from mutagen.flac import Picture

    try:
        return bytes(Picture(base64.b64decode(block)).data)
    except Exception:  # as above
        return None
