"""What has changed in the library and waits until nothing is written there any more."""

import threading
import time
from dataclasses import dataclass, field

from romm_lite.features.library.service import BATCH
from romm_lite.features.scan.places import Change

LONGEST = 10
"""So many times the settling time is waited at most for a whole platform to be quiet."""


@dataclass
class Due:
    """What is quiet and to be scanned: ROMs by platform, whole platforms, or everything."""

    names: dict[str, list[str]] = field(default_factory=dict)
    platforms: list[str] = field(default_factory=list)
    everything: bool = False


class Changes:
    """Changes from any thread; of many on one platform only that it changed is kept."""

    def __init__(self, settling: float) -> None:
        self._settling = settling
        self._lock = threading.Lock()
        self._names: dict[str, dict[str, float]] = {}
        self._whole: dict[str | None, tuple[float, float]] = {}
        """First and last change of platforms; None stands for everything."""

    def note(self, change: Change) -> None:
        moment = time.monotonic()
        with self._lock:
            if change.fs_slug is not None:
                if change.name is not None and change.fs_slug not in self._whole:
                    names = self._names.setdefault(change.fs_slug, {})
                    names[change.name] = moment
                    if len(names) <= BATCH:
                        return
                self._names.pop(change.fs_slug, None)
            first, _ = self._whole.get(change.fs_slug, (moment, moment))
            self._whole[change.fs_slug] = (first, moment)

    def take(self) -> Due:
        """What has been quiet for long enough; it is forgotten here."""
        now = time.monotonic()
        due = Due()
        with self._lock:
            for fs_slug, (first, last) in list(self._whole.items()):
                if now - last < self._settling and now - first < self._settling * LONGEST:
                    continue
                del self._whole[fs_slug]
                if fs_slug is None:
                    due.everything = True
                else:
                    due.platforms.append(fs_slug)
            for fs_slug, names in list(self._names.items()):
                quiet = [name for name, last in names.items() if now - last >= self._settling]
                for name in quiet:
                    del names[name]
                if quiet:
                    due.names[fs_slug] = sorted(quiet)
                if not names:
                    del self._names[fs_slug]
        return due
