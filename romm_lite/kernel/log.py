"""How the log looks: ``[LEVEL]: [RomM][module] [timestamp] message``, one line a record."""

import logging
import re
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import islice
from typing import TextIO, TypedDict

_COLOURS = {
    "DEBUG": "\x1b[95m",
    "INFO": "\x1b[32m",
    "WARNING": "\x1b[33m",
    "ERROR": "\x1b[91m",
    "CRITICAL": "\x1b[31m",
}
_RESET = "\x1b[0m"
_SECRETS = re.compile(
    r"\brmm_[0-9a-f]{8,}"
    r"|\beyJ[\w-]+\.[\w-]+\.[\w-]*"
    r"|(?i:(?<=bearer )|(?<=basic ))[\w.~+/=-]{8,}"
    r"|(?i:(?<=password=)|(?<=token=)|(?<=secret=)|(?<=api_key=)|(?<=key=))[^\s&'\"]+"
    r"|(?<=/pair/)[^/\s'\"]+"
    r"|(?<=://)[^/\s:@]*:[^/\s@]+(?=@)"
)


def mask(text: str) -> str:
    """The text with everything that looks like a secret replaced by ``***``."""
    return _SECRETS.sub("***", text)


class Line(logging.Formatter):
    """One line a record; a traceback follows on lines of its own."""

    def __init__(self, *, coloured: bool) -> None:
        super().__init__()
        self._coloured = coloured

    def format(self, record: logging.LogRecord) -> str:
        module = record.name.removeprefix("romm_lite.")
        moment = datetime.fromtimestamp(record.created, UTC).strftime("%Y-%m-%d %H:%M:%S")
        level = record.levelname
        if self._coloured:
            level = f"{_COLOURS.get(level, '')}{level}{_RESET}"
        message = mask(record.getMessage().replace("\r", "\\r").replace("\n", "\\n"))
        line = f"[{level}]: [RomM][{module}] [{moment}] {message}"
        if record.exc_info:
            line += "\n" + mask(self.formatException(record.exc_info))
        return line


LINES = 1000
"""How many lines are kept for looking at."""


class Entry(TypedDict):
    """A line that was logged; ``ts`` is in milliseconds since 1970."""

    ts: int
    level: str
    module: str
    message: str


class Lines(logging.Handler):
    """The last lines of the log, without secrets, for whoever asks and for one who listens."""

    def __init__(self) -> None:
        super().__init__()
        self._kept: deque[Entry] = deque(maxlen=LINES)
        self._hands = threading.Lock()
        self._tell: Callable[[Entry], object] | None = None

    def emit(self, record: logging.LogRecord) -> None:
        message = record.getMessage()
        if record.exc_info:
            message += "\n" + logging.Formatter().formatException(record.exc_info)
        entry = Entry(
            ts=int(record.created * 1000),
            level=record.levelname,
            module=record.name.removeprefix("romm_lite.").lower(),
            message=mask(message),
        )
        self.add(entry)

    def add(self, entry: Entry) -> None:
        """Keep a line, which may be another process'."""
        with self._hands:
            self._kept.append(entry)
        if self._tell is not None:
            self._tell(entry)

    def read(self, limit: int = LINES) -> list[Entry]:
        """The last lines, oldest first."""
        with self._hands:
            return list(islice(self._kept, max(len(self._kept) - limit, 0), None))

    def listen(self, tell: Callable[[Entry], object]) -> None:
        """Call ``tell`` with each line from now on. It must not log, and return at once."""
        self._tell = tell


@contextmanager
def keep_lines() -> Iterator[Lines]:
    """What is logged while inside."""
    lines = Lines()
    root = logging.getLogger()
    root.addHandler(lines)
    try:
        yield lines
    finally:
        root.removeHandler(lines)


def set_up(
    level: str, *, force_color: bool = False, no_color: bool = False, stream: TextIO | None = None
) -> None:
    """Send the log to ``stream`` (standard error). Colours: forced, forbidden, or if a terminal."""
    stream = stream or sys.stderr
    handler = logging.StreamHandler(stream)
    handler.setFormatter(Line(coloured=not no_color and (force_color or stream.isatty())))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for noisy in ("httpx", "httpcore", "alembic", "sqlalchemy.engine", "uvicorn.access"):
        logging.getLogger(noisy).setLevel(max(logging.getLevelName(level), logging.WARNING))


def report_to_sentry(dsn: str | None, version: str) -> None:
    """Send errors to Sentry when a DSN is set; the ``sentry`` extra brings the library."""
    if not dsn:
        return
    try:
        import sentry_sdk
    except ImportError:
        logging.getLogger(__name__).warning(
            "SENTRY_DSN is set but sentry-sdk is not installed: pip install 'romm_lite[sentry]'"
        )
        return
    sentry_sdk.init(dsn=dsn, release=f"romm_lite@{version}")
