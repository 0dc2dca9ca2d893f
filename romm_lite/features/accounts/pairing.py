"""Bringing a client token to a device without typing it: a short code, shown here, entered there.

A code is good for a minute and for one exchange, which gives the token a new secret. Only a hash
of the code is kept.
"""

import hashlib
import io
import secrets
from typing import Any

from sqlalchemy import select
from starlette.requests import HTTPConnection

from romm_lite.features.accounts import client_tokens
from romm_lite.features.accounts.address import reachable_address
from romm_lite.features.accounts.identity import Identity
from romm_lite.features.accounts.service import Accounts
from romm_lite.kernel.errors import Forbidden, NotFound
from romm_lite.tables.devices import CLIENT_TOKENS, ClientToken
from romm_lite.tables.users import USERS

ALPHABET = "ABCDEFGHJKMNPQRSTUVWXYZ23456789"
"""Without letters and digits that look like others."""
CODE_LENGTH = 8
SECONDS = 60
NO_ADDRESS = "No other device can reach this server by the address it knows; set ROMM_BASE_URL"


def new_code() -> str:
    return "".join(secrets.choice(ALPHABET) for _ in range(CODE_LENGTH))


def read_code(text: str) -> str:
    """A code as it was made, whatever the case, dashes and blanks it was typed with."""
    return text.replace("-", "").replace(" ", "").upper()


def hash_code(code: str) -> str:
    """What is kept of a code."""
    return hashlib.sha256(read_code(code).encode()).hexdigest()


def offer(
    accounts: Accounts, user: Identity, token_id: int, request: HTTPConnection
) -> dict[str, Any]:
    """A code for one of the user's tokens, and where a device can bring it."""
    with accounts.database.read() as session:
        client_tokens.find_own(session, user, token_id)
    code = new_code()
    address = reachable_address(accounts.settings, request)
    value = {"user_id": user.user_id, "token_id": token_id, "address": address}
    accounts.entries.put(_entry(code), value, SECONDS)
    link = _link(address, code) if address else None
    return {"code": code, "expires_in": SECONDS, "address": address, "link": link}


def check_open(accounts: Accounts, code: str) -> None:
    """NotFound once a code was exchanged or has ended."""
    if accounts.entries.get(_entry(code)) is None:
        raise NotFound


def draw_link(accounts: Accounts, user: Identity, code: str) -> bytes:
    """The link of a code of the user's that is still good, as a QR code in SVG."""
    import segno

    offered = accounts.entries.get(_entry(code))
    if offered is None or offered["user_id"] != user.user_id:
        raise NotFound
    if offered["address"] is None:
        raise NotFound(NO_ADDRESS)
    picture = io.BytesIO()
    drawn = segno.make_qr(_link(offered["address"], read_code(code)), error="m")
    drawn.save(picture, kind="svg", omitsize=True, light="white")
    return picture.getvalue()


def exchange(accounts: Accounts, code: str) -> dict[str, Any]:
    """The token of a code with a new secret; the one it had, perhaps shown before, is void."""
    offered = accounts.entries.take(_entry(code))
    if offered is None:
        raise NotFound("Invalid or expired pairing code")
    user_id, token_id = offered["user_id"], offered["token_id"]
    this = (CLIENT_TOKENS.c.id == token_id, CLIENT_TOKENS.c.user_id == user_id)
    with accounts.database.write() as session:
        if session.scalar(select(USERS.c.enabled).where(USERS.c.id == user_id)) is False:
            raise Forbidden("Token owner is disabled")
        token = session.scalar(select(ClientToken).where(*this).with_for_update())
        if token is None:
            raise NotFound("Token no longer exists")
        return client_tokens.renew(session, token)


def _link(address: str, code: str) -> str:
    """What a camera reads: it opens the page of the code in a browser, and a program finds in it
    both the server and the code."""
    return f"{address}/pair?code={code}"


def _entry(code: str) -> str:
    return f"pair:{hash_code(code)}"
