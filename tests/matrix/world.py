"""One installation with everybody who could ask and something of everything there is to ask for.

``ann`` is a plain user to whom every scope was given, so that only what is hers to see and change
stands between her and the rest. Whatever is not carries ``SECRET`` in its name.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any
from urllib.parse import quote

import bcrypt
import jwt
from anyio.from_thread import BlockingPortal, start_blocking_portal
from httpx import ASGITransport, Request, Response
from sqlalchemy import select
from starlette.types import ASGIApp

from romm_lite import app
from romm_lite.db.engine import Database
from romm_lite.db.entries import Entries, open_entries
from romm_lite.features.accounts.service import Accounts
from romm_lite.features.accounts.sessions import BrowserSession, Sessions
from romm_lite.features.library.store import Library
from romm_lite.kernel.scopes import ALL_SCOPES, Action, Entity, Role
from romm_lite.kernel.settings import Settings
from romm_lite.tables.permissions import PERMISSION_GROUPS, PermissionGroup, PermissionOverride
from romm_lite.tables.users import User
from romm_lite.web.operations import Operation
from tests.features.library.conftest import Home

KEY = "a key that is long enough for any algorithm there is"
PASSWORD = "correct horse"
HASH = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()
SECRET = "Concealed"
CSRF_COOKIE, CSRF_HEADER = "romm_csrftoken", "x-csrftoken"

Headers = Mapping[str, str]
Door = str
"""Which of the applications on this installation: ``closed``, ``kiosk`` or ``open downloads``."""
DOORS: Mapping[Door, Mapping[str, Any]] = {
    "closed": {},
    "kiosk": {"kiosk_mode": True},
    "open downloads": {"disable_download_endpoint_auth": True},
}


@dataclass
class World:
    """The installation, and how anybody asks it."""

    home: Home
    entries: Entries
    portal: BlockingPortal
    doors: dict[Door, ASGIApp] = field(default_factory=dict)
    operations: tuple[Operation, ...] = ()
    group: int = 0
    """The group ann is in."""
    numbers: Iterator[int] = field(default_factory=lambda: count(1000))

    def ask(
        self, method: str, path: str, headers: Headers, door: Door = "closed", **options: Any
    ) -> Response:
        """An answer that depends on nothing but what is sent now: no cookie is kept."""
        request = Request(method, "http://romm.example" + quote(path), headers=headers, **options)
        return self.portal.call(self._send, self.doors[door], request)

    async def _send(self, asgi: ASGIApp, request: Request) -> Response:
        transport = ASGITransport(asgi, raise_app_exceptions=False, client=("192.0.2.7", 50123))
        answer = await transport.handle_async_request(request)
        await answer.aread()
        return answer

    def add_user(self, name: str, role: Role = Role.USER, **values: Any) -> int:
        user = User(username=name, hashed_password=HASH, role=role, **values)
        self.home.users[name] = self.home.add(user)
        return self.home.users[name]

    def give_all(self, name: str) -> None:
        """Every grant there is, to somebody who is still no administrator."""
        user_id = self.home.users[name]
        self.home.add(
            *(
                PermissionOverride(user_id=user_id, entity=entity, action=action)
                for entity in Entity
                for action in Action
            )
        )

    def sign(
        self, user: str | int, *, key: str = KEY, algorithm: str = "HS256", **more: Any
    ) -> str:
        """A token as the server would sign it, for all scopes, but for what ``more`` says."""
        claims: dict[str, Any] = {
            "sub": str(user),
            "iss": "romm:oauth",
            "scopes": " ".join(ALL_SCOPES),
            "exp": int(time.time()) + 3600,
            "uid": self.home.users[user] if isinstance(user, str) else user,
            "epoch": 0,
            "type": "access",
        }
        return jwt.encode(claims | more, key, algorithm=algorithm)

    def bearer(self, user: str | int, **more: Any) -> Headers:
        return {"authorization": f"Bearer {self.sign(user, **more)}"}

    def session(self, user: str, epoch: int = 0) -> str:
        """The id of a browser's session of a user who logged in when their epoch was this."""
        sessions = Sessions(self.entries, self.home.settings)
        return sessions.open(BrowserSession(self.home.users[user], epoch, None))

    def browser(self, user: str | None = None, epoch: int = 0) -> Headers:
        """A page of ours, logged in or not, with the CSRF token it was given."""
        kept = {} if user is None else {"romm_session": self.session(user, epoch)}
        token = kept[CSRF_COOKIE] = self._fetch_csrf(kept)
        return {"cookie": _join(kept), CSRF_HEADER: token}

    def _fetch_csrf(self, cookies: Mapping[str, str]) -> str:
        answer = self.ask("GET", "/api/heartbeat", {"cookie": _join(cookies)} if cookies else {})
        for text in answer.headers.get_list("set-cookie"):
            name, _, value = text.partition(";")[0].partition("=")
            if name == CSRF_COOKIE:
                return value
        raise AssertionError("no CSRF cookie was set")


def _join(cookies: Mapping[str, str]) -> str:
    return "; ".join(f"{name}={value}" for name, value in cookies.items())


@contextmanager
def open_world(database: Database, settings: Settings) -> Iterator[World]:
    """The installation, its doors open, with its people and its small library."""
    entries = open_entries(database, None)
    home = Home(
        settings,
        database,
        Accounts.open(settings, database, entries),
        Library(settings, database),
    )
    with ExitStack() as stack:
        world = World(home, entries, stack.enter_context(start_blocking_portal()))
        for door, values in DOORS.items():
            opened = settings.model_copy(update=dict(values))
            application = stack.enter_context(app.open_application(opened))
            world.doors[door] = application.asgi
            world.operations = application.operations.operations
        add_people(world)
        change_people(world)
        yield world


def add_people(world: World) -> None:
    world.add_user("root", Role.ADMIN)
    world.group = world.home.add(PermissionGroup(name="Guests"))
    world.add_user("ann", permission_group_id=world.group, max_age=12)
    world.add_user("bob")
    for name in ("ann", "bob"):
        world.give_all(name)
    for name, group in (("viewer", "Viewer (legacy)"), ("editor", "Editor (legacy)")):
        with world.home.database.read() as session:
            seeded = select(PERMISSION_GROUPS.c.id).where(PERMISSION_GROUPS.c.name == group)
            world.add_user(name, permission_group_id=session.scalars(seeded).one())
    world.add_user("plain")
    world.add_user("curbed")
    taken = PermissionOverride(
        user_id=world.home.users["curbed"],
        entity=Entity.ROMS,
        action=Action.READ,
        granted=False,
    )
    world.home.add(taken)
    world.add_user("disabled", enabled=False)
    world.add_user("changed", epoch=1)


def change_people(world: World) -> None:
    """What ends the sessions and tokens that people were given before."""
    changes: Mapping[str, Sequence[Mapping[str, str]]] = {
        "promoted": [{"role": "admin"}],
        "returned": [{"enabled": "false"}, {"enabled": "true"}],
    }
    for name, steps in changes.items():
        path = f"/api/users/{world.add_user(name)}"
        for step in steps:
            answer = world.ask("PUT", path, world.bearer("root"), data=step)
            assert answer.status_code == 200, answer.text
