"""Manuals, soundtracks and screenshots that are uploaded to a ROM."""

from pydantic import BaseModel, Field

from romm_lite.wire.common import Schema
from romm_lite.wire.files import TrackMetaSchema


class AttachmentHeaders(BaseModel):
    """What the uploaded file is called; percent-encoded, or as RFC 8187 has it (``UTF-8''…``)."""

    file_name: str = Field(alias="x-upload-filename")


class SoundtrackTrackMetaSchema(Schema):
    """A track of a game and its tags, None where there are none that can be read."""

    file_id: int
    file_name: str
    file_size_bytes: int
    track_meta: TrackMetaSchema | None = None
