"""Saves of whoever asks, what devices have of them, and what was kept before."""

from pydantic import BaseModel
from sqlmodel import Session
from starlette.responses import Response

from romm_lite.features.accounts.service import Identity
from romm_lite.features.saves import history, queries, saves, syncs
from romm_lite.features.saves.sending import send_save, send_version
from romm_lite.features.saves.store import Store
from romm_lite.features.saves.syncs import Asker
from romm_lite.kernel.scopes import Scope
from romm_lite.web.inputs import Upload
from romm_lite.web.operations import Router
from romm_lite.wire.common import Key
from romm_lite.wire.saves import (
    SaveContentQuery,
    SaveDeletePayload,
    SaveDevicePayload,
    SaveDeviceQuery,
    SaveListQuery,
    SaveSchema,
    SaveSummaryQuery,
    SaveSummarySchema,
    SaveUploadQuery,
    SaveVersionLockPayload,
    SaveVersionQuery,
    SaveVersionSchema,
    SaveVisibilityPayload,
)

router = Router("/api/saves", tags=["saves"])

UNKNOWN = {404: "No such save"}
UNKNOWN_DEVICE = {403: "Devices are not in the credential's scopes", 404: "No such save or device"}
TOO_LARGE = {413: "A file is too large", 507: "There is no room for it"}
NO_VERSION = {404: "No such version"}


class SaveForm(BaseModel):
    """A save, and perhaps a picture of where it was made."""

    saveFile: Upload  # noqa: N815
    screenshotFile: Upload | None = None  # noqa: N815


class SaveChangeForm(BaseModel):
    """What is to be replaced."""

    saveFile: Upload | None = None  # noqa: N815
    screenshotFile: Upload | None = None  # noqa: N815


@router.post(
    "",
    Scope.ASSETS_WRITE,
    heavy=True,
    responses=TOO_LARGE
    | {400: "The name cannot be", 403: "Devices are not in the credential's scopes"}
    | {404: "No such ROM or device", 409: "The device does not know the newest save"},
)
def add_save(store: Store, user: Identity, query: SaveUploadQuery, form: SaveForm) -> SaveSchema:
    """Keep a save. In a slot it gets a name of its own, outside of slots one of the same name gets
    its content; whatever was there can be brought back."""
    save_id, asker = saves.upload_save(store, user, query, form.saveFile, form.screenshotFile)
    return _describe(store, user, save_id, asker)


@router.get("", Scope.ASSETS_READ, responses=UNKNOWN_DEVICE)
def get_saves(db: Session, user: Identity, query: SaveListQuery) -> list[SaveSchema]:
    """Own saves. With a device, each tells how far its devices are."""
    asker = syncs.find_asker(db, user, query.device_id, Scope.DEVICES_READ)
    rows = queries.list_saves(db, user, query)
    return [SaveSchema(**each) for each in queries.describe_saves(db, rows, asker)]


@router.get("/identifiers", Scope.ASSETS_READ)
def get_save_ids(db: Session, user: Identity) -> list[int]:
    """The ids of own saves."""
    return queries.list_ids(db, user)


@router.get("/summary", Scope.ASSETS_READ)
def get_save_summary(db: Session, user: Identity, query: SaveSummaryQuery) -> SaveSummarySchema:
    """The slots of a ROM and the newest save of each."""
    return SaveSummarySchema(**queries.summarize(db, user, query.rom_id))


@router.post("/delete", Scope.ASSETS_WRITE, responses=UNKNOWN | {400: "No save is named"})
def delete_saves(db: Session, store: Store, user: Identity, body: SaveDeletePayload) -> list[int]:
    """Delete saves, all or none. Their versions stay and can be brought back."""
    saves.delete_saves(store, db, user, body.saves)
    return body.saves


@router.get("/versions", Scope.ASSETS_READ)
def get_versions(db: Session, user: Identity, query: SaveVersionQuery) -> list[SaveVersionSchema]:
    """Everything that was ever kept as a save, also of saves that are deleted, newest first."""
    return [SaveVersionSchema(**each) for each in queries.list_versions(db, user, query)]


@router.head("/versions/{id}/content", Scope.ASSETS_READ, heavy=True, responses=NO_VERSION)
@router.get("/versions/{id}/content", Scope.ASSETS_READ, heavy=True, responses=NO_VERSION)
def get_version_content(store: Store, user: Identity, id: Key) -> Response:
    """The content of a version."""
    return send_version(store, user, id)


