"""Soundtracks as music: tracks, what they can be narrowed by, and one's favorites.

A library has thousands of tracks, not millions, and their tags are one JSON column: they are read
as a whole and narrowed and ordered here.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import quote

from sqlalchemy import RowMapping, delete, insert, select

from romm_lite.disk.tracks import is_track
from romm_lite.features.library.rendering import RESOURCES
from romm_lite.features.library.view import View
from romm_lite.features.library.visibility import Condition, see_roms
from romm_lite.kernel.errors import Invalid
from romm_lite.kernel.text import fold, sort_key
from romm_lite.kernel.times import now
from romm_lite.tables.files import ROM_FILES
from romm_lite.tables.music import MUSIC_FAVORITES
from romm_lite.tables.platforms import PLATFORMS
from romm_lite.tables.roms import ROMS
from romm_lite.wire.music import MusicFilters

Track = dict[str, Any]
TAGS = ("title", "artist", "album", "genre", "year", "track", "disc", "duration_seconds")
SEARCHED = ("title", "artist", "album", "game_name")
ORDERS = frozenset({*TAGS, "game_name", "platform_name", "rom_file_id", "is_favorite"})
CHUNK = 500


def read_tracks(view: View, *conditions: Condition) -> list[Track]:
    """All tracks the user may hear, by id of the file."""
    query = (
        select(
            ROM_FILES.c.id.label("rom_file_id"),
            ROM_FILES.c.rom_id,
            ROM_FILES.c.file_name,
            ROM_FILES.c.track_meta,
            ROMS.c.name.label("game_name"),
            PLATFORMS.c.id.label("platform_id"),
            PLATFORMS.c.slug.label("platform_slug"),
            PLATFORMS.c.name.label("platform"),
            PLATFORMS.c.custom_name,
        )
        .join(ROMS, ROMS.c.id == ROM_FILES.c.rom_id)
        .join(PLATFORMS, PLATFORMS.c.id == ROMS.c.platform_id)
        .where(ROM_FILES.c.category == "soundtrack", ROM_FILES.c.missing_from_fs.is_(False))
        .where(*see_roms(view.user), *conditions)
        .order_by(ROM_FILES.c.id)
    )
    liked = _read_favorites(view)
    rows = view.session.execute(query).mappings()
    return [_describe(row, liked) for row in rows if is_track(row["file_name"])]


def find_tracks(view: View, filters: MusicFilters, *conditions: Condition) -> list[Track]:
    """The tracks that meet the filters."""
    if filters.platform_ids:
        conditions += (ROMS.c.platform_id.in_(filters.platform_ids),)
    tests = list(_read_tests(filters))
    return [each for each in read_tracks(view, *conditions) if all(test(each) for test in tests)]


def order_tracks(tracks: Sequence[Track], order_by: str, order_dir: str) -> list[Track]:
    """By a tag; tracks without it come last, and among equals the id decides."""
    field = order_by if order_by in ORDERS else "title"

    def key(track: Track) -> Any:
        value = track[field]
        return sort_key(value) if isinstance(value, str) else value

    known = sorted((each for each in tracks if each[field] is not None), key=key)
    if order_dir.lower() == "desc":
        known.reverse()
    return known + [each for each in tracks if each[field] is None]


def count_values(
    view: View, facet: str, filters: MusicFilters, order_by: str, order_dir: str
) -> list[dict[str, Any]]:
    """The values of a tag among the tracks that meet the filters, and how many have each."""
    wanted = fold(filters.search or "")
    others = filters.model_copy(update={"search": None, facet: None})
    counts = Counter(each[facet] for each in find_tracks(view, others) if each[facet] is not None)
    found = [(value, count) for value, count in counts.items() if wanted in fold(str(value))]
    descending = order_dir.lower() == "desc"
    found.sort(key=lambda each: _value_key(each[0]), reverse=descending and order_by == "value")
    if order_by != "value":
        found.sort(key=lambda each: each[1], reverse=descending)
    return [{"value": value, "count": count} for value, count in found]


def add_favorites(view: View, ids: Sequence[int]) -> int:
    """Like tracks; how many were not liked before."""
    new = sorted(set(check_tracks(view, ids)) - _read_favorites(view))
    moment = now()
    stamps = {"user_id": view.user.user_id, "created_at": moment, "updated_at": moment}
    rows = [{**stamps, "rom_file_id": each} for each in new]
    if rows:
        view.session.connection().execute(insert(MUSIC_FAVORITES), rows)
    return len(new)


def remove_favorites(view: View, ids: Iterable[int]) -> int:
    """Like tracks no more; how many were liked."""
    mine = MUSIC_FAVORITES.c.user_id == view.user.user_id
    gone, wanted = 0, sorted(set(ids))
    for start in range(0, len(wanted), CHUNK):
        some = MUSIC_FAVORITES.c.rom_file_id.in_(wanted[start : start + CHUNK])
        gone += (
            view.session.connection().execute(delete(MUSIC_FAVORITES).where(mine, some)).rowcount
        )
    return gone


def check_tracks(view: View, ids: Sequence[int]) -> list[int]:
    """The ids, each once and in their order; Invalid names those that are no tracks."""
    wanted = list(dict.fromkeys(ids))
    names: dict[int, tuple[str, str | None]] = {}
    for start in range(0, len(wanted), CHUNK):
        query = (
            select(ROM_FILES.c.id, ROM_FILES.c.file_name, ROM_FILES.c.category)
            .join(ROMS, ROMS.c.id == ROM_FILES.c.rom_id)
            .where(ROM_FILES.c.id.in_(wanted[start : start + CHUNK]), *see_roms(view.user))
        )
        names |= {row.id: (row.file_name, row.category) for row in view.session.execute(query)}
    if unknown := [each for each in wanted if each not in names]:
        raise Invalid(f"Tracks not found: {unknown}")
    if other := [each for each in wanted if not _is_music(*names[each])]:
        raise Invalid(f"Files are not music tracks: {other}")
    return wanted


def _is_music(file_name: str, category: str | None) -> bool:
    return category == "soundtrack" and is_track(file_name)


def _read_favorites(view: View) -> set[int]:
    mine = MUSIC_FAVORITES.c.user_id == view.user.user_id
    return set(view.session.scalars(select(MUSIC_FAVORITES.c.rom_file_id).where(mine)))


def _describe(row: RowMapping, liked: set[int]) -> Track:
    tags = row["track_meta"] or {}
    cover = tags.get("cover_path")
    name = quote(row["file_name"])
    return {
        **{tag: tags.get(tag) for tag in TAGS},
        "title": tags.get("title") or PurePosixPath(row["file_name"]).stem,
        "rom_file_id": row["rom_file_id"],
        "rom_id": row["rom_id"],
        "has_embedded_cover": bool(tags.get("has_embedded_cover")),
        "is_favorite": row["rom_file_id"] in liked,
        "game_name": row["game_name"],
        "platform_id": row["platform_id"],
        "platform_slug": row["platform_slug"],
        "platform_name": row["custom_name"] or row["platform"],
        "stream_url": f"/api/roms/{row['rom_file_id']}/files/content/{name}",
        "cover_url": RESOURCES + cover if cover else None,
    }


def _read_tests(filters: MusicFilters) -> Iterable[Callable[[Track], bool]]:
    for tag in ("artist", "album", "genre", "year"):
        if (wanted := getattr(filters, tag)) is not None:
            yield lambda track, tag=tag, wanted=wanted: track[tag] == wanted  # type: ignore[misc]
    if filters.search:
        term = fold(filters.search)
        yield lambda track: any(term in fold(track[tag] or "") for tag in SEARCHED)
    if filters.min_duration is not None:
        shortest = filters.min_duration
        yield lambda track: (track["duration_seconds"] or 0) >= shortest
    if filters.max_duration is not None:
        longest = filters.max_duration
        yield lambda track: (track["duration_seconds"] or 0) <= longest


def _value_key(value: str | int) -> tuple[int, str]:
    return (value, "") if isinstance(value, int) else (0, sort_key(value))
