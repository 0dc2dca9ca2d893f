"""Play sessions: what clients send of them, what became of it, and how long was played."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, Field, WithJsonSchema, model_validator

from romm_lite.wire.common import Count, Key, Schema, Timestamp

MOST_ROWS = 10_000
LONGEST = 10**12
"""Milliseconds, about thirty years: no sum of such overflows."""


Moment = Annotated[Timestamp, WithJsonSchema({"type": "string", "format": "date-time"})]
"""The contract tells the format of these moments, as it does of few others."""


class PlaySessionEntry(BaseModel):
    """A stretch of play, told in whole seconds. ``duration_ms`` is kept as it is sent, for a game
    may have been paused."""

    rom_id: Key | None = None
    save_slot: str | None = Field(None, max_length=255)
    start_time: Timestamp
    end_time: Timestamp
    duration_ms: Annotated[int, Field(ge=0, le=LONGEST)]

    @model_validator(mode="after")
    def _cut_and_compare(self) -> Self:
        self.start_time = self.start_time.replace(microsecond=0)
        self.end_time = self.end_time.replace(microsecond=0)
        if self.end_time <= self.start_time:
            raise ValueError("end_time must be after start_time")
        return self


class PlaySessionIngestPayload(BaseModel):
    """Sessions of one device, which is that of the token where none is named."""

    device_id: str | None = None
    sessions: list[PlaySessionEntry]


class PlaySessionIngestResult(Schema):
    """What became of the session at ``index`` of those sent."""

    index: int
    status: Literal["created", "duplicate", "error"]
    id: int | None = None
    detail: str | None = None


class PlaySessionIngestResponse(Schema):
    """A result for every session, in their order. Those that were not created are skipped."""

    results: list[PlaySessionIngestResult]
    created_count: int
    skipped_count: int


class PlaySessionSchema(Schema):
    """One play session."""

    id: int
    user_id: int
    device_id: str | None
    rom_id: int | None
    sync_session_id: int | None
    save_slot: str | None
    start_time: Moment
    end_time: Moment
    duration_ms: int
    created_at: Moment
    updated_at: Moment


class PlaySessionListQuery(BaseModel):
    """Which sessions to list, by when they began. With either moment there is no limit.

    Without a device a token that is bound to one lists that one's; ``*`` lists all.
    """

    rom_id: Key | None = None
    device_id: str | None = None
    start_after: Timestamp | None = None
    end_before: Timestamp | None = None
    limit: Annotated[int, Field(ge=1, le=MOST_ROWS)] = 50
    offset: Count = 0


class PlaySessionTotalsQuery(BaseModel):
    """Of which ROM; of all if none is named."""

    rom_id: Key | None = None


class PlaySessionTotalSchema(Schema):
    """How long a user played a ROM, in how many sessions, and when last."""

    rom_id: int
    duration_ms: int
    session_count: int
    last_played: Timestamp
