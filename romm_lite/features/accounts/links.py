"""Invitations, and links to a new password. Nothing here is sent by mail or written to a log.

An invitation is void when whoever made it is gone, locked out, has a new password or may not
invite any more. A link to a new password is made by an administrator, who hands it over, and is
void once the user has another password.
"""

import logging
from typing import Any

from romm_lite.features.accounts import queries
from romm_lite.features.accounts.identity import Identity
from romm_lite.features.accounts.permissions import LEGACY_GROUPS, read_scopes
from romm_lite.features.accounts.rules import check_fields, check_password, check_unused
from romm_lite.features.accounts.service import Accounts
from romm_lite.features.accounts.vouchers import INVITE, RESET, Promise, Voucher
from romm_lite.kernel.errors import Forbidden, Invalid, NotFound
from romm_lite.kernel.scopes import Role, Scope
from romm_lite.wire.users import UserCreate, UserRegister

log = logging.getLogger(__name__)
RESET_SECONDS = 24 * 3600
_ROLES = frozenset({*Role, *LEGACY_GROUPS})


def invite(
    accounts: Accounts, role: str, seconds: int | None = None, *, by: Identity | None = None
) -> Voucher:
    """An invitation for a role; ``by`` is None at the command line."""
    word = role.strip().lower()
    if by is not None and not by.is_admin and word == Role.ADMIN:
        raise Forbidden("Only an administrator can create admin invite links")
    if word not in _ROLES:
        raise Invalid(f"Role {role} is not valid")
    if seconds is None:
        seconds = accounts.settings.invite_token_expiry_seconds
    if seconds <= 0:
        raise Invalid("Invite link expiration must be a positive integer")
    if not accounts.has_admin():
        raise Invalid("Create the first account before you invite others")
    if by is None:
        claims: dict[str, Any] = {"sub": "", "uid": None, "epoch": 0}
    else:
        claims = {"sub": by.username, "uid": by.user_id, "epoch": by.epoch}
    log.info("An invitation for the role %s was made by user %s", word, claims["uid"])
    return accounts.vouchers.issue(INVITE, seconds, {**claims, "role": word.upper()})


def register(accounts: Accounts, form: UserRegister) -> dict[str, Any]:
    """The new user of an invitation, which is used up if all goes well.

    The invitation is looked at before names are compared, so that strangers cannot ask who is here.
    """
    check_fields(form.username, form.password, form.email)
    promise = accounts.vouchers.read(form.token, INVITE)
    _check_inviter(accounts, promise)
    with accounts.database.read() as session:
        check_unused(session, form.username, form.email)
    accounts.vouchers.redeem(promise)
    new = UserCreate(
        username=form.username,
        email=form.email,
        password=form.password,
        role=promise.role or Role.USER,
    )
    try:
        return accounts.create_user(new)
    except Exception:
        accounts.vouchers.give_back(promise)
        raise


def _check_inviter(accounts: Accounts, promise: Promise) -> None:
    """Whoever made the invitation could make it now."""
    if promise.user_id is None:
        return
    with accounts.database.read() as session:
        inviter = queries.find_account(session, promise.user_id)
        if inviter is not None and inviter.enabled and inviter.epoch == promise.epoch:
            who = (inviter.id, inviter.role, inviter.group_id)
            if Scope.USERS_WRITE in read_scopes(session, [who])[inviter.id]:
                return
    raise Invalid(INVITE.used)


def note_forgotten(accounts: Accounts, username: str) -> None:
    """Tell administrators, in the log, that somebody cannot get in; no link is made."""
    with accounts.database.read() as session:
        account = queries.find_account_named(session, username)
    if account is not None:
        log.info(
            "A new password was asked for user %d; an administrator can make a link "
            "with 'romm-lite user reset-link' and hand it over",
            account.id,
        )


def make_reset(accounts: Accounts, user_id: int, *, by: Identity | None = None) -> Voucher:
    """A token for a new password; ``by`` is None at the command line."""
    if by is not None and (not by.is_admin or by.via == "token"):
        raise Forbidden("Only an administrator who is logged in can create password reset links")
    with accounts.database.read() as session:
        account = queries.find_account(session, user_id)
    if account is None:
        raise NotFound("User not found")
    log.info("A link to a new password was made for user %d", user_id)
    claims = {"sub": account.username, "uid": account.id, "epoch": account.epoch}
    return accounts.vouchers.issue(RESET, RESET_SECONDS, claims)


def reset_password(accounts: Accounts, token: str, password: str) -> None:
    """Give the user of a token a new password; a password that breaks a rule leaves it good."""
    promise = accounts.vouchers.read(token, RESET)
    with accounts.database.read() as session:
        account = queries.find_account(session, promise.user_id or 0)
    if account is None:
        raise NotFound("User not found")
    if account.epoch != promise.epoch:
        raise Invalid(RESET.used)
    check_password(password)
    accounts.vouchers.redeem(promise)
    if not accounts.set_password(account.id, password, epoch=promise.epoch):
        raise Invalid(RESET.used)
