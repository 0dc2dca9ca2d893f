"""OAuth2 tokens, and what logging out answers."""

from typing import NotRequired

from pydantic import BaseModel, ConfigDict
from typing_extensions import TypedDict

from romm_lite.wire.common import Schema


class TokenForm(BaseModel):
    """The token request; the client's id and secret are read and ignored."""

    model_config = ConfigDict(title="Body_token_api_token_post")

    grant_type: str = "password"
    scope: str = ""
    username: str | None = None
    password: str | None = None
    client_id: str | None = None
    client_secret: str | None = None
    refresh_token: str | None = None


class TokenResponse(TypedDict):
    """A pair of tokens; ``expires`` and ``refresh_expires`` are lifetimes in seconds."""

    access_token: str
    token_type: str
    expires: int
    refresh_token: NotRequired[str]
    refresh_expires: NotRequired[int]


class OIDCLogoutResponse(Schema):
    """Where the browser goes to log out at the identity provider; a plain logout answers null."""

    oidc_logout_url: str
