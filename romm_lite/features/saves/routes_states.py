"""States of whoever asks."""

from pydantic import BaseModel
from sqlmodel import Session
from starlette.responses import Response

from romm_lite.features.accounts.service import Identity
from romm_lite.features.saves import screenshots, states
from romm_lite.features.saves.store import Store
from romm_lite.kernel.scopes import Scope
from romm_lite.tables.assets import STATES
from romm_lite.web.inputs import Upload
from romm_lite.web.operations import Router
from romm_lite.wire.common import Key
from romm_lite.wire.states import (
    StateDeletePayload,
    StateListQuery,
    StateSchema,
    StateUploadQuery,
    StateVisibilityPayload,
)

router = Router("/api/states", tags=["states"])
UNKNOWN = {404: "No such state"}
TOO_LARGE = {413: "A file is too large", 507: "There is no room for it"}


class StateForm(BaseModel):
    """A state, and perhaps a picture of where it was made."""

    stateFile: Upload  # noqa: N815
    screenshotFile: Upload | None = None  # noqa: N815


class StateChangeForm(BaseModel):
    """What is to be replaced."""

    stateFile: Upload | None = None  # noqa: N815
    screenshotFile: Upload | None = None  # noqa: N815


@router.post(
    "",
    Scope.ASSETS_WRITE,
    heavy=True,
    responses=TOO_LARGE | {400: "The name cannot be", 404: "No such ROM"},
)
def add_state(
    store: Store, user: Identity, query: StateUploadQuery, form: StateForm
) -> StateSchema:
    """Keep a state. One of the same name gets its content; what it had is kept too."""
    state_id = states.upload_state(store, user, query, form.stateFile, form.screenshotFile)
    return _describe(store, user, state_id)


@router.get("", Scope.ASSETS_READ)
def get_states(db: Session, user: Identity, query: StateListQuery) -> list[StateSchema]:
    """Own states."""
    rows = screenshots.list_assets(db, STATES, user, query.rom_id, query.platform_id)
    return [StateSchema(**each) for each in states.describe_states(db, rows)]


@router.get("/identifiers", Scope.ASSETS_READ)
def get_state_ids(db: Session, user: Identity) -> list[int]:
    """The ids of own states."""
    return screenshots.list_ids(db, STATES, user)


@router.post("/delete", Scope.ASSETS_WRITE, responses=UNKNOWN | {400: "No state is named"})
def delete_states(db: Session, store: Store, user: Identity, body: StateDeletePayload) -> list[int]:
    """Delete states, all or none. What was in them is kept."""
    states.delete_states(store, db, user, body.states)
    return body.states


@router.get("/{id}", Scope.ASSETS_READ, responses=UNKNOWN)
def get_state(db: Session, user: Identity, id: Key) -> StateSchema:
    """One own state."""
    return StateSchema(**states.describe_state(db, user, id))


@router.put("/{id}", Scope.ASSETS_WRITE, heavy=True, responses=UNKNOWN | TOO_LARGE)
def update_state(store: Store, user: Identity, id: Key, form: StateChangeForm) -> StateSchema:
    """Give a state other content under its name; what it had is kept too."""
    states.replace_state(store, user, id, form.stateFile, form.screenshotFile)
    return _describe(store, user, id)


@router.head("/{id}/content", Scope.ASSETS_READ, heavy=True, responses=UNKNOWN)
@router.get("/{id}/content", Scope.ASSETS_READ, heavy=True, responses=UNKNOWN)
def get_state_content(store: Store, user: Identity, id: Key) -> Response:
    """The content of an own state or a public one."""
    return screenshots.send_asset(store, STATES, user, id)


@router.put("/{id}/visibility", Scope.ASSETS_WRITE, responses=UNKNOWN)
def update_state_visibility(
    db: Session, user: Identity, id: Key, body: StateVisibilityPayload
) -> StateSchema:
    """Show a state to all who see its ROM, or to nobody else."""
    states.show_state(db, user, id, is_public=body.is_public)
    return StateSchema(**states.describe_state(db, user, id))


def _describe(store: Store, user: Identity, state_id: int) -> StateSchema:
    with store.database.read() as session:
        return StateSchema(**states.describe_state(session, user, state_id))
