"""Puts into every request who it comes from, and keeps foreign pages from acting for them.

A header that is good is the identity, whatever cookies say. One that is not good is never made up
for by a cookie: it is left as ``scope["auth_error"]`` and public operations may still answer.
Handlers set cookies through ``scope["set_cookies"]``, a dictionary from name to Set-Cookie value.
"""

import logging
from functools import partial

from starlette.authentication import AuthCredentials
from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from romm_lite.features.accounts import csrf, sessions
from romm_lite.features.accounts.credentials import Credentials, split_header
from romm_lite.features.accounts.identity import KIOSK_ID, NOBODY, Identity, Refused
from romm_lite.features.accounts.limits import address_of
from romm_lite.features.accounts.service import Accounts
from romm_lite.kernel.errors import TooMany
from romm_lite.web.routing import route_path

log = logging.getLogger(__name__)


class Identify:
    """The middleware: identity, then CSRF, then cookies on the way out."""

    def __init__(self, app: ASGIApp, accounts: Accounts) -> None:
        self._app = app
        self._accounts = accounts
        self._credentials = Credentials(accounts)
        self._may_lack_proxies = not accounts.settings.romm_trusted_proxies

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        request = HTTPConnection(scope)
        if self._may_lack_proxies and "x-forwarded-for" in request.headers:
            self._mention_proxies(request)
        cookies: dict[str, str] = {}
        scope["set_cookies"] = cookies
        scope["credentials"] = self._credentials
        scope["identify"] = partial(self._identify, request, {})  # for what outlives the request
        user = await self._identify(request, cookies)
        scope["user"] = user
        scope["auth"] = AuthCredentials(user.scopes)
        app = self._app
        if scope["type"] == "http":
            app = self._guard(request, user, cookies)
            send = _with_cookies(send, cookies)
        await app(scope, receive, send)

    def _mention_proxies(self, request: HTTPConnection) -> None:
        """Say once that a proxy is not believed: its visitors share one limit."""
        self._may_lack_proxies = False
        log.warning(
            "X-Forwarded-For from %s is ignored. If that is your proxy, name it in "
            "ROMM_TRUSTED_PROXIES, or all who come through it count as one.",
            request.client.host if request.client else "a local socket",
        )

    async def _identify(self, request: HTTPConnection, cookies: dict[str, str]) -> Identity:
        header = _find_header(request)
        if header is not None:
            try:
                return await self._credentials.by_header(header, address_of(request))
            except (Refused, TooMany) as refusal:
                request.scope["auth_error"] = refusal
                return NOBODY
        session_id = request.cookies.get(sessions.COOKIE)
        if session_id is None:
            return await self._credentials.visitor()
        found, is_extended = await self._credentials.by_session(session_id)
        if found is None:
            cookies[sessions.COOKIE] = self._accounts.sessions.no_cookie()
            return await self._credentials.visitor()
        if is_extended:
            cookies[sessions.COOKIE] = self._accounts.sessions.cookie(session_id)
        return found

    def _guard(self, request: HTTPConnection, user: Identity, cookies: dict[str, str]) -> ASGIApp:
        """What may answer: the application, or a refusal if CSRF was not ruled out."""
        if _shows_credential(request):
            return self._app
        check = self._accounts.csrf
        user_id = None if user.user_id == KIOSK_ID else user.user_id
        kept = request.cookies.get(csrf.COOKIE)
        sent = request.headers.get(csrf.HEADER)
        is_needed = check.needs_check(request.scope["method"], self._path(request.scope))
        if is_needed and not check.is_valid(kept, sent, user_id):
            return PlainTextResponse(csrf.REFUSAL, 403)
        ticket = check.read(kept)
        if ticket is None or ticket.user_id != user_id:
            cookies[csrf.COOKIE] = check.new_cookie(user_id)
        return self._app

    def _path(self, scope: Scope) -> str:
        """The path from our root, whether or not the server knows of the sub-path."""
        return route_path(scope).removeprefix(self._accounts.settings.romm_root_path)


def _find_header(request: HTTPConnection) -> str | None:
    """The Authorization header; of several none counts, for others may have looked at another."""
    values = request.headers.getlist("authorization")
    return None if not values else values[0] if len(values) == 1 else ""


def _shows_credential(request: HTTPConnection) -> bool:
    """Whether the cookie has no say, as a credential is shown; the scheme's name alone is none."""
    try:
        scheme, _ = split_header(_find_header(request) or "")
    except Refused:
        return False
    return scheme in ("basic", "bearer")


def _with_cookies(send: Send, cookies: dict[str, str]) -> Send:
    async def send_with_cookies(message: Message) -> None:
        if message["type"] == "http.response.start" and cookies:
            headers = MutableHeaders(scope=message)
            for value in cookies.values():
                headers.append("Set-Cookie", value)
        await send(message)

    return send_with_cookies
