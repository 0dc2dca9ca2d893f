"""Who sits at a socket, and the rooms their rights put them in."""

import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from romm_lite.db.entries import Entries
from romm_lite.features.accounts.service import Identity
from romm_lite.kernel.scopes import Role, Scope

log = logging.getLogger(__name__)

SCANS = "scans"
ROMS = "roms"
PLATFORMS = "platforms"
ACTIVITY = "activity"
USERS = "users"
LOGS = "logs"
SEEN: Mapping[str, Scope] = {
    ROMS: Scope.ROMS_READ,
    PLATFORMS: Scope.PLATFORMS_READ,
    ACTIVITY: Scope.ROMS_USER_READ,
}
"""Rooms for things that may be hidden; whoever does not see all sits in one of their own."""
WATCHERS = "live:watchers"
WATCHER_SECONDS = 120

Identify = Callable[[], Awaitable[Identity]]


def user_room(user_id: int | None) -> str:
    """The room of all sockets of one user."""
    return f"user:{user_id}"


def own_room(room: str, user_id: int | None) -> str:
    """The room of a user who does not see all that is told in ``room``."""
    return f"{room}:{user_id}"


def find_rooms(user: Identity, *, has_logs: bool) -> frozenset[str]:
    """Where somebody sits; strangers sit nowhere."""
    if not user.is_authenticated:
        return frozenset()
    rooms = {user_room(user.user_id)}
    for room, scope in SEEN.items():
        if scope in user.scopes:
            rooms.add(room if user.sees_all else own_room(room, user.user_id))
    if Scope.ROMS_READ in user.scopes or Scope.TASKS_RUN in user.scopes:
        rooms.add(SCANS)
    if Scope.USERS_READ in user.scopes:
        rooms.add(USERS)
    if has_logs and user.is_admin and Scope.LOGS_READ in user.scopes:
        rooms.add(LOGS)
    return frozenset(rooms)


@dataclass
class Seat:
    """One socket. ``identify`` asks anew whom its credential speaks for."""

    sid: str
    user: Identity
    identify: Identify
    rooms: frozenset[str] = frozenset()
    device_id: str | None = None
    """What it plays on, if it does."""

    async def is_good(self) -> bool:
        """Look at the credential again; False if it no longer speaks for the same user."""
        found = await self.identify()
        if (found.user_id, found.via) != (self.user.user_id, self.user.via):
            return False
        self.user = found
        return True


class Watchers:
    """The users with sockets who do not see all; with ``shared`` those at other servers too."""

    def __init__(self, shared: Entries | None) -> None:
        self._shared = shared

    def note(self, users: Iterable[Identity]) -> None:
        """Let other servers know of them for a while."""
        if self._shared is None:
            return
        for user in users:
            if user.is_authenticated and not user.sees_all:
                key = f"{WATCHERS}:{user.user_id}"
                self._shared.put(key, asdict(user), WATCHER_SECONDS, owner=WATCHERS)

    def find(self, here: Iterable[Identity]) -> dict[int | None, Identity]:
        """All of them by id; ``here`` are who has a socket at this server."""
        found = {user.user_id: user for user in here if not user.sees_all}
        if self._shared is not None:
            for owned in self._shared.list_owner(WATCHERS):
                found.setdefault(owned.value["user_id"], _read(owned.value))
        return found


def _read(value: dict[str, Any]) -> Identity:
    scopes = {name: tuple(map(Scope, value[name])) for name in ("scopes", "own_scopes")}
    return Identity(**{**value, **scopes, "role": Role(value["role"])})
