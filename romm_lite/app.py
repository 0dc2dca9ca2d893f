"""The composition root: builds everything once from the settings. The only file that knows all."""

import logging
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from romm_lite import __version__
from romm_lite.db import migrate
from romm_lite.db.engine import Database, open_engine
from romm_lite.db.entries import open_entries
from romm_lite.db.faults import explain
from romm_lite.features.accounts import jobs as accounts_jobs
from romm_lite.features.accounts import routes as accounts_routes
from romm_lite.features.accounts.middleware import Identify
from romm_lite.features.accounts.service import Accounts
from romm_lite.features.accounts.setup import setup_link
from romm_lite.features.library import jobs as library_jobs
from romm_lite.features.library import routes as library_routes
from romm_lite.features.library import routes_setup
from romm_lite.features.library.service import settle_moves
from romm_lite.features.library.store import Library
from romm_lite.features.library.streaming import Streaming
from romm_lite.features.library.uploads import Uploads
from romm_lite.features.live import routes as live_routes
from romm_lite.features.live.server import Live
from romm_lite.features.live.worker import telling
from romm_lite.features.saves import jobs as saves_jobs
from romm_lite.features.saves import (
    routes_play_sessions,
    routes_saves,
    routes_screenshots,
    routes_states,
)
from romm_lite.features.saves.store import Store
from romm_lite.features.scan import jobs as scan_jobs
from romm_lite.features.scan import routes as scan_routes
from romm_lite.features.scan import service as scans
from romm_lite.features.scan.follow_up import FollowUps
from romm_lite.features.scan.watching import Watching
from romm_lite.features.system import jobs as system_jobs
from romm_lite.features.system import pending, routes_config, routes_tasks
from romm_lite.features.system import routes as system_routes
from romm_lite.features.system.queue import Queue
from romm_lite.kernel import log as logs
from romm_lite.kernel.events import Bus, FilesArrived, ScanAsked, UserDeleted
from romm_lite.kernel.jobs import Job
from romm_lite.kernel.settings import Settings
from romm_lite.web.docs import describe_docs
from romm_lite.web.metrics import Measured, Metrics
from romm_lite.web.middleware import (
    AccessLog,
    Compression,
    RequestId,
    RootPath,
    SecurityHeaders,
    allow_origins,
)
from romm_lite.web.openapi import Description
from romm_lite.web.operations import Operation
from romm_lite.web.render import Shield
from romm_lite.web.static import Folder
from romm_lite.web.table import OperationTable, Resource

log = logging.getLogger(__name__)

RESOURCES = "/assets/romm/resources"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})

OPERATIONS: tuple[Operation, ...] = (
    *accounts_routes.OPERATIONS,
    *routes_setup.router.operations,
    *library_routes.OPERATIONS,
    *routes_saves.router.operations,
    *routes_states.router.operations,
    *routes_screenshots.router.operations,
    *routes_play_sessions.router.operations,
    *scan_routes.router.operations,
    *live_routes.OPERATIONS,
    *system_routes.router.operations,
    *routes_config.router.operations,
    *routes_tasks.router.operations,
    *pending.router.operations,
)
"""Every operation of the API, in the order of its description."""

JOBS: tuple[Job, ...] = (
    *accounts_jobs.JOBS,
    *library_jobs.JOBS,
    *saves_jobs.JOBS,
    *scan_jobs.JOBS,
    *system_jobs.JOBS,
)
"""Everything the program does beside answering requests."""


@dataclass(frozen=True)
class Application:
    """The server, ready to be run: an ASGI application and what to tell whoever starts it."""

    asgi: ASGIApp
    operations: OperationTable
    setup_link: str | None


@contextmanager
def open_application(settings: Settings) -> Iterator[Application]:
    """The whole server; everything it opened is closed in the end."""
    bus = Bus()
    with ExitStack() as stack:
        database = stack.enter_context(open_database(settings, bus))
        scans.clear_dead(database, settings)
        _follow_up(stack, settings, database, bus)
        accounts = _open_accounts(settings, database)
        token = accounts.prepare_setup()
        library = Library(settings, database)
        settle_moves(database, library.layout(), settings.places)
        bus.subscribe(UserDeleted, Store(settings, database).forget_user)
        live = Live(settings, database, accounts, bus)
        lines, metrics = stack.enter_context(logs.keep_lines()), Metrics()
        lines.listen(live.tell_line)
        queue = _open_queue(settings, database, library, accounts, "server")
        stack.enter_context(queue.working())
        table = OperationTable(
            (*OPERATIONS, *describe_docs(describe(settings), "romm_lite", settings.romm_root_path)),
            resources(
                settings,
                database,
                accounts,
                library,
                queue=queue,
                lines=lines,
                metrics=metrics,
                live=live,
            ),
            open_downloads=settings.disable_download_endpoint_auth,
            upload_limit=settings.max_asset_upload_size_bytes,
            translate=explain,
            otherwise=_mount(
                RESOURCES, Folder(settings.places.resources, audience=library.find_audience)
            ),
        )
        if settings.enable_rescan_on_filesystem_change:
            stack.enter_context(Watching(settings, database))
        yield Application(
            asgi=_wrap(live.beside(table), settings, accounts, metrics),
            operations=table,
            setup_link=setup_link(settings, token, settings.romm_port) if token else None,
        )


