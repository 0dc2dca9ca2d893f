"""How the log looks: ``[LEVEL]: [RomM][module] [timestamp] message``, one line a record."""

import logging
import re
import sys
from datetime import UTC, datetime
from typing import TextIO

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
