"""Sending the content of a save or of a version, and noting who has it once all of it is sent."""

from collections.abc import Callable
from mimetypes import guess_type

from sqlalchemy import RowMapping, select

from romm_lite.features.accounts.service import Identity
from romm_lite.features.saves import syncs
from romm_lite.features.saves.queries import find_readable, find_version
from romm_lite.features.saves.store import Store
from romm_lite.kernel.errors import NotFound
from romm_lite.kernel.scopes import Scope
from romm_lite.tables.assets import SAVES
from romm_lite.tables.devices import DEVICES
from romm_lite.web.downloads import Download, file_response, plain_disposition
from romm_lite.wire.saves import SaveContentQuery

MISSING = "Save file not found on disk"
HARMLESS = frozenset({"application/zip", "image/gif", "image/jpeg", "image/png", "image/webp"})
"""Types that are told. Anything else might be run by a browser that believes it."""


def send_save(store: Store, user: Identity, save_id: int, query: SaveContentQuery) -> Download:
    """The content of a save; its device and session are noted when the last byte is sent."""
    with store.database.read() as session:
        row = find_readable(session, user, save_id)
        asker = syncs.find_asker(session, user, query.device_id, Scope.DEVICES_READ)
    sha256 = row["sha256"] or _adopt(store, user, save_id)
    if sha256 is None:
        raise NotFound(MISSING)
    own = row["user_id"] == user.user_id
    device_id = asker.device_id if own and query.optimistic else None
    session_id = query.session_id if own else None
    sent = None
    if device_id is not None or session_id is not None:
        sent = _note_when_sent(store, user, row, device_id, session_id)
    return _send(store, sha256, row["file_name"], sent)


def send_version(store: Store, user: Identity, version_id: int) -> Download:
    """The content of a version."""
    with store.database.read() as session:
        row = find_version(session, user, version_id)
    return _send(store, row["sha256"], row["file_name"], None)


def _adopt(store: Store, user: Identity, save_id: int) -> str | None:
    with store.database.write() as session:
        return store.adopt(session, SAVES, find_readable(session, user, save_id))


def _note_when_sent(
    store: Store,
    user: Identity,
    row: RowMapping,
    device_id: str | None,
    session_id: int | None,
) -> Callable[[], None]:
    def note() -> None:
        with store.database.write() as session:
            syncs.count_operation(session, user.user_id, session_id)
            there = select(SAVES.c.id).join(DEVICES, DEVICES.c.id == device_id)
            if session.scalar(there.where(SAVES.c.id == row["id"])) is None:
                return  # one of them was deleted meanwhile
            # What was sent, not what may have come since.
            moment = row["updated_at"]
            syncs.mark_current(session, user.user_id, device_id, row["id"], moment)

    return note


def _send(store: Store, sha256: str, name: str, sent: Callable[[], object] | None) -> Download:
    guessed = guess_type(name)[0]
    return file_response(
        store.blobs.locate(sha256),
        media_type=guessed if guessed in HARMLESS else "application/octet-stream",
        disposition=plain_disposition(name),
        missing=MISSING,
        etag=f'"{sha256}"',
        sent=sent,
    )
