"""What several nouns share: the base class, moments, ids and the bulk result."""

from datetime import datetime
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PlainSerializer

from romm_lite.kernel.times import as_utc

_LARGEST = 2**31 - 1


def _to_utc(moment: datetime) -> datetime:
    try:
        return as_utc(moment)
    except OverflowError as error:
        raise ValueError("the moment has no counterpart in UTC") from error


def render_moment(moment: datetime) -> str:
    """ISO 8601 with the offset spelled ``+00:00``; microseconds only where there are any."""
    return as_utc(moment).isoformat()


Timestamp = Annotated[
    datetime, AfterValidator(_to_utc), PlainSerializer(render_moment, return_type=str)
]
"""A moment in UTC; one that comes without an offset is taken to be UTC already."""

Key = Annotated[int, Field(ge=-_LARGEST, le=_LARGEST)]
"""An id as a request names it, kept to what an integer column of any database can hold."""

RowId = Annotated[int, Field(ge=1, le=_LARGEST)]
"""A ``Key`` for which the protocol refuses zero and below."""

Count = Annotated[int, Field(ge=0, le=_LARGEST)]
"""How many rows; never negative, for a database may refuse that."""


class Schema(BaseModel):
    """Base of what is sent: fills itself from a dictionary, a row or a dataclass alike."""

    model_config = ConfigDict(from_attributes=True)


class UpdatedAfterQuery(BaseModel):
    """Narrows a list to what changed strictly later than a moment."""

    updated_after: Timestamp | None = None


class BulkOperationResponse(Schema):
    """Outcome of an action on many; sent with status 200 even when everything failed."""

    successful_items: int
    failed_ids: list[int]
    errors: list[str]
