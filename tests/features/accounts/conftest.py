"""A small application around the accounts, on a real database."""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any

import bcrypt
import pytest
import respx
from sqlmodel import Session
from starlette.requests import Request
from starlette.testclient import TestClient

from romm_lite.db.engine import Database
from romm_lite.db.entries import Entries, TableEntries
from romm_lite.features.accounts import routes
from romm_lite.features.accounts.identity import Identity
from romm_lite.features.accounts.middleware import Identify
from romm_lite.features.accounts.service import Accounts
from romm_lite.kernel.events import Bus
from romm_lite.kernel.paths import Places
from romm_lite.kernel.scopes import Role, Scope
from romm_lite.kernel.settings import Settings
from romm_lite.tables.users import User
from romm_lite.web.operations import Router
from romm_lite.web.table import OperationTable
from tests.features.accounts.desk import Desk
from tests.features.accounts.idp import SETTINGS, Idp

KEY = "a key that is long enough for any algorithm there is"
PASSWORD = "correct horse"
LOCAL = ("127.0.0.1", 50123)
AWAY = ("192.0.2.7", 50123)
HASH = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()

probe = Router("/api/probe", tags=["probe"])


@probe.get("", Scope.ROMS_READ)
def read_probe(user: Identity) -> dict[str, Any]:
    return {
        "id": user.user_id,
        "via": user.via,
        "scopes": list(user.scopes),
        "group": user.group_id,
        "hidden": user.has_hidden,
        "max_age": user.max_age,
        "hide_unrated": user.hide_unrated,
        "device": user.device_id,
    }


@probe.post("", Scope.ROMS_USER_WRITE)
def write_probe(user: Identity) -> str:
    return user.via


@probe.get("/open", public=True)
def read_open(user: Identity) -> str:
    return user.via


@probe.post("/open", public=True)
def write_open(user: Identity) -> str:
    return user.via


@probe.get("/tasks", Scope.TASKS_RUN)
def read_tasks() -> str:
    return "yes"


Provide = Callable[[Request], Any]


@dataclass
class House:
    """One installation."""

    settings: Settings
    database: Database
    entries: Entries
    accounts: Accounts
    clients: list[TestClient] = field(default_factory=list)

    def client(
        self,
        peer: tuple[str, int] = AWAY,
        base_url: str = "http://romm.example",
        agent: str = "tests",
        **options: Any,
    ) -> TestClient:
        """A browser with cookies of its own."""
        provide: dict[str, Provide] = {
            "accounts": lambda _: nullcontext(self.accounts),
            "user": lambda request: nullcontext(request.user),
            "db": self._open_session,
        }
        operations = [
            *routes.OPERATIONS,
            *probe.operations,
        ]
        app = Identify(OperationTable(operations, provide), self.accounts)
        client = TestClient(app, base_url, client=peer, **options)
        client.headers["user-agent"] = agent
        self.clients.append(client)
        return client

    def _open_session(self, request: Request) -> AbstractContextManager[Session]:
        is_safe = request.method in ("GET", "HEAD")
        return self.database.read() if is_safe else self.database.write()

    def add(self, username: str, role: Role = Role.USER, **values: Any) -> int:
        """A user with the password every user of the tests has, hashed cheaply."""
        user = User(username=username, hashed_password=HASH, role=role, **values)
        with self.database.write() as session:
            session.add(user)
        assert user.id is not None
        return user.id

    def login(self, username: str = "ann", client: TestClient | None = None) -> TestClient:
        """A browser in which this user has logged in and whose CSRF token is that of the user."""
        client = client or self.client()
        answer = client.post("/api/login", auth=(username, PASSWORD))
        assert answer.status_code == 200, answer.text
        client.get("/api/probe/open")
        return client

    def tokens(self, username: str = "ann", scope: str = "roms.read") -> dict[str, Any]:
        """What the token endpoint grants this user."""
        form = {"username": username, "password": PASSWORD, "scope": scope}
        answer = self.client().post("/api/token", data=form)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found


def csrf(client: TestClient) -> dict[str, str]:
    """The header a page of ours sends."""
    if "romm_csrftoken" not in client.cookies:
        client.get("/api/probe/open")
    return {"x-csrftoken": client.cookies["romm_csrftoken"]}


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


_now = time.time


@dataclass
class Clock:
    """The time by which entries end; it can be put ahead."""

    ahead: float = 0.0

    def __call__(self) -> float:
        return _now() + self.ahead


Build = Callable[..., House]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def build(database: Database, places: Places, clock: Clock) -> Iterator[Build]:
    """Makes an installation with these settings; all share one database and its entries."""
    yield from building(database, places, clock)


@pytest.fixture
def every_build(every_database: Database, places: Places, clock: Clock) -> Iterator[Build]:
    """The same on each kind of database."""
    yield from building(every_database, places, clock)


def building(database: Database, places: Places, clock: Clock) -> Iterator[Build]:
    entries = TableEntries(database, clock)
    houses: list[House] = []

    def make(**values: Any) -> House:
        settings = Settings.model_validate(
            {"romm_base_path": places.data, "romm_auth_secret_key": KEY, **values}
        )
        accounts = Accounts.open(settings, database, entries)
        houses.append(House(settings, database, entries, accounts))
        return houses[-1]

    yield make
    for house in houses:
        for client in house.clients:
            client.close()


@pytest.fixture
def house(build: Build) -> House:
    """An installation with the plain user ``ann`` and the administrator ``root``."""
    return furnish(build())


@pytest.fixture
def every_house(every_build: Build) -> House:
    """The same on each kind of database."""
    return furnish(every_build())


@pytest.fixture
def desk(house: House, bus: Bus) -> Desk:
    """The permission API of the same installation."""
    return Desk(house.client(), house.database, bus)


@pytest.fixture
def every_desk(every_house: House, bus: Bus) -> Desk:
    """The same on each kind of database."""
    return Desk(every_house.client(), every_house.database, bus)


@pytest.fixture
def idp() -> Iterator[Idp]:
    """An OpenID provider; nothing else can be reached."""
    with respx.mock(assert_all_called=False) as router:
        yield Idp(router)


def know_provider(build: Build, **settings: Any) -> House:
    """An installation with the administrator ``root`` that knows the provider of ``idp``."""
    house = build(**{**SETTINGS, **settings})
    house.add("root", Role.ADMIN)
    return house


def furnish(house: House) -> House:
    house.add("root", Role.ADMIN)
    house.add("ann")
    return house
