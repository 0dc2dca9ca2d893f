"""How changes below a folder are seen: told by the system, or found by looking now and then."""

import errno
import logging
import os
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol

log = logging.getLogger(__name__)

Tell = Callable[[str, bool], None]
"""Told of a path relative to the root, and whether it is a folder."""
Lost = Callable[[], None]
"""Told that events were lost."""


class NoEvents(Exception):
    """The system does not tell of changes there; the text says why."""


class Eyes(Protocol):
    """Something that tells of changes below one folder until it is closed."""

    def close(self) -> None: ...


def watch(path: Path, tell: Tell, lost: Lost) -> Eyes:
    """Be told by the system; ``NoEvents`` if it cannot."""
    return _Inotify(path, tell, lost) if sys.platform == "linux" else _Observed(path, tell)


def walk(path: Path) -> Iterator[tuple[str, list[str]]]:
    """All folders below one and the names in each; links are not followed."""
    for folder, folders, files in os.walk(path):
        yield folder, folders + files


def look(path: Path) -> dict[str, tuple[int, int]]:
    """The folders below a root as they are now: when each changed and what names it holds."""
    seen = {}
    for folder, names in walk(path):
        try:
            changed = Path(folder).stat().st_mtime_ns
        except OSError:
            continue
        seen[os.path.relpath(folder, path)] = (changed, sum(map(hash, names)))
    return seen


class _Inotify:
    """Linux: one watch a folder. Watches that there are too few of are never passed over."""

    def __init__(self, path: Path, tell: Tell, lost: Lost) -> None:
        from watchdog.observers.inotify_c import InotifyConstants as Kinds
        from watchdog.observers.inotify_c import InotifyFD

        self._root = os.fsencode(path.resolve())
        self._tell, self._lost = tell, lost
        self._paths: dict[int, bytes] = {}
        self._known: set[bytes] = set()
        self._key: Any = id(self)
        self._lock = threading.Lock()
        changes = Kinds.IN_CREATE | Kinds.IN_DELETE | Kinds.IN_MODIFY | Kinds.IN_CLOSE_WRITE
        self._mask: Any = changes | Kinds.IN_MOVED_FROM | Kinds.IN_MOVED_TO | Kinds.IN_ONLYDIR
        try:
            self._inotify = InotifyFD()
        except OSError as error:
            raise NoEvents(_explain(error)) from error
        self._inotify.start()
        try:
            self._add(self._root)
        except OSError as error:
            self.close()
            raise NoEvents(_explain(error)) from error

    def close(self) -> None:
        self._inotify.stop()
        if threading.current_thread() is not self._inotify:
            self._inotify.join()

    def _add(self, top: bytes) -> None:
        """Watch a folder and all below it."""
        left = [top]
        while left:
            folder = left.pop()
            try:
                if folder not in self._known:
                    wd = self._inotify.add_callback(folder, self._mask, self, self._key)
                    with self._lock:
                        self._paths[wd] = folder
                        self._known.add(folder)
                with os.scandir(folder) as entries:
                    left += [each.path for each in entries if each.is_dir(follow_symlinks=False)]
            except OSError as error:
                if folder == self._root or error.errno in (errno.ENOSPC, errno.ENOMEM):
                    raise

    def on_event(self, event: Any) -> None:
        with self._lock:
            folder = self._paths.get(event.wd)
        if folder is None or not event.name:
            return
        path = folder + b"/" + event.name
        if event.is_directory and event.is_moved_from:
            self._drop(path)
        if event.is_directory and (event.is_create or event.is_moved_to):
            try:
                self._add(path)
            except OSError:
                self._lost()
        self._tell(os.fsdecode(os.path.relpath(path, self._root)), bool(event.is_directory))

    def _drop(self, top: bytes) -> None:
        """Watch a folder that was moved away no more; where it went it is watched anew."""
        with self._lock:
            below = top + b"/"
            gone = {wd: p for wd, p in self._paths.items() if p == top or p.startswith(below)}
            self._paths = {wd: p for wd, p in self._paths.items() if wd not in gone}
            self._known.difference_update(gone.values())
        every: Any = [(wd, self._key) for wd in gone]
        self._inotify.remove_callbacks(every)

    def on_watch_deleted(self, wd: int) -> None:
        with self._lock:
            self._known.discard(self._paths.pop(wd, b""))

    def on_queue_overflow(self) -> None:
        self._lost()


class _Observed:
    """Other systems."""

    def __init__(self, path: Path, tell: Tell) -> None:
        from watchdog.events import FileSystemEventHandler
        from watchdog.observers import Observer

        root = path.resolve()

        def note(event: Any) -> None:
            if event.event_type in ("opened", "closed_no_write"):
                return
            for each in filter(None, (event.src_path, event.dest_path)):
                tell(os.path.relpath(os.fsdecode(each), root), event.is_directory)

        handler = FileSystemEventHandler()
        handler.on_any_event = note  # type: ignore[method-assign]
        self._observer = Observer()
        try:
            self._observer.schedule(handler, str(root), recursive=True)
            self._observer.start()
        except OSError as error:
            raise NoEvents(_explain(error)) from error

    def close(self) -> None:
        self._observer.stop()
        self._observer.join()


def _explain(error: OSError) -> str:
    if error.errno in (errno.ENOSPC, errno.EMFILE):
        return "the system's limit of inotify watches is reached (fs.inotify.max_user_watches)"
    return error.strerror or str(error)
