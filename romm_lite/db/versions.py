"""Numbers that rise with each change, so that caches in any process know they are stale."""

from sqlalchemy import select
from sqlmodel import Session

from romm_lite.db.upsert import upsert
from romm_lite.tables.system import VERSIONS

LIBRARY = "library"
"""Rises with every change of a platform, ROM, file, provider row or firmware."""

COLLECTIONS = "collections"
"""Rises with every change of anybody's collection, by hand or by rule."""


def of_user(user_id: int) -> str:
    """The name of what a user sees otherwise than others: flags, favourites, hidden things."""
    return f"user:{user_id}"


def read(session: Session, *names: str) -> tuple[int, ...]:
    """The numbers of these names, in their order; one never raised is 0."""
    query = select(VERSIONS.c.name, VERSIONS.c.number).where(VERSIONS.c.name.in_(names))
    found = dict(session.execute(query).all())
    return tuple(found.get(name, 0) for name in names)


def bump(session: Session, *names: str) -> None:
    """Raise the numbers of these names, in the transaction that makes the change.

    Do it last: on PostgreSQL and MariaDB other writers of these names wait from here on.
    """
    for name in sorted(names):  # in one order everywhere, or two writers could wait for each other
        upsert(session, VERSIONS, {"name": name}, {"number": 1}, {"number": VERSIONS.c.number + 1})
