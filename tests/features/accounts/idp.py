"""An OpenID provider whose every answer a test can bend; only the network is made up."""

import base64
import hashlib
import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

import httpx
import respx
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet
from starlette.testclient import TestClient

ISSUER = "https://id.example/realms/home"
SECRET = "the client's secret"
CODE = "code-of-the-provider"
SETTINGS = {
    "oidc_enabled": True,
    "oidc_client_id": "romm",
    "oidc_client_secret": SECRET,
    "oidc_redirect_uri": "http://romm.example/api/oauth/openid",
    "oidc_server_application_url": ISSUER,
}
PAGE = {"Accept": "text/html,application/xhtml+xml"}


def new_key(kid: str) -> ECKey:
    return ECKey.generate_key("P-256", {"kid": kid, "use": "sig"})


@dataclass
class Idp:
    """What the provider knows and says. ``router`` holds its addresses."""

    router: respx.MockRouter
    key: ECKey = field(default_factory=lambda: new_key("first"))
    person: dict[str, Any] = field(default_factory=dict)
    """The claims about whoever logs in."""
    token: dict[str, Any] = field(default_factory=dict)
    """Members of the id token that are bent; None leaves one out."""
    header: dict[str, Any] = field(default_factory=dict)
    answer: dict[str, Any] = field(default_factory=dict)
    """Members of the token endpoint's answer that are bent."""
    metadata: dict[str, Any] = field(default_factory=dict)
    """Members of the discovery document that are bent."""
    nonce: str = ""
    challenge: str = ""
    requests: list[httpx.Request] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.person = person("zoe")
        discovery = f"{ISSUER}/.well-known/openid-configuration"
        self.discovery = self.router.get(discovery).mock(side_effect=self._describe)
        self.jwks = self.router.get(f"{ISSUER}/keys").mock(side_effect=self._show_keys)
        self.exchange = self.router.post(f"{ISSUER}/token").mock(side_effect=self._give)
        self.userinfo = self.router.get(f"{ISSUER}/userinfo").mock(
            side_effect=lambda _: httpx.Response(200, json=self.person)
        )

    def _describe(self, _request: httpx.Request) -> httpx.Response:
        document = {
            "issuer": ISSUER,
            "authorization_endpoint": f"{ISSUER}/auth?tenant=home",
            "token_endpoint": f"{ISSUER}/token",
            "jwks_uri": f"{ISSUER}/keys",
            "userinfo_endpoint": f"{ISSUER}/userinfo",
            "end_session_endpoint": f"{ISSUER}/logout",
            "id_token_signing_alg_values_supported": ["ES256", "HS256", "none"],
            **self.metadata,
        }
        return httpx.Response(200, json=document)

    def _show_keys(self, _request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json=KeySet([self.key]).as_dict(private=False))

    def _give(self, request: httpx.Request) -> httpx.Response:
        """Tokens, if the verifier is the one whose hash came with the login."""
        self.requests.append(request)
        verifier = parse_qs(request.content.decode())["code_verifier"][0]
        digest = hashlib.sha256(verifier.encode()).digest()
        if base64.urlsafe_b64encode(digest).rstrip(b"=").decode() != self.challenge:
            return httpx.Response(400, json={"error": "invalid_grant"})
        given = {"access_token": "an access token", "token_type": "Bearer"}
        given |= {"id_token": self.sign(self.key)} | self.answer
        return httpx.Response(200, json={k: v for k, v in given.items() if v is not None})

    def sign(self, key: Any, **header: Any) -> str:
        """An id token about the person, signed by this key."""
        now = int(time.time())
        claims = {
            "iss": ISSUER,
            "aud": "romm",
            "iat": now,
            "exp": now + 300,
            "nonce": self.nonce,
            **self.person,
            **self.token,
        }
        algorithm = "ES256" if isinstance(key, ECKey) else "HS256"
        heading = {"alg": algorithm, "kid": self.key.kid, **self.header, **header}
        present = {name: value for name, value in claims.items() if value is not None}
        return jwt.encode(heading, present, key, algorithms=[algorithm])

    def send_away(self, client: TestClient, **params: str) -> dict[str, str]:
        """Begin a login; what the provider is asked for."""
        address = client.get("/api/login/openid", params=params, follow_redirects=False)
        assert address.status_code == 302, address.text
        asked = parse_qs(httpx.URL(address.headers["location"]).query.decode())
        self.nonce, self.challenge = asked["nonce"][0], asked["code_challenge"][0]
        return {name: values[0] for name, values in asked.items()}

    def come_back(self, client: TestClient, state: str, **params: str) -> Any:
        query = {"code": CODE, "state": state, **params}
        return client.get("/api/oauth/openid", params=query, follow_redirects=False)

    def log_in(self, client: TestClient, **claims: Any) -> Any:
        """A whole login of the person with these claims bent."""
        self.person |= claims
        return self.come_back(client, self.send_away(client)["state"])


def person(name: str) -> dict[str, Any]:
    return {
        "sub": f"sub-of-{name}",
        "email": f"{name}@example.com",
        "email_verified": True,
        "preferred_username": name,
    }
