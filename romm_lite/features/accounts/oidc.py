"""The OpenID provider, over HTTP: where to log in, and who came back.

Authorization code flow with PKCE, state and nonce. What the provider says of itself and its keys
are kept for an hour; the keys are fetched anew for a token signed by one that is not among them.
Nothing here touches the database, so a provider that is slow keeps nobody else waiting.
"""

import logging
import re
import ssl
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any
from urllib.parse import quote_plus

import httpx
from pydantic import ValidationError

from romm_lite.features.accounts.oidc_answers import (
    Answer,
    Metadata,
    check_address,
    check_id_token,
    not_valid,
)
from romm_lite.features.accounts.oidc_claims import (
    Claims,
    OidcRefused,
    Person,
    lacks_claims,
    merge,
    read_person,
)
from romm_lite.features.accounts.oidc_flows import Flow
from romm_lite.kernel.settings import Settings

log = logging.getLogger(__name__)

FRESH_SECONDS = 3600
TIMEOUT_SECONDS = 10.0
DISCOVERY = "/.well-known/openid-configuration"
_ERROR_CODE = re.compile(r"[a-z_]{1,50}")


class Provider:
    """The provider of these settings. ``clock`` gives seconds from any beginning."""

    def __init__(self, settings: Settings, clock: Callable[[], float] = time.monotonic) -> None:
        self._settings = settings
        self._clock = clock
        self._metadata: tuple[float, Metadata] | None = None
        self._keys: tuple[float, Any] | None = None
        self._tls: ssl.SSLContext | None = None

    def check_usable(self) -> None:
        """OidcRefused if the settings name no provider."""
        settings = self._settings
        if not settings.oidc_enabled:
            raise OidcRefused("oidc-off", "OAuth disabled", 404)
        needed = {
            "OIDC_CLIENT_ID": settings.oidc_client_id,
            "OIDC_REDIRECT_URI": settings.oidc_redirect_uri,
            "OIDC_SERVER_APPLICATION_URL": self._discovery,
        }
        if absent := [name for name, value in needed.items() if not value]:
            log.warning("OIDC_ENABLED is set, but not %s", ", ".join(absent))
            raise OidcRefused("oidc-off", "OAuth not configured", 404)

    @property
    def _discovery(self) -> str:
        base = self._settings.oidc_server_application_url
        return self._settings.oidc_server_metadata_url or (base + DISCOVERY if base else "")

    async def address(self, flow: Flow, state: str) -> str:
        """Where a browser goes to log in."""
        from authlib.oauth2.rfc7636 import create_s256_code_challenge

        async with self._open() as client:
            metadata = await self._describe(client)
        parameters = {
            "response_type": "code",
            "client_id": self._settings.oidc_client_id,
            "redirect_uri": self._settings.oidc_redirect_uri,
            "scope": " ".join(self._scopes()),
            "state": state,
            "nonce": flow.nonce,
            "code_challenge": create_s256_code_challenge(flow.verifier),
            "code_challenge_method": "S256",
        }
        return str(httpx.URL(metadata.authorization_endpoint).copy_merge_params(parameters))

    def _scopes(self) -> list[str]:
        """The claim of roles is asked for by a scope of its name, as RomM does; a path into a
        claim is no scope."""
        roles = self._settings.oidc_claim_roles
        return ["openid", "profile", "email", *([roles] if roles and "." not in roles else [])]

    async def identify(self, flow: Flow, code: str, issuer: str | None) -> Person:
        """Who came back with this code; ``issuer`` is whom the browser says it comes from.

        OidcRefused if anything is not as it should be.
        """
        async with self._open() as client:
            metadata = await self._describe(client)
            tells_issuer = metadata.authorization_response_iss_parameter_supported
            if issuer != metadata.issuer and (issuer is not None or tells_issuer):
                log.warning("Somebody came back from the issuer %r", issuer)
                raise not_valid()
            answer = await self._redeem(client, metadata, flow, code)
            if answer.id_token is None:
                raise OidcRefused("oidc-token", "Userinfo is missing from token.")
            claims = await self._read_id_token(client, metadata, flow, answer)
            if lacks_claims(claims, self._settings):
                claims = await self._ask_more(client, metadata, answer, claims)
        tells_verified = "email_verified" in metadata.claims_supported
        person = read_person(claims, metadata.issuer, self._settings, tells_verified=tells_verified)
        return replace(person, logout_url=self._logout_url(metadata, answer.id_token))

    def _open(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(verify=self._trust(), timeout=TIMEOUT_SECONDS)

    def _trust(self) -> ssl.SSLContext:
        """Whose certificates are believed; read once, for that takes a while."""
        path = self._settings.oidc_tls_cacertfile
        if self._tls is None:
            try:
                context = ssl.create_default_context(cafile=path) if path else None
            except OSError as error:  # of which ssl's errors are one kind
                log.error("OIDC_TLS_CACERTFILE names %s, which cannot be used: %s", path, error)
                raise _unreachable() from error
            self._tls = context or httpx.create_ssl_context()
        return self._tls

    async def _describe(self, client: httpx.AsyncClient) -> Metadata:
        """What the provider says of itself, from memory or asked anew."""
        moment = self._clock()
        if self._metadata and moment - self._metadata[0] < FRESH_SECONDS:
            return self._metadata[1]
        url = self._discovery
        try:
            metadata = Metadata.model_validate(await _ask(client, url))
        except ValidationError as error:
            said = "; ".join(f"{e['loc'][-1]}: {e['msg']}" for e in error.errors() if e["loc"])
            log.warning("What the login provider says at %s is not usable: %s", url, said)
            raise _unreachable() from error
        self._check_issuer(metadata.issuer)
        self._metadata = moment, metadata
        return metadata

    def _check_issuer(self, issuer: str) -> None:
        """It must be where it was looked up, unless that address was set on its own."""
        base = self._settings.oidc_server_application_url
        if not self._settings.oidc_server_metadata_url and issuer.rstrip("/") != base:
            log.error(
                "The login provider at %s calls itself %s. Put that into "
                "OIDC_SERVER_APPLICATION_URL, or its discovery address into "
                "OIDC_SERVER_METADATA_URL",
                base,
                issuer,
            )
            raise _unreachable()

    async def _redeem(
        self, client: httpx.AsyncClient, metadata: Metadata, flow: Flow, code: str
    ) -> Answer:
        """The tokens for a code."""
        settings = self._settings
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": settings.oidc_redirect_uri,
            "code_verifier": flow.verifier,
        }
        who = {"client_id": settings.oidc_client_id}
        secret = settings.oidc_client_secret
        methods = metadata.token_endpoint_auth_methods_supported
        auth = None
        if not secret:
            form |= who
        elif "client_secret_post" in methods and "client_secret_basic" not in methods:
            form |= who | {"client_secret": secret}
        else:  # encoded as RFC 6749, 2.3.1 has it
            auth = httpx.BasicAuth(quote_plus(settings.oidc_client_id), quote_plus(secret))
        sent = await _ask(client, metadata.token_endpoint, form=form, auth=auth)
        try:
            return Answer.model_validate(sent)
        except ValidationError as error:
            raise not_valid() from error

    async def _read_id_token(
        self, client: httpx.AsyncClient, metadata: Metadata, flow: Flow, answer: Answer
    ) -> Claims:
        from joserfc.errors import InvalidKeyIdError

        client_id = self._settings.oidc_client_id
        kept = self._keys
        if kept and self._clock() - kept[0] < FRESH_SECONDS:
            with suppress(InvalidKeyIdError):  # else by a new key, which is fetched below
                return check_id_token(answer, kept[1], metadata, flow.nonce, client_id)
        keys = await self._fetch_keys(client, metadata)
        try:
            return check_id_token(answer, keys, metadata, flow.nonce, client_id)
        except InvalidKeyIdError as error:
            log.warning("An id token was refused: %s", error)
            raise not_valid() from error

    async def _fetch_keys(self, client: httpx.AsyncClient, metadata: Metadata) -> Any:
        from joserfc.errors import JoseError
        from joserfc.jwk import KeySet

        moment = self._clock()
        sent: Any = await _ask(client, metadata.jwks_uri)
        try:
            keys = KeySet.import_key_set(sent)
        except (JoseError, KeyError, TypeError, ValueError) as error:
            log.warning("The login provider's keys cannot be used: %s", error)
            raise _unreachable() from error
        self._keys = moment, keys
        return keys

    async def _ask_more(
        self, client: httpx.AsyncClient, metadata: Metadata, answer: Answer, claims: Claims
    ) -> Claims:
        """The claims, with those that the provider tells only when asked."""
        if metadata.userinfo_endpoint is None or answer.access_token is None:
            return claims
        headers = {"Authorization": f"Bearer {answer.access_token}"}
        userinfo = await _ask(client, metadata.userinfo_endpoint, headers=headers)
        if userinfo.get("sub") != claims["sub"]:
            log.warning("The login provider told of somebody else than was asked for")
            raise not_valid()
        return merge(claims, userinfo)

    def _logout_url(self, metadata: Metadata, id_token: str) -> str | None:
        if not self._settings.oidc_rp_initiated_logout:
            return None
        url = self._settings.oidc_end_session_endpoint or metadata.end_session_endpoint
        if url is None:
            return None
        hint = {"id_token_hint": id_token, "client_id": self._settings.oidc_client_id}
        try:
            return str(httpx.URL(check_address(url)).copy_merge_params(hint))
        except ValueError as error:
            log.error("OIDC_END_SESSION_ENDPOINT cannot be used: %s", error)
            return None


