"""Logging in through an OpenID provider.

A browser gets here by going from page to page, so what goes wrong is told to it by the login page:
``/login?error=`` and one of the words of ``oidc_claims.Why``. Programs get a status and a text.
"""

import logging
from collections.abc import Awaitable, Callable
from functools import partial

from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from romm_lite.features.accounts import login as logins
from romm_lite.features.accounts import oidc_flows
from romm_lite.features.accounts.limits import Limit, address_of
from romm_lite.features.accounts.oidc_accounts import admit
from romm_lite.features.accounts.oidc_claims import OidcRefused, Person
from romm_lite.features.accounts.service import Accounts
from romm_lite.kernel.errors import TooMany
from romm_lite.web.operations import Router
from romm_lite.web.table import Work

log = logging.getLogger(__name__)
router = Router("/api", tags=["auth"])

OPENID = Limit("openid", 60, 60)
OFF = "OpenID Connect is switched off or not configured"
UNREACHABLE = "The login provider cannot be reached"


class StartQuery(BaseModel):
    """``next`` is the page to go to in the end, a path of ours; an addition of ours."""

    next: str | None = None


class CallbackQuery(BaseModel):
    """What the provider sends the browser back with (RFC 6749, 4.1.2; RFC 9207)."""

    code: str | None = None
    state: str | None = None
    iss: str | None = None
    error: str | None = None


@router.get(
    "/login/openid",
    public=True,
    status=302,
    responses={404: OFF, 429: "Too many attempts", 503: UNREACHABLE},
)
async def start_openid_login(query: StartQuery, request: Request, work: Work) -> Response:
    """Send the browser to the login provider."""
    return await _answer(request, work, partial(_start, query, request, work))


@router.get(
    "/oauth/openid",
    public=True,
    status=307,
    responses={
        400: "The provider's answer is not good, or was not asked for here",
        401: "User disabled",
        403: "No role, or no account and none is made",
        404: OFF,
        429: "Too many attempts",
        503: UNREACHABLE,
    },
)
async def finish_openid_login(query: CallbackQuery, request: Request, work: Work) -> Response:
    """Begin a session for whom the login provider sends back."""
    return await _answer(request, work, partial(_finish, query, request, work))


async def _answer(
    request: Request, work: Work, step: Callable[[Accounts], Awaitable[Response]]
) -> Response:
    """What a step answers; a refusal goes to the login page, if it is a page that asks."""
    accounts = await work(_get_accounts)
    try:
        accounts.oidc.check_usable()
        accounts.limits.spend(OPENID, address_of(request))
        response = await step(accounts)
    except (OidcRefused, TooMany) as refusal:
        if "text/html" not in request.headers.get("accept", ""):
            raise
        why = refusal.why if isinstance(refusal, OidcRefused) else "too-many"
        response = RedirectResponse(f"{accounts.settings.romm_root_path}/login?error={why}", 303)
    response.headers["Cache-Control"] = "no-store"
    return response


def _get_accounts(accounts: Accounts) -> Accounts:
    return accounts


async def _start(query: StartQuery, request: Request, work: Work, accounts: Accounts) -> Response:
    flow, state = oidc_flows.new_flow(query.next), oidc_flows.new_random()
    address = await accounts.oidc.address(flow, state)
    mark = request.cookies.get(oidc_flows.COOKIE)
    cookie = await work(accounts.oidc_flows.keep, flow, state, mark)
    request.scope["set_cookies"][oidc_flows.COOKIE] = cookie
    return RedirectResponse(address, 302)


async def _finish(
    query: CallbackQuery, request: Request, work: Work, accounts: Accounts
) -> Response:
    mark = request.cookies.get(oidc_flows.COOKIE)
    flow = await work(accounts.oidc_flows.take, query.state, mark)
    if flow is None:
        raise OidcRefused(
            "oidc-expired", "The login was not begun in this browser, or too long ago. Try again."
        )
    if query.error is not None or query.code is None:
        log.warning("Somebody was sent back without a code: %r", (query.error or "")[:100])
        raise OidcRefused("oidc-denied", "The login provider did not let you in.")
    person = await accounts.oidc.identify(flow, query.code, query.iss)
    await work(_let_in, person=person, request=request)
    return RedirectResponse(accounts.settings.romm_root_path + flow.page, 307)


def _let_in(accounts: Accounts, person: Person, request: Request) -> None:
    account = admit(accounts, person)
    logins.open_session(accounts, request, account.id, account.epoch, logout_url=person.logout_url)
