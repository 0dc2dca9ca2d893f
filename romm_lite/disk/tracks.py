"""The tags of music files."""

import base64
import logging
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

log = logging.getLogger(__name__)
EXTENSIONS = (".mp3", ".ogg", ".oga", ".opus", ".m4a", ".aac", ".wav", ".flac")
LARGEST = 512 * 2**20
"""Bytes of a file whose tags are read."""
LONGEST = 400
"""Characters of a tag."""
LARGEST_NUMBER = 2**31 - 1


class Tags(NamedTuple):
    """What a file says of itself; ``cover`` is the picture in it as it lies there."""

    columns: dict[str, Any]
    """As ``TrackMetaSchema`` has them, without ``cover_path``."""
    cover: bytes | None


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
