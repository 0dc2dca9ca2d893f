"""What one process tells reaches the sockets of all servers, over Redis."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection
from typing import Any
from uuid import uuid4

import orjson

log = logging.getLogger(__name__)

RETRY_SECONDS = 5.0
TIMEOUT_SECONDS = 5.0
Hear = Callable[[str, Any, list[str]], Awaitable[None]]


class Relay:
    """One end of a channel: it tells the others, and hears what they tell once it ``begins``."""

    def __init__(self, url: str, channel: str) -> None:
        self._url = url
        self._channel = channel
        self._name = uuid4().hex
        self._redis: Any = None
        self._hearing: asyncio.Task[None] | None = None
        self._is_broken = False

    def begin(self, hear: Hear) -> None:
        """Hear the others from now on, as long as the event loop goes."""
        self._hearing = asyncio.get_running_loop().create_task(self._share(hear))

    async def tell(self, event: str, payload: Any, rooms: Collection[str]) -> None:
        """Tell all others, if Redis is there."""
        message = orjson.dumps([self._name, event, payload, list(rooms)])
        try:
            await self._open().publish(self._channel, message)
            self._is_broken = False
        except Exception as error:
            if not self._is_broken:
                log.warning("What happens here cannot be told to other servers: %s", error)
            self._is_broken = True

    async def close(self) -> None:
        """Let go of Redis, whose connections belong to the event loop."""
        if self._redis is not None:
            await self._redis.aclose()
            self._redis = None

    def _open(self) -> Any:
        if self._redis is None:
            from redis.asyncio import Redis

            self._redis = Redis.from_url(self._url, socket_timeout=TIMEOUT_SECONDS)
        return self._redis

    async def _share(self, hear: Hear) -> None:
        is_told = False
        try:
            while True:
                try:
                    await self._listen(hear)
                except Exception as error:
                    if not is_told:
                        log.warning("What other servers tell cannot be heard: %s", error)
                    is_told = True
                await asyncio.sleep(RETRY_SECONDS)
        finally:
            await self.close()

    async def _listen(self, hear: Hear) -> None:
        async with self._open().pubsub() as heard:
            await heard.subscribe(self._channel)
            while True:
                message = await heard.get_message(ignore_subscribe_messages=True, timeout=1.0)
                if message is not None:
                    name, event, payload, rooms = orjson.loads(message["data"])
                    if name != self._name:
                        await hear(event, payload, rooms)
