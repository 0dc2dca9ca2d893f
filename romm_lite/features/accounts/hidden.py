"""What single users and groups do not see, and what they see whatever its age rating.

A rule is about a platform or a ROM and belongs to one principal, ``{"user_id": …}`` or
``{"group_id": …}``. That of a platform or ROM that is no more stays, for it holds again if the
thing is brought back from the trash; until then it is not told. No id is ever given twice.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Column, ColumnElement, and_, delete, exists, insert, or_, select
from sqlmodel import Session

from romm_lite.db import versions
from romm_lite.features.accounts import queries
from romm_lite.features.accounts.permissions import tell_users
from romm_lite.features.accounts.service import ACCOUNTS
from romm_lite.kernel.errors import Invalid, NotFound
from romm_lite.kernel.scopes import Entity
from romm_lite.tables.permissions import AGE_EXCEPTIONS, HIDDEN_ENTITIES, PERMISSION_GROUPS
from romm_lite.tables.platforms import PLATFORMS
from romm_lite.tables.roms import ROMS
from romm_lite.tables.users import USERS
from romm_lite.wire.permissions import AgeException, HiddenEntityCreate, PermEntity

Principal = Mapping[str, int]
Thing = Mapping[str, Any]
"""``entity`` and ``entity_id``."""
_KINDS = {Entity.PLATFORMS: (PLATFORMS, "Platform"), Entity.ROMS: (ROMS, "Rom")}


def read_things(
    session: Session, of: Column[Any], ids: Iterable[int]
) -> Mapping[int, Sequence[Thing]]:
    """The things in the rules of some principals, by theirs: ``of`` is the column of either table
    that names them. Platforms come first."""
    table = of.table.c
    query = select(of, table.entity, table.entity_id).where(of.in_(ids), _is_there(of.table))
    found = defaultdict(list)
    for principal, entity, entity_id in session.execute(
        query.order_by(of, table.entity, table.entity_id)
    ):
        found[principal].append({"entity": entity, "entity_id": entity_id})
    return found


def read_hidden(session: Session, principals: Mapping[str, int | None]) -> Mapping[str, list[int]]:
    """Ids of what is hidden from one or the other of two principals, by entity."""
    table = HIDDEN_ENTITIES.c
    concerned = (table[name] == each for name, each in principals.items() if each is not None)
    query = select(table.entity, table.entity_id).where(or_(*concerned), _is_there(HIDDEN_ENTITIES))
    rows = session.execute(query.distinct().order_by(table.entity_id)).all()
    return {entity: [thing for kind, thing in rows if kind == entity] for entity in _KINDS}


def _is_there(table: Any) -> ColumnElement[bool]:
    """Whether the thing of a rule is still in the library."""
    return or_(
        *(
            and_(table.c.entity == entity, exists().where(things.c.id == table.c.entity_id))
            for entity, (things, _) in _KINDS.items()
        )
    )


def hide(session: Session, rule: HiddenEntityCreate) -> None:
    """Hide something from one user or group; NotFound for what or whom there is not."""
    principal = _read_principal(rule)
    versions.bump(session, ACCOUNTS)
    whom = _find_concerned(session, principal)
    check_things(session, [(Entity(rule.entity), rule.entity_id)])
    thing = {"entity": rule.entity, "entity_id": rule.entity_id}
    if session.execute(select(HIDDEN_ENTITIES.c.id).where(*_same(principal | thing))).first():
        return
    session.execute(insert(HIDDEN_ENTITIES).values(**principal, **thing))
    tell_users(session, whom)


def show(session: Session, rule: HiddenEntityCreate) -> None:
    """No longer hide something, if it was hidden."""
    principal = _read_principal(rule)
    versions.bump(session, ACCOUNTS)
    thing = {"entity": rule.entity, "entity_id": rule.entity_id}
    found = session.execute(select(HIDDEN_ENTITIES.c.id).where(*_same(principal | thing))).first()
    if found is None:
        return
    session.execute(delete(HIDDEN_ENTITIES).where(HIDDEN_ENTITIES.c.id == found.id))
    tell_users(session, _find_concerned(session, principal))


def _same(columns: Mapping[str, Any]) -> Iterable[ColumnElement[bool]]:
    return (HIDDEN_ENTITIES.c[name] == value for name, value in columns.items())


def _read_principal(rule: HiddenEntityCreate) -> dict[str, int]:
    """From whom; Invalid unless there is exactly one and the thing is of a kind that can hide."""
    if rule.entity not in (PermEntity.PLATFORMS, PermEntity.ROMS):
        raise Invalid("Only platforms and roms can be hidden")
    whom = {"user_id": rule.user_id, "group_id": rule.group_id}
    principal = {name: each for name, each in whom.items() if each is not None}
    if len(principal) != 1:
        raise Invalid("Exactly one of user_id or group_id must be set")
    return principal


def _find_concerned(session: Session, principal: Principal) -> ColumnElement[bool]:
    """The condition of the users a principal stands for; NotFound for one that is not there."""
    if "user_id" in principal:
        check_user(session, principal["user_id"])
        return USERS.c.id == principal["user_id"]
    check_group(session, principal["group_id"])
    return queries.is_in_group(principal["group_id"])


def check_user(session: Session, user_id: int) -> None:
    """NotFound unless there is such a user."""
    if session.scalar(select(USERS.c.id).where(USERS.c.id == user_id)) is None:
        raise NotFound("User not found")


def check_group(session: Session, group_id: int) -> None:
    """NotFound unless there is such a group."""
    groups = PERMISSION_GROUPS.c
    if session.scalar(select(groups.id).where(groups.id == group_id)) is None:
        raise NotFound


def check_things(session: Session, things: Iterable[tuple[Entity, int]]) -> None:
    """NotFound, in the words of the thing's own routes, unless all are in the library."""
    things = list(things)
    for entity, (table, word) in _KINDS.items():
        wanted = sorted({thing_id for kind, thing_id in things if kind == entity})
        there = set(session.scalars(select(table.c.id).where(table.c.id.in_(wanted))))
        if absent := [thing_id for thing_id in wanted if thing_id not in there]:
            raise NotFound(f"{word} with id '{absent[0]}' not found")


def replace_exceptions(
    session: Session, principal: Principal, exceptions: Iterable[AgeException]
) -> None:
    """Let a user or group see these things, and no others, whatever their age rating."""
    things = list(dict.fromkeys((Entity(each.entity), each.entity_id) for each in exceptions))
    check_things(session, things)
    ((name, whose),) = principal.items()
    theirs = AGE_EXCEPTIONS.c[name] == whose
    session.execute(delete(AGE_EXCEPTIONS).where(theirs, _is_there(AGE_EXCEPTIONS)))
    rows = [{**principal, "entity": entity, "entity_id": thing} for entity, thing in things]
    if rows:
        session.execute(insert(AGE_EXCEPTIONS), rows)
