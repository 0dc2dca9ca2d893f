"""The files a ROM is made of."""

from enum import StrEnum

from romm_lite.wire.common import Schema, Timestamp


class RomFileCategory(StrEnum):
    """What a file is to its ROM, told by the folder it lies in."""

    GAME = "game"
    DLC = "dlc"
    HACK = "hack"
    MANUAL = "manual"
    PATCH = "patch"
    UPDATE = "update"
    MOD = "mod"
    DEMO = "demo"
    TRANSLATION = "translation"
    PROTOTYPE = "prototype"
    CHEAT = "cheat"
    SOUNDTRACK = "soundtrack"
    SCREENSHOT = "screenshot"


class RomArchiveMember(Schema):
    """One member of an archive that was hashed as a whole."""

    name: str
    size: int
    crc_hash: str
    md5_hash: str
    sha1_hash: str


class TrackMetaSchema(Schema):
    """Tags of a soundtrack file."""

    title: str | None = None
    artist: str | None = None
    album: str | None = None
    year: int | None = None
    genre: str | None = None
    track: int | None = None
    disc: int | None = None
    duration_seconds: float | None = None
    has_embedded_cover: bool = False
    cover_path: str | None = None


class RomFileSchema(Schema):
    """One file; ``last_modified`` is its time on disk, ``full_path`` its path and name."""

    id: int
    rom_id: int
    file_name: str
    file_path: str
    file_size_bytes: int
    full_path: str
    is_top_level: bool
    created_at: Timestamp
    updated_at: Timestamp
    last_modified: Timestamp
    crc_hash: str | None
    md5_hash: str | None
    sha1_hash: str | None
    ra_hash: str | None
    chd_sha1_hash: str | None
    archive_members: list[RomArchiveMember] | None
    category: RomFileCategory | None
    track_meta: TrackMetaSchema | None = None
