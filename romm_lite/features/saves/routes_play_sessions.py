"""When whoever asks played what, and for how long."""

from sqlmodel import Session

from romm_lite.features.accounts.service import Identity
from romm_lite.features.saves import play_sessions
from romm_lite.kernel.scopes import Scope
from romm_lite.web.operations import Router
from romm_lite.wire.common import Key
from romm_lite.wire.play_sessions import (
    PlaySessionIngestPayload,
    PlaySessionIngestResponse,
    PlaySessionListQuery,
    PlaySessionSchema,
    PlaySessionTotalSchema,
    PlaySessionTotalsQuery,
)

router = Router("/api/play-sessions", tags=["play-sessions"])


@router.post(
    "",
    Scope.ROMS_USER_WRITE,
    status=201,
    responses={400: "No session, or too many at once"},
)
def ingest_play_sessions(
    db: Session, user: Identity, body: PlaySessionIngestPayload
) -> PlaySessionIngestResponse:
    """Keep sessions of play. What was sent before, or twice at once, is kept once; a ROM whose
    latest session is new counts as being played."""
    return play_sessions.ingest(db, user, body.device_id, body.sessions)


@router.get("", Scope.ROMS_USER_READ)
def get_play_sessions(
    db: Session, user: Identity, query: PlaySessionListQuery
) -> list[PlaySessionSchema]:
    """Own sessions, the newest first."""
    rows = play_sessions.list_sessions(db, user, query)
    return [PlaySessionSchema(**row) for row in rows]


@router.get("/totals", Scope.ROMS_USER_READ)
def get_play_totals(
    db: Session, user: Identity, query: PlaySessionTotalsQuery
) -> list[PlaySessionTotalSchema]:
    """How long one played each ROM, the longest first; a ROM never played is not among them."""
    return [PlaySessionTotalSchema(**row) for row in play_sessions.sum_up(db, user, query.rom_id)]


@router.delete(
    "/{session_id}", Scope.ROMS_USER_WRITE, status=204, responses={404: "No such session"}
)
def delete_play_session(db: Session, user: Identity, session_id: Key) -> None:
    """Forget a session. That the ROM was played stays."""
    play_sessions.remove_session(db, user, session_id)
