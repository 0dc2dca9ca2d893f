"""What was kept before: bringing it back, keeping it for ever, letting go of what is old enough.

Versions go for good in two steps: first their rows, then, in other units of work, the contents that
nothing refers to any more.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, case, delete, func, select, update
from sqlmodel import Session

from romm_lite.features.accounts.service import Identity
from romm_lite.features.saves.blobs import Content
from romm_lite.features.saves.names import strip_tag
from romm_lite.features.saves.queries import find_rom, find_version
from romm_lite.features.saves.saves import Arrival, keep, playing
from romm_lite.features.saves.store import SOME, Store
from romm_lite.features.saves.syncs import Asker
from romm_lite.kernel.errors import Conflict
from romm_lite.kernel.times import now
from romm_lite.tables.assets import ASSET_VERSIONS, BLOBS, SAVES

V = ASSET_VERSIONS.c
DAY = 86_400


def restore(store: Store, session: Session, user: Identity, version_id: int) -> int:
    """Make a version the newest save of its slot, or of its name; the id of the save.

    Nothing is taken away by it: what was newest stays in the slot, or among the versions. Devices
    see other content and fetch it.
    """
    row = find_version(session, user, version_id, to_change=True)
    rom = find_rom(session, user, row["rom_id"])
    content = Content(row["sha256"], row["size_bytes"], row["content_hash"])
    name = strip_tag(row["file_name"]) if row["slot"] else row["file_name"]
    arrival = Arrival(user, rom, name, row["slot"], row["emulator"], Asker(), content)
    with playing(session, arrival.user_id, rom.id):
        return int(keep(store, session, arrival, overwrite=False)["id"])


def lock_version(session: Session, user: Identity, version_id: int, *, locked: bool) -> None:
    """Have a version stay whatever the settings say, or no longer."""
    find_version(session, user, version_id, to_change=True)
    session.execute(update(ASSET_VERSIONS).where(V.id == version_id).values(locked=locked))


def remove_version(store: Store, user: Identity, version_id: int) -> None:
    """Let go of an old version for good; Conflict for one that is locked or still current."""
    with store.database.write() as session:
        row = find_version(session, user, version_id, to_change=True)
        if row["locked"]:
            raise Conflict("The version is locked")
        if row["ended_at"] is None:
            raise Conflict("This is what the save has now: delete the save first")
        session.execute(delete(ASSET_VERSIONS).where(V.id == version_id))
    store.free([row["sha256"]])


def purge(store: Store, tell: Callable[[int], None] = lambda _removed: None) -> int:
    """Let go of old versions as the settings say; how many there were.

    Of each slot, or name outside of slots, the newest ones stay however old they are. Locked ones
    and what a save has now, be its ROM in the trash, stay always.
    """
    settings, removed = store.settings, 0
    if not settings.romm_history_days:
        return 0
    before = now() - timedelta(days=settings.romm_history_days)
    while True:
        with store.database.write() as session:
            query = _select_old(before, settings.romm_history_count).limit(SOME)
            rows = session.execute(query).all()
            ids = [row.id for row in rows]
            # Somebody may have locked one meanwhile.
            session.execute(delete(ASSET_VERSIONS).where(V.id.in_(ids), ~V.locked))
        store.free({row.sha256 for row in rows})
        removed += len(rows)
        tell(removed)
        if len(rows) < SOME:
            return removed


def _select_old(before: datetime, count: int) -> Select[Any]:
    name = case((V.slot.is_(None), V.file_name), else_="")
    place = func.row_number().over(
        partition_by=(V.user_id, V.kind, V.rom_id, func.coalesce(V.slot, ""), name),
        order_by=(V.ended_at.desc(), V.id.desc()),
    )
    ended = select(V.id, V.sha256, V.ended_at, place.label("place"))
    ranked = ended.where(V.ended_at.is_not(None), ~V.locked).subquery()
    old = (ranked.c.ended_at < before, ranked.c.place > count)
    return select(ranked.c.id, ranked.c.sha256).where(*old).order_by(ranked.c.id)


@dataclass
class Findings:
    """What a look at every content found. Only ``missing`` and ``damaged`` are losses."""

    checked: int = 0
    size: int = 0
    missing: list[str] = field(default_factory=list)
    damaged: list[str] = field(default_factory=list)
    unreferenced: int = 0
    """Contents of uploads that were never acknowledged, and of versions let go; now removed."""
    unfinished: int = 0
    """Uploads that were cut off while they were written; now removed."""
    not_adopted: int = 0
    """Saves that still lie where RomM put them."""

    @property
    def is_sound(self) -> bool:
        return not self.missing and not self.damaged


def verify(store: Store, tell: Callable[[Findings], None] = lambda _findings: None) -> Findings:
    """Read and hash every content that a version refers to, and remove those that none does."""
    found = Findings()
    for sha256, size in _list_referred(store):
        found.checked += 1
        found.size += size
        try:
            if not store.blobs.is_sound(sha256):
                found.damaged.append(sha256)
        except FileNotFoundError:
            found.missing.append(sha256)
        except OSError:
            found.damaged.append(sha256)
        tell(found)
    found.unreferenced = store.free_unreferenced() + store.free(_list_unknown(store), force=True)
    with store.database.read() as session:
        left = select(func.count()).select_from(SAVES).where(SAVES.c.sha256.is_(None))
        found.not_adopted = session.scalar(left) or 0
    return found


def remove_unfinished(store: Store, *, alone: bool) -> int:
    """Remove what is left of uploads that were cut off; how many there were.

    ``alone`` says that no server runs on this data folder. Behind a database server others may all
    the same, on other machines: there only what is a day old is known to be left over.
    """
    is_idle = alone and store.database.engine.dialect.name == "sqlite"
    before, removed = time.time() - (0 if is_idle else DAY), 0
    for path in store.blobs.list_unfinished():
        with suppress(FileNotFoundError):
            if path.stat().st_mtime <= before:
                path.unlink()
                removed += 1
    return removed


def _list_referred(store: Store) -> Iterator[tuple[str, int]]:
    """Contents of versions with their sizes, a few at a time."""
    last = ""
    while True:
        query = select(V.sha256, func.max(V.size_bytes)).where(V.sha256 > last)
        query = query.group_by(V.sha256).order_by(V.sha256).limit(SOME)
        with store.database.read() as session:
            rows = session.execute(query).all()
        if not rows:
            return
        yield from ((sha256, size) for sha256, size in rows)
        last = rows[-1][0]


def _list_unknown(store: Store) -> list[str]:
    """Files without a row."""
    with store.database.read() as session:
        known = set(session.scalars(select(BLOBS.c.sha256)))
    return [each for each in store.blobs.list_all() if each not in known]


def describe_losses(store: Store, shas: list[str]) -> list[dict[str, Any]]:
    """Whose versions have these contents."""
    columns = (V.id, V.kind, V.user_id, V.rom_name, V.slot, V.file_name, V.sha256)
    rows: list[dict[str, Any]] = []
    with store.database.read() as session:
        for start in range(0, len(shas), SOME):
            query = select(*columns).where(V.sha256.in_(shas[start : start + SOME]))
            rows += map(dict, session.execute(query.order_by(V.id)).mappings())
    return rows
