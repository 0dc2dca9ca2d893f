"""Logging in and out of the web interface, and what the token endpoint grants."""

from starlette.requests import Request

from romm_lite.features.accounts import browsers, queries, sessions
from romm_lite.features.accounts.cookies import cookie
from romm_lite.features.accounts.credentials import Credentials
from romm_lite.features.accounts.identity import Identity, Refused
from romm_lite.features.accounts.limits import address_of
from romm_lite.features.accounts.passwords import Guess
from romm_lite.features.accounts.permissions import read_scopes
from romm_lite.features.accounts.queries import Account
from romm_lite.features.accounts.service import Accounts
from romm_lite.features.accounts.sessions import BrowserSession
from romm_lite.features.accounts.tokens import NOT_VALID
from romm_lite.kernel.errors import Forbidden, Invalid, RequestError, TooMany, Unauthenticated
from romm_lite.kernel.times import now
from romm_lite.wire.tokens import TokenForm, TokenResponse

PASSWORDS_OFF = "Login with a password is switched off on this server"


def log_in(accounts: Accounts, user: Identity, request: Request) -> None:
    """Begin a session for whoever showed name and password."""
    if user.via != "basic" or user.user_id is None:
        raise _explain(request)
    open_session(accounts, request, user.user_id, user.epoch)


def open_session(
    accounts: Accounts,
    request: Request,
    user_id: int,
    epoch: int,
    *,
    logout_url: str | None = None,
) -> None:
    """Begin a session under a new id, whatever session the browser had before.

    ``epoch`` is the user's when it was found out who they are, ``logout_url`` where the browser
    goes to log out at the login provider.
    """
    address = request.client.host if request.client else ""
    agent = request.headers.get("user-agent", "")
    mark = request.cookies.get(browsers.COOKIE)
    with accounts.database.write() as session:
        device = browsers.visit_browser(session, user_id, mark, address, agent)
        moment = now()
        queries.mark_user(session, user_id, last_login=moment, last_active=moment)
    if old := request.cookies.get(sessions.COOKIE):
        accounts.sessions.close(old)
    kept = BrowserSession(user_id, epoch, device.id, logout_url=logout_url)
    cookies: dict[str, str] = request.scope["set_cookies"]
    cookies[sessions.COOKIE] = accounts.sessions.cookie(accounts.sessions.open(kept))
    cookies[browsers.COOKIE] = cookie(
        accounts.settings,
        browsers.COOKIE,
        device.client_device_identifier or "",
        max_age=browsers.COOKIE_SECONDS,
    )


def _explain(request: Request) -> RequestError:
    """Why nobody was let in."""
    refusal = request.scope.get("auth_error")
    if isinstance(refusal, TooMany):
        return refusal
    if isinstance(refusal, Refused):
        if refusal.why == "password":
            return Unauthenticated("Incorrect username or password", challenge=None)
        if refusal.why == "disabled":
            return Unauthenticated("Disabled user", challenge=None)
        if refusal.why == "passwords off":
            return Forbidden(PASSWORDS_OFF)
    return Unauthenticated(challenge="Basic")


def log_out(accounts: Accounts, user: Identity, request: Request) -> str | None:
    """End the session of the cookie, if it belongs to whoever asks; returns where the browser
    goes to log out at the login provider as well, if it shall."""
    session_id = request.cookies.get(sessions.COOKIE)
    kept = accounts.sessions.find(session_id) if session_id else None
    if session_id is None or kept is None or kept.user_id != user.user_id:
        return None
    accounts.sessions.close(session_id)
    request.scope["set_cookies"][sessions.COOKIE] = accounts.sessions.no_cookie()
    return kept.logout_url if accounts.settings.oidc_rp_initiated_logout else None


async def check_grant(request: Request, form: TokenForm) -> Account:
    """The user of a password grant."""
    credentials: Credentials = request.scope["credentials"]
    if not form.username or not form.password:
        raise Invalid("Missing username or password")
    try:
        guess = Guess(form.username, form.password, address_of(request))
        return await credentials.check_password(guess)
    except Refused as refusal:
        if refusal.why == "disabled":
            raise Forbidden("User account is disabled") from refusal
        if refusal.why == "passwords off":
            raise Forbidden(PASSWORDS_OFF) from refusal
        raise Unauthenticated("Invalid username or password", challenge=None) from refusal


def grant(account: Account, scope: str, accounts: Accounts) -> TokenResponse:
    """Tokens for exactly the scopes asked for; asking for none gives tokens good for nothing."""
    wanted = tuple(dict.fromkeys(scope.split()))
    with accounts.database.read() as session:
        own = read_scopes(session, [(account.id, account.role, account.group_id)])[account.id]
    if not set(wanted) <= set(own):
        raise Forbidden("Insufficient scope")
    return accounts.tokens.issue(account, wanted)


def refresh(form: TokenForm, accounts: Accounts) -> TokenResponse:
    """A new pair for a refresh token, which is used up."""
    if not form.refresh_token:
        raise Invalid("Missing refresh token")
    try:
        claims = accounts.tokens.read(form.refresh_token, "refresh")
    except Refused as refusal:
        raise Unauthenticated(NOT_VALID) from refusal
    with accounts.database.read() as session:
        account = queries.find_account(session, claims.user_id)
    if account is not None and not account.enabled:
        raise Unauthenticated("Disabled user")
    if account is None or account.epoch != claims.epoch:
        raise Unauthenticated(NOT_VALID)
    accounts.tokens.consume(claims)
    return accounts.tokens.issue(account, claims.scopes)
