"""Browser sessions: a random cookie here, what it stands for among the entries."""

import hashlib
import time
import uuid
from collections import OrderedDict
from dataclasses import asdict, dataclass
from threading import Lock

from romm_lite.db.entries import Entries
from romm_lite.features.accounts.cookies import SameSite, cookie
from romm_lite.kernel.settings import Settings

COOKIE = "romm_session"
RENEW_SECONDS = 300
"""A session in use is extended no more often than this."""
_RENEWED_MOST = 10_000


def owner_of(user_id: int) -> str:
    """The owner of a user's sessions and refresh tokens among the entries."""
    return f"user:{user_id}"


@dataclass(frozen=True)
class BrowserSession:
    """What a session cookie stands for. ``epoch`` is the user's when they logged in."""

    user_id: int
    epoch: int
    device_id: str | None


class Sessions:
    """Opens, finds, extends and ends sessions. Only hashes of their ids are kept."""

    def __init__(self, entries: Entries, settings: Settings) -> None:
        self._entries = entries
        self._settings = settings
        self._seconds = settings.session_max_age_seconds
        self._renew_after = min(RENEW_SECONDS, self._seconds // 2)
        self._renewed: OrderedDict[str, float] = OrderedDict()
        self._lock = Lock()

    def open(self, session: BrowserSession) -> str:
        """Begin a session; returns its id for the cookie."""
        session_id = str(uuid.uuid4())
        key = _key(session_id)
        self._entries.put(key, asdict(session), self._seconds, owner=owner_of(session.user_id))
        self._is_due(key)
        return session_id

    def find(self, session_id: str) -> BrowserSession | None:
        """The session of an id from a cookie."""
        value = self._entries.get(_key(session_id))
        return None if value is None else BrowserSession(**value)

    def renew(self, session_id: str) -> bool:
        """Extend a session that is in use, now and then; whether its cookie must be sent again."""
        key = _key(session_id)
        if not self._is_due(key):
            return False
        self._entries.touch(key, self._seconds)
        return True

    def _is_due(self, key: str) -> bool:
        """Whether it is time to extend this session; if so, that is noted as done."""
        moment = time.monotonic()
        with self._lock:
            last = self._renewed.get(key)
            if last is not None and moment - last < self._renew_after:
                return False
            self._renewed[key] = moment
            self._renewed.move_to_end(key)
            if len(self._renewed) > _RENEWED_MOST:
                self._renewed.popitem(last=False)
            return True

    def close(self, session_id: str) -> None:
        """End one session."""
        self._entries.drop(_key(session_id))

    def close_all(self, user_id: int) -> None:
        """End all sessions of a user, and what their refresh tokens are good for."""
        self._entries.drop_owner(owner_of(user_id))

    def cookie(self, session_id: str) -> str:
        """The Set-Cookie value that keeps a session."""
        return self._cookie(session_id, max_age=self._seconds)

    def no_cookie(self) -> str:
        """The Set-Cookie value that forgets a session."""
        return self._cookie("null", expires="Thu, 01 Jan 1970 00:00:00 GMT")

    def _cookie(self, value: str, *, max_age: int | None = None, expires: str | None = None) -> str:
        """Strict, unless people come back to us from an OpenID provider's page."""
        settings = self._settings
        site: SameSite = "lax" if settings.oidc_enabled else "strict"
        return cookie(settings, COOKIE, value, max_age=max_age, expires=expires, same_site=site)


def _key(session_id: str) -> str:
    return "session:" + hashlib.sha256(session_id.encode()).hexdigest()
