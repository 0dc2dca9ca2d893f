"""Who plays what now. Nobody has to tell that they stopped: what is not renewed ends by itself."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import select

from romm_lite.db.engine import Database
from romm_lite.db.entries import Entries
from romm_lite.features.accounts.service import Identity
from romm_lite.features.library.service import describe_played, keep_seen
from romm_lite.features.live.news import PlayTold
from romm_lite.kernel.errors import NotFound
from romm_lite.kernel.times import now
from romm_lite.tables.roms import ROMS
from romm_lite.tables.users import USERS

SECONDS = 90
PLAYING = "activity"
WEB = "web"
"""The device of a browser that has none."""
Kept = Mapping[str, Any]


class Activity:
    """One entry for each user and device, kept where all servers find it."""

    def __init__(
        self, database: Database, entries: Entries, tell: Callable[[PlayTold], None]
    ) -> None:
        self._database = database
        self._entries = entries
        self._tell = tell

    def note(
        self, user: Identity, rom_id: int, device_id: str, device_type: str, *, anew: bool = False
    ) -> dict[str, Any]:
        """Note that a user plays; NotFound for a ROM they do not see. ``anew`` begins again."""
        key = _key(user.user_id, device_id)
        with self._database.read() as session:
            there = select(ROMS.c.id).where(ROMS.c.id == rom_id)
            if session.scalar(there) is None or not keep_seen(session, user, [rom_id]):
                raise NotFound(f"ROM {rom_id} not found")
        before = self._entries.get(key)
        goes_on = not anew and before is not None and before["rom_id"] == rom_id
        kept = {
            "user_id": user.user_id,
            "rom_id": rom_id,
            "device_id": device_id,
            "device_type": device_type,
            "started_at": before["started_at"] if before and goes_on else now().isoformat(),
        }
        self._entries.put(key, kept, SECONDS, owner=PLAYING)
        described = self._describe([kept])
        if not described:
            raise NotFound(f"ROM {rom_id} not found")
        self._tell(PlayTold("activity:update", described[0], rom_id))
        return described[0]

    def stop(self, user_id: int | None, device_id: str) -> None:
        """Note that a user stopped playing on a device, if they did play."""
        kept = self._entries.take(_key(user_id, device_id))
        if kept is not None:
            gone = {name: kept[name] for name in ("user_id", "device_id", "rom_id")}
            self._tell(PlayTold("activity:clear", gone, kept["rom_id"]))

    def find(self, user: Identity, rom_id: int | None = None) -> list[dict[str, Any]]:
        """Who plays what this user may see, the first to begin first."""
        kept = [owned.value for owned in self._entries.list_owner(PLAYING)]
        if rom_id is not None:
            kept = [each for each in kept if each["rom_id"] == rom_id]
        with self._database.read() as session:
            seen = keep_seen(session, user, {each["rom_id"] for each in kept})
        kept = [each for each in kept if each["rom_id"] in seen]
        return self._describe(sorted(kept, key=lambda each: (each["started_at"], each["user_id"])))

    def _describe(self, kept: Sequence[Kept]) -> list[dict[str, Any]]:
        pairs = {(each["user_id"], each["rom_id"]) for each in kept}
        columns = (USERS.c.id, USERS.c.username, USERS.c.avatar_path)
        query = select(*columns).where(USERS.c.id.in_({user_id for user_id, _ in pairs}))
        with self._database.read() as session:
            users = {row.id: row for row in session.execute(query)}
            roms = describe_played(session, pairs)
        return [
            {
                **roms[pair],
                "user_id": user.id,
                "username": user.username,
                "avatar_path": user.avatar_path,
                **{name: each[name] for name in ("device_id", "device_type", "started_at")},
            }
            for each in kept
            if (pair := (each["user_id"], each["rom_id"])) in roms
            and (user := users.get(each["user_id"])) is not None
        ]


def _key(user_id: int | None, device_id: str) -> str:
    return f"{PLAYING}:{user_id}:{device_id}"
