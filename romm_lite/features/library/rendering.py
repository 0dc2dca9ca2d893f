"""ROMs as JSON, byte by byte what the wire models would render, without going through them.

What is stored as JSON text goes out as it lies there. ``Head`` is what all users see alike.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import ColumnElement, RowMapping, Text, type_coerce

from romm_lite.features.library.sources import IDENTIFYING, NAMED, NUMBERED, PAYLOADS
from romm_lite.kernel.times import from_ns, now
from romm_lite.metadata.aggregate import NAMED_BY
from romm_lite.tables.base import Json
from romm_lite.tables.files import ROM_FILES
from romm_lite.tables.platforms import PLATFORMS
from romm_lite.tables.roms import ROM_METADATA, ROMS
from romm_lite.wire.files import TrackMetaSchema
from romm_lite.wire.roms import SiblingRomSchema

RESOURCES = "/assets/romm/resources/"
FACT_LISTS = ("genres", "franchises", "collections", "companies", "game_modes", "age_ratings")
NO_FACTS: Mapping[str, Any] = {
    **dict.fromkeys(FACT_LISTS, ()),
    "player_count": "1",
    "first_release_date": None,
    "average_rating": None,
}
READ = ("igdb", "moby", "ss", "launchbox", "gamelist")
"""The sources whose payloads have something that is told by itself; the others are not parsed."""
_LEFT_OUT = frozenset({"search_text", "version", "url_screenshots", "is_prerelease"})
Payloads = Mapping[str, Any]
Source = tuple[str | None, str | None]
"""A provider's id of a ROM and its payload as JSON text."""


@dataclass(frozen=True)
class Head:
    """What all users see alike of a ROM.

    ``json`` is the ROM up to its closing brace, without what differs from user to user;
    ``siblings`` are in order, none yet anybody's main one; ``picture`` is what a list of what was
    played last shows without a screenshot of a save.
    """

    json: bytes
    picture: str | None
    siblings: tuple[dict[str, Any], ...]


def raw(column: ColumnElement[Any]) -> ColumnElement[Any]:
    """A column as it is selected here: JSON as text."""
    if isinstance(column.type, Json):
        return type_coerce(column, Text).label(getattr(column, "name", None))
    return column


HEAD_COLUMNS: tuple[ColumnElement[Any], ...] = (
    *(raw(column) for column in ROMS.c if column.name not in _LEFT_OUT),
    PLATFORMS.c.slug.label("platform_slug"),
    PLATFORMS.c.fs_slug.label("platform_fs_slug"),
    PLATFORMS.c.custom_name.label("platform_custom_name"),
    PLATFORMS.c.name.label("platform_name"),
    ROM_METADATA.c.rom_id.label("facts"),
    *(raw(ROM_METADATA.c[name]).label(f"facts_{name}") for name in NO_FACTS),
)
"""What a head is made of, to be selected from ROMs, their platforms and (outer) their metadata."""

FILE_COLUMNS: tuple[ColumnElement[Any], ...] = tuple(
    raw(column) for column in ROM_FILES.c if column.name not in ("hashed", "missing_from_fs")
)


def render_head(
    rom: RowMapping, sources: Mapping[str, Source], siblings: Iterable[RowMapping]
) -> Head:
    """A ROM with ``HEAD_COLUMNS``, its sources by provider and its siblings."""
    fields, title = describe_rom(rom, sources)
    shots = fields["merged_screenshots"]
    picture = RESOURCES + title if title else (shots[0] if shots else None)
    return Head(orjson.dumps(fields)[:-1], picture, _siblings(siblings))


def describe_rom(
    rom: RowMapping, sources: Mapping[str, Source]
) -> tuple[dict[str, Any], str | None]:
    """The fields of a head, and the path of a picture of its title if there is one."""
    known = {source: payload for source, (_, payload) in sources.items() if payload}
    parsed = {source: orjson.loads(known[source]) for source in READ if source in known}
    shots = [RESOURCES + path for path in orjson.loads(rom["path_screenshots"])]
    fields = {
        "id": rom["id"],
        **_ids(sources),
        **_platform(rom),
        **_disk(rom),
        "name": rom["name"] or rom["fs_name_no_tags"],
        **{each: rom[each] for each in ("name_sort_key", "slug", "summary")},
        "alternative_names": _alternative_names(parsed),
        "youtube_video_id": _first(parsed, ("igdb", "launchbox"), "youtube_video_id"),
        "metadatum": _facts(rom),
        **{
            name: orjson.Fragment(known[source]) if source in known else None
            for source, name in PAYLOADS.items()
        },
        "path_cover_small": show_cover(rom["path_cover_s"], rom["updated_at"]),
        "path_cover_large": show_cover(rom["path_cover_l"], rom["updated_at"]),
        "has_manual": bool(rom["path_manual"]),
        "path_video": _video(parsed),
        "merged_screenshots": shots,
        **{each: rom[each] for each in ("url_cover", "path_manual", "url_manual", "revision")},
        **{each: orjson.Fragment(rom[each]) for each in ("regions", "languages", "tags")},
        **{each: rom[each] for each in ("crc_hash", "md5_hash", "sha1_hash", "ra_hash")},
        "created_at": rom["created_at"],
        "updated_at": rom["updated_at"],
    }
    return fields, _first(parsed, ("ss", "gamelist"), "title_screen_path")


