"""The result of asking who is asking."""

from dataclasses import dataclass
from typing import Literal

from romm_lite.kernel.errors import Unauthenticated
from romm_lite.kernel.scopes import Role, Scope

KIOSK_ID = -1

Via = Literal["session", "basic", "bearer", "token", "kiosk", "none"]
Why = Literal["credential", "password", "disabled", "passwords off"]


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a request comes from, as ``request.user``.

    ``scopes`` are what this request may do; ``own_scopes`` what its user may do, which is more
    when the credential was made for less.
    """

    user_id: int | None
    username: str
    role: Role
    scopes: tuple[Scope, ...]
    own_scopes: tuple[Scope, ...]
    group_id: int | None
    """The user's group, the default group for who has none, None for administrators."""
    has_hidden: bool
    """Whether platforms or ROMs are hidden from this user; never from administrators."""
    max_age: int | None
    """Years; games rated for older people do not exist for this user. None: no limit."""
    hide_unrated: bool
    """Whether games that nobody rated are beyond the limit as well, where there is one."""
    via: Via
    epoch: int = 0
    """The user's when the credential was checked; what is given out on its strength carries it."""
    device_id: str | None = None
    """The device a client token is bound to, or the browser of a session."""

    @property
    def is_admin(self) -> bool:
        return self.role == Role.ADMIN

    @property
    def sees_all(self) -> bool:
        """Whether nothing in the library is kept from this user, by rule or by age."""
        return not self.has_hidden and self.max_age is None

    @property
    def is_authenticated(self) -> bool:
        """Kiosk visitors count: what they may not do is forbidden, not a matter of logging in."""
        return self.via != "none"

    @property
    def display_name(self) -> str:
        return self.username

    @property
    def identity(self) -> str:
        return self.username


NOBODY = Identity(
    user_id=None,
    username="",
    role=Role.USER,
    scopes=(),
    own_scopes=(),
    group_id=None,
    has_hidden=False,
    max_age=None,
    hide_unrated=False,
    via="none",
)


class Refused(Unauthenticated):
    """A credential was shown and is not good; ``why`` is for the login page alone."""

    def __init__(self, detail: str = "Not authenticated", *, why: Why = "credential") -> None:
        super().__init__(detail)
        self.why = why
