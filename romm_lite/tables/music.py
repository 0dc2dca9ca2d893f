"""Playlists and favourite tracks; a track is a ROM's file of the category soundtrack."""

from sqlalchemy import Index, UniqueConstraint
from sqlmodel import Field

from romm_lite.tables.base import Base, Stamped, arranged, key, long, parent, table_of


class Playlist(Stamped, table=True):
    """Tracks somebody put in an order."""

    __tablename__ = "playlists"
    __table_args__ = arranged(UniqueConstraint("user_id", "name"), Index(None, "is_public", "name"))

    id: int | None = key()
    user_id: int = parent("users.id")
    name: str = Field(max_length=400)
    description: str = long()
    is_public: bool = False


class PlaylistTrack(Base, table=True):
    """A track is in a playlist; positions rise but may have gaps."""

    __tablename__ = "playlist_tracks"
    __table_args__ = arranged(
        Index(None, "rom_file_id"),
        Index(None, "playlist_id", "position"),
        sqlite_with_rowid=False,
    )

    playlist_id: int = Field(primary_key=True, foreign_key="playlists.id", ondelete="CASCADE")
    rom_file_id: int = Field(primary_key=True, foreign_key="rom_files.id", ondelete="CASCADE")
    position: int = 0


class MusicFavorite(Stamped, table=True):
    """A user likes a track."""

    __tablename__ = "music_favorites"
    __table_args__ = arranged(Index(None, "rom_file_id"), sqlite_with_rowid=False)

    user_id: int = Field(primary_key=True, foreign_key="users.id", ondelete="CASCADE")
    rom_file_id: int = Field(primary_key=True, foreign_key="rom_files.id", ondelete="CASCADE")


PLAYLISTS = table_of(Playlist)
PLAYLIST_TRACKS = table_of(PlaylistTrack)
MUSIC_FAVORITES = table_of(MusicFavorite)
