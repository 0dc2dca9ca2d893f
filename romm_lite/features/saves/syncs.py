"""What devices have of saves: who asks, what they have got, what they do not want to follow."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping, case, select, update
from sqlmodel import Session

from romm_lite.db.upsert import upsert
from romm_lite.features.accounts.service import Identity, note_device
from romm_lite.kernel.errors import Forbidden, NotFound
from romm_lite.kernel.scopes import Scope
from romm_lite.kernel.times import now
from romm_lite.tables.devices import DEVICE_SAVE_SYNC, DEVICES, SYNC_SESSIONS

SYNCS = DEVICE_SAVE_SYNC.c
SOME = 500
OPEN = ("PENDING", "IN_PROGRESS")


@dataclass(frozen=True)
class Asker:
    """The device a request comes from, if that is known.

    A token that is bound to a device tells it too. That is noted, but only a device that the
    request names is refused or shown how far each device is, as clients expect.
    """

    device_id: str | None = None
    is_named: bool = False


def find_asker(session: Session, user: Identity, named: str | None, scope: Scope) -> Asker:
    """The device of a request; Forbidden without the scope for devices, NotFound for one that is
    not the user's."""
    if named:
        if scope not in user.scopes:
            raise Forbidden
        if not _is_own(session, user, named):
            raise NotFound(f"Device with ID {named} not found")
        return Asker(named, is_named=True)
    bound = user.device_id if user.via == "token" else None
    return Asker(bound if bound and _is_own(session, user, bound) else None)


def _is_own(session: Session, user: Identity, device_id: str) -> bool:
    this = (DEVICES.c.id == device_id, DEVICES.c.user_id == user.user_id)
    return session.scalar(select(DEVICES.c.id).where(*this)) is not None


def check_current(session: Session, asker: Asker, save: Any, *, must_have: bool) -> bool:
    """Whether the device has the newest content of a save. One that never had the save counts as
    having it, unless it ``must_have``."""
    this = (SYNCS.device_id == asker.device_id, SYNCS.save_id == save["id"])
    moment = session.scalar(select(SYNCS.last_synced_at).where(*this))
    if moment is None:
        return not must_have
    return bool(moment >= save["updated_at"])


def mark_current(
    session: Session, user_id: int | None, device_id: str | None, save_id: int, moment: datetime
) -> None:
    """Note that a device has the content a save got at ``moment``, and was just seen."""
    if device_id is None:
        return
    current = now()
    later = case((SYNCS.last_synced_at > moment, SYNCS.last_synced_at), else_=moment)
    values = {"is_untracked": False, "updated_at": current}
    upsert(
        session,
        DEVICE_SAVE_SYNC,
        {"device_id": device_id, "save_id": save_id},
        {**values, "last_synced_at": moment, "created_at": current},
        {**values, "last_synced_at": later},
    )
    note_device(session, user_id, device_id)


def follow(session: Session, device_id: str, save_id: int, *, is_untracked: bool) -> None:
    """Have a device follow a save again, or no longer; who never had it follows it anyway."""
    this = (SYNCS.device_id == device_id, SYNCS.save_id == save_id)
    if not is_untracked:
        session.execute(update(DEVICE_SAVE_SYNC).where(*this).values(is_untracked=False))
        return
    moment = now()
    stamps = {"last_synced_at": moment, "created_at": moment, "updated_at": moment}
    keys = {"device_id": device_id, "save_id": save_id}
    change = {"is_untracked": True, "updated_at": moment}
    upsert(session, DEVICE_SAVE_SYNC, keys, {**stamps, "is_untracked": True}, change)


def count_operation(session: Session, user_id: int | None, session_id: int | None) -> None:
    """Count something done in the user's own sync session, if that is open."""
    if session_id is None:
        return
    done = SYNC_SESSIONS.c.operations_completed
    own = (SYNC_SESSIONS.c.id == session_id, SYNC_SESSIONS.c.user_id == user_id)
    is_open = SYNC_SESSIONS.c.status.in_(OPEN)
    session.execute(
        update(SYNC_SESSIONS).where(*own, is_open).values(operations_completed=done + 1)
    )


def read_syncs(
    session: Session, saves: Sequence[RowMapping], asker: Asker
) -> Mapping[int, list[dict[str, Any]]]:
    """``device_syncs`` by save, the device that asks first; none where no device is named."""
    if not asker.is_named:
        return {}
    found: dict[int, list[dict[str, Any]]] = defaultdict(list)
    ids = [each["id"] for each in saves]
    for start in range(0, len(ids), SOME):
        query = (
            select(DEVICE_SAVE_SYNC, DEVICES.c.name.label("device_name"))
            .join(DEVICES, DEVICES.c.id == SYNCS.device_id)
            .where(SYNCS.save_id.in_(ids[start : start + SOME]))
            .order_by(SYNCS.last_synced_at.desc(), SYNCS.device_id)
        )
        for row in session.execute(query).mappings():
            found[row["save_id"]].append(dict(row))
    name = session.scalar(select(DEVICES.c.name).where(DEVICES.c.id == asker.device_id))
    return {each["id"]: _arrange(each, found[each["id"]], asker, name) for each in saves}


def _arrange(
    save: RowMapping, syncs: list[dict[str, Any]], asker: Asker, name: str | None
) -> list[dict[str, Any]]:
    for sync in syncs:
        sync["is_current"] = sync["last_synced_at"] >= save["updated_at"]
    own = [sync for sync in syncs if sync["device_id"] == asker.device_id]
    absent = {
        "device_id": asker.device_id,
        "device_name": name,
        "last_synced_at": save["updated_at"],
        "is_untracked": False,
        "is_current": False,
    }
    return [*(own or [absent]), *(sync for sync in syncs if sync not in own)]
