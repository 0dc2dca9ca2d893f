"""What the command line does with saves: it looks for all users and acts for the owner of each."""

from dataclasses import asdict, replace
from typing import Any

from sqlalchemy import select

from romm_lite.features.accounts.service import NOBODY
from romm_lite.features.saves import history
from romm_lite.features.saves.history import (
    Findings,
    describe_losses,
    remove_unfinished,
    verify,
)
from romm_lite.features.saves.store import Store
from romm_lite.kernel.errors import NotFound
from romm_lite.kernel.locks import hold
from romm_lite.tables.assets import ASSET_VERSIONS, SAVES
from romm_lite.tables.users import USERS

V = ASSET_VERSIONS.c


def list_history(
    store: Store, *, username: str | None = None, game: str | None = None, limit: int = 100
) -> list[dict[str, Any]]:
    """Versions of saves with their owners, the newest first."""
    query = select(ASSET_VERSIONS, USERS.c.username).join(USERS, USERS.c.id == V.user_id)
    query = query.where(V.kind == SAVES.name)
    if username is not None:
        query = query.where(USERS.c.username == username.lower())
    if game is not None:
        query = query.where(V.rom_name.contains(game, autoescape=True))
    query = query.order_by(V.created_at.desc(), V.id.desc()).limit(limit)
    with store.database.read() as session:
        return [dict(row) for row in session.execute(query).mappings()]


def restore_version(store: Store, version_id: int) -> int:
    """Bring a version back for its owner; the id of the save that has it now."""
    with store.database.write() as session:
        owner = session.scalar(select(V.user_id).where(V.id == version_id))
        if owner is None:
            raise NotFound(f"There is no version {version_id}")
        return history.restore(store, session, replace(NOBODY, user_id=owner), version_id)


def check_contents(store: Store) -> tuple[Findings, list[dict[str, Any]]]:
    """Read and hash everything; what was found, and the versions whose contents are lost."""
    places = store.settings.places
    found = verify(store)
    # No longer than this takes, for a server cannot start meanwhile.
    with hold(places.server_lock, {"host": "", "port": 0}) as alone:
        found.unfinished = remove_unfinished(store, alone=alone)
    return found, describe_losses(store, [*found.missing, *found.damaged])


def as_json(found: Findings, lost: list[dict[str, Any]]) -> dict[str, Any]:
    """The outcome for a program."""
    return {**asdict(found), "is_sound": found.is_sound, "versions": lost}
