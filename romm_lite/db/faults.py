"""What went wrong in the database, in words for a person."""

from sqlalchemy.exc import DBAPIError, OperationalError

from romm_lite.kernel.errors import RequestError, StorageFull, Unavailable

_FULL = ("disk is full", "disk full", "no space left", "disk i/o error")
_BUSY = ("locked", "busy", "deadlock", "lock wait timeout")


def explain(error: Exception) -> RequestError | None:
    """The error to answer with; None if it is not the database's state that is at fault."""
    if not isinstance(error, DBAPIError):
        return None
    said = str(error.orig).lower()
    if any(word in said for word in _FULL):
        return StorageFull("The disk is full. Free some space and try again.")
    if any(word in said for word in _BUSY):
        return Unavailable("The database is busy. Try again in a moment.", {"Retry-After": "5"})
    if isinstance(error, OperationalError) or error.connection_invalidated:
        return Unavailable("The database cannot be reached.", {"Retry-After": "30"})
    return None
