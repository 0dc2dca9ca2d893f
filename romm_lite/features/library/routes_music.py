"""Soundtracks as music."""

from collections.abc import Sequence
from typing import Any

from sqlmodel import Session

from romm_lite.features.accounts.service import Identity
from romm_lite.features.library import playlists
from romm_lite.features.library.music import (
    add_favorites,
    count_values,
    find_tracks,
    order_tracks,
    remove_favorites,
)
from romm_lite.features.library.store import Library
from romm_lite.features.library.view import View
from romm_lite.kernel.scopes import Scope
from romm_lite.tables.roms import ROMS
from romm_lite.web.operations import Router
from romm_lite.wire.common import RowId
from romm_lite.wire.music import (
    FacetValueSchema,
    MusicFacetQuery,
    MusicListQuery,
    MusicPage,
    MusicPageQuery,
    MusicPlaylistCreateRequest,
    MusicPlaylistSchema,
    MusicPlaylistUpdateRequest,
    MusicTrackIdsPayload,
    MusicTrackSchema,
    MusicTracksQuery,
    PlaylistTracksQuery,
)

router = Router("/api/music", tags=["music"])
NO_TRACK = {400: "Some of these are no tracks"}
OTHERS = {403: "Somebody else's", 404: "No such playlist"}


@router.get("/tracks", Scope.ROMS_READ)
def get_tracks(
    db: Session, library: Library, user: Identity, query: MusicTracksQuery
) -> MusicPage[MusicTrackSchema]:
    """The tracks of all soundtracks."""
    of_rom = [] if query.rom_id is None else [ROMS.c.id == query.rom_id]
    found = find_tracks(View.open(db, library, user), query, *of_rom)
    return _cut(order_tracks(found, query.order_by, query.order_dir), query)


@router.get("/favorites", Scope.PLAYLISTS_READ)
def get_favorites(
    db: Session, library: Library, user: Identity, query: MusicListQuery
) -> MusicPage[MusicTrackSchema]:
    """The tracks one likes."""
    found = find_tracks(View.open(db, library, user), query)
    liked = [track for track in found if track["is_favorite"]]
    return _cut(order_tracks(liked, query.order_by, query.order_dir), query)


@router.post("/favorites", Scope.PLAYLISTS_WRITE, responses=NO_TRACK)
def post_favorites(
    db: Session, library: Library, user: Identity, body: MusicTrackIdsPayload
) -> dict[str, int]:
    """Like tracks."""
    return {"added": add_favorites(View.open(db, library, user), body.rom_file_ids)}


@router.delete("/favorites", Scope.PLAYLISTS_WRITE)
def delete_favorites(
    db: Session, library: Library, user: Identity, body: MusicTrackIdsPayload
) -> dict[str, int]:
    """Like tracks no more."""
    return {"removed": remove_favorites(View.open(db, library, user), body.rom_file_ids)}


@router.get("/artists", Scope.ROMS_READ)
def get_artists(
    db: Session, library: Library, user: Identity, query: MusicFacetQuery
) -> MusicPage[FacetValueSchema]:
    return _count(View.open(db, library, user), "artist", query)


@router.get("/albums", Scope.ROMS_READ)
def get_albums(
    db: Session, library: Library, user: Identity, query: MusicFacetQuery
) -> MusicPage[FacetValueSchema]:
    return _count(View.open(db, library, user), "album", query)


@router.get("/genres", Scope.ROMS_READ)
def get_genres(
    db: Session, library: Library, user: Identity, query: MusicFacetQuery
) -> MusicPage[FacetValueSchema]:
    return _count(View.open(db, library, user), "genre", query)


@router.get("/years", Scope.ROMS_READ)
def get_years(
    db: Session, library: Library, user: Identity, query: MusicFacetQuery
) -> MusicPage[FacetValueSchema]:
    return _count(View.open(db, library, user), "year", query)


@router.get("/playlists", Scope.PLAYLISTS_READ)
def get_playlists(db: Session, library: Library, user: Identity) -> list[MusicPlaylistSchema]:
    """One's own playlists and the public ones of others, by name."""
    found = playlists.read_playlists(View.open(db, library, user))
    return [MusicPlaylistSchema(**each) for each in found]


