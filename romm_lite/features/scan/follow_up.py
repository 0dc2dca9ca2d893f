"""Scans that wait: asked for at any moment, run one after another, none lost.

What is asked for is a run that waits in the table of runs, so it outlives the server and may be
stored there by any process. Those that somebody asked for come first and run in a process of their
own. Files that have just arrived make way for them and take more names as long as they wait. Little
files are read in a thread of the server, for starting a process takes longer than reading them;
large ones and archives that need much memory in a process too.
"""

import logging
import threading
from collections.abc import Mapping, Sequence
from typing import Self

from sqlalchemy import delete

from romm_lite.db.engine import Database
from romm_lite.disk.archives import SNIFFED, recognize
from romm_lite.disk.config import ConfigFile
from romm_lite.disk.layout import Entry, Layout
from romm_lite.features.scan import runs, service
from romm_lite.features.scan.arrivals import store
from romm_lite.features.scan.kinds import ScanRequest, Status
from romm_lite.features.scan.runs import Run
from romm_lite.kernel.errors import Conflict, RommError
from romm_lite.kernel.events import FilesArrived, ScanAsked
from romm_lite.kernel.locks import hold
from romm_lite.kernel.settings import Settings
from romm_lite.tables.system import SCAN_RUNS, ScanRun

log = logging.getLogger(__name__)

LITTLE = 64 * 2**20
"""Bytes that are read within a moment."""
READ_HERE = (None, "zip")
"""Kinds of files that take little memory, whatever is in them."""
AGAIN_SECONDS = 0.5
LOOK_SECONDS = 1.0
"""So often it is looked for what other processes ask for."""
TROUBLE_SECONDS = 30


class FollowUps:
    """Runs what waits, in a thread."""

    def __init__(self, settings: Settings, database: Database) -> None:
        self._settings = settings
        self._database = database
        self._machine = runs.name_machine(settings.places.data)
        self._lock = threading.Lock()
        self._asked = threading.Event()
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None
        self._current: Run | None = None

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._work, name="follow-up-scans")
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """What is being read goes on when a server starts again."""
        with self._lock:
            self._closing.set()
            self._asked.set()
            if self._current is not None:
                self._current.stop(later=True)
        if self._thread is not None:
            self._thread.join()

    def ask(self, arrived: FilesArrived) -> None:
        """Have files scanned; when this returns it will come to that, whatever happens."""
        store(self._database, arrived.fs_slug, arrived.names, self._machine)
        self._asked.set()

    def wake(self, _asked: ScanAsked) -> None:
        """Look at once for what waits."""
        self._asked.set()

    def _work(self) -> None:
        while not self._closing.is_set():
            self._asked.clear()
            try:
                waiting = runs.find_waiting(self._database)
                if waiting is None:
                    self._asked.wait(LOOK_SECONDS)
                elif not self._run(waiting):
                    self._closing.wait(AGAIN_SECONDS)
            except Exception:
                log.exception("What waits to be scanned cannot be yet")
                self._closing.wait(TROUBLE_SECONDS)

    def _run(self, waiting: ScanRun) -> bool:
        """Run one; False if it has to wait for another scan."""
        request = runs.read_request(waiting)
        run_id = waiting.id or 0
        if request.files is not None and _is_little(self._settings, request.files):
            self._run_here(request, run_id)
        else:
            self._run_in_child(request, run_id)
        now = runs.get(self._database, run_id)
        if request.files is not None and now.status == Status.DONE and not now.problems:
            _forget(self._database, run_id)
        return now.status != Status.WAITING

    def _run_here(self, request: ScanRequest, run_id: int) -> None:
        try:
            database, settings = self._database, self._settings
            outcome = service.run(database, settings, request, run_id=run_id, started=self._note)
            service.tell(outcome)
        except Conflict as error:
            log.debug("Files that arrived wait to be scanned: %s", error)
        finally:
            self._current = None

    def _note(self, run: Run) -> None:
        with self._lock:
            self._current = run
            if self._closing.is_set():
                run.stop(later=True)

    def _run_in_child(self, request: ScanRequest, run_id: int) -> None:
        with hold(self._settings.places.scan_lock, {}) as is_free:
            if not is_free or runs.find_alive(self._database) is not None:
                return
        child = service.start_child(self._database, self._settings, request, run_id)
        while child.is_alive() and not self._closing.is_set():
            child.join(AGAIN_SECONDS)
        if child.is_alive():
            child.terminate()
            child.join()
        if child.exitcode:
            service.clear_dead(self._database, self._settings)
            if runs.get(self._database, run_id).status == Status.WAITING:
                log.warning("Scan %d could not begin and is tried again later", run_id)
                self._closing.wait(TROUBLE_SECONDS)


def _forget(database: Database, run_id: int) -> None:
    """What went well needs no place among the scans that somebody asked for."""
    with database.write() as session:
        session.execute(delete(SCAN_RUNS).where(SCAN_RUNS.c.id == run_id))


def _is_little(settings: Settings, files: Mapping[str, Sequence[str]]) -> bool:
    """Whether files are read within a moment and with little memory."""
    config = ConfigFile(settings.places.config_file).read()
    layout = Layout(settings.places.library, config)
    size = 0
    try:
        for fs_slug, names in files.items():
            for entry in layout.list_roms(fs_slug, names).entries:
                size += entry.size
                if size > LITTLE or not _is_read_here(layout, fs_slug, entry):
                    return False
    except (OSError, RommError):
        return False
    return True


def _is_read_here(layout: Layout, fs_slug: str, entry: Entry) -> bool:
    if entry.is_dir:
        return False
    path = layout.absolute(f"{layout.roms_path(fs_slug)}/{entry.name}")
    with path.open("rb", buffering=0) as file:
        return recognize(entry.name, file.read(SNIFFED)) in READ_HERE