@router.post(
    "/versions/{id}/restore",
    Scope.ASSETS_WRITE,
    responses={404: "No such version, or its ROM is gone"},
)
def restore_version(db: Session, store: Store, user: Identity, id: Key) -> SaveSchema:
    """Make a version the newest save of its slot or name again."""
    save_id = history.restore(store, db, user, id)
    return SaveSchema(**queries.describe_save(db, user, save_id))


@router.put("/versions/{id}/lock", Scope.ASSETS_WRITE, responses=NO_VERSION)
def lock_version(
    db: Session, user: Identity, id: Key, body: SaveVersionLockPayload
) -> SaveVersionSchema:
    """Have a version stay for ever, or no longer."""
    history.lock_version(db, user, id, locked=body.locked)
    return SaveVersionSchema(**queries.describe_version(queries.find_version(db, user, id)))


@router.delete(
    "/versions/{id}",
    Scope.ASSETS_WRITE,
    status=204,
    responses=NO_VERSION | {409: "It is locked, or what a save has now"},
)
def delete_version(store: Store, user: Identity, id: Key) -> None:
    """Let go of an old version for good."""
    history.remove_version(store, user, id)


@router.get("/{id}", Scope.ASSETS_READ, responses=UNKNOWN_DEVICE)
def get_save(db: Session, user: Identity, id: Key, query: SaveDeviceQuery) -> SaveSchema:
    """One own save."""
    asker = syncs.find_asker(db, user, query.device_id, Scope.DEVICES_READ)
    return SaveSchema(**queries.describe_save(db, user, id, asker))


@router.put("/{id}", Scope.ASSETS_WRITE, heavy=True, responses=UNKNOWN_DEVICE | TOO_LARGE)
def update_save(
    store: Store, user: Identity, id: Key, query: SaveDeviceQuery, form: SaveChangeForm
) -> SaveSchema:
    """Give a save other content under its name; what it had can be brought back."""
    asker = saves.replace_save(store, user, id, query.device_id, form.saveFile, form.screenshotFile)
    return _describe(store, user, id, asker)


@router.get("/{id}/versions", Scope.ASSETS_READ, responses=UNKNOWN)
def get_versions_of_save(db: Session, user: Identity, id: Key) -> list[SaveVersionSchema]:
    """Everything one save ever had, also after it was deleted, newest first."""
    return [SaveVersionSchema(**each) for each in queries.list_versions_of(db, user, id)]


@router.head("/{id}/content", Scope.ASSETS_READ, heavy=True, responses=UNKNOWN_DEVICE)
@router.get("/{id}/content", Scope.ASSETS_READ, heavy=True, responses=UNKNOWN_DEVICE)
def get_save_content(store: Store, user: Identity, id: Key, query: SaveContentQuery) -> Response:
    """The content of an own save or a public one. A device is marked as current once it has got
    the last byte of the whole."""
    return send_save(store, user, id, query)


@router.put("/{id}/visibility", Scope.ASSETS_WRITE, responses=UNKNOWN)
def update_save_visibility(
    db: Session, user: Identity, id: Key, body: SaveVisibilityPayload
) -> SaveSchema:
    """Show a save to all who see its ROM, or to nobody else."""
    saves.change_visibility(db, user, id, is_public=body.is_public)
    return SaveSchema(**queries.describe_save(db, user, id))


@router.post("/{id}/downloaded", Scope.DEVICES_WRITE, responses=UNKNOWN_DEVICE)
def confirm_download(db: Session, user: Identity, id: Key, body: SaveDevicePayload) -> SaveSchema:
    """Note that a device has the newest content of a save."""
    return _change_device(db, user, id, body, None)


@router.post("/{id}/track", Scope.DEVICES_WRITE, responses=UNKNOWN_DEVICE)
def track_save(db: Session, user: Identity, id: Key, body: SaveDevicePayload) -> SaveSchema:
    """Have a device follow a save again."""
    return _change_device(db, user, id, body, False)


@router.post("/{id}/untrack", Scope.DEVICES_WRITE, responses=UNKNOWN_DEVICE)
def untrack_save(db: Session, user: Identity, id: Key, body: SaveDevicePayload) -> SaveSchema:
    """Have a device not follow a save any more."""
    return _change_device(db, user, id, body, True)


def _change_device(
    db: Session, user: Identity, id: int, body: SaveDevicePayload, is_untracked: bool | None
) -> SaveSchema:
    asker = saves.change_device(db, user, id, body.device_id, is_untracked=is_untracked)
    return SaveSchema(**queries.describe_save(db, user, id, asker))


def _describe(store: Store, user: Identity, save_id: int, asker: Asker) -> SaveSchema:
    with store.database.read() as session:
        return SaveSchema(**queries.describe_save(session, user, save_id, asker))
