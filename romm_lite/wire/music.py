"""Soundtracks as music: tracks, what they can be narrowed by, playlists."""

from typing import Annotated, Generic, TypeVar

from pydantic import BaseModel, Field

from romm_lite.wire.common import Key, Schema, Timestamp

Item = TypeVar("Item")
Name = Annotated[str, Field(min_length=1, max_length=400)]
Description = Annotated[str, Field(max_length=65535)]


class MusicPageQuery(BaseModel):
    """Which part of a list is asked for."""

    limit: int = Field(50, ge=1, le=10_000)
    offset: int = Field(0, ge=0)
    order_dir: str = "asc"


class PlaylistTracksQuery(MusicPageQuery):
    """The tracks of a playlist, in their own order unless another is asked for."""

    order_by: str = "position"


class MusicFilters(BaseModel):
    """What tracks are narrowed by; durations are in seconds."""

    search: str | None = None
    artist: str | None = None
    album: str | None = None
    genre: str | None = None
    platform_ids: list[Key] | None = None
    year: Key | None = None
    min_duration: float | None = None
    max_duration: float | None = None


class MusicListQuery(MusicFilters, MusicPageQuery):
    """A list of one's favorite tracks."""

    order_by: str = "title"


class MusicTracksQuery(MusicListQuery):
    """A list of tracks."""

    rom_id: Key | None = None


class MusicFacetQuery(MusicFilters, MusicPageQuery):
    """A list of artists, albums, genres or years; ``search`` looks among these."""

    order_by: str = "count"
    order_dir: str = "desc"


class MusicTrackSchema(Schema):
    """One track: a file of the soundtrack of a game."""

    rom_file_id: int
    rom_id: int
    title: str | None = None
    artist: str | None = None
    album: str | None = None
    genre: str | None = None
    year: int | None = None
    track: int | None = None
    disc: int | None = None
    duration_seconds: float | None = None
    has_embedded_cover: bool = False
    is_favorite: bool = False
    game_name: str | None = None
    platform_id: int
    platform_slug: str
    platform_name: str
    stream_url: str
    cover_url: str | None = None


class FacetValueSchema(Schema):
    """An artist, album, genre or year, and how many tracks it has."""

    value: str | int
    count: int


class MusicPage(Schema, Generic[Item]):
    """A part of a list."""

    items: list[Item]
    total: int
    limit: int
    offset: int


class MusicTrackIdsPayload(BaseModel):
    """Tracks by the ids of their files."""

    rom_file_ids: list[Key] = Field(max_length=10_000)


class MusicPlaylistCreateRequest(BaseModel):
    """A new playlist."""

    name: Name
    description: Description | None = None
    is_public: bool = False


class MusicPlaylistUpdateRequest(BaseModel):
    """What changes of a playlist; null or absent stays."""

    name: Name | None = None
    description: Description | None = None
    is_public: bool | None = None


class MusicPlaylistSchema(Schema):
    """A playlist and how many of its tracks its reader may hear."""

    id: int
    name: str
    description: str | None = None
    is_public: bool = False
    user_id: int
    owner_username: str
    track_count: int = 0
    created_at: Timestamp
    updated_at: Timestamp
