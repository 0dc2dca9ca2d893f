"""What an OpenID provider answers: the shapes of it, and whether an id token is to be believed."""

import logging
import re
from typing import Annotated, Any

import httpx
from pydantic import AfterValidator, BaseModel, Field, model_validator

from romm_lite.features.accounts.oidc_claims import Claims, OidcRefused

log = logging.getLogger(__name__)

LEEWAY_SECONDS = 60
"""How far the provider's clock may be off ours."""
LONGEST = 255
"""Of an issuer and of a subject."""
SIGNATURES = frozenset(
    {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"}
)
"""By keys that the provider alone has. HS256 would be by the client's secret, which is known in
two places and often short."""
_SUBJECT = re.compile(rf"[ -~]{{1,{LONGEST}}}")


def check_address(text: str) -> str:
    """The address itself; ValueError if it is none of the web."""
    try:
        url = httpx.URL(text)
    except httpx.InvalidURL as error:
        raise ValueError(str(error)) from error
    if url.scheme not in ("http", "https") or not url.host:
        raise ValueError("must be an http or https address")
    return text


def _keep_usable(signatures: list[str]) -> list[str]:
    usable = [name for name in signatures if name in SIGNATURES]
    if not usable:
        raise ValueError(f"only {', '.join(signatures)}; choose a key to sign with, as for RS256")
    return usable


Address = Annotated[str, AfterValidator(check_address)]
Signatures = Annotated[list[str], AfterValidator(_keep_usable)]


class Metadata(BaseModel):
    """What a provider says of itself (OpenID Connect Discovery), as far as it is used here."""

    issuer: Annotated[Address, Field(max_length=LONGEST)]
    authorization_endpoint: Address
    token_endpoint: Address
    jwks_uri: Address
    userinfo_endpoint: Address | None = None
    end_session_endpoint: Address | None = None
    claims_supported: list[str] = []
    id_token_signing_alg_values_supported: Signatures = ["RS256"]
    token_endpoint_auth_methods_supported: list[str] = ["client_secret_basic"]
    authorization_response_iss_parameter_supported: bool = False

    @model_validator(mode="before")
    @classmethod
    def _leave_out_nulls(cls, sent: Any) -> Any:
        """Some providers write null for what they do not have."""
        if not isinstance(sent, dict):
            return sent
        return {name: value for name, value in sent.items() if value is not None}


class Answer(BaseModel):
    """What the token endpoint gives for a code."""

    id_token: str | None = Field(None, repr=False)
    access_token: str | None = Field(None, repr=False)


def check_id_token(
    answer: Answer, keys: Any, metadata: Metadata, nonce: str, client_id: str
) -> Claims:
    """The claims of an id token that this provider made for us and for this login.

    ``keys`` is a joserfc ``KeySet``. Raises joserfc's InvalidKeyIdError if the key is not among
    them, OidcRefused if anything else is wrong.
    """
    from authlib.oidc.core import CodeIDToken
    from joserfc import jwt
    from joserfc.errors import InvalidKeyIdError, JoseError
    from joserfc.jws import JWSRegistry

    signatures = metadata.id_token_signing_alg_values_supported
    registry = JWSRegistry(algorithms=signatures, strict_check_header=False)
    ours = {
        "iss": {"essential": True, "value": metadata.issuer},
        "aud": {"essential": True, "value": client_id},
    }
    login = {"nonce": nonce, "client_id": client_id, "access_token": answer.access_token}
    try:
        token = jwt.decode(answer.id_token or "", keys, registry=registry)
        claims = CodeIDToken(token.claims, token.header, ours, login)
        claims.validate(leeway=LEEWAY_SECONDS)
        if not _SUBJECT.fullmatch(claims["sub"]):
            raise ValueError("sub is no subject")
    except InvalidKeyIdError:
        raise
    except (JoseError, ValueError, TypeError) as error:
        log.warning("An id token was refused: %s", error)
        raise not_valid() from error
    return dict(claims)


def not_valid() -> OidcRefused:
    """The refusal of what must not be believed."""
    return OidcRefused("oidc-token", "The answer of the login provider is not valid")