async def _ask(
    client: httpx.AsyncClient,
    url: str,
    *,
    form: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
    auth: httpx.Auth | None = None,
) -> dict[str, Any]:
    """The JSON object that is answered; OidcRefused if it is not."""
    method = "GET" if form is None else "POST"
    headers = {"Accept": "application/json", **(headers or {})}
    try:
        answer = await client.request(method, url, data=form, headers=headers, auth=auth)
        if form is not None and answer.status_code in (400, 401, 403):
            raise _refused(answer)
        found = answer.raise_for_status().json()
        if not isinstance(found, dict):
            raise ValueError("it sent no JSON object")
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        what = str(error) or type(error).__name__
        log.warning("The login provider did not answer at %s as it should: %s", url, what)
        raise _unreachable() from error
    return found


def _refused(answer: httpx.Response) -> OidcRefused:
    """What the token endpoint says when it gives nothing (RFC 6749, 5.2)."""
    try:
        said = answer.json()
    except ValueError:
        said = None
    code = said.get("error") if isinstance(said, dict) else None
    if not isinstance(code, str) or not _ERROR_CODE.fullmatch(code):
        code = f"status {answer.status_code}"
    log.warning("The login provider gave no token: %s", code)
    return OidcRefused("oidc-token", f"The login provider refused the login: {code}")


def _unreachable() -> OidcRefused:
    return OidcRefused("oidc-unreachable", "The login provider cannot be reached", 503)
