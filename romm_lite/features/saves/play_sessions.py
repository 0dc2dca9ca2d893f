"""When users played what. A session that is sent twice is kept once.

It is the same if user, device, moment of the start and the ROM as the client named it are the
same, also where there is no such ROM or none this user may see. Of one user's batches one is taken
in at a time, for a unique constraint does not compare what is null.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import RowMapping, Select, and_, delete, func, or_, select
from sqlmodel import Session

from romm_lite.db import versions
from romm_lite.features.accounts.service import Identity, note_device
from romm_lite.features.library.service import note_sessions, see_roms
from romm_lite.kernel.errors import Invalid, NotFound
from romm_lite.kernel.times import now
from romm_lite.tables.devices import DEVICES, PLAY_SESSIONS, PlaySession
from romm_lite.tables.roms import ROMS
from romm_lite.wire.play_sessions import (
    PlaySessionEntry,
    PlaySessionIngestResponse,
    PlaySessionIngestResult,
    PlaySessionListQuery,
)

P = PLAY_SESSIONS.c
MOST = 100
"""Sessions in one batch."""
AHEAD = timedelta(minutes=5)
"""How far a client's clock may be in front of ours."""
EVERY_DEVICE = "*"
TOO_LATE = "end_time is too far in the future"


class _Key(NamedTuple):
    """What makes two sessions of a user and a device the same."""

    rom_id: int | None
    start: datetime


def ingest(
    session: Session,
    user: Identity,
    device: str | None,
    entries: Sequence[PlaySessionEntry],
    sync_session_id: int | None = None,
) -> PlaySessionIngestResponse:
    """Keep sessions of play that are not known yet, in a unit of work that writes.

    A device that is not the user's counts as none, and so does an unknown ROM. ``sync_session_id``
    is that of an own sync session.
    """
    if not entries:
        raise Invalid("Payload must contain at least one session")
    if len(entries) > MOST:
        raise Invalid(f"Batch size exceeds maximum of {MOST}")
    assert user.user_id is not None
    versions.bump(session, f"play_sessions:{user.user_id}")  # the lock; nothing else takes it
    device_id = _find_device(session, user, device)
    seen = _find_roms(session, user, {each.rom_id for each in entries})
    known = _find_known(session, user.user_id, device_id, entries)
    latest, results = now() + AHEAD, []
    added: list[tuple[int, PlaySession]] = []
    fresh: dict[_Key, PlaySession] = {}
    repeats: list[tuple[int, PlaySession]] = []
    for index, entry in enumerate(entries):
        key = _Key(entry.rom_id, entry.start_time)
        if entry.end_time > latest:
            results.append(PlaySessionIngestResult(index=index, status="error", detail=TOO_LATE))
        elif key in known:
            results.append(PlaySessionIngestResult(index=index, status="duplicate", id=known[key]))
        elif key in fresh:
            repeats.append((index, fresh[key]))
        else:
            fresh[key] = PlaySession(
                user_id=user.user_id,
                device_id=device_id,
                rom_id=entry.rom_id if entry.rom_id in seen else None,
                asked_rom_id=entry.rom_id,
                sync_session_id=sync_session_id,
                save_slot=entry.save_slot,
                start_time=entry.start_time,
                end_time=entry.end_time,
                duration_ms=entry.duration_ms,
            )
            added.append((index, fresh[key]))
    session.add_all(row for _, row in added)
    session.flush()
    for status, rows in (("created", added), ("duplicate", repeats)):
        results += [
            PlaySessionIngestResult(index=index, status=status, id=row.id) for index, row in rows
        ]
    _note(session, user.user_id, device_id, [row for _, row in added])
    return PlaySessionIngestResponse(
        results=sorted(results, key=lambda result: result.index),
        created_count=len(added),
        skipped_count=len(entries) - len(added),
    )


def _find_device(session: Session, user: Identity, device: str | None) -> str | None:
    """The device if it is the user's, that of the token if none is named."""
    device = device or get_bound(user)
    if device is None:
        return None
    own = (DEVICES.c.id == device, DEVICES.c.user_id == user.user_id)
    return session.scalar(select(DEVICES.c.id).where(*own))


