"""Changing and deleting users: who may, in which order it is judged, and what it ends.

A client token changes pages' settings and pictures, not how somebody logs in: whoever finds a
handheld must not be able to lock its owner out.
"""

import logging
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete
from sqlmodel import Session
from starlette.datastructures import UploadFile

from romm_lite.db.engine import announce
from romm_lite.features.accounts import avatars, devices, queries
from romm_lite.features.accounts.avatars import Picture
from romm_lite.features.accounts.folders import remove_folder
from romm_lite.features.accounts.identity import Identity
from romm_lite.features.accounts.passwords import hash_password
from romm_lite.features.accounts.rules import (
    check_email,
    check_password,
    check_ra_username,
    check_unused,
    check_username,
    read_ui_settings,
)
from romm_lite.features.accounts.service import Accounts, forget_client_tokens, read_role
from romm_lite.kernel.errors import Forbidden, Invalid, NotBuilt, NotFound
from romm_lite.kernel.events import RightsChanged, UserDeleted
from romm_lite.kernel.scopes import Role, Scope
from romm_lite.tables.users import USERS
from romm_lite.wire.users import UserChange

log = logging.getLogger(__name__)
Columns = dict[str, Any]

_LOGIN = frozenset({"username", "hashed_password", "email"})
"""What a client token does not change."""
_ENDS_SESSIONS = frozenset({"username", "hashed_password", "role", "enabled"})
_HANGS_ON_OTHERS = frozenset({"username", "email", "role", "enabled"})
_RIGHTS = frozenset({"role", "permission_group_id", "enabled"})


@dataclass(frozen=True)
class _Plan:
    """A change that was judged by itself."""

    sent: UserChange
    values: Columns
    """The columns that change, with what is stored in them."""
    picture: Picture | None


def check_may_manage(by: Identity, user_id: int) -> None:
    """Users change themselves; others are for administrators who came with that right."""
    if by.user_id != user_id and not (by.is_admin and Scope.USERS_WRITE in by.scopes):
        raise Forbidden


def change_user(
    accounts: Accounts,
    user_id: int,
    change: UserChange,
    by: Identity,
    avatar: UploadFile | None = None,
) -> dict[str, Any]:
    """The user after the change.

    A new name, password or role and being locked out end the user's sessions and the tokens of
    logging in; a password set by somebody else ends the tokens of clients as well.
    """
    found = _find(accounts, user_id)
    check_may_manage(by, user_id)
    change = _leave_empty(change)
    values = _judge_login(found, change)
    if by.user_id != user_id:
        values |= _judge_rights(accounts, found, change)
    values |= _judge_profile(found, change)
    if by.via == "token" and values.keys() & _LOGIN:
        raise Forbidden("A client token cannot change a username, password or email")
    picture = avatars.read_upload(avatar) if avatar is not None else None
    if "hashed_password" in values:
        values["hashed_password"] = hash_password(values["hashed_password"])
    if values or picture:
        _store(accounts, user_id, _Plan(change, values, picture), by)
    return accounts.get_user(user_id)


def _find(accounts: Accounts, user_id: int) -> dict[str, Any]:
    try:
        return accounts.get_user(user_id)
    except NotFound as error:
        raise NotFound(f"Username with id {user_id} not found") from error


def _leave_empty(change: UserChange) -> UserChange:
    """RomM's pages send what they leave alone as empty text, and the username too. Nobody means
    to empty that one, so where it is empty, empty text clears nothing."""
    if change.username != "":
        return change
    unset = {name: getattr(change, name) or None for name in ("email", "ra_username")}
    return change.model_copy(update=unset)


def _judge_login(found: Columns, change: UserChange) -> Columns:
    """The columns that change of name, password (not hashed yet) and address."""
    values: Columns = {}
    if change.username and change.username.lower() != found["username"]:
        check_username(change.username)
        values["username"] = change.username.lower()
    if change.password:
        check_password(change.password)
        values["hashed_password"] = change.password
    if change.email is not None and change.email.lower() != (found["email"] or ""):
        check_email(change.email)
        values["email"] = change.email.lower() or None
    return values


