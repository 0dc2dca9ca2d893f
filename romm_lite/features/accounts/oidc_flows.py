"""Logins that are under way: between leaving for the provider and coming back from it.

What was begun in one browser can only be finished there, and once: it is kept under a hash of the
browser's cookie and of the state that travels through the provider, and taken out to be finished.
"""

import hashlib
import re
import secrets
from dataclasses import asdict, dataclass, field

from romm_lite.db.entries import Entries
from romm_lite.features.accounts.cookies import cookie
from romm_lite.kernel.settings import Settings

COOKIE = "romm_oidc"
SECONDS = 600
_RANDOM = re.compile(r"[A-Za-z0-9_-]{43}")
_OWN_PATH = re.compile(r"/(?![/\\])[!-\[\]-~]{0,2000}")
"""A path of ours in printable ASCII, which no browser takes for another host."""


@dataclass(frozen=True)
class Flow:
    """One login that is under way."""

    nonce: str
    verifier: str = field(repr=False)
    page: str
    """The path, from our root, that the user wanted to go to."""


def new_random() -> str:
    """43 characters nobody can guess."""
    return secrets.token_urlsafe(32)


def new_flow(page: str | None) -> Flow:
    """A login that ends at ``page``, or at our root where that is no path of ours."""
    is_ours = page is not None and _OWN_PATH.fullmatch(page)
    return Flow(nonce=new_random(), verifier=new_random(), page=page if page and is_ours else "/")


class Flows:
    """Keeps logins for as long as somebody may take at the provider."""

    def __init__(self, entries: Entries, settings: Settings) -> None:
        self._entries = entries
        self._settings = settings

    def keep(self, flow: Flow, state: str, mark: str | None) -> str:
        """Keep a login of the browser with this value in its cookie; returns the Set-Cookie value
        that lets it come back. Several may be under way in one browser."""
        mark = mark if mark and _RANDOM.fullmatch(mark) else new_random()
        self._entries.put(_key(mark, state), asdict(flow), SECONDS)
        return cookie(self._settings, COOKIE, mark, max_age=SECONDS)

    def take(self, state: str | None, mark: str | None) -> Flow | None:
        """The login that was begun with this state in this browser; it can be taken once."""
        if not (state and mark and _RANDOM.fullmatch(state) and _RANDOM.fullmatch(mark)):
            return None
        value = self._entries.take(_key(mark, state))
        return None if value is None else Flow(**value)


def _key(mark: str, state: str) -> str:
    return "oidc:" + hashlib.sha256(f"{mark} {state}".encode()).hexdigest()
