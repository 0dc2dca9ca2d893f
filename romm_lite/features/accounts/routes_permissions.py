"""Who may do and see what. All but one's own rights are for administrators alone."""

from sqlmodel import Session

from romm_lite.features.accounts import groups, hidden, rights
from romm_lite.features.accounts.identity import Identity
from romm_lite.features.accounts.permissions import require_admin
from romm_lite.kernel.scopes import Scope
from romm_lite.web.operations import Router
from romm_lite.wire.common import Key
from romm_lite.wire.permissions import (
    HiddenEntityCreate,
    HiddenEntityRemove,
    HiddenEntitySchema,
    PermAction,
    PermEntity,
    PermissionCatalogSchema,
    PermissionGroupCreate,
    PermissionGroupSchema,
    PermissionGroupUpdate,
    PermissionsResponse,
    UserPermissionsSchema,
    UserPermissionsUpdate,
)

router = Router("/api/permissions", tags=["permissions"])

FOR_ADMINS = {403: "Administrator privileges required"}
NO_GROUP = {404: "No such group"}
NO_USER = {404: "No such user"}


@router.get("/me", Scope.ME_READ)
def get_my_permissions(db: Session, user: Identity) -> PermissionsResponse:
    """What the caller may do in the web interface, and what is hidden from them."""
    return rights.describe_own(db, user)


@router.get("/catalog", Scope.USERS_READ, responses=FOR_ADMINS)
def get_catalog(user: Identity) -> PermissionCatalogSchema:
    """Everything rights can be about."""
    require_admin(user)
    return PermissionCatalogSchema(entities=list(PermEntity), actions=list(PermAction))


@router.get("/groups", Scope.USERS_READ, responses=FOR_ADMINS)
def get_groups(db: Session, user: Identity) -> list[PermissionGroupSchema]:
    """All groups, by name."""
    require_admin(user)
    return [PermissionGroupSchema(**group) for group in groups.list_groups(db)]


@router.post(
    "/groups",
    Scope.USERS_WRITE,
    status=201,
    responses=FOR_ADMINS | {400: "The name is taken", 404: "An exception is of nothing there is"},
)
def add_group(db: Session, user: Identity, body: PermissionGroupCreate) -> PermissionGroupSchema:
    """Make a group; as the default it takes the place of the one that was."""
    require_admin(user)
    return PermissionGroupSchema(**groups.add_group(db, body))


@router.put(
    "/groups/{id}",
    Scope.USERS_WRITE,
    responses=FOR_ADMINS | NO_GROUP | {400: "The name is taken, or there would be no default"},
)
def update_group(
    db: Session, user: Identity, id: Key, body: PermissionGroupUpdate
) -> PermissionGroupSchema:
    """Change what is given; grants replace all there were."""
    require_admin(user)
    return PermissionGroupSchema(**groups.change_group(db, id, body))


@router.delete(
    "/groups/{id}",
    Scope.USERS_WRITE,
    responses=FOR_ADMINS | NO_GROUP | {400: "It is the default group"},
)
def delete_group(db: Session, user: Identity, id: Key) -> None:
    """Remove a group; its members fall back to the default one."""
    require_admin(user)
    groups.remove_group(db, id)


@router.get("/users/{user_id}", Scope.USERS_READ, responses=FOR_ADMINS | NO_USER)
def get_user_permissions(db: Session, user: Identity, user_id: Key) -> UserPermissionsSchema:
    """What was decided about one user, apart from what their group may."""
    require_admin(user)
    return UserPermissionsSchema(**rights.get_rights(db, user_id))


@router.put("/users/{user_id}", Scope.USERS_WRITE, responses=FOR_ADMINS | NO_USER)
def update_user_permissions(
    db: Session, user: Identity, user_id: Key, body: UserPermissionsUpdate
) -> UserPermissionsSchema:
    """Change what is given; overrides replace all there were."""
    require_admin(user)
    return UserPermissionsSchema(**rights.change_rights(db, user_id, body))


@router.post(
    "/hidden",
    Scope.USERS_WRITE,
    responses=FOR_ADMINS | {400: "It cannot be hidden so", 404: "No such thing, user or group"},
)
def add_hidden(db: Session, user: Identity, body: HiddenEntityCreate) -> HiddenEntitySchema:
    """Hide a platform or a ROM from a user or a group; it does not exist for them then."""
    require_admin(user)
    hidden.hide(db, body)
    return HiddenEntitySchema(entity=body.entity, entity_id=body.entity_id)


@router.delete(
    "/hidden",
    Scope.USERS_WRITE,
    status=204,
    responses=FOR_ADMINS | {400: "It cannot be hidden so"},
)
def remove_hidden(db: Session, user: Identity, body: HiddenEntityRemove) -> None:
    """Show it again; what was not hidden stays so."""
    require_admin(user)
    hidden.show(db, body)
