"""Scans of the library as this program's own API shows them."""

from pydantic import BaseModel, Field

from romm_lite.wire.common import RowId, Schema, Timestamp
from romm_lite.wire.tasks import ScanStats


class ScanInput(BaseModel):
    """What to scan: platforms by their folders or ids, else all; or games, and nothing else."""

    type: str = "quick"
    platforms: list[str] | None = Field(None, min_length=1)
    platform_ids: list[RowId] | None = Field(None, min_length=1)
    rom_ids: list[RowId] | None = Field(None, min_length=1)


class ScanProgress(Schema):
    """How far reading has come, in files and bytes."""

    files: int = 0
    files_total: int = 0
    bytes: int = 0
    bytes_total: int = 0


class ScanSchema(Schema):
    """One scan. ``status`` is waiting, queued, running, stopping, done, failed, stopped or
    interrupted; ``type`` is ``files`` for one of files that have just arrived."""

    id: int
    type: str
    platforms: list[str] | None
    rom_ids: list[int] | None
    status: str
    phase: str
    stats: ScanStats
    progress: ScanProgress
    message: str | None
    problems: list[str]
    started_at: Timestamp
    updated_at: Timestamp
    ended_at: Timestamp | None