@router.post("/playlists", Scope.PLAYLISTS_WRITE, responses={400: "The name is taken"})
def post_playlist(
    db: Session, library: Library, user: Identity, body: MusicPlaylistCreateRequest
) -> MusicPlaylistSchema:
    """Make a playlist."""
    view = View.open(db, library, user)
    values = {**body.model_dump(), "description": body.description or ""}
    return _show(view, playlists.add_playlist(view, values))


@router.get("/playlists/{id}", Scope.PLAYLISTS_READ, responses=OTHERS)
def get_playlist(db: Session, library: Library, user: Identity, id: RowId) -> MusicPlaylistSchema:
    return _show(View.open(db, library, user), id)


@router.put(
    "/playlists/{id}", Scope.PLAYLISTS_WRITE, responses={400: "The name is taken", **OTHERS}
)
def put_playlist(
    db: Session, library: Library, user: Identity, id: RowId, body: MusicPlaylistUpdateRequest
) -> MusicPlaylistSchema:
    """Change a playlist of one's own."""
    view = View.open(db, library, user)
    playlists.get_playlist(view, id, to_change=True)
    playlists.change_playlist(view, id, body.model_dump(exclude_none=True))
    return _show(view, id)


@router.delete("/playlists/{id}", Scope.PLAYLISTS_WRITE, responses=OTHERS)
def delete_playlist(db: Session, library: Library, user: Identity, id: RowId) -> None:
    """Delete a playlist of one's own; its tracks stay."""
    view = View.open(db, library, user)
    playlists.get_playlist(view, id, to_change=True)
    playlists.delete_playlist(view, id)


@router.get("/playlists/{id}/tracks", Scope.PLAYLISTS_READ, responses=OTHERS)
def get_playlist_tracks(
    db: Session, library: Library, user: Identity, id: RowId, query: PlaylistTracksQuery
) -> MusicPage[MusicTrackSchema]:
    """The tracks of a playlist."""
    view = View.open(db, library, user)
    playlists.get_playlist(view, id)
    tracks = playlists.read_playlist_tracks(view, id)
    if query.order_by != "position":
        return _cut(order_tracks(tracks, query.order_by, query.order_dir), query)
    return _cut(tracks[::-1] if query.order_dir.lower() == "desc" else tracks, query)


@router.post("/playlists/{id}/tracks", Scope.PLAYLISTS_WRITE, responses={**NO_TRACK, **OTHERS})
def post_playlist_tracks(
    db: Session, library: Library, user: Identity, id: RowId, body: MusicTrackIdsPayload
) -> dict[str, int]:
    """Put tracks at the end of a playlist of one's own."""
    view = View.open(db, library, user)
    playlists.get_playlist(view, id, to_change=True)
    return {"added": playlists.add_tracks(view, id, body.rom_file_ids)}


@router.delete("/playlists/{id}/tracks", Scope.PLAYLISTS_WRITE, responses=OTHERS)
def delete_playlist_tracks(
    db: Session, library: Library, user: Identity, id: RowId, body: MusicTrackIdsPayload
) -> dict[str, int]:
    """Take tracks out of a playlist of one's own."""
    view = View.open(db, library, user)
    playlists.get_playlist(view, id, to_change=True)
    return {"removed": playlists.remove_tracks(view, id, body.rom_file_ids)}


@router.put(
    "/playlists/{id}/tracks/order",
    Scope.PLAYLISTS_WRITE,
    status=204,
    responses={400: "Some of these are not in the playlist", **OTHERS},
)
def put_playlist_order(
    db: Session, library: Library, user: Identity, id: RowId, body: MusicTrackIdsPayload
) -> None:
    """Put tracks of a playlist of one's own in order; those not named follow."""
    view = View.open(db, library, user)
    playlists.get_playlist(view, id, to_change=True)
    playlists.order_playlist(view, id, body.rom_file_ids)


def _count(view: View, facet: str, query: MusicFacetQuery) -> MusicPage[FacetValueSchema]:
    return _cut(count_values(view, facet, query, query.order_by, query.order_dir), query)


def _cut(found: Sequence[Any], query: MusicPageQuery) -> MusicPage[Any]:
    """The part of a list that was asked for."""
    items = list(found[query.offset : query.offset + query.limit])
    total = len(found)
    return MusicPage(items=items, total=total, limit=query.limit, offset=query.offset)


def _show(view: View, playlist_id: int) -> MusicPlaylistSchema:
    return MusicPlaylistSchema(**playlists.get_playlist(view, playlist_id))
