"""What saves, states and screenshots have in common, and who owns what is shown to others."""

from romm_lite.wire.common import Schema, Timestamp


class BaseAsset(Schema):
    """A file a user keeps for a ROM.

    ``download_path`` carries its timestamp percent-encoded, so that it is a valid URL as it stands.
    """

    id: int
    rom_id: int
    user_id: int
    file_name: str
    file_name_no_tags: str
    file_name_no_ext: str
    file_extension: str
    file_path: str
    file_size_bytes: int
    full_path: str
    download_path: str
    missing_from_fs: bool
    created_at: Timestamp
    updated_at: Timestamp


class Owner(Schema):
    """Mixed into what a ROM's detail shows of other users; name it first among the bases."""

    username: str
    user_avatar_path: str = ""
    user_updated_at: Timestamp | None = None
