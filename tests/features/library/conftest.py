"""A small library in a real database, asked over HTTP with the accounts' own middleware."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from pydantic import TypeAdapter
from sqlalchemy import insert, select, update
from sqlmodel import Session
from starlette.testclient import TestClient

from romm_lite.app import resources
from romm_lite.db import versions
from romm_lite.db.engine import Database
from romm_lite.db.entries import open_entries
from romm_lite.db.faults import explain
from romm_lite.disk.names import is_prerelease, parse_tags, split_name
from romm_lite.features.accounts.identity import NOBODY, Identity
from romm_lite.features.accounts.middleware import Identify
from romm_lite.features.accounts.queries import find_account_named
from romm_lite.features.accounts.service import Accounts
from romm_lite.features.library.facets import KINDS
from romm_lite.features.library.routes import OPERATIONS
from romm_lite.features.library.service import describe_ratings
from romm_lite.features.library.store import Library
from romm_lite.kernel.log import Lines
from romm_lite.kernel.paths import Places
from romm_lite.kernel.scopes import ALL_SCOPES, Entity, Role
from romm_lite.kernel.settings import Settings
from romm_lite.kernel.text import fold, sort_key
from romm_lite.metadata.catalogue import describe
from romm_lite.tables.base import Base
from romm_lite.tables.collections import Collection, CollectionRom
from romm_lite.tables.files import RomFile
from romm_lite.tables.permissions import PERMISSION_GROUPS, AgeException, HiddenEntity
from romm_lite.tables.platforms import Platform
from romm_lite.tables.rom_users import RomUser
from romm_lite.tables.roms import (
    FACETS,
    ROM_FACETS,
    ROMS,
    Rom,
    RomMetadata,
    RomSource,
)
from romm_lite.tables.users import USERS, User
from romm_lite.web.metrics import Metrics
from romm_lite.web.table import OperationTable

KEY = "a key that is long enough for any algorithm there is"
Known = Mapping[str, tuple[str | int | None, dict[str, Any] | None]]


@dataclass
class Home:
    """One installation with the administrator ``root`` and the plain users ``ann`` and ``bob``."""

    settings: Settings
    database: Database
    accounts: Accounts
    library: Library
    users: dict[str, int] = field(default_factory=dict)
    clients: list[TestClient] = field(default_factory=list)

    def client(self, username: str | None = "ann", **options: Any) -> TestClient:
        """Somebody who is logged in, or a stranger; ``options`` are those of the operations."""
        table = OperationTable(
            OPERATIONS,
            resources(
                *(self.settings, self.database, self.accounts, self.library),
                queue=None,  # no operation of these tests asks for it
                lines=Lines(),
                metrics=Metrics(),
            ),
            translate=explain,
            **options,
        )
        client = TestClient(Identify(table, self.accounts), "http://romm.example")
        self.clients.append(client)
        if username is not None:
            with self.database.read() as session:
                account = find_account_named(session, username)
            assert account is not None
            token = self.accounts.tokens.issue(account, ALL_SCOPES)["access_token"]
            client.headers["authorization"] = f"Bearer {token}"
        return client

    def identify(self, username: str | None) -> Identity:
        """Whom the middleware would find in a request of this user, or of a stranger."""
        if username is None:
            return NOBODY
        with self.database.read() as session:
            account = find_account_named(session, username)
        assert account is not None
        return replace(
            NOBODY,
            user_id=account.id,
            username=username,
            role=Role(account.role),
            group_id=account.group_id,
            has_hidden=account.has_hidden and account.role != Role.ADMIN,
            max_age=None if account.role == Role.ADMIN else account.max_age,
            hide_unrated=account.hide_unrated,
            via="bearer",
        )

    def add(self, *rows: Base) -> Any:
        """Store rows in one go; the id of the first, if it has one."""
        with self.database.write() as session:
            for row in rows:
                session.add(row)
                session.flush()
            self.bump(session)
        return getattr(rows[0], "id", None)

    def bump(self, session: Session) -> None:
        owners = map(versions.of_user, self.users.values())
        versions.bump(session, versions.LIBRARY, *owners)

    def platform(self, fs_slug: str = "snes", **values: Any) -> int:
        columns = {**describe(fs_slug).columns(), "fs_slug": fs_slug, **values}
        return int(self.add(Platform(**columns)))

    def rom(
        self,
        fs_name: str,
        platform: int,
        *,
        known: Known | None = None,
        facets: Mapping[str, Sequence[str]] | None = None,
        facts: Mapping[str, Any] | None = None,
        **values: Any,
    ) -> int:
        """A ROM: ``known`` are (id, payload) by provider, ``facts`` columns of its metadata."""
        parts, tags = split_name(fs_name), parse_tags(fs_name)
        name = values.pop("name", parts.no_tags)
        columns = {
            "platform_id": platform,
            "fs_name": fs_name,
            "fs_name_no_tags": parts.no_tags,
            "fs_name_no_ext": parts.no_ext,
            "fs_extension": parts.extension,
            "fs_path": "roms/snes",
            "name": name,
            "name_sort_key": sort_key(name),
            "search_text": f"{fold(name)}\n{fold(fs_name)}",
            "is_prerelease": is_prerelease(parts.no_ext),
            "regions": list(tags.regions),
            "languages": list(tags.languages),
            "tags": list(tags.tags),
        }
        rom_id = int(self.add(Rom(**{**columns, **values})))
        for source, (external_id, payload) in (known or {}).items():
            self.add(
                RomSource(
                    rom_id=rom_id,
                    platform_id=platform,
                    source=source,
                    external_id=None if external_id is None else str(external_id),
                    payload=payload,
                )
            )
        if facts is not None:
            rated = describe_ratings(facts.get("age_ratings", ()))
            self.add(RomMetadata(rom_id=rom_id, **{**facts, **rated}))
        self.mark(rom_id, platform, facets or {})
        return rom_id

    def mark(self, rom_id: int, platform: int, facets: Mapping[str, Sequence[str]]) -> None:
        with self.database.write() as session:
            for word, values in facets.items():
                kind = KINDS.get(word, word)
                for value in values:
                    facet = select(FACETS.c.id).where(
                        FACETS.c.kind == kind, FACETS.c.value == value
                    )
                    if session.scalar(facet) is None:
                        session.execute(insert(FACETS).values(kind=kind, value=value))
                    row = {"facet_id": session.scalar(facet), "rom_id": rom_id}
                    session.execute(insert(ROM_FACETS).values(platform_id=platform, **row))
            self.bump(session)

    def file(self, rom_id: int, path: str, content: bytes | None = b"", **values: Any) -> int:
        """A file of a ROM, in the database and, unless there is no content, on the disk."""
        folder, _, name = path.rpartition("/")
        size, modified = 0, 0
        if content is not None:
            on_disk = self.settings.places.library / path
            on_disk.parent.mkdir(parents=True, exist_ok=True)
            on_disk.write_bytes(content)
            size, modified = len(content), on_disk.stat().st_mtime_ns
        columns = {"file_size_bytes": size, "modified_ns": modified, **values}
        return int(self.add(RomFile(rom_id=rom_id, file_name=name, file_path=folder, **columns)))

    def keep(self, rom_id: int, user: str = "ann", **values: Any) -> None:
        """What a user says about a ROM."""
        self.add(RomUser(rom_id=rom_id, user_id=self.users[user], **values))

    def collect(self, *rom_ids: int, user: str = "ann", **values: Any) -> int:
        collection = int(self.add(Collection(user_id=self.users[user], **values)))
        for rom_id in rom_ids:
            self.add(CollectionRom(collection_id=collection, rom_id=rom_id))
        return collection

    def hide(self, entity: Entity, entity_id: int, user: str | None = "ann") -> None:
        """Hide something from a user, or from the default group."""
        self.rule(HiddenEntity(entity=entity, entity_id=entity_id, **self.principal(user)))

    def spare(self, entity: Entity, entity_id: int, user: str | None = "ann") -> None:
        """Let a user, or the default group, see something whatever its age rating."""
        self.rule(AgeException(entity=entity, entity_id=entity_id, **self.principal(user)))

    def limit(self, user: str | None = "ann", **values: Any) -> None:
        """Give a user, or the default group, an age limit."""
        if user is not None:
            self.change_user(user, **values)
            return
        is_default = PERMISSION_GROUPS.c.is_default
        with self.database.write() as session:
            session.execute(update(PERMISSION_GROUPS).where(is_default).values(**values))

    def change_user(self, username: str, **values: Any) -> None:
        this = USERS.c.id == self.users[username]
        with self.database.write() as session:
            session.execute(update(USERS).where(this).values(**values))

    def principal(self, user: str | None) -> dict[str, Any]:
        """A user, or the default group, as rules name them."""
        if user is not None:
            return {"user_id": self.users[user]}
        default = select(PERMISSION_GROUPS.c.id).where(PERMISSION_GROUPS.c.is_default)
        with self.database.read() as session:
            return {"group_id": session.scalars(default).one()}

    def rule(self, row: Base) -> None:
        """Store a rule; as those who make rules, without telling the caches."""
        with self.database.write() as session:
            session.add(row)

    def change(self, rom_id: int, **values: Any) -> None:
        with self.database.write() as session:
            session.execute(update(ROMS).where(ROMS.c.id == rom_id).values(**values))
            self.bump(session)


def make_home(database: Database, places: Places) -> Iterator[Home]:
    settings = Settings.model_validate({"romm_base_path": places.data, "romm_auth_secret_key": KEY})
    accounts = Accounts.open(settings, database, open_entries(database, None))
    home = Home(settings, database, accounts, Library(settings, database))
    for name in ("root", "ann", "bob"):
        role = Role.ADMIN if name == "root" else Role.USER
        home.users[name] = home.add(User(username=name, role=role))
    yield home
    for client in home.clients:
        client.close()


@pytest.fixture
def home(database: Database, places: Places) -> Iterator[Home]:
    yield from make_home(database, places)


@pytest.fixture
def every_home(every_database: Database, places: Places) -> Iterator[Home]:
    yield from make_home(every_database, places)


def ids(answer: Any) -> list[int]:
    """The ids of the items of a list."""
    assert answer.status_code == 200, answer.text
    return [item["id"] for item in answer.json()["items"]]


def as_modelled(model: Any, answer: Any) -> Any:
    """The JSON of an answer, which must be what its wire model would have rendered."""
    assert answer.status_code == 200, answer.text
    adapter: TypeAdapter[Any] = TypeAdapter(model)
    rendered = adapter.dump_json(adapter.validate_json(answer.content))
    assert json.loads(rendered) == answer.json()
    return answer.json()
