"""ROMs that come in chunks. What is asked travels in headers, for the bodies are the chunks."""

from pydantic import BaseModel, Field

from romm_lite.wire.common import RowId, Schema, Timestamp

_HEX = r"^[0-9A-Fa-f]+$"


class UploadHeaders(BaseModel):
    """A new upload. The platform is named by its id, or by its folder, which is made if need be.

    A file name may be percent-encoded or as RFC 8187 has it (``UTF-8''…``).
    """

    platform_id: RowId | None = Field(None, alias="x-upload-platform")
    fs_slug: str | None = Field(None, min_length=1, max_length=400, alias="x-upload-platform-slug")
    file_name: str = Field(alias="x-upload-filename")
    total_size: int = Field(ge=1, alias="x-upload-total-size")
    total_chunks: int = Field(ge=1, alias="x-upload-total-chunks")


class ChunkHeaders(BaseModel):
    """Which chunk it is, and perhaps its SHA-256: in hex, or by RFC 9530 or RFC 3230."""

    index: int = Field(ge=0, alias="x-chunk-index")
    sha256: str | None = Field(None, alias="x-chunk-sha256")
    content_digest: str | None = Field(None, alias="content-digest")
    digest: str | None = Field(None, alias="digest")


class FileChecksums(BaseModel):
    """What the whole file should have, in hex; if there are several the strongest is checked."""

    sha256: str | None = Field(None, pattern=_HEX, alias="x-upload-sha256")
    sha1: str | None = Field(None, pattern=_HEX, alias="x-upload-sha1")
    md5: str | None = Field(None, pattern=_HEX, alias="x-upload-md5")
    crc32: str | None = Field(None, pattern=_HEX, alias="x-upload-crc32")


class UploadStarted(Schema):
    upload_id: str


class ChunksReceived(Schema):
    """How many different chunks are there, of how many."""

    received: int
    total: int


class UploadSession(Schema):
    """How an upload stands; ``chunk_size`` is null until the first chunk has come."""

    upload_id: str
    platform_id: int
    filename: str
    total_size: int
    total_chunks: int
    chunk_size: int | None
    received: list[int]
    missing: list[int]
    expires_at: Timestamp
