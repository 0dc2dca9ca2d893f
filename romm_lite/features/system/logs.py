"""The last lines of the log, for administrators."""

from romm_lite.kernel.errors import NotFound
from romm_lite.kernel.log import LINES, Entry, Lines
from romm_lite.kernel.settings import Settings


def read_lines(settings: Settings, lines: Lines, limit: int) -> list[Entry]:
    """The last lines, oldest first; NotFound where nobody is to see them."""
    if settings.disable_logs_viewer:
        raise NotFound("Logs viewer is disabled")
    return lines.read(min(max(limit, 1), LINES))
