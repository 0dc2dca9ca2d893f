"""Playlists: everybody changes their own and hears the public ones of others."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import RowMapping, delete, func, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from romm_lite.features.library.music import Track, check_tracks, read_tracks
from romm_lite.features.library.view import View
from romm_lite.features.library.visibility import see_roms
from romm_lite.kernel.errors import Forbidden, Invalid, NotFound
from romm_lite.kernel.times import now
from romm_lite.tables.files import ROM_FILES
from romm_lite.tables.music import PLAYLIST_TRACKS, PLAYLISTS
from romm_lite.tables.roms import ROMS
from romm_lite.tables.users import USERS

Playlist = dict[str, Any]
CHUNK = 500


def read_playlists(view: View) -> list[Playlist]:
    """One's own playlists and public ones, by name."""
    shown = or_(PLAYLISTS.c.user_id == view.user.user_id, PLAYLISTS.c.is_public)
    return _read(view, shown)


def get_playlist(view: View, playlist_id: int, *, to_change: bool = False) -> Playlist:
    """One playlist; NotFound, or Forbidden for another's that is private or is to change."""
    for found in _read(view, PLAYLISTS.c.id == playlist_id):
        is_own = found["user_id"] == view.user.user_id
        if is_own or (found["is_public"] and not to_change):
            return found
        raise Forbidden(f"Permission denied for playlist with id '{playlist_id}'")
    raise NotFound(f"Playlist with id '{playlist_id}' not found")


def add_playlist(view: View, values: Mapping[str, Any]) -> int:
    """Make a playlist; its id."""
    with _unique(values["name"]), view.session.begin_nested():
        query = insert(PLAYLISTS).values(**values, user_id=view.user.user_id)
        key = view.session.connection().execute(query).inserted_primary_key
    assert key is not None
    return int(key[0])


def change_playlist(view: View, playlist_id: int, values: Mapping[str, Any]) -> None:
    """Give a playlist new values."""
    with _unique(values.get("name", "")), view.session.begin_nested():
        change = update(PLAYLISTS).where(PLAYLISTS.c.id == playlist_id)
        view.session.execute(change.values(**values, updated_at=now()))


def delete_playlist(view: View, playlist_id: int) -> None:
    """Forget a playlist; its tracks stay."""
    view.session.execute(delete(PLAYLISTS).where(PLAYLISTS.c.id == playlist_id))


def read_playlist_tracks(view: View, playlist_id: int) -> list[Track]:
    """The tracks that the reader may hear, in their order."""
    places = _read_places(view, playlist_id)
    inside = select(PLAYLIST_TRACKS.c.rom_file_id).where(
        PLAYLIST_TRACKS.c.playlist_id == playlist_id
    )
    tracks = read_tracks(view, ROM_FILES.c.id.in_(inside))
    return sorted(tracks, key=lambda track: places[track["rom_file_id"]])


def add_tracks(view: View, playlist_id: int, ids: Sequence[int]) -> int:
    """Put tracks at the end; how many were not in it before."""
    places = _read_places(view, playlist_id)
    new = [each for each in check_tracks(view, ids) if each not in places]
    first = max(places.values(), default=-1) + 1
    rows = [
        {"playlist_id": playlist_id, "rom_file_id": each, "position": first + place}
        for place, each in enumerate(new)
    ]
    if rows:
        view.session.connection().execute(insert(PLAYLIST_TRACKS), rows)
        change_playlist(view, playlist_id, {})
    return len(new)


def remove_tracks(view: View, playlist_id: int, ids: Iterable[int]) -> int:
    """Take tracks out; how many were in it."""
    gone = sorted(set(ids) & set(_read_places(view, playlist_id)))
    here = PLAYLIST_TRACKS.c.playlist_id == playlist_id
    for start in range(0, len(gone), CHUNK):
        some = PLAYLIST_TRACKS.c.rom_file_id.in_(gone[start : start + CHUNK])
        view.session.execute(delete(PLAYLIST_TRACKS).where(here, some))
    if gone:
        change_playlist(view, playlist_id, {})
    return len(gone)


def order_playlist(view: View, playlist_id: int, ids: Sequence[int]) -> None:
    """Put these tracks first, in this order; the others follow as they were."""
    places = _read_places(view, playlist_id)
    wanted = list(dict.fromkeys(ids))
    if not set(wanted) <= set(places):
        raise Invalid("Payload contains tracks that are not in the playlist")
    rest = sorted(set(places) - set(wanted), key=lambda each: places[each])
    _store_places(view, playlist_id, [*wanted, *rest])
    change_playlist(view, playlist_id, {})


def _store_places(view: View, playlist_id: int, ids: Sequence[int]) -> None:
    """All tracks anew: two statements, however many there are."""
    here = PLAYLIST_TRACKS.c.playlist_id == playlist_id
    view.session.execute(delete(PLAYLIST_TRACKS).where(here))
    rows = [
        {"playlist_id": playlist_id, "rom_file_id": each, "position": place}
        for place, each in enumerate(ids)
    ]
    if rows:
        view.session.connection().execute(insert(PLAYLIST_TRACKS), rows)


def _read(view: View, condition: Any) -> list[Playlist]:
    counted = (
        select(func.count())
        .select_from(PLAYLIST_TRACKS)
        .join(ROM_FILES, ROM_FILES.c.id == PLAYLIST_TRACKS.c.rom_file_id)
        .join(ROMS, ROMS.c.id == ROM_FILES.c.rom_id)
        .where(PLAYLIST_TRACKS.c.playlist_id == PLAYLISTS.c.id, *see_roms(view.user))
        .where(ROM_FILES.c.missing_from_fs.is_(False))
        .scalar_subquery()
    )
    query = (
        select(PLAYLISTS, USERS.c.username.label("owner_username"), counted.label("track_count"))
        .join(USERS, USERS.c.id == PLAYLISTS.c.user_id)
        .where(condition)
        .order_by(PLAYLISTS.c.name, PLAYLISTS.c.id)
    )
    rows: Sequence[RowMapping] = view.session.execute(query).mappings().all()
    return [dict(row) for row in rows]


def _read_places(view: View, playlist_id: int) -> dict[int, int]:
    query = select(PLAYLIST_TRACKS.c.rom_file_id, PLAYLIST_TRACKS.c.position)
    rows = view.session.execute(query.where(PLAYLIST_TRACKS.c.playlist_id == playlist_id))
    return {row.rom_file_id: row.position for row in rows}


@contextmanager
def _unique(name: str) -> Iterator[None]:
    try:
        yield
    except IntegrityError as error:
        raise Invalid(f"Playlist with name '{name}' already exists") from error