@contextmanager
def open_database(settings: Settings, bus: Bus | None = None) -> Iterator[Database]:
    """The database of these settings, brought up to date."""
    settings.places.create()
    engine = open_engine(settings.database_url, echo=settings.dev_sql_echo)
    database = Database(engine, bus or Bus())
    try:
        migrate.prepare(engine, settings.places)
        yield database
    finally:
        database.close()


@contextmanager
def open_library(settings: Settings) -> Iterator[Library]:
    """The library alone, for the command line."""
    with open_database(settings) as database:
        yield Library(settings, database)


@contextmanager
def open_store(settings: Settings) -> Iterator[Store]:
    """What users keep alone, for the command line."""
    with open_database(settings) as database:
        yield Store(settings, database)


@contextmanager
def open_accounts(settings: Settings) -> Iterator[Accounts]:
    """The accounts alone, for the command line."""
    with open_database(settings) as database:
        yield _open_accounts(settings, database)


@contextmanager
def open_queue(settings: Settings, part: str) -> Iterator[Queue]:
    """The tasks alone, for the command line; ``part`` names it among those who run them."""
    with open_database(settings) as database:
        accounts = _open_accounts(settings, database)
        yield _open_queue(settings, database, Library(settings, database), accounts, part)


@contextmanager
def open_worker(settings: Settings) -> Iterator[None]:
    """Runs tasks and scans while inside, without being a server."""
    bus = Bus()
    with ExitStack() as stack:
        database = stack.enter_context(open_database(settings, bus))
        accounts = _open_accounts(settings, database)
        stack.enter_context(telling(settings, database, accounts.entries, bus))
        _follow_up(stack, settings, database, bus)
        library = Library(settings, database)
        queue = _open_queue(settings, database, library, accounts, f"worker {os.getpid()}")
        stack.enter_context(queue.working(at_once=True))
        yield


def _follow_up(stack: ExitStack, settings: Settings, database: Database, bus: Bus) -> None:
    follow_ups = stack.enter_context(FollowUps(settings, database))
    bus.subscribe(FilesArrived, follow_ups.ask)
    bus.subscribe(ScanAsked, follow_ups.wake)


def _open_queue(
    settings: Settings, database: Database, library: Library, accounts: Accounts, part: str
) -> Queue:
    store = Store(settings, database)
    things = {"library": library, "entries": accounts.entries, "store": store}
    return Queue(settings, database, JOBS, things, part)


def check_database(settings: Settings) -> list[str]:
    """What is wrong with the database, a sentence each."""
    engine = open_engine(settings.database_url)
    try:
        return migrate.check(engine)
    finally:
        engine.dispose()


def describe(settings: Settings) -> Description:
    """The description of the API."""
    return Description(
        OPERATIONS,
        title="romm_lite",
        version=__version__,
        token_url=f"{settings.romm_root_path}/api/token",
        server=settings.romm_root_path,
    )


def _open_accounts(settings: Settings, database: Database) -> Accounts:
    return Accounts.open(settings, database, open_entries(database, settings.redis_url))


def resources(
    settings: Settings, database: Database, accounts: Accounts, library: Library, **others: Any
) -> Mapping[str, Resource]:
    """What handlers can ask for by name, opened in this order."""

    def open_session(request: Request) -> AbstractContextManager[Any]:
        return database.read() if request.method in SAFE_METHODS else database.write()

    def always(thing: Any) -> Callable[[Request], AbstractContextManager[Any]]:
        return lambda _request: nullcontext(thing)

    return {
        "settings": always(settings),
        "config": always(library.config),
        "database": always(database),
        "accounts": always(accounts),
        "library": always(library),
        "store": always(Store(settings, database)),
        "uploads": always(Uploads(library, accounts.entries)),
        "streaming": always(Streaming(library, accounts.entries)),
        "user": lambda request: nullcontext(request.user),
        "db": open_session,
        **{name: always(each) for name, each in others.items()},
    }


def _mount(prefix: str, app: ASGIApp) -> ASGIApp:
    """An application that answers below one path, with 404 elsewhere."""
    from_here = OperationTable((), {})

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        path: str = scope["path"]
        if path.startswith(prefix + "/"):
            inside = {**scope, "path": path.removeprefix(prefix)}
            await app(inside, receive, send)
        else:
            await from_here(scope, receive, send)

    return serve


def _wrap(table: ASGIApp, settings: Settings, accounts: Accounts, metrics: Metrics) -> ASGIApp:
    """The middleware around the operations, innermost first."""
    app: ASGIApp = Shield(Identify(table, accounts), explain)
    app = allow_origins(app, settings.romm_cors_allowed_origins)
    app = Compression(app)
    app = SecurityHeaders(app)
    app = AccessLog(app)
    app = Measured(app, metrics)
    if settings.romm_root_path:
        app = RootPath(app, settings.romm_root_path)
    return RequestId(app)