def _judge_rights(accounts: Accounts, found: Columns, change: UserChange) -> Columns:
    """The columns that change of what others decide: role, its group, being let in."""
    values: Columns = {}
    if change.role and change.role.strip():
        values["role"], group = read_role(change.role)
        if group is not None:
            with accounts.database.read() as session:
                values["permission_group_id"] = queries.find_group(session, group)
    if change.enabled is not None:
        values["enabled"] = change.enabled
    return {name: value for name, value in values.items() if value != found[name]}


def _judge_profile(found: Columns, change: UserChange) -> Columns:
    """The columns that change of what only concerns the user."""
    values: Columns = {}
    name = change.ra_username
    if name is not None and name != (found["ra_username"] or ""):
        check_ra_username(name)
        values |= {"ra_username": name, "ra_progression": {}}
    if change.ui_settings is not None and change.ui_settings != "":
        values["ui_settings"] = read_ui_settings(change.ui_settings)
    return values


def _store(accounts: Accounts, user_id: int, plan: _Plan, by: Identity) -> None:
    values = plan.values
    ends = values.keys() & _ENDS_SESSIONS
    hangs = values.keys() & _HANGS_ON_OTHERS
    with accounts.alone() if hangs else accounts.database.write() as session:
        queries.lock_user(session, user_id)
        _check_others(session, user_id, plan)
        if plan.picture is not None:
            path = avatars.keep(accounts.settings.places, user_id, plan.picture)
            values["avatar_path"] = path
        change = queries.raise_epoch if ends else queries.change_user
        change(session, user_id, **values)
        if "hashed_password" in values and by.user_id != user_id:
            forget_client_tokens(session, user_id)
        if values.keys() & _RIGHTS:
            announce(session, RightsChanged((user_id,)))
    if ends:
        accounts.sessions.close_all(user_id)
    if plan.picture is not None:
        _sweep(accounts, user_id)
    if told := values.keys() & (_LOGIN | _RIGHTS):
        log.info("User %s changed user %d: %s", by.user_id, user_id, ", ".join(sorted(told)))


def _check_others(session: Session, user_id: int, plan: _Plan) -> None:
    """What hangs on who else there is."""
    values, sent = plan.values, plan.sent
    name = sent.username if "username" in values else None
    email = sent.email if "email" in values else None
    check_unused(session, name or "", email or "", but=user_id)
    if "role" not in values and values.get("enabled", True):
        return
    if queries.is_last_admin(session, user_id):
        word = "demote" if "role" in values else "disable"
        raise Invalid(f"You cannot {word} the last admin user")


def _sweep(accounts: Accounts, user_id: int) -> None:
    """Remove pictures of before; nobody puts a new one in place meanwhile."""
    with accounts.database.write() as session:
        current = queries.lock_user(session, user_id).avatar_path
        avatars.sweep(accounts.settings.places, user_id, current)


def remove_avatar(accounts: Accounts, user_id: int, by: Identity) -> None:
    """Take a user's picture away."""
    check_may_manage(by, user_id)
    with accounts.database.write() as session:
        if not queries.lock_user(session, user_id).avatar_path:
            raise NotFound("Avatar not found")
        queries.change_user(session, user_id, avatar_path="")
    _sweep(accounts, user_id)


def delete_user(accounts: Accounts, user_id: int, by: Identity) -> None:
    """Delete a user with all rows and files that are theirs alone."""
    with accounts.alone() as session:
        stored = queries.lock_user(session, user_id)
        if by.user_id == user_id:
            raise Invalid("You cannot delete yourself")
        if stored.role == Role.ADMIN and not by.is_admin:
            raise Forbidden("Only an administrator can delete admin users")
        if queries.is_last_admin(session, user_id):
            raise Invalid("You cannot delete the last admin user")
        devices.remove_devices(session, user_id)
        session.execute(delete(USERS).where(USERS.c.id == user_id))
        announce(session, UserDeleted(user_id))
    accounts.sessions.close_all(user_id)
    remove_folder(accounts.settings.places, user_id, stored.created_at)
    log.info("User %s deleted user %d", by.user_id, user_id)


def refresh_progression(accounts: Accounts, user_id: int, by: Identity) -> None:
    """Fetch a user's progress at RetroAchievements."""
    found = accounts.get_user(user_id)
    check_may_manage(by, user_id)
    if not found["ra_username"]:
        raise NotFound("User does not have a RetroAchievements username set")
    raise NotBuilt
