"""The one exception tree.

Domain code raises these; ``web.render`` is the only place that turns them into a response and the
command line the only place that turns them into an exit code.

::

    RommError                  anything this program says to a person
    ├── StartupError           the program cannot start (exit code 2)
    │   ├── AlreadyRunning     another server holds the data folder
    │   ├── SettingInvalid     a setting makes no sense
    │   └── MigrationFailed    the database could not be brought up to date
    ├── LibraryUnavailable     the library cannot be read; nothing was marked missing
    ├── UnsafePath             a path would leave its root
    └── RequestError           has an HTTP status and a detail
        ├── Invalid            400
        ├── Unauthenticated    401
        ├── Forbidden          403
        ├── NotFound           404
        ├── Conflict           409
        ├── TooLarge           413
        ├── Unprocessable      422, one dict an error in FastAPI's shape
        ├── UnprocessableText  422 as one text, where clients know it so
        ├── TooMany            429
        ├── NotBuilt           501
        ├── Unavailable        503
        └── StorageFull        507
"""

from collections.abc import Mapping, Sequence
from typing import Any


class RommError(Exception):
    """Base of every error this program raises on purpose; ``str()`` of it is fit for a person."""


class StartupError(RommError):
    """The program cannot start; the text says why and what to do."""


class AlreadyRunning(StartupError):
    """Another server holds the lock of this data folder."""


class SettingInvalid(StartupError):
    """A setting has a value that makes no sense and no safe default."""


class MigrationFailed(StartupError):
    """A migration failed; the database was put back as it was."""


class LibraryUnavailable(RommError):
    """The library is absent, unreadable, or empty where it was not."""


class UnsafePath(RommError):
    """A path would leave its root or is not a name every system can hold."""


class RequestError(RommError):
    """An answer with a status: ``detail`` goes out as ``{"detail": …}``."""

    status = 500

    def __init__(self, detail: Any = "", headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail if isinstance(detail, str) else type(self).__name__)
        self.detail = detail
        self.headers = dict(headers or {})


class Invalid(RequestError):
    status = 400


class Unauthenticated(RequestError):
    """No usable credentials. ``challenge`` is the WWW-Authenticate value; None sends none."""

    status = 401

    def __init__(
        self, detail: str = "Not authenticated", *, challenge: str | None = "Bearer"
    ) -> None:
        super().__init__(detail, {"WWW-Authenticate": challenge} if challenge else None)


class Forbidden(RequestError):
    status = 403

    def __init__(self, detail: str = "Forbidden") -> None:
        super().__init__(detail)


class NotFound(RequestError):
    status = 404

    def __init__(self, detail: str = "Not Found") -> None:
        super().__init__(detail)


class Conflict(RequestError):
    status = 409


class TooLarge(RequestError):
    status = 413


class Unprocessable(RequestError):
    """Validation failed: ``errors`` are dicts with type, loc, msg, input and perhaps ctx."""

    status = 422

    def __init__(self, errors: Sequence[Mapping[str, Any]]) -> None:
        super().__init__([dict(error) for error in errors])

    @classmethod
    def field(cls, where: str, name: str, message: str, value: Any = None) -> "Unprocessable":
        """One error about one field, for checks that a model cannot express."""
        error = {"type": "value_error", "loc": [where, name], "msg": message, "input": value}
        return cls([error])


class UnprocessableText(RequestError):
    status = 422


class TooMany(RequestError):
    """A limit was reached; ``after`` is the number of seconds to wait."""

    status = 429

    def __init__(self, detail: str, after: int) -> None:
        super().__init__(detail, {"Retry-After": str(after)})


class NotBuilt(RequestError):
    status = 501

    def __init__(self, detail: str = "Not available in this version of romm_lite yet") -> None:
        super().__init__(detail)


class BadGateway(RequestError):
    status = 502


class Unavailable(RequestError):
    status = 503


class StorageFull(RequestError):
    status = 507
