"""Proof that a page of ours sent a request: a cookie whose value the page repeats in a header.

Only what is done on the strength of the session cookie needs it, for a browser sends that along
whoever makes it ask.
"""

import hmac
import re
import secrets
from dataclasses import dataclass

from itsdangerous import BadData, URLSafeSerializer

from romm_lite.features.accounts.cookies import cookie
from romm_lite.kernel.settings import Settings

COOKIE = "romm_csrftoken"
HEADER = "x-csrftoken"
REFUSAL = "CSRF token verification failed"
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
_EXEMPT = re.compile(
    r"/api/token/?"
    r"|/api/client-tokens/exchange/?"
    r"|/api/client-tokens/pair/[^/]+/status/?"
    r"|/api/auth/device/(?:init|token)/?"
    r"|/(?:ws|netplay)(?:/.*)?"
)


@dataclass(frozen=True)
class Ticket:
    """What the cookie says: a random word and the user it was made for."""

    token: str
    user_id: int | None


class Csrf:
    """Makes and compares the cookie and the header."""

    def __init__(self, key: str, settings: Settings) -> None:
        self._serializer = URLSafeSerializer(key, salt="romm_lite.csrf")
        self._settings = settings

    def needs_check(self, method: str, path: str) -> bool:
        """Whether such a request changes anything by its session; ``path`` is from our root."""
        if self._settings.disable_csrf_protection or method in _SAFE_METHODS:
            return False
        return _EXEMPT.fullmatch(path) is None

    def is_valid(self, kept_text: str | None, sent_text: str | None, user_id: int | None) -> bool:
        """Whether cookie and header tell the same, and of this user if there is one."""
        kept, sent = self.read(kept_text), self.read(sent_text)
        if kept is None or sent is None or kept.user_id != sent.user_id:
            return False
        if user_id is not None and kept.user_id != user_id:
            return False
        return hmac.compare_digest(kept.token.encode(), sent.token.encode())

    def read(self, value: str | None) -> Ticket | None:
        """What we signed, or None."""
        try:
            ticket = Ticket(**self._serializer.loads(value or ""))
        except (BadData, TypeError):
            return None
        return ticket

    def new_cookie(self, user_id: int | None) -> str:
        """A Set-Cookie value for this user, which pages can read."""
        value = self._serializer.dumps({"token": secrets.token_urlsafe(24), "user_id": user_id})
        text = value if isinstance(value, str) else value.decode()
        return cookie(self._settings, COOKIE, text, http_only=False, same_site="lax")
