"""Time as the program knows it: aware, in UTC."""

from datetime import UTC, datetime


def now() -> datetime:
    """The present moment, aware, in UTC."""
    return datetime.now(UTC)


def as_utc(moment: datetime) -> datetime:
    """The same moment in UTC; a moment without a zone is taken to be UTC already."""
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def from_ns(nanoseconds: int) -> datetime:
    """A file's ``st_mtime_ns`` as a moment, cut to microseconds; odd values are clamped."""
    seconds, rest = divmod(nanoseconds, 1_000_000_000)
    seconds = min(max(seconds, 0), 253_402_300_799)
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=rest // 1000)
