"""Users, the first account included."""

from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel, Field
from starlette.requests import Request

from romm_lite.features.accounts import setup, users
from romm_lite.features.accounts.identity import Identity
from romm_lite.features.accounts.service import Accounts
from romm_lite.kernel.errors import Forbidden, Unauthenticated
from romm_lite.kernel.scopes import Scope
from romm_lite.web.inputs import Upload
from romm_lite.web.operations import Router
from romm_lite.wire.common import Key, RowId
from romm_lite.wire.users import RAProgressionRefresh, UserChange, UserCreate, UserSchema

router = Router("/api/users", tags=["users"])


class SetupQuery(BaseModel):
    """What the link printed at start brings along."""

    setup_token: str | None = None


class SetupHeaders(BaseModel):
    """The same, for programs."""

    setup_token: str | None = Field(None, alias="x-setup-token")


class UserForm(UserChange):
    """The same as a form, where the settings are text and a picture can be sent along."""

    ui_settings: str | None = None
    avatar: Upload | None = None


@router.post(
    "",
    public=True,
    status=201,
    responses={400: "A rule is broken or a name taken", 403: "Setup token required, or no right"},
)
def add_user(
    request: Request,
    accounts: Accounts,
    user: Identity,
    body: UserCreate,
    query: SetupQuery,
    headers: SetupHeaders,
) -> UserSchema:
    """Create a user; while there is no administrator, the first account."""
    if accounts.has_admin():
        _require(request, user, Scope.USERS_WRITE)
        return UserSchema.model_validate(accounts.create_user(body, by=user))
    given = headers.setup_token or query.setup_token
    if not setup.may_make_first_account(accounts.settings, request, given):
        raise Forbidden("Setup token required")
    return UserSchema.model_validate(accounts.create_first(body))


def _require(request: Request, user: Identity, scope: Scope) -> None:
    """What the operation table does, for the one operation that is public only at first."""
    if (error := request.scope.get("auth_error")) is not None:
        raise error
    if not user.is_authenticated:
        raise Unauthenticated
    if scope not in user.scopes:
        raise Forbidden


@router.get("", Scope.USERS_READ)
def list_users(accounts: Accounts) -> list[UserSchema]:
    """All users by id."""
    return [UserSchema.model_validate(found) for found in accounts.list_users()]


@router.get("/identifiers", Scope.USERS_READ)
def list_user_ids(accounts: Accounts) -> list[int]:
    """The ids of all users."""
    return accounts.list_ids()


@router.get("/me", Scope.ME_READ)
def get_me(accounts: Accounts, user: Identity) -> UserSchema:
    """Who is asking, and from which device."""
    if user.via == "kiosk":
        return UserSchema.model_validate(_show_kiosk(user))
    assert user.user_id is not None
    found = accounts.get_user(user.user_id)
    return UserSchema.model_validate({**found, "current_device_id": user.device_id})


def _show_kiosk(visitor: Identity) -> dict[str, Any]:
    """A visitor as a user; no row of the database stands behind it."""
    always = datetime.fromtimestamp(0, UTC)
    return {
        "id": visitor.user_id,
        "username": visitor.username,
        "email": None,
        "enabled": True,
        "role": visitor.role,
        "oauth_scopes": list(visitor.own_scopes),
        "avatar_path": "",
        "last_login": None,
        "last_active": None,
        "created_at": always,
        "updated_at": always,
    }


@router.get("/{id}", Scope.USERS_READ, responses={404: "User not found"})
def get_user(id: Key, accounts: Accounts) -> UserSchema:
    """One user."""
    return UserSchema.model_validate(accounts.get_user(id))


@router.put(
    "/{id}",
    Scope.ME_WRITE,
    heavy=True,
    responses={400: "A rule is broken or a name taken", 404: "User not found", 413: "Too large"},
)
def update_user(
    id: Key, accounts: Accounts, user: Identity, form: UserForm, body: UserChange | None = None
) -> UserSchema:
    """Change a user, by a form or by JSON; role and state are for administrators to change, and
    never their own."""
    changed = users.change_user(accounts, id, body or form, user, form.avatar)
    return UserSchema.model_validate(changed)


@router.delete(
    "/{id}", Scope.USERS_WRITE, responses={400: "Yourself, or the last one", 404: "User not found"}
)
def delete_user(id: RowId, accounts: Accounts, user: Identity) -> None:
    """Delete a user and all that is theirs."""
    users.delete_user(accounts, id, user)


@router.post(
    "/{id}/ra/refresh",
    Scope.ME_WRITE,
    responses={404: "User not found, or without a RetroAchievements username"},
)
def refresh_retro_achievements(
    id: RowId, accounts: Accounts, user: Identity, body: RAProgressionRefresh | None = None
) -> None:
    """Fetch a user's progress at RetroAchievements."""
    users.refresh_progression(accounts, id, user)
