"""Which user somebody is whom the login provider answers for, and what they may do.

People are known by the provider's issuer and its subject for them, so that whoever gets an old
name or address there does not become somebody else here. An address links the two only the first
time, and only if the provider vouches for it.
"""

import itertools
import logging
import re
from typing import Any

from sqlalchemy import delete, exists, select
from sqlmodel import Session

from romm_lite.db.engine import announce
from romm_lite.features.accounts import queries, setup
from romm_lite.features.accounts.oidc_claims import OidcRefused, Person
from romm_lite.features.accounts.permissions import LEGACY_GROUPS
from romm_lite.features.accounts.queries import Account
from romm_lite.features.accounts.rules import LONGEST, check_email
from romm_lite.features.accounts.service import Accounts, read_role
from romm_lite.kernel.errors import Invalid
from romm_lite.kernel.events import RightsChanged
from romm_lite.kernel.scopes import Role
from romm_lite.kernel.text import fold
from romm_lite.tables.users import USER_IDENTITIES, USERS, User, UserIdentity

log = logging.getLogger(__name__)
_NO_USERNAME = re.compile(r"[^a-z0-9_-]+")
NAMELESS = "user"
SUFFIX_LENGTH = 15


def admit(accounts: Accounts, person: Person) -> Account:
    """The user this person is, made if need be, with the role the provider gives them now.

    OidcRefused if they may not come in; then nothing was changed.
    """
    with accounts.alone() as session:
        user_id = _find(session, person)
        if user_id is None:
            user_id = _link(session, person)
        is_new = user_id is None
        if user_id is None:
            user_id = _create(accounts, session, person)
        before = _read(session, user_id)
        if not before.enabled:
            raise OidcRefused("oidc-disabled", "Disabled user", 401)
        _follow_role(session, before, person)
        account = _read(session, user_id)
    if is_new:
        setup.forget_token(accounts.settings.places)
        log.info("User %s was created by the login provider", account.username)
    if account.epoch != before.epoch:
        accounts.sessions.close_all(account.id)
    return account


def unlink(accounts: Accounts, user_id: int) -> bool:
    """Forget whom a user is at the provider, and end what they were let in by; whether anything
    was known."""
    ours = USER_IDENTITIES.c.user_id == user_id
    with accounts.database.write() as session:
        queries.lock_user(session, user_id)
        if not session.scalar(select(exists().where(ours))):
            return False
        session.execute(delete(USER_IDENTITIES).where(ours))
        queries.raise_epoch(session, user_id)
    accounts.sessions.close_all(user_id)
    log.info("User %d is not linked to the login provider any more", user_id)
    return True


def _read(session: Session, user_id: int) -> Account:
    account = queries.find_account(session, user_id)
    assert account is not None
    return account


def _find(session: Session, person: Person) -> int | None:
    known = USER_IDENTITIES.c
    query = select(known.user_id).where(known.issuer == person.issuer)
    return session.scalar(query.where(known.subject == person.subject))


def _link(session: Session, person: Person) -> int | None:
    """The user with this person's address, linked to them from now on; None for no such user."""
    try:
        check_email(person.email)
    except Invalid as error:
        raise OidcRefused("oidc-no-email", error.detail) from error
    with_email = select(USERS.c.id).where(USERS.c.email == person.email)
    user_id: int | None = session.scalar(with_email)
    if user_id is None:
        return None
    if not person.is_email_verified:
        raise OidcRefused(
            "oidc-email-taken",
            "A user with this email exists, and the login provider does not say that the email "
            "is verified.",
            403,
        )
    known = USER_IDENTITIES.c
    linked = exists().where(known.user_id == user_id, known.issuer == person.issuer)
    if session.scalar(select(linked)):
        raise OidcRefused(
            "oidc-email-taken", "The user with this email is linked to another login.", 403
        )
    session.add(UserIdentity(user_id=user_id, issuer=person.issuer, subject=person.subject))
    log.info("User %d is linked to the login provider", user_id)
    return user_id


def _create(accounts: Accounts, session: Session, person: Person) -> int:
    """A new user without a password."""
    if not accounts.settings.oidc_allow_registration:
        raise OidcRefused(
            "oidc-no-registration",
            "User registration is disabled. Please contact an administrator to create an account.",
            403,
        )
    role, group = read_role(person.granted or Role.USER)
    if role != Role.ADMIN and not queries.has_admin(session):
        raise OidcRefused(
            "oidc-no-admin",
            "This server has no administrator yet. Create the first account, then log in here.",
            403,
        )
    user = User(
        username=_free_username(session, person.username),
        email=person.email,
        hashed_password=None,
        role=role,
        permission_group_id=queries.find_group(session, group) if group else None,
        ra_progression={},
        ui_settings={},
    )
    session.add(user)
    session.flush()
    assert user.id is not None
    session.add(UserIdentity(user_id=user.id, issuer=person.issuer, subject=person.subject))
    session.flush()
    return user.id


def _free_username(session: Session, wanted: str) -> str:
    """The wanted name made one of ours that nobody has: ``Zoë Å.`` gives ``zoe-a``, or
    ``zoe-a-2``. Of a mail address it is what stands before the ``@``."""
    plain = fold(wanted.partition("@")[0] or wanted)
    name = _NO_USERNAME.sub("-", plain).strip("-")[: LONGEST - SUFFIX_LENGTH]
    if len(name) < 3:
        name = f"{NAMELESS}-{name}".rstrip("-")
    like = select(USERS.c.username).where(USERS.c.username.startswith(name, autoescape=True))
    taken = set(session.scalars(like))
    others = (f"{name}-{number}" for number in itertools.count(2))
    return next(each for each in itertools.chain([name], others) if each not in taken)


def _follow_role(session: Session, account: Account, person: Person) -> None:
    """Give a user the role the provider gives them, if it says anything about roles."""
    if person.granted is None:
        return
    role, group = read_role(person.granted)
    values = _judge_role(session, account, role) | _judge_group(session, account, group)
    if values:
        change = queries.raise_epoch if "role" in values else queries.change_user
        change(session, account.id, **values)
        announce(session, RightsChanged((account.id,)))
        log.info("The login provider changed user %d: %s", account.id, ", ".join(values))


def _judge_role(session: Session, account: Account, role: Role) -> dict[str, Any]:
    if role == account.role:
        return {}
    if role != Role.ADMIN and queries.is_last_admin(session, account.id):
        log.warning(
            "User %d stays an administrator, for there is no other, though the login provider "
            "says otherwise",
            account.id,
        )
        return {}
    return {"role": role}


def _judge_group(session: Session, account: Account, group: str | None) -> dict[str, Any]:
    """A group that was chosen here stays: only the two that stand for roles are changed."""
    if group is None:
        return {}
    now = session.scalar(select(USERS.c.permission_group_id).where(USERS.c.id == account.id))
    stand_for_roles = {queries.find_group(session, name) for name in LEGACY_GROUPS.values()}
    wanted = queries.find_group(session, group)
    if now == wanted or now not in stand_for_roles | {None}:
        return {}
    return {"permission_group_id": wanted}
