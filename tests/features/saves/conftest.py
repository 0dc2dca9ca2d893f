"""A library with one game, and its users with their devices, asked over HTTP."""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
from sqlalchemy import update
from starlette.testclient import TestClient

from romm_lite.app import OPERATIONS, resources
from romm_lite.db.engine import Database
from romm_lite.db.faults import explain
from romm_lite.features.accounts.middleware import Identify
from romm_lite.features.saves.store import Store
from romm_lite.kernel.log import Lines
from romm_lite.kernel.paths import Places
from romm_lite.tables.devices import CLIENT_TOKENS, Device
from romm_lite.web.metrics import Metrics
from romm_lite.web.table import OperationTable
from tests.features.library.conftest import Home, make_home

SAVES = "/api/saves"


class SavesHome(Home):
    """As the library's, with all operations that these tests ask for."""

    def client(self, username: str | None = "ann", **options: Any) -> TestClient:
        client = super().client(username)
        table = OperationTable(
            OPERATIONS,
            resources(
                *(self.settings, self.database, self.accounts, self.library),
                queue=None,
                lines=Lines(),
                metrics=Metrics(),
                live=None,
            ),
            translate=explain,
            **options,
        )
        mine = TestClient(Identify(table, self.accounts), "http://romm.example")
        mine.headers.update(client.headers)
        self.clients.append(mine)
        return mine

    def bind(self, token: int, device: str) -> None:
        """Make a client token one of a device."""
        this = CLIENT_TOKENS.c.id == token
        with self.database.write() as session:
            session.execute(update(CLIENT_TOKENS).where(this).values(device_id=device))


@dataclass
class Shelf:
    """Ann and one game; ``client`` is logged in as her."""

    home: SavesHome
    client: TestClient
    rom: int

    @property
    def store(self) -> Store:
        return Store(self.home.settings, self.home.database)

    def device(self, name: str = "handheld", user: str = "ann") -> str:
        number = str(uuid.uuid4())
        self.home.add(Device(id=number, user_id=self.home.users[user], name=name))
        return number

    def as_user(self, name: str) -> "Shelf":
        return replace(self, client=self.home.client(name))

    def with_settings(self, **values: Any) -> "Shelf":
        self.home.settings = self.home.settings.model_copy(update=values)
        return replace(self, client=self.home.client())

    def send(
        self,
        content: bytes,
        name: str = "Game.srm",
        *,
        shot: tuple[str, bytes] | None = None,
        **query: Any,
    ) -> Any:
        """The answer to an upload."""
        files = {"saveFile": (name, content)}
        if shot is not None:
            files["screenshotFile"] = shot
        return self.client.post(SAVES, params={"rom_id": self.rom, **query}, files=files)

    def upload(self, content: bytes, name: str = "Game.srm", **query: Any) -> Any:
        """The save of an upload that must be fine."""
        answer = self.send(content, name, **query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def get(self, path: str = "", **query: Any) -> Any:
        """The JSON of an answer that must be fine."""
        answer: Any = self.client.get(SAVES + path, params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def post(self, path: str, **body: Any) -> Any:
        answer: Any = self.client.post(SAVES + path, json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def read(self, save: Any, **query: Any) -> bytes:
        answer: Any = self.client.get(f"{SAVES}/{save['id']}/content", params=query)
        assert answer.status_code == 200, answer.text
        return bytes(answer.content)

    def sync_of(self, save: Any, device: str) -> Any:
        """What is told of one device of a save."""
        return self.get(f"/{save['id']}", device_id=device)["device_syncs"][0]

    def list_contents(self) -> set[str]:
        return set(self.store.blobs.list_all())


def make_shelf(database: Database, places: Places) -> Iterator[Shelf]:
    for made in make_home(database, places):
        home = SavesHome(**vars(made))
        rom = home.rom("Game (USA).sfc", home.platform())
        yield Shelf(home, home.client(), rom)


@pytest.fixture
def shelf(database: Database, places: Places) -> Iterator[Shelf]:
    yield from make_shelf(database, places)


@pytest.fixture
def every_shelf(every_database: Database, places: Places) -> Iterator[Shelf]:
    yield from make_shelf(every_database, places)
