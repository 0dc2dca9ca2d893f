"""From what happened to what is sent: rendered once, for those who may see it, if anybody listens.

Events come from any thread. They wait in a line of their own as ids, which take no space to speak
of, so neither the database nor a slow client holds up who told of them.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import orjson
from sqlalchemy import select

from romm_lite.db.engine import Database
from romm_lite.features.library.service import keep_seen, render_announced, sees_platform
from romm_lite.features.live.seats import (
    ACTIVITY,
    PLATFORMS,
    ROMS,
    SCANS,
    USERS,
    Watchers,
    own_room,
    user_room,
)
from romm_lite.features.live.sockets import Sockets
from romm_lite.kernel.events import (
    PlatformScanned,
    RightsChanged,
    RomsBegun,
    RomsFinished,
    ScanCounted,
    ScanEnded,
)
from romm_lite.metadata.catalogue import is_identified
from romm_lite.tables.platforms import PLATFORMS as PLATFORM_ROWS
from romm_lite.web.table import Lane

log = logging.getLogger(__name__)

BATCH = 50
"""ROMs that are rendered together."""
TURNS = 6
LONGEST_PAUSE = 0.5


@dataclass(frozen=True)
class Told:
    """Something for certain rooms that is ready to be sent."""

    event: str
    payload: Any
    rooms: tuple[str, ...]


@dataclass(frozen=True)
class PlayTold:
    """Something about who plays a ROM, for those who may see it."""

    event: str
    payload: Mapping[str, Any]
    rom_id: int


class News:
    """Sends what it is told of, one after the other."""

    def __init__(self, database: Database, lane: Lane, sockets: Sockets, watchers: Watchers):
        self._database = database
        self._lane = lane
        self._sockets = sockets
        self._watchers = watchers
        self._loop: asyncio.AbstractEventLoop | None = None
        self._line: deque[object] = deque()
        self._task: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Listen from now on; called on the event loop when somebody connects."""
        self._loop = asyncio.get_running_loop()

    async def settle(self, seconds: float) -> None:
        """Wait until all is sent that was told, but not longer than this."""
        if self._task is not None:
            await asyncio.wait([self._task], timeout=seconds)
            self._task.cancel()

    def tell(self, event: object) -> None:
        """Have something sent; from any thread, and whether or not anybody listens."""
        if self._loop is None or not (self._sockets.seats or self._sockets.is_shared):
            return
        try:
            self._loop.call_soon_threadsafe(self._line_up, event)
        except RuntimeError:  # the loop is closed: nobody listens
            return

    def _line_up(self, event: object) -> None:
        if (
            isinstance(event, ScanCounted)
            and self._line
            and isinstance(self._line[-1], ScanCounted)
        ):
            self._line.pop()  # the newer says it all
        self._line.append(event)
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._work())

    async def _work(self) -> None:
        while self._line:
            event = self._line.popleft()
            try:
                await self._send(event)
                await self._sockets.drain()
            except Exception:
                log.exception("What happened could not be told")
            await asyncio.sleep(0)  # a long line leaves room for requests

    async def _send(self, event: object) -> None:
        match event:
            case RomsBegun(rom_ids):
                await self._send_roms(rom_ids, is_identifying=True)
            case RomsFinished(rom_ids):
                await self._send_roms(rom_ids, is_identifying=False)
            case ScanCounted(stats):
                await self._sockets.tell("scan:update_stats", dict(stats), [SCANS])
            case PlatformScanned():
                await self._send_platform(event)
            case ScanEnded(stats, failure):
                name = "scan:done" if failure is None else "scan:done_ko"
                await self._sockets.tell(name, failure or dict(stats), [SCANS])
            case RightsChanged(user_ids):
                for user_id in user_ids:
                    rooms = [user_room(user_id), USERS]
                    await self._sockets.tell("permissions:changed", {"user_id": user_id}, rooms)
            case PlayTold():
                await self._send_play(event)
            case Told(name, payload, rooms):
                await self._sockets.tell(name, payload, rooms)

    async def _send_roms(self, rom_ids: Sequence[int], *, is_identifying: bool) -> None:
        for start in range(0, len(rom_ids), BATCH):
            ids = rom_ids[start : start + BATCH]
            render = partial(self._render, ids, is_identifying=is_identifying)
            if not self._is_heard(ROMS):
                return
            began = time.monotonic()
            for payload, rooms in await self._lane.run(render):
                await self._sockets.tell("scan:scanning_rom", orjson.Fragment(payload), rooms)
            await self._sockets.drain()
            if not (self._line and isinstance(self._line[-1], ScanEnded)):
                # The scan still needs the processor more than who watches it. What was told goes
                # out to all sockets within a few turns of the loop, and counts too.
                for _ in range(TURNS):
                    await asyncio.sleep(0)
                await asyncio.sleep(min(2 * (time.monotonic() - began), LONGEST_PAUSE))

    def _render(self, ids: Sequence[int], *, is_identifying: bool) -> list[tuple[bytes, list[str]]]:
        with self._database.read() as session:
            found = render_announced(session, ids, is_identifying=is_identifying)
            seen = {
                own_room(ROMS, user.user_id): keep_seen(session, user, found)
                for user in self._find_watchers().values()
            }
        return [
            (payload, [ROMS, *(room for room, theirs in seen.items() if rom_id in theirs)])
            for rom_id, payload in found.items()
        ]

    async def _send_platform(self, event: PlatformScanned) -> None:
        if not self._is_heard(PLATFORMS):
            return
        told = await self._lane.run(partial(self._describe_platform, event))
        if told is not None:
            await self._sockets.tell("scan:scanning_platform", *told)

    def _describe_platform(self, event: PlatformScanned) -> tuple[dict[str, Any], list[str]] | None:
        table = PLATFORM_ROWS.c
        with self._database.read() as session:
            row = session.execute(
                select(PLATFORM_ROWS).where(table.id == event.platform_id)
            ).first()
            if row is None:
                return None
            rooms = self._choose(
                PLATFORMS, lambda user: sees_platform(session, user, event.platform_id)
            )
        return {
            "id": row.id,
            "name": row.name,
            "display_name": row.custom_name or row.name,
            "slug": row.slug,
            "fs_slug": row.fs_slug,
            "is_identified": is_identified(dict(row._mapping)),
            "new_firmware_count": event.new_firmware,
            "firmware_count": event.new_firmware,
        }, rooms

    async def _send_play(self, told: PlayTold) -> None:
        rooms = await self._lane.run(partial(self._find_players_rooms, told.rom_id))
        await self._sockets.tell(told.event, told.payload, rooms)

    def _find_players_rooms(self, rom_id: int) -> list[str]:
        with self._database.read() as session:
            return self._choose(ACTIVITY, lambda user: bool(keep_seen(session, user, [rom_id])))

    def _choose(self, room: str, sees: Callable[[Any], bool]) -> list[str]:
        """The room, and of the rooms of single users those who see it."""
        watchers = self._find_watchers().values()
        return [room, *(own_room(room, user.user_id) for user in watchers if sees(user))]

    def _find_watchers(self) -> dict[int | None, Any]:
        return self._watchers.find([seat.user for seat in list(self._sockets.seats.values())])

    def _is_heard(self, room: str) -> bool:
        return self._sockets.has([room, *_own_rooms(room, self._sockets)])


def _own_rooms(room: str, sockets: Sockets) -> Iterable[str]:
    return {own_room(room, seat.user.user_id) for seat in sockets.seats.values()}
