"""What was deleted from the library and can still come back. This part of the API is our own."""

from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, Field

from romm_lite.wire.common import Count, Schema, Timestamp


class TrashKind(StrEnum):
    """What was deleted."""

    ROM = "rom"
    FILE = "file"
    PLATFORM = "platform"
    FIRMWARE = "firmware"


class TrashQuery(BaseModel):
    """Which part of the trash to list."""

    limit: Annotated[int, Field(ge=1, le=500)] = 50
    offset: Count = 0


class TrashItemSchema(Schema):
    """One thing in the trash.

    ``library_path`` is where it lay; ``has_file`` tells whether a file or folder of ``size_bytes``
    lies in the trash. ``kept`` counts what users had: notes, saves and the like.
    """

    id: int
    kind: TrashKind
    name: str
    library_path: str
    platform_fs_slug: str | None
    platform_name: str | None
    has_file: bool
    size_bytes: int
    deleted_by: str | None
    deleted_at: Timestamp
    expires_at: Timestamp
    kept: dict[str, int]


class TrashPage(Schema):
    """A part of the trash, the newest first."""

    items: list[TrashItemSchema]
    total: int
    limit: int
    offset: int


class TrashRestored(Schema):
    """How many things are back, and how many rows could not be, since others took their place:
    these stay in the trash."""

    restored: int
    left: int
