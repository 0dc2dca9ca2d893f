"""Files that are written where nobody looks and then put in place, whole or not at all."""

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from romm_lite.disk.exclusions import TEMPORARY
from romm_lite.kernel.paths import sync, sync_folder

PIECE = 4 * 2**20
MODE = 0o644


@contextmanager
def stage(folder: Path, suffix: str, content: IO[bytes]) -> Iterator[Path]:
    """A copy of ``content`` in a folder, written to the disk, for ``put``.

    In the end it is gone, unless it was put in place. No scan takes it for a part of the library,
    not even when this program was killed.
    """
    path = folder / f"{TEMPORARY}{secrets.token_hex(8)}{suffix}"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    try:
        with os.fdopen(os.open(path, flags, MODE), "wb") as file:
            shutil.copyfileobj(content, file, PIECE)
            sync(file)
        yield path
    finally:
        path.unlink(missing_ok=True)


def put(staged: Path, target: Path) -> None:
    """Give a staged file its name, in place of whatever file had it."""
    staged.replace(target)
    sync_folder(target.parent)
