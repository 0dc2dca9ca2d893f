"""A device asks for a token by itself and its owner approves in the browser."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, Field

from romm_lite.kernel.scopes import ALL_SCOPES
from romm_lite.wire.client_tokens import ScopeName
from romm_lite.wire.common import Schema, Timestamp

Name = Annotated[str, Field(min_length=1, max_length=255)]
ShortName = Annotated[str, Field(max_length=50)]


def _check_known(scopes: list[str]) -> list[str]:
    if unknown := sorted(set(scopes).difference(ALL_SCOPES)):
        raise ValueError(f"Unknown scopes: {', '.join(unknown)}")
    return scopes


KnownScopes = Annotated[
    list[ScopeName],
    Field(min_length=1, max_length=len(ALL_SCOPES)),
    AfterValidator(_check_known),
]


class DeviceAuthInitPayload(BaseModel):
    """What a device tells of itself and asks for. Its identifier stays the same, so that it is
    known again."""

    client_device_identifier: Name
    name: Name
    client: Annotated[str, Field(min_length=1, max_length=50)]
    platform: ShortName | None = None
    client_version: ShortName | None = None
    requested_scopes: KnownScopes


class DeviceAuthInitResponse(Schema):
    """What the device shows and polls with. Paths are from our root, times in seconds."""

    device_code: str
    user_code: str
    verification_path: str
    verification_path_complete: str
    expires_in: int
    interval: int


class DeviceAuthPendingSchema(Schema):
    """A device that waits; ``allowed_scopes`` are those whoever looks at it may approve."""

    client_device_identifier: str
    name: str
    client: str
    platform: str | None
    client_version: str | None
    requested_scopes: list[str]
    allowed_scopes: list[str]
    expires_at: Timestamp


UserCode = Annotated[str, Field(min_length=1, max_length=32)]


class DeviceAuthApprovePayload(BaseModel):
    """What the owner grants the device. Without a name it keeps the one it gave itself."""

    user_code: UserCode
    approved_scopes: Annotated[list[ScopeName], Field(min_length=1, max_length=100)]
    device_name: Annotated[str, Field(max_length=255)] | None = None
    expires_in: str | None = None


class DeviceAuthApproveResponse(Schema):
    """The device, as it is listed from now on."""

    device_id: str
    device_name: str | None


class DeviceAuthDenyPayload(BaseModel):
    """The code of the device that gets nothing."""

    user_code: UserCode


class DeviceAuthTokenPayload(BaseModel):
    """What the device polls with."""

    device_code: Annotated[str, Field(min_length=1, max_length=128)]


class DeviceAuthTokenResponse(Schema):
    """The token; it is told this once."""

    access_token: str
    device_id: str
    scopes: list[str]
    expires_at: Timestamp | None