def get_bound(user: Identity) -> str | None:
    """The device of the token that asks."""
    return user.device_id if user.via == "token" else None


def _find_roms(session: Session, user: Identity, ids: Iterable[int | None]) -> set[int]:
    asked = {each for each in ids if each is not None}
    query = select(ROMS.c.id).where(ROMS.c.id.in_(asked), *see_roms(user, few=True))
    return set(session.scalars(query)) if asked else set()


def _find_known(
    session: Session, user_id: int, device_id: str | None, entries: Sequence[PlaySessionEntry]
) -> dict[_Key, int]:
    query = select(P.id, P.asked_rom_id, P.start_time).where(
        P.user_id == user_id,
        P.start_time.in_({each.start_time for each in entries}),
        P.device_id.is_(None) if device_id is None else P.device_id == device_id,
    )
    return {_Key(row.asked_rom_id, row.start_time): row.id for row in session.execute(query)}


def _note(
    session: Session, user_id: int, device_id: str | None, added: Sequence[PlaySession]
) -> None:
    """Note what was played, and that the device was seen."""
    ends: dict[int, datetime] = {}
    for row in added:
        if row.rom_id is not None:
            ends[row.rom_id] = max(row.end_time, ends.get(row.rom_id, row.end_time))
    if device_id is not None:
        note_device(session, user_id, device_id)
    if ends:
        note_sessions(session, user_id, ends)
        versions.bump(session, versions.of_user(user_id))


def _select_own(user: Identity, *columns: Any) -> Select[Any]:
    """Own sessions, but for those of ROMs this user may not see."""
    query = select(*columns or (PLAY_SESSIONS,)).where(P.user_id == user.user_id)
    conditions = see_roms(user, few=True)
    if conditions:
        query = query.select_from(PLAY_SESSIONS.outerjoin(ROMS, ROMS.c.id == P.rom_id))
        query = query.where(or_(P.rom_id.is_(None), and_(*conditions)))
    return query


def list_sessions(
    session: Session, user: Identity, query: PlaySessionListQuery
) -> Sequence[RowMapping]:
    """Own sessions, the newest first."""
    chosen = _select_own(user)
    device_id = query.device_id or get_bound(user)
    if device_id is not None and device_id != EVERY_DEVICE:
        chosen = chosen.where(P.device_id == device_id)
    if query.rom_id is not None:
        chosen = chosen.where(P.rom_id == query.rom_id)
    if query.start_after is not None:
        chosen = chosen.where(P.start_time >= query.start_after)
    if query.end_before is not None:
        chosen = chosen.where(P.start_time <= query.end_before)
    chosen = chosen.order_by(P.start_time.desc(), P.id.desc())
    if query.start_after is None and query.end_before is None:
        chosen = chosen.limit(query.limit).offset(query.offset)
    return session.execute(chosen).mappings().all()


def sum_up(session: Session, user: Identity, rom_id: int | None) -> list[dict[str, Any]]:
    """How long the user played each ROM, the longest first."""
    total = func.sum(P.duration_ms)
    columns = (
        *(P.rom_id, total.label("duration_ms")),
        *(func.count().label("session_count"), func.max(P.end_time).label("last_played")),
    )
    query = _select_own(user, *columns).where(P.rom_id.is_not(None))
    if rom_id is not None:
        query = query.where(P.rom_id == rom_id)
    query = query.group_by(P.rom_id).order_by(total.desc(), P.rom_id)
    return [dict(row) for row in session.execute(query).mappings()]


def remove_session(session: Session, user: Identity, session_id: int) -> None:
    """Forget an own session; NotFound if there is none."""
    query = _select_own(user, P.id).where(P.id == session_id)
    if session.scalar(query) is None:
        raise NotFound(f"Play session {session_id} not found")
    session.execute(delete(PLAY_SESSIONS).where(P.id == session_id))