def _ids(sources: Mapping[str, Source]) -> dict[str, Any]:
    found = {source: external for source, (external, _) in sources.items() if external is not None}
    is_known = any(source in found for source in IDENTIFYING)
    return {
        **{f"{source}_id": _number(found.get(source)) for source in NUMBERED},
        **{f"{source}_id": found.get(source) for source in NAMED},
        "is_identifying": False,
        "is_identified": is_known,
        "is_unidentified": not is_known,
    }


def _number(external_id: str | None) -> int | None:
    try:
        return None if external_id is None else int(external_id)
    except ValueError:
        return None


def _platform(rom: RowMapping) -> dict[str, Any]:
    return {
        "platform_id": rom["platform_id"],
        "platform_slug": rom["platform_slug"],
        "platform_fs_slug": rom["platform_fs_slug"],
        "platform_custom_name": rom["platform_custom_name"],
        "platform_display_name": rom["platform_custom_name"] or rom["platform_name"],
    }


def _disk(rom: RowMapping) -> dict[str, Any]:
    top, nested = rom["top_level_files"], rom["nested_files"]
    names = ("fs_name", "fs_name_no_tags", "fs_name_no_ext", "fs_extension", "fs_path")
    return {
        **{each: rom[each] for each in names},
        "fs_size_bytes": rom["fs_size_bytes"],
        "full_path": f"{rom['fs_path']}/{rom['fs_name']}",
        "missing_from_fs": rom["missing_from_fs"],
        "has_simple_single_file": top == 1 and not nested,
        "has_nested_single_file": top == 1 and nested > 0,
        "has_multiple_files": top > 1,
        "has_soundtrack": rom["has_soundtrack"],
    }


def _facts(rom: RowMapping) -> dict[str, Any]:
    if rom["facts"] is None:
        return {"rom_id": rom["id"], **NO_FACTS}
    facts = {name: rom[f"facts_{name}"] for name in NO_FACTS}
    lists = {name: sorted(orjson.loads(facts[name])) for name in FACT_LISTS}
    return {"rom_id": rom["id"], **facts, **lists}


def show_cover(path: str | None, changed: datetime) -> str:
    """With the moment of change as Python writes it, a blank in the middle: clients know it so."""
    return f"{RESOURCES}{path}?ts={changed}" if path else ""


def _alternative_names(parsed: Payloads) -> list[str]:
    found = (parsed.get(source, {}).get(key) for source, key in NAMED_BY)
    return sorted(next((names for names in found if names), ()))


def _first(parsed: Payloads, sources: Iterable[str], key: str) -> str | None:
    found = (parsed.get(source, {}).get(key) for source in sources)
    return next((value for value in found if value), None)


def _video(parsed: Payloads) -> str | None:
    return (
        _first(parsed, ("ss",), "video_path")
        or _first(parsed, ("ss",), "video_normalized_path")
        or _first(parsed, ("gamelist", "launchbox"), "video_path")
    )


def _siblings(rows: Iterable[RowMapping]) -> tuple[dict[str, Any], ...]:
    siblings = (SiblingRomSchema(**row, is_main_sibling=False).model_dump() for row in rows)
    return tuple(sorted(siblings, key=lambda each: (each["sort_comparator"], each["id"])))


def render_rom(head: Head, rest: Mapping[str, Any]) -> bytes:
    """A whole ROM: its head and what else it has for this user."""
    return head.json + b"," + orjson.dumps(rest)[1:]


def render_file(file: RowMapping) -> dict[str, Any]:
    """A file, with ``FILE_COLUMNS``, as its wire model has it."""
    is_top = file["is_top_level"]
    hashes = ("crc_hash", "md5_hash", "sha1_hash", "ra_hash", "chd_sha1_hash")
    return {
        **{each: file[each] for each in ("id", "rom_id", "file_name", "file_path")},
        "file_size_bytes": file["file_size_bytes"],
        "full_path": f"{file['file_path']}/{file['file_name']}",
        "is_top_level": is_top,
        "created_at": file["created_at"],
        "updated_at": file["updated_at"],
        "last_modified": from_ns(file["modified_ns"]),
        **{each: file[each] for each in hashes},
        "archive_members": _json(file["archive_members"]),
        "category": file["category"] or ("game" if is_top else None),
        "track_meta": _track(file["track_meta"]),
    }


def _json(text: str | None) -> orjson.Fragment | None:
    return None if text is None else orjson.Fragment(text)


def _track(text: str | None) -> dict[str, Any] | None:
    """Tags; none for a file whose tags nobody has read, or could read."""
    if text in (None, "{}"):
        return None
    return TrackMetaSchema.model_validate_json(text).model_dump()


USER_COLUMNS = (
    *("id", "user_id", "rom_id", "created_at", "updated_at", "last_played"),
    *("is_main_sibling", "backlogged", "now_playing", "hidden"),
    *("rating", "difficulty", "completion", "status"),
)


def render_rom_user(row: RowMapping | None) -> dict[str, Any]:
    """What a user keeps about a ROM, with ``USER_COLUMNS``; without a row the ids are -1."""
    if row is not None:
        return {name: row[name] for name in USER_COLUMNS}
    moment = now()
    return {
        **dict.fromkeys(("id", "user_id", "rom_id"), -1),
        **dict.fromkeys(("created_at", "updated_at"), moment),
        **dict.fromkeys(("is_main_sibling", "backlogged", "now_playing", "hidden"), False),
        **dict.fromkeys(("rating", "difficulty", "completion"), 0),
        **dict.fromkeys(("last_played", "status")),
    }
