"""Lines of the log."""

from pydantic import BaseModel

from romm_lite.wire.common import Schema


class LogsQuery(BaseModel):
    limit: int = 1000


class LogEntrySchema(Schema):
    """A line; ``ts`` is in milliseconds since 1970."""

    ts: int
    level: str
    module: str
    message: str
