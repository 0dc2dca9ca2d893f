"""What single users may do: as they are told themselves, and as administrators decide it."""

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import delete, insert, select
from sqlmodel import Session

from romm_lite.db import versions
from romm_lite.features.accounts import queries
from romm_lite.features.accounts.hidden import (
    check_group,
    read_hidden,
    read_things,
    replace_exceptions,
)
from romm_lite.features.accounts.identity import Identity
from romm_lite.features.accounts.permissions import Grant, read_grants, tell_users
from romm_lite.features.accounts.service import ACCOUNTS
from romm_lite.kernel.errors import NotFound
from romm_lite.kernel.scopes import Action, Entity
from romm_lite.tables.permissions import AGE_EXCEPTIONS, HIDDEN_ENTITIES, PERMISSION_OVERRIDES
from romm_lite.tables.users import USERS
from romm_lite.wire.permissions import (
    ActionKey,
    GrantSchema,
    HiddenEntitiesSchema,
    OverrideSchemaIO,
    PermissionScopeSchema,
    PermissionsResponse,
    UserPermissionsUpdate,
)

Rights = Mapping[str, Any]
"""The members of ``UserPermissionsSchema``."""
_BUTTONS: Mapping[Grant, tuple[ActionKey, ...]] = {
    (Entity.ROMS, Action.READ): (
        *(ActionKey.ROM_VIEW, ActionKey.ROM_PLAY),
        *(ActionKey.ROM_DOWNLOAD, ActionKey.ROM_FAVORITE),
    ),
    (Entity.ROMS, Action.WRITE): (
        *(ActionKey.ROM_UPLOAD, ActionKey.ROM_EDIT),
        *(ActionKey.ROM_MATCH, ActionKey.ROM_REFRESH),
    ),
    (Entity.ROMS, Action.DELETE): (ActionKey.ROM_DELETE,),
    (Entity.PLATFORMS, Action.READ): (ActionKey.PLATFORM_VIEW,),
    (Entity.PLATFORMS, Action.WRITE): (
        *(ActionKey.PLATFORM_CREATE, ActionKey.PLATFORM_EDIT),
        ActionKey.LIBRARY_SCAN,
    ),
    (Entity.PLATFORMS, Action.DELETE): (ActionKey.PLATFORM_DELETE,),
    (Entity.COLLECTIONS, Action.READ): (ActionKey.COLLECTION_VIEW,),
    (Entity.COLLECTIONS, Action.WRITE): (ActionKey.COLLECTION_CREATE, ActionKey.COLLECTION_EDIT),
    (Entity.COLLECTIONS, Action.DELETE): (ActionKey.COLLECTION_DELETE,),
    (Entity.USERS, Action.READ): (ActionKey.USER_VIEW,),
    (Entity.USERS, Action.WRITE): (
        *(ActionKey.USER_CREATE, ActionKey.USER_EDIT),
        ActionKey.USER_DELETE,
    ),
}
"""What a grant lets somebody press, were it only for what is their own."""
_ENTITIES, _ACTIONS = list(Entity), list(Action)


def sort_rights(rights: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Grants or overrides in the order of the catalogue."""
    return sorted(
        rights, key=lambda each: (_ENTITIES.index(each["entity"]), _ACTIONS.index(each["action"]))
    )


def describe_own(session: Session, user: Identity) -> PermissionsResponse:
    """What the caller may press and what is hidden from them."""
    granted = read_grants(session, user)
    allowed = {key for grant in granted for key in _BUTTONS.get(grant, ())}
    everywhere = PermissionScopeSchema()
    hidden: Mapping[str, list[int]] = {}
    if user.has_hidden:
        principals = {"user_id": user.user_id, "group_id": user.group_id}
        hidden = read_hidden(session, principals)
    return PermissionsResponse(
        is_admin=user.is_admin,
        grants=[
            GrantSchema(action=key, scope=everywhere)
            for key in ActionKey
            if user.is_admin or key in allowed
        ],
        hidden=HiddenEntitiesSchema(
            platforms=hidden.get(Entity.PLATFORMS, []), roms=hidden.get(Entity.ROMS, [])
        ),
    )


def get_rights(session: Session, user_id: int) -> Rights:
    """What was decided about one user, or NotFound."""
    table = USERS.c
    columns = (table.permission_group_id, table.max_age, table.hide_unrated)
    row = session.execute(select(*columns).where(table.id == user_id)).mappings().first()
    if row is None:
        raise NotFound("User not found")
    return {
        "user_id": user_id,
        **row,
        "overrides": _read_overrides(session, user_id),
        "hidden": read_things(session, HIDDEN_ENTITIES.c.user_id, [user_id]).get(user_id, ()),
        "age_exceptions": read_things(session, AGE_EXCEPTIONS.c.user_id, [user_id]).get(
            user_id, ()
        ),
    }


def _read_overrides(session: Session, user_id: int) -> list[Mapping[str, Any]]:
    table = PERMISSION_OVERRIDES.c
    query = select(table.entity, table.action, table.granted, table.own_only)
    rows = session.execute(query.where(table.user_id == user_id)).mappings()
    return sort_rights(dict(row) for row in rows)


def change_rights(session: Session, user_id: int, change: UserPermissionsUpdate) -> Rights:
    """What is decided about a user after the change; NotFound for a user, group or thing that is
    not there."""
    versions.bump(session, ACCOUNTS)
    before = get_rights(session, user_id)
    _change_columns(session, user_id, change)
    if change.overrides is not None:
        _replace_overrides(session, user_id, change.overrides)
    if change.age_exceptions is not None:
        replace_exceptions(session, {"user_id": user_id}, change.age_exceptions)
    after = get_rights(session, user_id)
    if after != before:
        tell_users(session, USERS.c.id == user_id)
    return after


def _change_columns(session: Session, user_id: int, change: UserPermissionsUpdate) -> None:
    values = change.model_dump(include={"max_age", "hide_unrated"}, exclude_unset=True)
    if change.set_group:
        if change.permission_group_id is not None:
            check_group(session, change.permission_group_id)
        values["permission_group_id"] = change.permission_group_id
    if values:
        queries.change_user(session, user_id, **values)


def _replace_overrides(
    session: Session, user_id: int, overrides: Iterable[OverrideSchemaIO]
) -> None:
    session.execute(delete(PERMISSION_OVERRIDES).where(PERMISSION_OVERRIDES.c.user_id == user_id))
    rows = [{"user_id": user_id, **override.model_dump()} for override in overrides]
    if rows:
        session.execute(insert(PERMISSION_OVERRIDES), rows)
