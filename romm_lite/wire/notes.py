"""Notes users write about a ROM."""

from typing import Annotated

from pydantic import BaseModel, Field

from romm_lite.wire.assets import Owner
from romm_lite.wire.common import Schema, Timestamp

LONGEST = 2**20
"""Characters of a note."""


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


Title = Annotated[str, Field(min_length=1, max_length=400)]
Content = Annotated[str, Field(max_length=LONGEST)]
Tags = Annotated[list[Annotated[str, Field(max_length=100)]], Field(max_length=100)]


class NewNote(BaseModel):
    """A note to write."""

    title: Title
    content: Content = ""
    is_public: bool = False
    tags: Tags = []


class NoteChanges(BaseModel):
    """What changes of a note; null or absent stays."""

    title: Title | None = None
    content: Content | None = None
    is_public: bool | None = None
    tags: Tags | None = None
