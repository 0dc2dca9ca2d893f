"""Opening the database and working in it, one unit of work at a time."""

import logging
import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DisconnectionError
from sqlmodel import Session

from romm_lite.kernel.errors import SettingInvalid
from romm_lite.kernel.events import Bus

log = logging.getLogger(__name__)

SOUND_SQLITE = (3, 51, 3)
"""Older ones can corrupt the database when the write-ahead log is reset."""
NETWORK_OR_FAT = frozenset(
    {"cifs", "smb3", "smbfs", "nfs", "nfs4", "afs", "afpfs", "davfs", "ceph", "glusterfs"}
    | {"9p", "virtiofs", "vboxsf", "prl_fs", "vmhgfs"}
    | {"vfat", "msdos", "exfat", "fuseblk.exfat"}
)
"""No memory shared by processes there, which a write-ahead log needs; nor on any ``fuse.*``."""
BUSY_SECONDS = 15
PAGE_CACHE_KIB = 4_096
WAL_KEPT_BYTES = 64 * 1024 * 1024
"""What a long scan leaves of the write-ahead log's file once it is written back."""
POOL = {"pool_size": 8, "max_overflow": 4}
"""Two database workers, four uploads, a watcher and a timer, and a few to spare."""
USED = "used"
IDLE_SECONDS = 2
"""After so long a connection is asked whether it still works before it is used."""
CUT_NOTHING = """
    SET SESSION sql_mode = CONCAT(@@sql_mode, ',STRICT_ALL_TABLES'),
        group_concat_max_len = 1073741824
"""
"""MariaDB and MySQL silently shorten what is too long for a column, and what is joined."""


def open_engine(url: str, *, echo: bool = False) -> Engine:
    """An engine for a SQLAlchemy URL; SettingInvalid when its driver is not installed."""
    if url.startswith("sqlite"):
        return _open_sqlite(url, echo)
    options: dict[str, Any] = {
        "isolation_level": "REPEATABLE READ",  # Database.read() is one view, on all of them
        "pool_recycle": 1800,
    }
    if url.startswith("postgresql"):
        # Compiling a query takes longer than any of ours does.
        options["connect_args"] = {"options": "-c jit=off"}
    else:
        options["connect_args"] = {"init_command": CUT_NOTHING}
    try:
        engine = create_engine(url, echo=echo, hide_parameters=not echo, **POOL, **options)
    except ModuleNotFoundError as error:
        extra = "postgres" if url.startswith("postgresql") else "mariadb"
        raise SettingInvalid(
            f"The database driver {error.name} is not installed: pip install 'romm_lite[{extra}]'"
        ) from error
    _ping_the_idle(engine)
    return engine


def _ping_the_idle(engine: Engine) -> None:
    """Have a connection replaced that its server has closed meanwhile; asking each time it is used
    would be a journey more for every request."""

    def check(connection: Any, record: Any, _proxy: Any) -> None:
        used = record.info.get(USED)
        if used is None or time.monotonic() - used < IDLE_SECONDS:
            return
        try:
            engine.dialect.do_ping(connection)
        except engine.dialect.loaded_dbapi.Error as error:
            raise DisconnectionError from error

    def note(_connection: Any, record: Any) -> None:
        record.info[USED] = time.monotonic()

    event.listen(engine, "checkout", check)
    event.listen(engine, "checkin", note)


def _open_sqlite(url: str, echo: bool) -> Engine:
    module = find_sqlite()
    path = make_url(url).database
    in_file = path not in (None, "", ":memory:")
    journal = choose_journal(module, Path(str(path))) if in_file else "MEMORY"
    few_connections_stay_warm: dict[str, Any] = {**POOL, "pool_use_lifo": True} if in_file else {}
    engine = create_engine(
        url,
        echo=echo,
        hide_parameters=not echo,  # errors are logged, and rows have secrets in them
        module=module,
        connect_args={"timeout": BUSY_SECONDS},
        **few_connections_stay_warm,
    )

    def prepare(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # SQLAlchemy's begin below is the only one
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA journal_mode = {journal}")
        cursor.execute("PRAGMA synchronous = FULL")
        cursor.execute("PRAGMA foreign_keys = ON")
        cursor.execute(f"PRAGMA cache_size = -{PAGE_CACHE_KIB}")
        cursor.execute(f"PRAGMA journal_size_limit = {WAL_KEPT_BYTES}")
        cursor.close()

    def begin(connection: Connection) -> None:
        writing = connection.get_execution_options().get("writing", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")

    def end(connection: Any, _record: Any) -> None:
        # SQLAlchemy takes a COMMIT that failed for the end of its transaction; SQLite does not.
        if connection is not None and connection.in_transaction:
            connection.rollback()

    event.listen(engine, "connect", prepare)
    event.listen(engine, "begin", begin)
    event.listen(engine, "checkin", end)
    return engine


def find_sqlite() -> ModuleType:
    """The bundled SQLite where there is one, else Python's own."""
    try:
        from pysqlite3 import dbapi2
    except ImportError:
        return sqlite3
    return dbapi2  # type: ignore[no-any-return]


def choose_journal(module: ModuleType, path: Path) -> str:
    """The journal of a SQLite file that is sound with this SQLite where the file lies."""
    if module.sqlite_version_info < SOUND_SQLITE:
        log.warning(
            "SQLite %s can lose data with a write-ahead log; using a rollback journal, "
            "which is slower. SQLite 3.51.3 or newer cures it.",
            module.sqlite_version,
        )
        return "DELETE"
    kind = filesystem_kind(path.parent)
    if kind in NETWORK_OR_FAT or kind.startswith("fuse."):
        log.warning("The data folder lies on %s; SQLite uses a rollback journal there", kind)
        return "DELETE"
    return "WAL"


def filesystem_kind(folder: Path) -> str:
    """The type of the file system a folder lies on, "" where the system does not tell."""
    try:
        mounts = Path("/proc/self/mounts").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    where = os.path.realpath(folder)
    kinds = {}
    for line in mounts.splitlines():
        _, mounted, kind, *_ = line.split(" ")
        kinds[mounted.replace("\\040", " ")] = kind
    homes = [m for m in kinds if where == m or where.startswith(m.rstrip("/") + "/")]
    return kinds[max(homes, key=len)] if homes else ""


class Database:
    """Units of work on one engine.

    Nobody calls commit: leaving ``write()`` commits and then releases the events it collected;
    an exception rolls everything back and forgets them.
    """

    def __init__(self, engine: Engine, bus: Bus) -> None:
        self.engine = engine
        self._bus = bus
        options: dict[str, Any] = {"writing": True}
        if engine.dialect.name != "sqlite":
            # Writers see what others have just committed instead of failing on it.
            options |= {"isolation_level": "READ COMMITTED"}
        self._writing = engine.execution_options(**options)

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A consistent view; nothing done in it is kept."""
        with Session(self.engine, expire_on_commit=False, autoflush=False) as session:
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """A transaction that holds SQLite's write lock from its first statement on.

        Never open a second one inside it: on SQLite that waits for the first, and then fails.
        """
        with Session(self._writing, expire_on_commit=False) as session:
            yield session
            session.commit()
            events = session.info.pop("events", ())
        for happened in events:
            self._bus.publish(happened)

    def publish(self, happened: object) -> None:
        """Publish an event that hangs on no unit of work."""
        self._bus.publish(happened)

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()


def announce(session: Session, happened: object) -> None:
    """Publish an event once this unit of work is committed."""
    session.info.setdefault("events", []).append(happened)
