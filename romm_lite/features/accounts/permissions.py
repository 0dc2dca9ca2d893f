"""What a role, a group and exceptions for single users amount to."""

from collections.abc import Iterable, Mapping

from sqlalchemy import bindparam, select
from sqlmodel import Session

from romm_lite.kernel.scopes import ALL_SCOPES, Role, Scope, project
from romm_lite.tables.permissions import PERMISSION_GRANTS, PERMISSION_OVERRIDES

LEGACY_GROUPS = {"viewer": "Viewer (legacy)", "editor": "Editor (legacy)"}
"""The seeded groups that stand for roles of older clients."""

Grant = tuple[str, str]
"""Entity and action."""

# Made once: every request of a user runs both, and making them costs as much as running them.
_GRANTS = select(
    PERMISSION_GRANTS.c.group_id, PERMISSION_GRANTS.c.entity, PERMISSION_GRANTS.c.action
).where(PERMISSION_GRANTS.c.group_id.in_(bindparam("group_ids", expanding=True)))
_OVERRIDES = select(
    PERMISSION_OVERRIDES.c.user_id,
    PERMISSION_OVERRIDES.c.entity,
    PERMISSION_OVERRIDES.c.action,
    PERMISSION_OVERRIDES.c.granted,
).where(PERMISSION_OVERRIDES.c.user_id.in_(bindparam("user_ids", expanding=True)))


def read_scopes(
    session: Session, users: Iterable[tuple[int, str, int | None]]
) -> Mapping[int, tuple[Scope, ...]]:
    """The scopes of users given as (id, role, id of the group that holds for them)."""
    users = list(users)
    plain = [(user_id, group_id) for user_id, role, group_id in users if role != Role.ADMIN]
    scopes = {user_id: ALL_SCOPES for user_id, role, _ in users if role == Role.ADMIN}
    if not plain:
        return scopes
    of_group = _read_grants(session, {group_id for _, group_id in plain if group_id is not None})
    of_user = _read_overrides(session, {user_id for user_id, _ in plain})
    for user_id, group_id in plain:
        granted = set(of_group.get(group_id, ()))
        for grant, is_granted in of_user.get(user_id, ()):
            (granted.add if is_granted else granted.discard)(grant)
        scopes[user_id] = project(granted)
    return scopes


def _read_grants(session: Session, group_ids: set[int]) -> dict[int | None, list[Grant]]:
    found: dict[int | None, list[Grant]] = {}
    for group_id, entity, action in session.execute(_GRANTS, {"group_ids": list(group_ids)}):
        found.setdefault(group_id, []).append((entity, action))
    return found


def _read_overrides(session: Session, user_ids: set[int]) -> dict[int, list[tuple[Grant, bool]]]:
    found: dict[int, list[tuple[Grant, bool]]] = {}
    for user_id, entity, action, granted in session.execute(
        _OVERRIDES, {"user_ids": list(user_ids)}
    ):
        found.setdefault(user_id, []).append(((entity, action), granted))
    return found
