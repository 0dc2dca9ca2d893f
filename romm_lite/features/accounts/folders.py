"""What lies on the disk for a user who was deleted."""

import logging
import os
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from romm_lite.kernel.paths import Places, user_folder

log = logging.getLogger(__name__)
SLACK_SECONDS = 10
"""File systems round, some to two seconds."""


def remove_folder(places: Places, user_id: int, since: datetime) -> None:
    """Remove a deleted user's folder with everything in it from ``since`` on, their first moment.

    What is older was there before them: in a data folder made by RomM it belongs to whoever had
    this id there. What cannot be removed is told and stays; links are removed, not followed.
    """
    folder = places.assets / user_folder(user_id)
    if not folder.is_dir():
        return
    oldest = since.timestamp() - SLACK_SECONDS
    try:
        for path, folders, files in os.walk(folder, topdown=False):
            for name in (*files, *folders):
                _remove(Path(path, name), oldest)
        folder.rmdir()
    except OSError as error:
        log.warning("The folder of deleted user %d stays, at least in part: %s", user_id, error)


def _remove(path: Path, oldest: float) -> None:
    if path.is_dir() and not path.is_symlink():
        with suppress(OSError):  # what is older is still in it
            path.rmdir()
    elif path.lstat().st_mtime >= oldest:
        path.unlink()
