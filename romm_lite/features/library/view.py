"""One user's look at the library during one request."""

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Self

from sqlmodel import Session

from romm_lite.db import versions
from romm_lite.features.accounts.service import Identity
from romm_lite.features.library import visibility
from romm_lite.features.library.store import Library


@dataclass(frozen=True)
class View:
    """``version`` is the library's, ``key`` changes with whatever this user may see differently.

    Both are read before anything else, so that what is kept under them is never older than they
    say.
    """

    session: Session
    library: Library
    user: Identity
    version: int
    key: Hashable

    @classmethod
    def open(cls, session: Session, library: Library, user: Identity) -> Self:
        if session.get_bind().get_execution_options().get("writing"):
            # What is not committed yet must not be kept for others.
            library = Library(library.settings, library.database)
        user_id = user.user_id or 0
        names = versions.LIBRARY, versions.of_user(user_id)
        version, own = versions.read(session, *names)
        hidden = visibility.mark(session, user)
        return cls(session, library, user, version, (version, own, user_id, hidden))
