"""The store of any file that belongs to a user, and of every version of it there ever was.

A *content* is a file on the disk, named by its SHA-256 (``blobs``). An *asset* is a row of a table
with the columns of ``tables.assets.Asset``; its ``sha256`` says what is in it. A *version* is a row
of ``asset_versions``: this content was kept, under this name, for this asset. Each acknowledged
content has one, and keeps it when the asset is overwritten or deleted; only ``history`` ends
versions for good, and only then is a content freed.

To keep something:

    with store.stage(upload.file) as staged:              # on the disk, before any transaction
        with store.database.write() as session:
            note_played(session, user_id, rom_id, moment)  # the lock of one user's ROM, taken first
            store.put(session, staged)                     # in its place, before the commit
            ... insert or update the asset's row, sha256=staged.sha256 ...
            store.note(session, asset, staged)             # its version; ends the one before

To delete: ``store.end(session, kind, ids, Reason.DELETED)``, then delete the rows. To read:
``store.locate(session, table, row)``, which first takes in what RomM left under its own path.

A content is put in its place while its row of ``blobs`` is locked, and freed under the same lock
once nothing refers to it, so that nobody frees what another is just adding.
"""

import logging
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import IO, Any

from sqlalchemy import RowMapping, Table, delete, exists, func, insert, select, update
from sqlmodel import Session

from romm_lite.db.engine import Database
from romm_lite.db.upsert import upsert
from romm_lite.features.saves.blobs import Blobs, Content, Staged
from romm_lite.kernel.errors import StorageFull, UnsafePath
from romm_lite.kernel.events import UserDeleted
from romm_lite.kernel.paths import safe_join
from romm_lite.kernel.settings import Settings
from romm_lite.kernel.times import now
from romm_lite.tables.assets import ASSET_VERSIONS, BLOBS
from romm_lite.tables.platforms import PLATFORMS
from romm_lite.tables.roms import ROMS

log = logging.getLogger(__name__)
SOME = 200
"""How many ids a statement names."""


class Reason(StrEnum):
    """Why a version is no longer what its asset has."""

    OVERWRITTEN = "overwritten"
    DELETED = "deleted"
    CLEANED_UP = "cleaned_up"
    """A client asked for a number of saves in the slot, and this was one too many."""
    SAME_CONTENT = "same_content"
    """A zip packed otherwise than the one that was there, which stayed."""


@dataclass(frozen=True)
class Asset:
    """Whose content it is and what it is called, for the row of its version."""

    kind: str
    """The name of its table."""
    id: int
    user_id: int
    file_name: str
    rom_id: int | None = None
    rom_name: str = ""
    platform_slug: str = ""
    slot: str | None = None
    emulator: str | None = None
    device_id: str | None = None
    kept_at: datetime | None = None
    """When it was acknowledged; None means now."""


