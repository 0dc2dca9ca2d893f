"""Client tokens and the codes that bring them to a device."""

from typing import Annotated

from pydantic import BaseModel, Field

from romm_lite.wire.common import Schema, Timestamp

ScopeName = Annotated[str, Field(min_length=1, max_length=64)]
"""What a client takes for a scope; whether it is one is for the service to say."""


class ClientTokenCreatePayload(BaseModel):
    """A token to be made; ``expires_in`` is a word like ``30d``, null means never."""

    name: Annotated[str, Field(max_length=255)]
    scopes: Annotated[list[ScopeName], Field(min_length=1, max_length=100)]
    expires_in: str | None = None


class ClientTokenSchema(Schema):
    """A token without its secret; the scopes are in the order they were asked for."""

    id: int
    name: str
    scopes: list[str]
    expires_at: Timestamp | None
    last_used_at: Timestamp | None
    created_at: Timestamp
    user_id: int
    device_id: str | None = None


class ClientTokenCreateSchema(ClientTokenSchema):
    """A token with its secret, which is told this once."""

    raw_token: str


class ClientTokenAdminSchema(ClientTokenSchema):
    """A token and whose it is."""

    username: str
    user_avatar_path: str
    user_updated_at: Timestamp


class ClientTokenPairSchema(Schema):
    """A pair code and the seconds it is good for. ``address`` is where the device finds this
    server, ``link`` that and the code in one, as the picture has it; null if only this machine
    can reach the server."""

    code: str
    expires_in: int
    address: str | None = None
    link: str | None = None


class ClientTokenExchangePayload(BaseModel):
    """A pair code as somebody typed it."""

    code: str
