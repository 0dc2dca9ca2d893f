"""Notes users write about a ROM."""

from romm_lite.wire.assets import Owner
from romm_lite.wire.common import Schema, Timestamp


class Note(Schema):
    """What a note says."""

    id: int
    title: str
    content: str
    is_public: bool
    tags: list[str] | None = None
    created_at: Timestamp
    updated_at: Timestamp
    user_id: int


class UserNoteSchema(Owner, Note):
    """A note with its owner."""
