"""One holder at a time, across processes: a locked file that says who holds it.

The lock is the operating system's, so it ends with its process however that dies; the text in the
file is only for people and other processes to read.
"""

import json
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_LOCKED_BYTE = 1 << 20  # far behind the text, which stays readable where locks are mandatory


@contextmanager
def hold(path: Path, about: Mapping[str, Any]) -> Iterator[bool]:
    """Hold the lock while inside; yields False, and holds nothing, if another process has it.

    ``about`` and the process id are written into the file for ``read_holder``.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        if not _try_lock(descriptor):
            yield False
            return
        text = json.dumps({"pid": os.getpid(), **about}).encode()
        os.ftruncate(descriptor, 0)
        os.lseek(descriptor, 0, os.SEEK_SET)
        os.write(descriptor, text)
        yield True
        os.ftruncate(descriptor, 0)
    finally:
        os.close(descriptor)


def read_holder(path: Path) -> dict[str, Any]:
    """What the holder wrote about itself; {} if there is none or it cannot be read."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _try_lock(descriptor: int) -> bool:
    try:
        if sys.platform == "win32":
            import msvcrt

            os.lseek(descriptor, _LOCKED_BYTE, os.SEEK_SET)
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
