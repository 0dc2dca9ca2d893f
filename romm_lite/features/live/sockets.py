"""One Socket.IO server: who is connected, sending, and letting go of those who do not listen."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Any

import orjson
from starlette.types import Receive, Scope, Send

from romm_lite.features.accounts.service import Identity
from romm_lite.features.live.relay import Relay
from romm_lite.features.live.seats import Identify, Seat

log = logging.getLogger(__name__)

PING_SECONDS = 25
PING_TIMEOUT = 60
LARGEST_MESSAGE = 1_000_000
MOST_WAITING = 2_000
"""Messages that may wait for one client; whoever lets more come together is let go."""
MOST_BYTES = 32 << 20
"""The same, if all that waits is as large as what comes."""
HIGH_WATER = 200
"""So many may wait for anybody while more is made."""
PATIENCE = 2.0
"""Seconds until somebody who reads nothing no longer holds up the others."""
LONGEST_WAIT = 5.0
"""Seconds that the others wait for somebody who reads slowly."""
MOST_SOCKETS = 1_000

Handler = Callable[..., Awaitable[Any]]
Decide = Callable[[Seat], Awaitable[frozenset[str] | None]]
"""The rooms of a seat, None for one that is refused."""


class Json:
    """What python-socketio calls its JSON module; fragments of JSON pass through it."""

    @staticmethod
    def dumps(value: Any, **_options: Any) -> str:
        return orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS).decode()

    @staticmethod
    def loads(text: str, **_options: Any) -> Any:
        return orjson.loads(text)


class Sockets:
    """A server, made with the first request, for loading its library takes a while.

    ``on`` are handlers by the name of the event: each is called with the seat and the arguments,
    what it returns is the acknowledgement. ``decide`` is asked about everybody who connects and
    again when their rights changed.
    """

    def __init__(
        self,
        decide: Decide,
        on: Mapping[str, Handler],
        *,
        left: Callable[[Seat], Awaitable[None]],
        relay: Relay | None = None,
    ) -> None:
        self.seats: dict[str, Seat] = {}
        self._decide = decide
        self._on = on
        self._left = left
        self._relay = relay
        self._server: Any = None
        self._crowded: dict[str, tuple[int, float]] = {}
        """For whom much waits, by the engine's id: how much, and when they last read."""

    @property
    def is_shared(self) -> bool:
        """Whether other servers have sockets that are told what is told here."""
        return self._relay is not None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._server is None:
            self._server = self._open()
        await self._server.handle_request(scope, receive, send)

    def _open(self) -> Any:
        from socketio import AsyncServer

        if self._relay is not None:
            self._relay.begin(self._tell_here)
        server = AsyncServer(
            async_mode="asgi",
            cors_allowed_origins=[],  # the guard before it looks at origins
            ping_interval=PING_SECONDS,
            ping_timeout=PING_TIMEOUT,
            max_http_buffer_size=LARGEST_MESSAGE,
            http_compression=False,
            json=Json,
            namespaces=["/"],
        )
        server.on("connect", self._connect)
        server.on("disconnect", self._disconnect)
        for name, handler in self._on.items():
            server.on(name, self._listen(name, handler))
        return server

    def _listen(self, name: str, handler: Handler) -> Handler:
        async def listen(sid: str, *data: Any) -> Any:
            seat = self.seats.get(sid)
            if seat is None:
                return ()
            try:
                return await handler(seat, *data)
            except Exception:
                log.exception("The event %s failed", name)
                return ()

        return listen

    async def _connect(self, sid: str, environ: dict[str, Any], _auth: Any = None) -> bool:
        scope = environ["asgi.scope"]
        identify: Identify = scope["identify"]
        user: Identity = scope["user"]
        seat = Seat(sid, user, identify)
        rooms = None if len(self.seats) >= MOST_SOCKETS else await self._decide(seat)
        if rooms is None:
            return False
        self.seats[sid] = seat
        await self._move(seat, rooms)
        return True

    async def _disconnect(self, sid: str, _reason: Any = None) -> None:
        engine_id = self._server.manager.eio_sid_from_sid(sid, "/")
        socket = self._server.eio.sockets.get(engine_id)
        if socket is not None:
            socket.queue.put_nowait(None)  # else a request that polls goes on waiting
        seat = self.seats.pop(sid, None)
        if seat is not None:
            await self._left(seat)

    async def _move(self, seat: Seat, rooms: frozenset[str]) -> None:
        for room in seat.rooms - rooms:
            await self._server.leave_room(seat.sid, room)
        for room in rooms - seat.rooms:
            await self._server.enter_room(seat.sid, room)
        seat.rooms = rooms

    async def enter(self, seat: Seat, room: str) -> None:
        """Let a seat hear what is told in a room, for a while."""
        await self._server.enter_room(seat.sid, room)

    async def leave(self, seat: Seat, room: str) -> None:
        await self._server.leave_room(seat.sid, room)

    async def check(self, seat: Seat) -> bool:
        """Look at a seat's credential again; if it is over, so is the socket."""
        if await seat.is_good():
            rooms = await self._decide(seat)
            if rooms is not None:
                await self._move(seat, rooms)
                return True
        await self._server.disconnect(seat.sid)
        return False

    async def check_all(self, user_ids: Collection[int | None] | None = None) -> None:
        """The same for all seats, or those of some users."""
        for seat in list(self.seats.values()):
            if user_ids is None or seat.user.user_id in user_ids:
                try:
                    await self.check(seat)
                except Exception:
                    log.exception("A socket's rights could not be read")

    def has(self, rooms: Collection[str]) -> bool:
        """Whether anybody hears what is told in one of these rooms."""
        return self.is_shared or any(
            not seat.rooms.isdisjoint(rooms) for seat in self.seats.values()
        )

    async def tell(
        self, event: str, payload: Any, rooms: Collection[str], *, but: str | None = None
    ) -> None:
        """Send something to everybody in any of these rooms, once, without waiting for anybody.

        ``payload`` may be ``orjson.Fragment``; a tuple is several arguments.
        """
        if self._server is not None:
            await self._tell_here(event, payload, rooms, but)
        if self._relay is not None:
            await self._relay.tell(event, payload, rooms)

    async def _tell_here(
        self, event: str, payload: Any, rooms: Collection[str], but: str | None = None
    ) -> None:
        """As the library does, but with neither a task nor a packet for each socket."""
        from engineio.packet import MESSAGE
        from engineio.packet import Packet as EnginePacket
        from socketio.packet import EVENT, Packet

        arguments = list(payload) if isinstance(payload, tuple) else [payload]
        packet = Packet(EVENT, namespace="/", data=[event, *arguments])
        encoded = packet.encode()
        parts = encoded if isinstance(encoded, list) else [encoded]
        size = sum(map(len, parts))
        packets = [EnginePacket(MESSAGE, part) for part in parts]
        for sid, engine_id in list(self._server.manager.get_participants("/", list(rooms))):
            socket = self._server.eio.sockets.get(engine_id)
            if sid == but or socket is None or socket.closed:
                continue
            waiting = socket.queue.qsize()
            if waiting > MOST_WAITING or waiting * size > MOST_BYTES:
                await self._let_go(engine_id)
                continue
            for each in packets:
                socket.queue.put_nowait(each)

    async def tell_one(self, seat: Seat, event: str, payload: Any) -> None:
        """Send something to one socket."""
        await self._server.emit(event, payload, to=seat.sid)

    async def drain(self) -> None:
        """Wait for those who read more slowly than is told, but for nobody long."""
        began = time.monotonic()
        while self._find_slow() and time.monotonic() - began < LONGEST_WAIT:
            await asyncio.sleep(0.01)

    def _find_slow(self) -> bool:
        """Whether somebody reads for whom much waits; who reads nothing is not waited for."""
        moment = time.monotonic()
        crowded: dict[str, tuple[int, float]] = {}
        for engine_id, socket in self._server.eio.sockets.items() if self._server else ():
            if (waiting := socket.queue.qsize()) > HIGH_WATER:
                before, read_at = self._crowded.get(engine_id, (waiting, moment))
                crowded[engine_id] = waiting, moment if waiting < before else read_at
        self._crowded = crowded
        return any(moment - read_at < PATIENCE for _, read_at in crowded.values())

    async def _let_go(self, engine_id: str) -> None:
        socket = self._server.eio.sockets.get(engine_id)
        if socket is None:
            return
        log.info("A client that does not read what it is sent was let go")
        while not socket.queue.empty():
            socket.queue.get_nowait()
            socket.queue.task_done()
        await socket.close(wait=False, abort=True)
        socket.queue.put_nowait(None)
        self._server.eio.sockets.pop(engine_id, None)
