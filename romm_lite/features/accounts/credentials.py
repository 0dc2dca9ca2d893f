"""From a credential to an ``Identity``: passwords, tokens, sessions, kiosk visitors."""

import base64
import binascii
import hashlib
import logging
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import select, update
from sqlalchemy.exc import DBAPIError
from sqlmodel import Session

from romm_lite.features.accounts import queries
from romm_lite.features.accounts.identity import KIOSK_ID, NOBODY, Identity, Refused, Via
from romm_lite.features.accounts.permissions import read_scopes
from romm_lite.features.accounts.queries import Account
from romm_lite.features.accounts.service import Accounts
from romm_lite.features.accounts.sessions import BrowserSession
from romm_lite.features.accounts.tokens import NOT_VALID
from romm_lite.kernel.scopes import READ_SCOPES, Role
from romm_lite.kernel.times import now
from romm_lite.tables.devices import CLIENT_TOKENS, DEVICES
from romm_lite.web.table import Lane

log = logging.getLogger(__name__)
CLIENT_TOKEN_PREFIX = "rmm_"  # noqa: S105
MARK_EVERY = timedelta(minutes=5)


class Credentials:
    """Asks who a request comes from. Anything that is shown and not good raises ``Refused``."""

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts
        self._lane = Lane(2)

    async def by_header(self, header: str) -> Identity:
        """Whom an Authorization header speaks for."""
        words = header.split()
        if len(words) != 2:
            raise Refused
        scheme, value = words[0].lower(), words[1]
        if scheme == "basic":
            return await self._by_password(value)
        if scheme == "bearer":
            read = self._by_client_token if value.startswith(CLIENT_TOKEN_PREFIX) else self._by_jwt
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

    async def check_password(self, username: str, password: str) -> Account:
        """The user who may log in with this password."""
        account = await self._lane.run(partial(self._find_named, username))
        if not await self._accounts.passwords.check(password, account) or account is None:
            raise Refused(why="password")
        if not account.enabled:
            raise Refused(why="disabled")
        if self._accounts.settings.disable_userpass_login and account.role != Role.ADMIN:
            raise Refused(why="passwords off")
        return account

    async def _by_password(self, encoded: str) -> Identity:
        try:
            text = base64.b64decode(encoded, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError) as error:
            raise Refused from error
        username, colon, password = text.partition(":")
        if not colon:
            raise Refused
        account = await self.check_password(username, password)
        return await self._lane.run(partial(self._admit, account, "basic"))

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
        hashed = hashlib.sha256(token.encode()).hexdigest()
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
            group_id, has_hidden = queries.read_default_group(session)
        return Identity(
            user_id=KIOSK_ID,
            username="kiosk",
            role=Role.USER,
            scopes=READ_SCOPES,
            own_scopes=READ_SCOPES,
            group_id=group_id,
            has_hidden=has_hidden,
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
        via=via,
        epoch=account.epoch,
        device_id=device_id,
    )
