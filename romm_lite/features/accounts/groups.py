"""Permission groups: exactly one is the default, that of users without a group."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import RowMapping, delete, func, insert, or_, select, update
from sqlmodel import Session

from romm_lite.db import versions
from romm_lite.features.accounts import queries
from romm_lite.features.accounts.hidden import read_things, replace_exceptions
from romm_lite.features.accounts.permissions import tell_users
from romm_lite.features.accounts.rights import sort_rights
from romm_lite.features.accounts.service import ACCOUNTS
from romm_lite.kernel.errors import Invalid, NotFound
from romm_lite.kernel.text import fold
from romm_lite.tables.permissions import (
    AGE_EXCEPTIONS,
    HIDDEN_ENTITIES,
    PERMISSION_GRANTS,
    PERMISSION_GROUPS,
)
from romm_lite.tables.users import USERS
from romm_lite.wire.permissions import PermissionGroupCreate, PermissionGroupUpdate

Group = Mapping[str, Any]
"""The members of ``PermissionGroupSchema``."""
_COLUMNS = tuple(
    PERMISSION_GROUPS.c[name]
    for name in (
        *("id", "name", "description", "is_default", "is_system", "color"),
        *("max_age", "hide_unrated"),
    )
)
_RIGHTS = ("grants", "max_age", "hide_unrated", "age_exceptions")


def list_groups(session: Session) -> list[Group]:
    """All groups, by name."""
    rows = session.execute(select(*_COLUMNS)).mappings().all()
    return sorted(_complete(session, rows), key=lambda group: (fold(group["name"]), group["id"]))


def get_group(session: Session, group_id: int) -> Group:
    """One group, or NotFound."""
    query = select(*_COLUMNS).where(PERMISSION_GROUPS.c.id == group_id)
    found = _complete(session, session.execute(query).mappings().all())
    if not found:
        raise NotFound
    return found[0]


def _complete(session: Session, rows: Sequence[RowMapping]) -> list[Group]:
    ids = [row["id"] for row in rows]
    grants = _read_grants(session, ids)
    members = _count_members(session, ids)
    hidden = read_things(session, HIDDEN_ENTITIES.c.group_id, ids)
    exceptions = read_things(session, AGE_EXCEPTIONS.c.group_id, ids)
    return [
        {
            **row,
            "grants": sort_rights(grants.get(row["id"], ())),
            "member_count": members.get(row["id"], 0),
            "hidden": hidden.get(row["id"], ()),
            "age_exceptions": exceptions.get(row["id"], ()),
        }
        for row in rows
    ]


def _read_grants(session: Session, ids: Collection[int]) -> Mapping[int, list[Mapping[str, Any]]]:
    table = PERMISSION_GRANTS.c
    query = select(table.group_id, table.entity, table.action, table.own_only)
    found: dict[int, list[Mapping[str, Any]]] = {}
    for row in session.execute(query.where(table.group_id.in_(ids))).mappings():
        found.setdefault(row["group_id"], []).append(dict(row))
    return found


def _count_members(session: Session, ids: Collection[int]) -> Mapping[int, int]:
    group = USERS.c.permission_group_id
    query = select(group, func.count()).where(group.in_(ids)).group_by(group)
    return dict(session.execute(query).all())


def add_group(session: Session, new: PermissionGroupCreate) -> Group:
    """A new group; Invalid if the name is taken."""
    versions.bump(session, ACCOUNTS)
    _check_name(session, new.name)
    plain = {"name", "description", "color", "max_age", "hide_unrated"}
    session.execute(insert(PERMISSION_GROUPS).values(**new.model_dump(include=plain)))
    group_id = queries.find_group(session, new.name)
    assert group_id is not None
    _replace_grants(session, group_id, new.grants)
    replace_exceptions(session, {"group_id": group_id}, new.age_exceptions or ())
    if new.is_default:
        _make_default(session, group_id)
    return get_group(session, group_id)


def change_group(session: Session, group_id: int, change: PermissionGroupUpdate) -> Group:
    """A group with what was given changed; NotFound, or Invalid for what cannot be."""
    versions.bump(session, ACCOUNTS)
    before = get_group(session, group_id)
    _change_columns(session, before, change)
    if change.grants is not None:
        _replace_grants(session, group_id, change.grants)
    if change.age_exceptions is not None:
        replace_exceptions(session, {"group_id": group_id}, change.age_exceptions)
    if change.is_default and not before["is_default"]:
        _make_default(session, group_id)
    after = get_group(session, group_id)
    if any(before[name] != after[name] for name in _RIGHTS):
        tell_users(session, queries.is_in_group(group_id))
    return after


def _change_columns(session: Session, group: Group, change: PermissionGroupUpdate) -> None:
    if change.is_default is False and group["is_default"]:
        raise Invalid("Set another group as default first")
    if change.name is not None:
        _check_name(session, change.name, but=group["id"])
    texts = {"name", "description", "color"}
    values = change.model_dump(include=texts, exclude_none=True)
    values |= change.model_dump(include={"max_age", "hide_unrated"}, exclude_unset=True)
    if values:
        this = PERMISSION_GROUPS.c.id == group["id"]
        session.execute(update(PERMISSION_GROUPS).where(this).values(**values))


def remove_group(session: Session, group_id: int) -> None:
    """Remove a group; its members fall back to the default one, which cannot be removed."""
    versions.bump(session, ACCOUNTS)
    if get_group(session, group_id)["is_default"]:
        raise Invalid("Cannot delete the default group; set another default first")
    tell_users(session, queries.is_in_group(group_id))
    session.execute(delete(PERMISSION_GROUPS).where(PERMISSION_GROUPS.c.id == group_id))


def _make_default(session: Session, group_id: int) -> None:
    """Let a group be the default, and no other."""
    groups = PERMISSION_GROUPS.c
    changing = or_(groups.is_default, groups.id == group_id)
    is_new = groups.id == group_id
    session.execute(update(PERMISSION_GROUPS).where(changing).values(is_default=is_new))
    tell_users(session, USERS.c.permission_group_id.is_(None))


def _check_name(session: Session, name: str, *, but: int | None = None) -> None:
    if queries.find_group(session, name) not in (None, but):
        raise Invalid("A group with that name already exists")


def _replace_grants(session: Session, group_id: int, grants: Sequence[Any]) -> None:
    session.execute(delete(PERMISSION_GRANTS).where(PERMISSION_GRANTS.c.group_id == group_id))
    rows = [{"group_id": group_id, **grant.model_dump()} for grant in grants]
    if rows:
        session.execute(insert(PERMISSION_GRANTS), rows)
