"""What a role, a group and exceptions for single users amount to."""

from collections.abc import Iterable, Mapping

from sqlalchemy import ColumnElement, bindparam, select, update
from sqlmodel import Session

from romm_lite.db.engine import announce
from romm_lite.features.accounts.identity import KIOSK_ID, Identity
from romm_lite.kernel.errors import Forbidden
from romm_lite.kernel.events import RightsChanged
from romm_lite.kernel.scopes import (
    ALL_SCOPES,
    READ_SCOPES,
    Action,
    Entity,
    Role,
    Scope,
    project,
)
from romm_lite.tables.permissions import (
    AGE_EXCEPTIONS,
    HIDDEN_ENTITIES,
    PERMISSION_GRANTS,
    PERMISSION_OVERRIDES,
)
from romm_lite.tables.users import USERS

LEGACY_GROUPS = {"viewer": "Viewer (legacy)", "editor": "Editor (legacy)"}
"""The seeded groups that stand for roles of older clients."""

Grant = tuple[str, str]
"""Entity and action."""
Grants = Mapping[Grant, bool]
"""What is granted, and whether only with what is one's own."""

# Made once: every request of a user runs both, and making them costs as much as running them.
_GRANTS = select(
    PERMISSION_GRANTS.c.group_id,
    PERMISSION_GRANTS.c.entity,
    PERMISSION_GRANTS.c.action,
    PERMISSION_GRANTS.c.own_only,
).where(PERMISSION_GRANTS.c.group_id.in_(bindparam("group_ids", expanding=True)))
_OVERRIDES = select(
    PERMISSION_OVERRIDES.c.user_id,
    PERMISSION_OVERRIDES.c.entity,
    PERMISSION_OVERRIDES.c.action,
    PERMISSION_OVERRIDES.c.granted,
    PERMISSION_OVERRIDES.c.own_only,
).where(PERMISSION_OVERRIDES.c.user_id.in_(bindparam("user_ids", expanding=True)))


def read_scopes(
    session: Session, users: Iterable[tuple[int, str, int | None]]
) -> Mapping[int, tuple[Scope, ...]]:
    """The scopes of users given as (id, role, id of the group that holds for them)."""
    users = list(users)
    plain = {user_id: group_id for user_id, role, group_id in users if role != Role.ADMIN}
    scopes = {user_id: ALL_SCOPES for user_id, role, _ in users if role == Role.ADMIN}
    granted = _read_grants(session, plain)
    return scopes | {user_id: project(grants) for user_id, grants in granted.items()}


def read_visitor_scopes(session: Session, group_id: int | None) -> tuple[Scope, ...]:
    """The scopes of somebody who is not known and has the reading rights of a group."""
    granted = project(_of_groups(session, {group_id}).get(group_id, {}))
    return tuple(scope for scope in READ_SCOPES if scope in granted)


def read_grants(session: Session, user: Identity) -> Grants:
    """What somebody may do by their group and the exceptions made for them, whatever the
    credential they show is for. Administrators have no need of grants and none here."""
    if user.is_admin or user.user_id is None:
        return {}
    if user.user_id == KIOSK_ID:
        grants = _of_groups(session, {user.group_id}).get(user.group_id, {})
        return {grant: own for grant, own in grants.items() if grant[1] == Action.READ}
    return _read_grants(session, {user.user_id: user.group_id})[user.user_id]


def require(
    session: Session,
    user: Identity,
    entity: Entity,
    action: Action,
    owner_id: int | None = None,
) -> None:
    """Forbidden unless this user may do so: an administrator, the owner of the thing, or who has
    the right to it without the limit to what is their own. Stands beside the check of scopes."""
    is_owner = owner_id is not None and owner_id == user.user_id
    if user.is_admin or is_owner:
        return
    own_only = read_grants(session, user).get((entity, action), True)
    if own_only:
        raise Forbidden("Insufficient permissions")


def require_admin(user: Identity) -> None:
    """Forbidden for anybody else, whatever scopes were granted to them."""
    if not user.is_admin:
        raise Forbidden("Administrator privileges required")


def tell_users(session: Session, condition: ColumnElement[bool]) -> None:
    """Tell the users for whom a condition on ``users`` holds that their rights changed, once this
    unit of work is committed. Administrators' never do."""
    query = select(USERS.c.id).where(condition, USERS.c.role != Role.ADMIN).order_by(USERS.c.id)
    concerned = tuple(session.scalars(query))
    if concerned:
        announce(session, RightsChanged(concerned))


def hand_on_rules(session: Session, entity: Entity, ids: Mapping[int, int]) -> None:
    """Let the rules about some platforms or ROMs, what is hidden and what age limits spare, be
    about others instead, by id: they turned out to be the same. Who has such a rule about both
    keeps the other's."""
    for table in (HIDDEN_ENTITIES, AGE_EXCEPTIONS) if ids else ():
        columns = table.c
        wanted = columns.entity_id.in_([*ids, *ids.values()])
        query = select(columns.id, columns.user_id, columns.group_id, columns.entity_id)
        rows = session.execute(query.where(columns.entity == entity, wanted)).all()
        taken = {(row.user_id, row.group_id, row.entity_id) for row in rows}
        for row in rows:
            rule = (row.user_id, row.group_id, ids.get(row.entity_id))
            if row.entity_id in ids and rule not in taken:
                taken.add(rule)
                changed = update(table).where(columns.id == row.id)
                session.execute(changed.values(entity_id=ids[row.entity_id]))


def _read_grants(session: Session, users: Mapping[int, int | None]) -> Mapping[int, Grants]:
    """Those of users given as the id of their group by their own."""
    if not users:
        return {}
    groups = _of_groups(session, set(users.values()))
    granted = {user_id: dict(groups.get(group_id, {})) for user_id, group_id in users.items()}
    rows = session.execute(_OVERRIDES, {"user_ids": list(users)})
    for user_id, entity, action, is_granted, own_only in rows:
        if is_granted:
            granted[user_id][entity, action] = own_only
        else:
            granted[user_id].pop((entity, action), None)
    return granted


def _of_groups(session: Session, group_ids: set[int | None]) -> Mapping[int | None, Grants]:
    found: dict[int | None, dict[Grant, bool]] = {}
    wanted = [group_id for group_id in group_ids if group_id is not None]
    for group_id, entity, action, own_only in session.execute(_GRANTS, {"group_ids": wanted}):
        found.setdefault(group_id, {})[entity, action] = own_only
    return found
