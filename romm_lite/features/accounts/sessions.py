"""Browser sessions: a random cookie here, what it stands for among the entries."""

import hashlib
import time
import uuid
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from threading import Lock

from romm_lite.db.entries import Entries, Owned
from romm_lite.features.accounts.cookies import cookie
from romm_lite.kernel.events import SessionsEnded
from romm_lite.kernel.settings import Settings
from romm_lite.kernel.times import from_ns

COOKIE = "romm_session"
PREFIX = "session:"
"""What the keys of sessions begin with; a user owns entries of other kinds as well."""
NAME_LENGTH = 32
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
    opened_at: float | None = None
    """Seconds since 1970; None while it is not open, and where it was not noted."""
    logout_url: str | None = field(default=None, repr=False)
    """Where to log out at the login provider as well; it holds the id token."""


@dataclass(frozen=True)
class OpenSession:
    """A session as its user is told of it. ``id`` names it, but lets nobody in."""

    id: str
    device_id: str | None
    opened_at: datetime | None
    last_seen_at: datetime
    expires_at: datetime
    is_current: bool


class Sessions:
    """Opens, finds, extends and ends sessions. Only hashes of their ids are kept."""

    def __init__(
        self,
        entries: Entries,
        settings: Settings,
        publish: Callable[[SessionsEnded], None] = lambda _: None,
    ) -> None:
        """``publish`` is told of every user whose sessions were ended."""
        self._entries = entries
        self._publish = publish
        self._settings = settings
        self._seconds = settings.session_max_age_seconds
        self._renew_after = min(RENEW_SECONDS, self._seconds // 2)
        self._renewed: OrderedDict[str, float] = OrderedDict()
        self._lock = Lock()

    def open(self, session: BrowserSession) -> str:
        """Begin a session; returns its id for the cookie."""
        session_id = str(uuid.uuid4())
        key = _key(session_id)
        value = asdict(replace(session, opened_at=time.time()))
        self._entries.put(key, value, self._seconds, owner=owner_of(session.user_id))
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
        value = self._entries.take(_key(session_id))
        if value is not None:
            self._publish(SessionsEnded(value["user_id"]))

    def close_all(self, user_id: int) -> None:
        """End all sessions of a user, and what their refresh tokens are good for."""
        self._entries.drop_owner(owner_of(user_id))
        self._publish(SessionsEnded(user_id))

    def list_open(self, user_id: int, epoch: int, current: str | None) -> list[OpenSession]:
        """A user's sessions of this epoch, the newest first; ``current`` is the id from the cookie
        of whoever asks."""
        current_key = None if current is None else _key(current)
        found = [
            self._describe(owned, is_current=owned.key == current_key)
            for owned in self._list(user_id)
            if owned.value["epoch"] == epoch
        ]
        return sorted(found, key=_age, reverse=True)

    def close_named(self, user_id: int, name: str) -> bool:
        """End the user's session that ``OpenSession.id`` names; whether there was one."""
        return self._close_each(user_id, lambda owned: _name(owned.key) == name)

    def close_of_device(self, user_id: int, device_id: str) -> None:
        """End the user's sessions in one browser."""
        self._close_each(user_id, lambda owned: owned.value["device_id"] == device_id)

    def close_others(self, user_id: int, current: str | None) -> None:
        """End the user's sessions but that of the id ``current``; tokens stay good."""
        but = None if current is None else _key(current)
        self._entries.drop_owner(owner_of(user_id), but=but, prefix=PREFIX)
        self._publish(SessionsEnded(user_id))

    def _list(self, user_id: int) -> list[Owned]:
        return self._entries.list_owner(owner_of(user_id), PREFIX)

    def _close_each(self, user_id: int, is_meant: Callable[[Owned], bool]) -> bool:
        meant = [owned.key for owned in self._list(user_id) if is_meant(owned)]
        for key in meant:
            self._entries.drop(key)
        if meant:
            self._publish(SessionsEnded(user_id))
        return bool(meant)

    def _describe(self, owned: Owned, *, is_current: bool) -> OpenSession:
        """When it was last seen is told by its end, which each renewal moves; where the lifetime
        of sessions was changed since, it is only known to lie between its opening and now."""
        session = BrowserSession(**owned.value)
        opened = session.opened_at
        seen = owned.expires_at - self._seconds - 1  # ends are rounded up to whole seconds
        return OpenSession(
            id=_name(owned.key),
            device_id=session.device_id,
            opened_at=None if opened is None else _moment(opened),
            last_seen_at=_moment(max(opened or 0, min(seen, time.time()))),
            expires_at=_moment(owned.expires_at),
            is_current=is_current,
        )

    def cookie(self, session_id: str) -> str:
        """The Set-Cookie value that keeps a session."""
        return self._cookie(session_id, max_age=self._seconds)

    def no_cookie(self) -> str:
        """The Set-Cookie value that forgets a session."""
        return self._cookie("null", expires="Thu, 01 Jan 1970 00:00:00 GMT")

    def _cookie(self, value: str, *, max_age: int | None = None, expires: str | None = None) -> str:
        return cookie(self._settings, COOKIE, value, max_age=max_age, expires=expires)


def _key(session_id: str) -> str:
    return PREFIX + hashlib.sha256(session_id.encode()).hexdigest()


def _name(key: str) -> str:
    """What a session may be called in public: enough of the hash to tell it from others."""
    return key.removeprefix(PREFIX)[:NAME_LENGTH]


def _moment(seconds: float) -> datetime:
    return from_ns(int(seconds * 1_000_000_000))


def _age(session: OpenSession) -> tuple[datetime, datetime]:
    return session.opened_at or _moment(0), session.last_seen_at
