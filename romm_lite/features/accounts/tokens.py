"""Access and refresh tokens (OAuth2, HS256) as RomM's clients know them.

``sub`` is the username, as clients may show it; whom a token belongs to is told by ``uid`` and
``epoch``, so that a new owner of an old name gains nothing.
"""

import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import jwt

from romm_lite.db.entries import Entries
from romm_lite.features.accounts.identity import Refused
from romm_lite.features.accounts.queries import Account
from romm_lite.features.accounts.sessions import owner_of
from romm_lite.kernel.settings import Settings
from romm_lite.wire.tokens import TokenResponse

ISSUER = "romm:oauth"
ALGORITHM = "HS256"
NOT_VALID = "Could not validate credentials"

Kind = Literal["access", "refresh"]


@dataclass(frozen=True)
class Claims:
    """What a token of ours says."""

    user_id: int
    epoch: int
    scopes: tuple[str, ...]
    jti: str | None


class Tokens:
    """Issues pairs of tokens and reads them. A refresh token works once."""

    def __init__(self, key: str, entries: Entries, settings: Settings) -> None:
        self._key = key
        self._entries = entries
        self._access_seconds = settings.oauth_access_token_expire_seconds
        self._refresh_seconds = settings.oauth_refresh_token_expire_seconds

    def issue(self, account: Account, scopes: Sequence[str]) -> TokenResponse:
        """A new pair for exactly these scopes."""
        jti = str(uuid.uuid4())
        owner = owner_of(account.id)
        self._entries.put(f"refresh:{jti}", {}, self._refresh_seconds, owner=owner)
        return {
            "access_token": self._sign(account, scopes, self._access_seconds, type="access"),
            "token_type": "bearer",
            "expires": self._access_seconds,
            "refresh_token": self._sign(
                account, scopes, self._refresh_seconds, type="refresh", jti=jti
            ),
            "refresh_expires": self._refresh_seconds,
        }

    def _sign(self, account: Account, scopes: Sequence[str], seconds: int, **more: str) -> str:
        claims: dict[str, Any] = {
            "sub": account.username,
            "iss": ISSUER,
            "scopes": " ".join(scopes),
            "exp": int(time.time()) + seconds,
            "uid": account.id,
            "epoch": account.epoch,
        }
        return jwt.encode(claims | more, self._key, algorithm=ALGORITHM)

    def read(self, token: str, kind: Kind) -> Claims:
        """The claims of a token that is ours, of this kind and not expired; else Refused."""
        required = ["sub", "iss", "exp", "scopes", "type", "uid", "epoch"]
        try:
            claims = jwt.decode(
                token, self._key, algorithms=[ALGORITHM], issuer=ISSUER,
                options={"require": required},
            )  # fmt: skip
        except jwt.InvalidIssuerError as error:
            raise Refused from error
        except jwt.InvalidTokenError as error:
            raise Refused(NOT_VALID) from error
        if claims["type"] != kind:
            raise Refused
        scopes = tuple(claims["scopes"].split())
        return Claims(claims["uid"], claims["epoch"], scopes, claims.get("jti"))

    def consume(self, claims: Claims) -> None:
        """Use up a refresh token; Refused if that was done before, by whomever."""
        if claims.jti is None or self._entries.take(f"refresh:{claims.jti}") is None:
            raise Refused(NOT_VALID)
