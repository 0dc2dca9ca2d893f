"""The sockets beside the operations: who may open one, and what can be asked over it."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send

from romm_lite.db.engine import Database
from romm_lite.features.accounts.service import NOBODY, Accounts, Identity, note_device
from romm_lite.features.live.activity import WEB, Activity
from romm_lite.features.live.netplay import Netplay
from romm_lite.features.live.news import News, Told
from romm_lite.features.live.relay import Relay
from romm_lite.features.live.scans import NOT_ALLOWED, ask_for_scan, read_options, stop_scans
from romm_lite.features.live.seats import LOGS, Seat, Watchers, find_rooms
from romm_lite.features.live.sockets import Handler, Sockets
from romm_lite.kernel.errors import NotFound, RommError
from romm_lite.kernel.events import (
    SCAN_EVENTS,
    Bus,
    RightsChanged,
    SessionsEnded,
    UserDeleted,
)
from romm_lite.kernel.log import Entry
from romm_lite.kernel.scopes import Scope as Right
from romm_lite.kernel.settings import Settings
from romm_lite.web.render import json_response
from romm_lite.web.routing import refuse_socket, route_path
from romm_lite.web.table import Lane

log = logging.getLogger(__name__)

MAIN = "/ws/socket.io"
NETPLAY = "/netplay/socket.io"
CHANNEL = "romm_lite:main"
SWEEP_SECONDS = 30.0
"""So often all credentials are looked at: tokens end, and other processes change rights."""

SENDING = ("features.live", "socketio", "engineio", "redis")
SENDING_IN_DETAIL = (*SENDING, "uvicorn", "websockets", "asyncio")
"""Who may log something because a line was sent, which would never end."""


class Live:
    """Both Socket.IO servers, and what they are told of. ``settings`` name Redis, if there is."""

    def __init__(self, settings: Settings, database: Database, accounts: Accounts, bus: Bus):
        self._settings = settings
        self._database = database
        self._lane = Lane(1)
        self._watchers = Watchers(accounts.entries if settings.redis_url else None)
        self.main = Sockets(
            self._decide,
            self._handlers(),
            left=self._left,
            relay=Relay(settings.redis_url, CHANNEL) if settings.redis_url else None,
        )
        self.netplay = Netplay()
        self._news = News(database, self._lane, self.main, self._watchers)
        self.activity = Activity(database, accounts.entries, self._news.tell)
        self._sweeper: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._checks: set[asyncio.Future[None]] = set()
        for kind in (*SCAN_EVENTS, RightsChanged):
            bus.subscribe(kind, self._news.tell)
        bus.subscribe(RightsChanged, lambda event: self._check(event.user_ids))
        bus.subscribe(SessionsEnded, lambda event: self._check((event.user_id,)))
        bus.subscribe(UserDeleted, lambda event: self._check((event.user_id,)))

    def tell_line(self, line: Entry) -> None:
        """Send a line of the log to administrators, unless it is about sending."""
        told_by = SENDING_IN_DETAIL if line["level"] == "DEBUG" else SENDING
        if not line["module"].startswith(told_by):
            self.tell("logs:entry", line, LOGS)

    def tell(self, event: str, payload: Any, *rooms: str) -> None:
        """Send something to whoever sits in one of these rooms; from any thread."""
        self._news.tell(Told(event, payload, rooms))

    def beside(self, app: ASGIApp) -> ASGIApp:
        """The application with the sockets; who asks has been found out already."""
        servers: Mapping[str, Sockets] = {MAIN: self.main, NETPLAY: self.netplay.sockets}

        async def serve(scope: Scope, receive: Receive, send: Send) -> None:
            sockets = None
            if scope["type"] in ("http", "websocket"):
                sockets = servers.get(route_path(scope).removesuffix("/"))
            if sockets is None:
                await app(scope, receive, send)
            elif scope.get("auth_error") is not None:
                await _refuse(scope, receive, send)
            else:
                self._begin()
                await sockets(self._without_foreign(scope), receive, send)

        return serve

    def _without_foreign(self, scope: Scope) -> Scope:
        """A page of another origin does not speak for who is logged in here."""
        user: Identity = scope["user"]
        request = HTTPConnection(scope)
        if user.via != "session" or self._is_ours(request):
            return scope
        return {**scope, "user": NOBODY, "identify": _find_nobody}

    def _is_ours(self, request: HTTPConnection) -> bool:
        origin = request.headers.get("origin")
        if origin is None:
            return True
        if origin in self._settings.romm_cors_allowed_origins:
            return True
        return urlsplit(origin).netloc.lower() == request.headers.get("host", "").lower()

    def _begin(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._news.begin()
        if self._sweeper is None or self._sweeper.done():
            self._sweeper = self._loop.create_task(self._sweep())

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            for sockets in (self.main, self.netplay.sockets):
                await sockets.check_all()
            await self.netplay.clean_up()
            if not (self.main.seats or self.netplay.sockets.seats):
                return

    def _check(self, user_ids: tuple[int, ...]) -> None:
        """Look again at what users may do and see, and whether their sockets may stay."""
        if self._loop is None:
            return

        def begin() -> None:
            task = asyncio.ensure_future(self._check_users(user_ids))
            self._checks.add(task)
            task.add_done_callback(self._checks.discard)

        try:
            self._loop.call_soon_threadsafe(begin)
        except RuntimeError:
            log.debug("The event loop is closed; there are no sockets")

    async def _check_users(self, user_ids: tuple[int, ...]) -> None:
        for sockets in (self.main, self.netplay.sockets):
            await sockets.check_all(user_ids)

    async def _decide(self, seat: Seat) -> frozenset[str] | None:
        """Strangers are let in and told nothing."""
        await self._lane.run(partial(self._watchers.note, [seat.user]))
        return find_rooms(seat.user, has_logs=not self._settings.disable_logs_viewer)

    def _handlers(self) -> Mapping[str, Handler]:
        return {
            "scan": self._scan,
            "scan:stop": self._stop_scan,
            "activity:start": self._playing(anew=True),
            "activity:heartbeat": self._playing(anew=False),
            "activity:stop": self._stop_playing,
        }

    async def _scan(self, seat: Seat, *data: Any) -> Any:
        await self._run_scan(
            seat,
            lambda: ask_for_scan(
                self._database, self._settings, read_options(data[0] if data else None)
            ),
        )
        return ()

    async def _stop_scan(self, seat: Seat, *_data: Any) -> Any:
        await self._run_scan(seat, lambda: stop_scans(self._database))
        return ()

    async def _run_scan(self, seat: Seat, work: Callable[[], None]) -> None:
        """Do something about scans for who may; whoever asks is told why it was not done."""
        if not await self.main.check(seat):
            return
        if Right.TASKS_RUN not in seat.user.scopes:
            await self.main.tell_one(seat, "scan:done_ko", NOT_ALLOWED)
            return
        try:
            await self._lane.run(work)
        except RommError as error:
            await self.main.tell_one(seat, "scan:done_ko", str(error))

    def _playing(self, *, anew: bool) -> Handler:
        async def note(seat: Seat, *data: Any) -> Any:
            given = data[0] if data and isinstance(data[0], dict) else {}
            rom_id, device_id = given.get("rom_id"), given.get("device_id", WEB)
            if type(rom_id) is not int or not isinstance(device_id, str):
                return ()
            if await self._may_play(seat):
                work = partial(self._note_played, seat.user, rom_id, device_id, anew=anew)
                if await self._lane.run(work):
                    seat.device_id = device_id
            return ()

        return note

    def _note_played(self, user: Identity, rom_id: int, device_id: str, *, anew: bool) -> bool:
        try:
            if device_id != WEB:
                with self._database.write() as session:
                    note_device(session, user.user_id, device_id)
            self.activity.note(user, rom_id, device_id, WEB, anew=anew)
        except NotFound:
            return False
        return True

    async def _stop_playing(self, seat: Seat, *data: Any) -> Any:
        given = data[0] if data and isinstance(data[0], dict) else {}
        device_id = given.get("device_id") or seat.device_id
        if isinstance(device_id, str) and await self._may_play(seat):
            await self._lane.run(partial(self.activity.stop, seat.user.user_id, device_id))
            seat.device_id = None
        return ()

    async def _may_play(self, seat: Seat) -> bool:
        return await self.main.check(seat) and Right.ROMS_USER_WRITE in seat.user.scopes

    async def _left(self, seat: Seat) -> None:
        """Whoever is gone no longer plays."""
        if seat.device_id is not None:
            await self._lane.run(partial(self.activity.stop, seat.user.user_id, seat.device_id))


async def _find_nobody() -> Identity:
    return NOBODY


async def _refuse(scope: Scope, receive: Receive, send: Send) -> None:
    """Whoever shows a credential that is not good is told so."""
    if scope["type"] == "websocket":
        await refuse_socket(send)
        return
    error: RommError = scope["auth_error"]
    await json_response({"detail": str(error)}, getattr(error, "status", 401))(scope, receive, send)
