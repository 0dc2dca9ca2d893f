"""Watching the library: what changes there is scanned once it is quiet, and nothing else.

``places`` tells which ROM a path belongs to, ``eyes`` how changes are seen, ``changes`` keeps them
until they are quiet. Then they wait as scans do that anybody asks for, so none overlaps another
and none is lost.
"""

import logging
import threading
import time
from collections.abc import Sequence
from functools import partial
from typing import Self

from romm_lite.db.engine import Database
from romm_lite.disk.config import ConfigFile, LibraryConfig
from romm_lite.disk.layout import Layout
from romm_lite.disk.mounts import find_silent
from romm_lite.features.scan import runs, service
from romm_lite.features.scan.arrivals import store
from romm_lite.features.scan.changes import Changes, Due
from romm_lite.features.scan.eyes import Eyes, NoEvents, look, watch
from romm_lite.features.scan.kinds import ScanRequest
from romm_lite.features.scan.places import Change, Reader, Root, find_roots
from romm_lite.kernel.errors import Invalid, LibraryUnavailable
from romm_lite.kernel.settings import Settings

log = logging.getLogger(__name__)

SHORTEST_SECONDS = 1.0
"""A file is quiet after so long at least."""
TICK_SECONDS = 0.25
RENEW_SECONDS = 2.0
"""So often it is looked whether the folders to be watched are still the same."""
LOOK_SECONDS = 60.0
"""Folders that nothing is told of are looked at so often at most."""
TROUBLE_SECONDS = 30.0
PATIENCE_SECONDS = 10.0
"""A share that hangs does not keep the server from ending."""


class _Looked:
    """A root whose changes are found by looking."""

    def __init__(self, root: Root) -> None:
        self.root = root
        self.seen = look(root.path)
        self.looked_at = time.monotonic()

    def find_changes(self) -> list[str]:
        """The folders that are not as they were."""
        before, self.seen = self.seen, look(self.root.path)
        self.looked_at = time.monotonic()
        both = before.keys() | self.seen.keys()
        return sorted(each for each in both if before.get(each) != self.seen.get(each))


class Watching:
    """Watches the library in a thread."""

    def __init__(self, settings: Settings, database: Database) -> None:
        self._settings = settings
        self._database = database
        self._machine = runs.name_machine(settings.places.data)
        self._config = ConfigFile(settings.places.config_file)
        minutes = settings.rescan_on_filesystem_change_delay
        self._changes = Changes(max(minutes * 60.0, SHORTEST_SECONDS))
        self._look_every = max(minutes * 60.0, LOOK_SECONDS)
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._work, name="library-watching", daemon=True)
        self._known: tuple[LibraryConfig, list[Root]] | None = None
        self._eyes: list[Eyes] = []
        self._looked: list[_Looked] = []
        self._renewed_at = 0.0
        self._must_renew = threading.Event()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        self._thread.join(PATIENCE_SECONDS)

    @property
    def is_watching(self) -> bool:
        """Whether all that can be watched is."""
        return self._known is not None

    def _work(self) -> None:
        try:
            while not self._closing.wait(TICK_SECONDS):
                try:
                    self._look_around()
                except Exception:
                    log.exception("The library cannot be watched and is tried again")
                    self._known = None
                    self._closing.wait(TROUBLE_SECONDS)
        finally:
            self._close_eyes()

    def _look_around(self) -> None:
        if self._must_renew.is_set() or time.monotonic() - self._renewed_at >= RENEW_SECONDS:
            self._renew()
        for each in self._looked:
            if time.monotonic() - each.looked_at >= self._look_every:
                self._look(each)
        self._ask(self._changes.take())

    def _renew(self) -> None:
        """Watch what is to be watched now, if that is not what it was."""
        config = self._config.read()
        now = (config, find_roots(self._settings.places.library, config))
        self._renewed_at = time.monotonic()
        if now == self._known and not self._must_renew.is_set():
            return
        before = self._known
        self._must_renew.clear()
        self._close_eyes()
        reader = Reader(config)
        for root in now[1]:
            if self._closing.is_set():
                return
            self._open_eyes(reader, root)
        self._known = now
        if before is not None and (before[0] != config or _has_more(before[1], now[1])):
            self._changes.note(Change())

    def _open_eyes(self, reader: Reader, root: Root) -> None:
        if root.is_there is None:
            log.warning("%s is not there; it is watched as soon as it is", root.path)
            return
        tell = partial(self._note, reader, root)
        why = find_silent(root.path)
        if why is None:
            try:
                self._eyes.append(watch(root.path, tell, self._lose))
                log.info("%s is watched: changes are told by the system", root.path)
                return
            except NoEvents as error:
                why = str(error)
        every = round(self._look_every)
        log.info("%s is looked at every %d seconds: no events, %s", root.path, every, why)
        self._looked.append(_Looked(root))

    def _close_eyes(self) -> None:
        for each in self._eyes:
            each.close()
        self._eyes, self._looked = [], []

    def _note(self, reader: Reader, root: Root, relative: str, is_dir: bool) -> None:
        change = reader.read(root, relative, is_dir=is_dir)
        if change is not None:
            self._changes.note(change)

    def _lose(self) -> None:
        """Events were lost, or a new folder cannot be watched."""
        log.warning("Some changes in the library were not told of; all of it is scanned")
        self._changes.note(Change())
        self._must_renew.set()

    def _look(self, looked: _Looked) -> None:
        reader = Reader(self._config.read())
        for relative in looked.find_changes():
            self._note(reader, looked.root, relative, True)

    def _ask(self, due: Due) -> None:
        """Have scanned what is quiet; what cannot be asked for now is asked for later."""
        try:
            platforms = due.platforms
            if not (due.everything or platforms or due.names):
                return
            there = set(self._layout().platform_folders())
            if due.everything or not there.issuperset(platforms):
                service.request_scan(self._database, self._settings, ScanRequest())
                return
            for fs_slug in there.intersection(due.names).difference(platforms):
                store(self._database, fs_slug, due.names[fs_slug], self._machine)
            if platforms:
                request = ScanRequest(platforms=tuple(sorted(platforms)))
                service.request_scan(self._database, self._settings, request)
        except Exception as error:
            self._changes.note(Change())
            if not isinstance(error, (LibraryUnavailable, Invalid)):
                raise
            log.debug("Changes wait: %s", error)

    def _layout(self) -> Layout:
        return Layout(self._settings.places.library, self._config.read())


def _has_more(before: Sequence[Root], now: Sequence[Root]) -> bool:
    """Whether a folder is there that was not."""
    known = {(root.path, root.is_there) for root in before}
    return any(root.is_there and (root.path, root.is_there) not in known for root in now)
