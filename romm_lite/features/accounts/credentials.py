"""From a credential to an ``Identity``: passwords, tokens, sessions, kiosk visitors."""

import base64
import logging
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import select, update
from sqlalchemy.exc import DBAPIError
from sqlmodel import Session

from romm_lite.features.accounts import client_tokens, queries
from romm_lite.features.accounts.identity import KIOSK_ID, NOBODY, Identity, Refused, Via
from romm_lite.features.accounts.passwords import Guess
from romm_lite.features.accounts.permissions import read_scopes, read_visitor_scopes
from romm_lite.features.accounts.queries import Account
from romm_lite.features.accounts.service import Accounts
from romm_lite.features.accounts.sessions import BrowserSession
from romm_lite.features.accounts.tokens import NOT_VALID
from romm_lite.kernel.scopes import Role
from romm_lite.kernel.times import now
from romm_lite.tables.devices import CLIENT_TOKENS, DEVICES
from romm_lite.web.table import Lane

log = logging.getLogger(__name__)
MARK_EVERY = timedelta(minutes=5)


class Credentials:
    """Asks who a request comes from. Anything that is shown and not good raises ``Refused``.

    Only passwords have a limit (TooMany): they can be guessed, and looking at one is dear. Tokens
    and sessions are random or signed, and a wrong one costs no more than a right one.
    """

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts
        self._lane = Lane(2)

    async def by_header(self, header: str, address: str) -> Identity:
        """Whom an Authorization header speaks for; ``address`` is who answers for a wrong one."""
        scheme, value = split_header(header)
        if scheme == "basic":
            return await self._by_password(_read_basic(value, address))
        if scheme == "bearer":
            read = self._by_client_token if value.startswith(client_tokens.PREFIX) else self._by_jwt
            return await self._lane.run(partial(read, value))
        return await self.visitor()

    async def by_session(self, session_id: str) -> tuple[Identity | None, bool]:
        """Whom a session cookie speaks for, None for one that is over, and whether to send the
        cookie again, as the session was extended."""
        return await self._lane.run(partial(self._by_session, session_id))

    async def visitor(self) -> Identity:
        """Somebody who shows nothing."""
        if not self._accounts.settings.kiosk_mode:
            return NOBODY
        return await self._lane.run(self._read_kiosk)

    async def check_password(self, guess: Guess) -> Account:
        """The user who may log in with this name and password; TooMany after too many wrong
        ones."""
        account = await self._lane.run(partial(self._find_named, guess.username))
        return await self._check(guess, account)

    async def _by_password(self, guess: Guess) -> Identity:
        account, found = await self._lane.run(partial(self._recognize, guess))
        if found is not None:
            return found
        account = await self._check(guess, account)
        return await self._lane.run(partial(self._admit, account, "basic"))

    async def _check(self, guess: Guess, account: Account | None) -> Account:
        if not await self._accounts.passwords.check(guess, account) or account is None:
            raise Refused(why="password")
        self._check_may_use_password(account)
        return account

    def _check_may_use_password(self, account: Account) -> None:
        if not account.enabled:
            raise Refused(why="disabled")
        if self._accounts.settings.disable_userpass_login and account.role != Role.ADMIN:
            raise Refused(why="passwords off")

    def _recognize(self, guess: Guess) -> tuple[Account | None, Identity | None]:
        """The account of that name, and its identity if the password is remembered as good."""
        with self._accounts.database.read() as session:
            account = queries.find_account_named(session, guess.username)
            if account is None or not self._accounts.passwords.remembers(guess, account):
                return account, None
            self._check_may_use_password(account)
            found = _identify(session, account, "basic")
        self._mark_active(account)
        return account, found

    def _find_named(self, username: str) -> Account | None:
        with self._accounts.database.read() as session:
            return queries.find_account_named(session, username)

    def _admit(self, account: Account, via: Via) -> Identity:
        with self._accounts.database.read() as session:
            found = _identify(session, account, via)
        self._mark_active(account)
        return found

    def _by_jwt(self, token: str) -> Identity:
        claims = self._accounts.tokens.read(token, "access")
        with self._accounts.database.read() as session:
            account = queries.find_account(session, claims.user_id)
            if account is None:
                raise Refused(NOT_VALID)
            if not account.enabled:
                raise Refused("Disabled user")
            if account.epoch != claims.epoch:
                raise Refused(NOT_VALID)
            found = _identify(session, account, "bearer", limit=claims.scopes)
        self._mark_active(account)
        return found

    def _by_client_token(self, token: str) -> Identity:
        hashed = client_tokens.hash_secret(token)
        table = CLIENT_TOKENS.c
        wanted = (table.id, table.user_id, table.device_id, table.scopes)
        query = select(*wanted, table.expires_at, table.last_used_at)
        with self._accounts.database.read() as session:
            row = session.execute(query.where(table.hashed_token == hashed)).first()
            if row is None or (row.expires_at is not None and row.expires_at < now()):
                raise Refused
            account = queries.find_account(session, row.user_id)
            if account is None or not account.enabled:
                raise Refused
            limit = tuple(row.scopes.split())
            found = _identify(session, account, "token", limit=limit, device_id=row.device_id)
        self._mark_used(row.id, row.device_id, row.last_used_at)
        self._mark_active(account)
        return found

    def _by_session(self, session_id: str) -> tuple[Identity | None, bool]:
        sessions = self._accounts.sessions
        kept = sessions.find(session_id)
        if kept is None:
            return None, False
        found = self._read_session(kept)
        if found is None:
            sessions.close(session_id)
            return None, False
        return found, sessions.renew(session_id)

    def _read_session(self, kept: BrowserSession) -> Identity | None:
        with self._accounts.database.read() as session:
            account = queries.find_account(session, kept.user_id)
            if account is None or not account.enabled or account.epoch != kept.epoch:
                return None
            found = _identify(session, account, "session", device_id=kept.device_id)
        self._mark_active(account)
        return found

    def _read_kiosk(self) -> Identity:
        with self._accounts.database.read() as session:
            group = queries.read_default_group(session)
            scopes = read_visitor_scopes(session, group["group_id"])
        return Identity(
            user_id=KIOSK_ID,
            username="kiosk",
            role=Role.USER,
            scopes=scopes,
            own_scopes=scopes,
            **group,
            via="kiosk",
        )

    def _mark_active(self, account: Account) -> None:
        """Note that a user was here, now and then; a full disk must not lock people out."""
        moment = now()
        if not _is_stale(account.last_active, moment):
            return
        try:
            with self._accounts.database.write() as session:
                queries.mark_user(session, account.id, last_active=moment)
        except DBAPIError as error:
            log.warning("Could not note that a user was active: %s", error.orig)

    def _mark_used(self, token_id: int, device_id: str | None, last: datetime | None) -> None:
        """Note that a client token was used, now and then, and its device seen."""
        moment = now()
        if not _is_stale(last, moment):
            return
        try:
            with self._accounts.database.write() as session:
                this = CLIENT_TOKENS.c.id == token_id
                session.execute(update(CLIENT_TOKENS).where(this).values(last_used_at=moment))
                if device_id is not None:
                    seen = update(DEVICES).where(DEVICES.c.id == device_id)
                    session.execute(seen.values(last_seen=moment))
        except DBAPIError as error:
            log.warning("Could not note that a token was used: %s", error.orig)