class Store:
    """All contents and versions of one installation."""

    def __init__(self, settings: Settings, database: Database) -> None:
        self.settings = settings
        self.database = database
        self.blobs = Blobs(settings.places.assets / "blobs")

    def stage(self, content: IO[bytes]) -> AbstractContextManager[Staged]:
        """A copy of an upload, written to the disk and hashed; gone in the end unless it was put
        in its place. Not inside a unit of work, for it waits for the disk."""
        return self.blobs.stage(content)

    def put(self, session: Session, *staged: Staged) -> None:
        """Put contents in their places. All of a unit of work in one call, so that two of them
        never wait for each other."""
        for each in sorted(staged, key=lambda each: each.sha256):
            self._lock(session, each)
            self.blobs.put(each)

    def _lock(self, session: Session, content: Content) -> None:
        moment = now()
        new = {"size_bytes": content.size, "created_at": moment, "updated_at": moment}
        upsert(session, BLOBS, {"sha256": content.sha256}, new, {"updated_at": moment})

    def note(self, session: Session, asset: Asset, content: Content) -> None:
        """Note what an asset has from now on; what it had before has been overwritten."""
        self.end(session, asset.kind, [asset.id], Reason.OVERWRITTEN)
        self._add_version(session, asset, content)

    def note_beside(self, session: Session, asset: Asset, content: Content, why: Reason) -> None:
        """Note a content that was acknowledged but did not become the asset's."""
        self._add_version(session, asset, content, ended_at=now(), reason=why)

    def _add_version(self, session: Session, asset: Asset, content: Content, **values: Any) -> None:
        kept_at = asset.kept_at or now()
        row = {
            "kind": asset.kind,
            "asset_id": asset.id,
            "user_id": asset.user_id,
            "rom_id": asset.rom_id,
            "rom_name": asset.rom_name,
            "platform_slug": asset.platform_slug,
            "slot": asset.slot,
            "emulator": asset.emulator,
            "file_name": asset.file_name,
            "device_id": asset.device_id,
            "sha256": content.sha256,
            "content_hash": content.content_hash,
            "size_bytes": content.size,
            "created_at": kept_at,
            "updated_at": kept_at,
            "locked": False,
            **values,
        }
        session.execute(insert(ASSET_VERSIONS).values(**row))

    def end(self, session: Session, kind: str, ids: Sequence[int], reason: Reason) -> None:
        """Note that assets no longer have what they had; it stays among the versions."""
        versions = ASSET_VERSIONS.c
        for some in _chunk(ids):
            these = (
                versions.kind == kind,
                versions.asset_id.in_(some),
                versions.ended_at.is_(None),
            )
            session.execute(
                update(ASSET_VERSIONS).where(*these).values(ended_at=now(), reason=reason)
            )

    def locate(self, session: Session, table: Table, row: RowMapping) -> Path | None:
        """Where an asset's content lies; None if it is gone. In a unit of work that writes, for
        what RomM kept under its own path is copied into the store first."""
        sha256 = row["sha256"] or self.adopt(session, table, row)
        return None if sha256 is None else self.blobs.locate(sha256)

    def adopt(self, session: Session, table: Table, row: RowMapping) -> str | None:
        """Copy what RomM left under its own path into the store; the SHA-256, None if there is no
        such file. The original stays as it is."""
        if row["sha256"] is not None:
            return str(row["sha256"])
        try:
            path = safe_join(
                self.settings.places.assets, f"{row['file_path']}/{row['file_name']}", found=True
            )
            with path.open("rb") as file, self.stage(file) as staged:
                self.put(session, staged)
                columns = {"sha256": staged.sha256, "updated_at": row["updated_at"]}
                if "content_hash" in table.c and row["content_hash"] is None:
                    columns["content_hash"] = staged.content_hash
                columns["file_size_bytes"] = staged.size
                session.execute(update(table).where(table.c.id == row["id"]).values(**columns))
                self.note(session, describe_asset(session, table, row), staged)
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError, UnsafePath):
            return None
        return staged.sha256

    def check_room(self, session: Session, user_id: int, size: int) -> None:
        """StorageFull where so many bytes more are beyond what a user may keep."""
        limit = self.settings.romm_asset_quota_bytes
        if not limit:
            return
        used = measure(session, user_id)
        if used + size > limit:
            raise StorageFull(
                f"Your saves and their history use {used} of {limit} bytes: there is no room for "
                f"{size} more. Delete old versions or ask an administrator"
            )

    def free(self, shas: Iterable[str], *, force: bool = False) -> int:
        """Remove contents that no version refers to; how many there were.

        In units of work of its own, each after those that removed the versions: one that failed
        half way must not bring back versions of what is gone. ``force`` takes such without a row.
        """
        return sum(self._free(sha256, force=force) for sha256 in shas)

    def _free(self, sha256: str, *, force: bool) -> bool:
        with self.database.write() as session:
            if force:
                self._lock(session, Content(sha256, 0))
            this = BLOBS.c.sha256 == sha256
            if session.scalar(select(BLOBS.c.sha256).where(this).with_for_update()) is None:
                return False
            refers = select(ASSET_VERSIONS.c.id).where(ASSET_VERSIONS.c.sha256 == sha256).limit(1)
            if session.scalar(refers) is not None:
                return False
            self.blobs.remove(sha256)
            session.execute(delete(BLOBS).where(this))
        return True

    def forget_user(self, _event: UserDeleted) -> None:
        """Free what was a deleted user's alone; the rows are gone already."""
        self.free_unreferenced()

    def free_unreferenced(self) -> int:
        """Remove all contents that no version refers to; how many there were."""
        with self.database.read() as session:
            shas = session.scalars(select(BLOBS.c.sha256).where(~_is_referred())).all()
        return self.free(shas)


def describe_asset(session: Session, table: Table, row: RowMapping) -> Asset:
    """An asset's row with the names of its ROM."""
    query = select(ROMS.c.fs_name, PLATFORMS.c.fs_slug)
    query = query.join(PLATFORMS, PLATFORMS.c.id == ROMS.c.platform_id)
    rom = session.execute(query.where(ROMS.c.id == row["rom_id"])).first()
    return Asset(
        kind=table.name,
        id=row["id"],
        user_id=row["user_id"],
        file_name=row["file_name"],
        rom_id=row["rom_id"],
        rom_name=rom.fs_name if rom else "",
        platform_slug=rom.fs_slug if rom else "",
        slot=row.get("slot"),
        emulator=row.get("emulator"),
        device_id=row.get("origin_device_id"),
        kept_at=row["updated_at"],
    )


def measure(session: Session, user_id: int) -> int:
    """How many bytes a user's versions have, each content counted once."""
    own = select(ASSET_VERSIONS.c.sha256, func.max(ASSET_VERSIONS.c.size_bytes).label("size"))
    own = own.where(ASSET_VERSIONS.c.user_id == user_id).group_by(ASSET_VERSIONS.c.sha256)
    return int(session.scalar(select(func.sum(own.subquery().c.size))) or 0)


def _is_referred() -> Any:
    return exists().where(ASSET_VERSIONS.c.sha256 == BLOBS.c.sha256)


def _chunk(ids: Sequence[int]) -> Iterator[Sequence[int]]:
    return (ids[start : start + SOME] for start in range(0, len(ids), SOME))
