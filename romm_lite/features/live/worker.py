"""What a worker scans is told at the servers: it has no sockets, but there is Redis."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from romm_lite.db.engine import Database
from romm_lite.db.entries import Entries
from romm_lite.features.live.news import News
from romm_lite.features.live.relay import Relay
from romm_lite.features.live.seats import Seat, Watchers
from romm_lite.features.live.server import CHANNEL
from romm_lite.features.live.sockets import Sockets
from romm_lite.kernel.events import SCAN_EVENTS, Bus
from romm_lite.kernel.settings import Settings
from romm_lite.web.table import Lane

LAST_SECONDS = 5.0


@contextmanager
def telling(settings: Settings, database: Database, entries: Entries, bus: Bus) -> Iterator[None]:
    """While inside, what scans tell on this bus reaches all servers; without Redis nobody."""
    if settings.redis_url is None:
        yield
        return
    relay = Relay(settings.redis_url, CHANNEL)
    news = News(
        database, Lane(1), Sockets(_refuse, {}, left=_leave, relay=relay), Watchers(entries)
    )

    async def begin() -> None:
        news.begin()

    async def end() -> None:
        await news.settle(LAST_SECONDS)
        await relay.close()

    with _running_loop() as loop:
        asyncio.run_coroutine_threadsafe(begin(), loop).result()
        for kind in SCAN_EVENTS:
            bus.subscribe(kind, news.tell)
        try:
            yield
        finally:
            asyncio.run_coroutine_threadsafe(end(), loop).result()


@contextmanager
def _running_loop() -> Iterator[asyncio.AbstractEventLoop]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="telling")
    thread.start()
    try:
        yield loop
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _refuse(_seat: Seat) -> None:
    return None


async def _leave(_seat: Seat) -> None:
    return None
