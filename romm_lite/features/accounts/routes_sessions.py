"""The browsers in which whoever asks is logged in."""

from dataclasses import asdict

from sqlmodel import Session
from starlette.requests import Request

from romm_lite.features.accounts import devices, sessions
from romm_lite.features.accounts.identity import Identity
from romm_lite.features.accounts.service import Accounts
from romm_lite.kernel.errors import NotFound
from romm_lite.kernel.scopes import Scope
from romm_lite.web.operations import Router
from romm_lite.wire.sessions import BrowserSessionSchema

router = Router("/api/users/me/sessions", tags=["users"])

UNKNOWN = {404: "No such session"}


@router.get("", Scope.ME_READ)
def list_my_sessions(
    request: Request, accounts: Accounts, db: Session, user: Identity
) -> list[BrowserSessionSchema]:
    """Every browser in which I am logged in, the newest login first."""
    assert user.user_id is not None
    found = accounts.sessions.list_open(user.user_id, user.epoch, _read_current(request, user))
    known = devices.read_names(db, {each.device_id for each in found if each.device_id})
    return [_show(each, *known.get(each.device_id or "", (None, None))) for each in found]


@router.delete("", Scope.ME_WRITE, status=204)
def end_my_other_sessions(request: Request, accounts: Accounts, user: Identity) -> None:
    """Log me out everywhere but in the browser that asks. Tokens stay good."""
    assert user.user_id is not None
    accounts.sessions.close_others(user.user_id, _read_current(request, user))


@router.delete("/{id}", Scope.ME_WRITE, status=204, responses=UNKNOWN)
def end_my_session(accounts: Accounts, user: Identity, id: str) -> None:
    """Log me out in one browser."""
    assert user.user_id is not None
    if not accounts.sessions.close_named(user.user_id, id):
        raise NotFound(f"Session with ID {id} not found")


def _read_current(request: Request, user: Identity) -> str | None:
    """The id of the session the request comes in; none, if it has a credential of its own."""
    return request.cookies.get(sessions.COOKIE) if user.via == "session" else None


def _show(
    session: sessions.OpenSession, name: str | None, address: str | None
) -> BrowserSessionSchema:
    return BrowserSessionSchema(**asdict(session), device_name=name, ip_address=address)