def split_header(header: str) -> tuple[str, str]:
    """Scheme, in small letters, and credential of an Authorization header; Refused if it has not
    exactly these two."""
    words = header.split()
    if len(words) != 2:
        raise Refused
    return words[0].lower(), words[1]


def _read_basic(encoded: str, address: str) -> Guess:
    """Name and password, which may hold colons; Refused if it is no Base64 of UTF-8."""
    try:
        text = base64.b64decode(encoded, validate=True).decode()
    except ValueError as error:
        raise Refused from error
    username, colon, password = text.partition(":")
    if not colon:
        raise Refused
    return Guess(username, password, address)


def _is_stale(last: datetime | None, moment: datetime) -> bool:
    return last is None or moment - last >= MARK_EVERY


def _identify(
    session: Session,
    account: Account,
    via: Via,
    *,
    limit: tuple[str, ...] | None = None,
    device_id: str | None = None,
) -> Identity:
    """The identity of a user who was let in; ``limit`` are the scopes the credential is for."""
    own = read_scopes(session, [(account.id, account.role, account.group_id)])[account.id]
    is_admin = account.role == Role.ADMIN
    return Identity(
        user_id=account.id,
        username=account.username,
        role=Role.ADMIN if is_admin else Role.USER,
        scopes=own if limit is None else tuple(scope for scope in own if scope in limit),
        own_scopes=own,
        group_id=None if is_admin else account.group_id,
        has_hidden=account.has_hidden and not is_admin,
        max_age=None if is_admin else account.max_age,
        hide_unrated=account.hide_unrated and not is_admin,
        via=via,
        epoch=account.epoch,
        device_id=device_id,
    )
