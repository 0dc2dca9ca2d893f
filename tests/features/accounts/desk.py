"""What ``root`` decides about others, and who is told of it."""

from typing import Any

from sqlalchemy import func, insert, select
from starlette.testclient import TestClient

from romm_lite.db.engine import Database
from romm_lite.kernel.events import Bus, RightsChanged
from romm_lite.tables.platforms import PLATFORMS
from romm_lite.tables.roms import ROMS
from romm_lite.tables.users import USERS

VIEWER, EDITOR = 1, 2
"""The seeded groups."""
VIEWS = [
    *("rom.view", "rom.play", "rom.download", "rom.favorite", "platform.view"),
    *("collection.view", "collection.create", "collection.edit", "collection.delete"),
]
"""What viewers may press."""
PASSWORD = "correct horse"


class Desk:
    """Asks the permission API of an installation with ``root`` and ``ann``."""

    def __init__(self, client: TestClient, database: Database, bus: Bus) -> None:
        self.client = client
        self.database = database
        self.told: list[tuple[int, ...]] = []
        bus.subscribe(RightsChanged, lambda event: self.told.append(event.user_ids))
        with database.read() as session:
            ids = dict(session.execute(select(USERS.c.username, USERS.c.id)).all())
        self.root, self.ann = ids["root"], ids["ann"]

    def ask(self, method: str, path: str, body: Any = None, user: str = "root") -> Any:
        who = (user, PASSWORD)
        return self.client.request(method, f"/api/permissions{path}", json=body, auth=who)

    def get(self, path: str, user: str = "root") -> Any:
        answer = self.ask("GET", path, user=user)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def group(self, **values: Any) -> dict[str, Any]:
        answer = self.ask("POST", "/groups", {"name": "Kids", **values})
        assert answer.status_code == 201, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def put(self, path: str, **body: Any) -> Any:
        answer = self.ask("PUT", path, body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def buttons(self, user: str = "ann") -> list[str]:
        return [grant["action"] for grant in self.get("/me", user)["grants"]]

    def heard(self) -> list[tuple[int, ...]]:
        """Who was told since this was asked last."""
        told, self.told[:] = list(self.told), []
        return told

    def defaults(self) -> list[int]:
        return [group["id"] for group in self.get("/groups") if group["is_default"]]

    def shelve(self) -> tuple[int, int]:
        """A platform and a ROM on it."""
        with self.database.write() as session:
            columns = {"slug": "snes", "fs_slug": "snes", "name": "SNES"}
            session.execute(insert(PLATFORMS).values(**columns))
            platform = session.scalars(select(func.max(PLATFORMS.c.id))).one()
            names = ("fs_name", "fs_name_no_tags", "fs_name_no_ext", "name", "name_sort_key")
            rom = {**dict.fromkeys(names, "a"), "fs_path": "roms/snes", "platform_id": platform}
            session.execute(insert(ROMS).values(**rom))
            return platform, session.scalars(select(func.max(ROMS.c.id))).one()

    def hide(self, entity: str, entity_id: int, **principal: int) -> None:
        body = {"entity": entity, "entity_id": entity_id, **principal}
        answer = self.ask("POST", "/hidden", body)
        assert answer.status_code == 200, answer.text
        assert answer.json() == {key: body[key] for key in ("entity", "entity_id")}
