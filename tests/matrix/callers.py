"""Who asks, and what they may do: written out from the protocol, not asked of the program."""

import base64
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from romm_lite.kernel.times import now
from tests.matrix.things import add_token
from tests.matrix.world import PASSWORD, Door, Headers, World

READ = frozenset(
    "me.read roms.read platforms.read assets.read devices.read firmware.read roms.user.read"
    " collections.read playlists.read".split()
)
VIEWER = READ | frozenset(
    "me.write assets.write devices.write roms.user.write collections.write playlists.write".split()
)
EDITOR = VIEWER | frozenset("roms.write platforms.write firmware.write".split())
ALL = EDITOR | frozenset("users.read users.write tasks.run logs.read".split())

Show = Callable[[World], Headers]


@dataclass(frozen=True)
class Caller:
    """Somebody who asks. ``scopes`` is None for whom nobody knows."""

    name: str
    show: Show
    scopes: frozenset[str] | None
    user: str = ""
    """Whose rights they have, where the credential is good."""
    door: Door = "closed"

    @property
    def is_admin(self) -> bool:
        return self.user == "root"


def nothing(_world: World) -> Headers:
    return {}


def word(credential: str) -> Show:
    return lambda _world: {"authorization": credential}


def password(user: str) -> Show:
    return word("Basic " + base64.b64encode(f"{user}:{PASSWORD}".encode()).decode())


def browser(user: str | None, epoch: int = 0) -> Show:
    return lambda world: world.browser(user, epoch)


def token(user: str | int, **claims: Any) -> Show:
    return lambda world: {"authorization": f"Bearer {world.sign(user, **claims)}"}


def client_token(user: str, **values: Any) -> Show:
    return lambda world: {"authorization": f"Bearer {add_token(world, user, **values)[1]}"}


def both(first: Show, second: Show) -> Show:
    return lambda world: {**first(world), **second(world)}


WITH_PASSWORD = Caller("an administrator with a password", password("root"), ALL, "root")
KNOWN = (
    WITH_PASSWORD,
    Caller("an administrator in a browser", browser("root"), ALL, "root"),
    Caller("an administrator's token for nothing", token("root", scopes=""), frozenset(), "root"),
    Caller(
        "an administrator's client token for little",
        client_token("root", scopes="me.read roms.read"),
        frozenset({"me.read", "roms.read"}),
        "root",
    ),
    Caller("an editor's client token", client_token("editor"), EDITOR, "editor"),
    Caller("an editor in a browser", browser("editor"), EDITOR, "editor"),
    Caller("a viewer's token", token("viewer"), VIEWER, "viewer"),
    Caller("a viewer in a browser", browser("viewer"), VIEWER, "viewer"),
    Caller("a plain user's token", token("plain"), VIEWER, "plain"),
    Caller(
        "a good token beside a void session",
        both(browser("changed"), token("plain")),
        VIEWER,
        "plain",
    ),
    Caller("a user who may not read games", token("curbed"), VIEWER - {"roms.read"}, "curbed"),
    Caller("a user with all grants", token("ann"), ALL, "ann"),
    Caller("a visitor of a kiosk", browser(None), READ, door="kiosk"),
)
"""Those who are known, each with the scopes of their credential and of their user alike."""

UNKNOWN = (
    Caller("a stranger", browser(None), None),
    Caller("a stranger where downloads are open", browser(None), None, door="open downloads"),
    Caller("a bad token in a kiosk", word("Bearer nonsense"), None, door="kiosk"),
    Caller("an expired token", token("root", exp=int(time.time()) - 60), None),
    Caller("a token without signature", token("root", key="", algorithm="none"), None),
    Caller("a token signed with another key", token("root", key="another key " * 4), None),
    Caller("a token signed for another reader", token("root", iss="somebody else"), None),
    Caller("a refresh token", token("root", type="refresh", jti="1"), None),
    Caller("an invitation as a token", token("root", type="invite", jti="1"), None),
    Caller("a token of a user who is gone", token(999_999), None),
    Caller("a disabled user with a password", password("disabled"), None),
    Caller("a disabled user in a browser", browser("disabled"), None),
    Caller("a disabled user's token", token("disabled"), None),
    Caller("a disabled user's client token", client_token("disabled"), None),
    Caller(
        "an expired client token",
        client_token("root", expires_at=now() - timedelta(minutes=1)),
        None,
    ),
    Caller("a client token nobody made", word("Bearer rmm_" + "0" * 64), None),
    Caller("a browser from before a new password", browser("changed"), None),
    Caller("a token from before a new password", token("changed"), None),
    Caller("a browser from before a new role", browser("promoted"), None),
    Caller("a token from before a new role", token("promoted"), None),
    Caller("a browser from before being locked out", browser("returned"), None),
    Caller("a token from before being locked out", token("returned"), None),
    Caller("a password that is no base64", word("Basic !"), None),
    Caller("a scheme alone, in a browser", both(browser("root"), word("Bearer")), None),
    Caller("a bad token in a good browser", both(browser("root"), word("Bearer no")), None),
)
"""Those whose credential is none, or good no more."""
CALLERS = KNOWN + UNKNOWN
