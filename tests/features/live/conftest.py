"""A real server on a free port, and real Socket.IO clients that write down what they hear."""

import asyncio
import base64
import shutil
import socket
import threading
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
import socketio
import uvicorn
from sqlalchemy import select
from starlette.types import ASGIApp

from romm_lite.app import open_application
from romm_lite.db.engine import Database, open_engine
from romm_lite.features.accounts.passwords import hash_password
from romm_lite.kernel.events import Bus
from romm_lite.kernel.paths import Places
from romm_lite.kernel.scopes import Role
from romm_lite.kernel.settings import Settings
from romm_lite.tables.roms import ROMS
from romm_lite.tables.users import USERS, User
from romm_lite.web.protocol import server_options

PASSWORD = "correct horse"
WAIT = 30.0
MAIN, NETPLAY = "/ws/socket.io", "/netplay/socket.io"
Event = tuple[str, Any]


@dataclass
class Ear:
    """A client, and what it heard in order; each event is a name and its argument(s)."""

    client: Any
    heard: list[Event] = field(default_factory=list)
    is_over: bool = False

    async def until(self, wanted: Callable[[list[Event]], bool]) -> list[Event]:
        deadline = time.monotonic() + WAIT
        while not wanted(self.heard):
            assert time.monotonic() < deadline, f"heard only {[name for name, _ in self.heard]}"
            await asyncio.sleep(0.01)
        return self.heard

    async def hear(self, name: str) -> Any:
        """The argument of the first event of that name, once it has come."""
        heard = await self.until(lambda heard: any(each == name for each, _ in heard))
        return next(payload for each, payload in heard if each == name)

    async def ask(self, name: str, *data: Any) -> Any:
        """Send something and wait for the acknowledgement."""
        argument = data if len(data) != 1 else data[0]
        return await self.client.call(name, argument or None, timeout=WAIT)

    async def end(self) -> None:
        """Once the server has closed the socket."""
        deadline = time.monotonic() + WAIT
        while not self.is_over:
            assert time.monotonic() < deadline, "the socket stays"
            await asyncio.sleep(0.01)

    def names(self) -> list[str]:
        return [name for name, _ in self.heard]

    def told(self, name: str) -> list[Any]:
        return [payload for each, payload in self.heard if each == name]


@dataclass
class House:
    """One installation with the administrator ``root`` and the users ``ann`` and ``bob``."""

    settings: Settings
    database: Database
    url: str = ""
    ids: dict[str, int] = field(default_factory=dict)

    def put(self, path: str, content: bytes = b"content") -> Path:
        file = self.settings.places.library / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        return file

    def http(self, user: str | None = "root", **options: Any) -> httpx.Client:
        auth = (user, PASSWORD) if user else None
        return httpx.Client(base_url=self.url, auth=auth, timeout=WAIT, **options)

    def rom(self, fs_name: str) -> int:
        with self.database.read() as session:
            return int(session.scalars(select(ROMS.c.id).where(ROMS.c.fs_name == fs_name)).one())

    @asynccontextmanager
    async def listen(
        self, user: str | None = "root", path: str = MAIN, **options: Any
    ) -> AsyncIterator[Ear]:
        """A client of this user, or of a stranger; ``options`` are those of connecting."""
        client = socketio.AsyncClient(reconnection=False)
        ear = Ear(client)
        client.on("*", lambda name, *data: ear.heard.append((name, *data)))

        async def leave(*_: Any) -> None:
            ear.is_over = True

        client.on("disconnect", leave)
        headers = dict(options.pop("headers", basic(user) if user else {}))
        options = {"transports": ["websocket"], **options}
        try:
            await client.connect(self.url, headers, socketio_path=path, **options)
        except socketio.exceptions.ConnectionError:
            if client.eio.http is not None:
                await client.eio.http.close()
            raise
        try:
            yield ear
        finally:
            await client.disconnect()

    def scan(self) -> list[Event]:
        """Scan all of the library; what the administrator heard."""

        async def watch() -> list[Event]:
            async with self.listen() as ear:
                await ear.ask("scan", {"type": "quick"})
                await ear.until(lambda heard: bool(heard) and heard[-1][0].startswith("scan:done"))
                return ear.heard

        return asyncio.run(watch())


def basic(user: str) -> dict[str, str]:
    word = base64.b64encode(f"{user}:{PASSWORD}".encode()).decode()
    return {"Authorization": f"Basic {word}"}


def play(scenario: Coroutine[Any, Any, None]) -> None:
    """Run what happens in a test."""
    asyncio.run(asyncio.wait_for(scenario, 2 * WAIT))


def make_house(folder: Path, migrated_file: Path, **settings: Any) -> House:
    places = Places.at(folder / "data")
    places.create()
    shutil.copyfile(migrated_file, places.database)
    database = Database(open_engine(f"sqlite:///{places.database}"), Bus())
    values = {"romm_base_path": places.data, "romm_rate_limits": False, **settings}
    house = House(Settings.model_validate(values), database)
    hashed = hash_password(PASSWORD)
    with database.write() as session:
        for name in ("root", "ann", "bob"):
            role = Role.ADMIN if name == "root" else Role.USER
            session.add(User(username=name, role=role, hashed_password=hashed))
    with database.read() as session:
        house.ids = dict(session.execute(select(USERS.c.username, USERS.c.id)).all())
    return house


def serving(house: House) -> Iterator[House]:
    with open_application(house.settings) as application, answering(application.asgi) as url:
        house.url = url
        yield house
    house.database.close()


@contextmanager
def answering(asgi: ASGIApp) -> Iterator[str]:
    """An application on a free port; its address."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = uvicorn.Server(uvicorn.Config(asgi, loop="asyncio", **server_options(())))
        thread = threading.Thread(target=lambda: server.run(sockets=[listening]))
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = server.force_exit = True
            thread.join()


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, migrated_file: Path) -> Iterator[House]:
    """For all tests of a file; the library is empty until one puts something there."""
    yield from serving(make_house(tmp_path_factory.mktemp("house"), migrated_file))
