"""Devices that ask for a token and wait for their owner's approval."""

from starlette.requests import Request

from romm_lite.features.accounts import device_flow, limits
from romm_lite.features.accounts.identity import Identity
from romm_lite.features.accounts.limits import address_of
from romm_lite.features.accounts.service import Accounts
from romm_lite.kernel.scopes import Scope
from romm_lite.web.operations import Router
from romm_lite.wire.device_flow import (
    DeviceAuthApprovePayload,
    DeviceAuthApproveResponse,
    DeviceAuthDenyPayload,
    DeviceAuthInitPayload,
    DeviceAuthInitResponse,
    DeviceAuthPendingSchema,
    DeviceAuthTokenPayload,
    DeviceAuthTokenResponse,
)

router = Router("/api/auth/device", tags=["device-auth"])

UNKNOWN = {404: "Unknown or expired code"}
TOO_MANY = {429: "Too many attempts"}


@router.post("/init", public=True, status=201, responses=TOO_MANY)
def init_device_auth(
    accounts: Accounts, request: Request, body: DeviceAuthInitPayload
) -> DeviceAuthInitResponse:
    """Begin: a code to show and a code to poll with."""
    accounts.limits.spend(limits.DEVICE_INIT, address_of(request))
    return DeviceAuthInitResponse(**device_flow.begin(accounts, body))


@router.get("/pending/{user_code}", Scope.ME_READ, responses=UNKNOWN)
def get_pending_device(
    accounts: Accounts, user: Identity, user_code: str
) -> DeviceAuthPendingSchema:
    """What a device asks for."""
    return DeviceAuthPendingSchema(**device_flow.describe(accounts, user, user_code))


@router.post(
    "/approve",
    Scope.ME_WRITE,
    responses={
        400: "There are too many devices already",
        403: "More than was asked for, or than one may do",
        **UNKNOWN,
    },
)
def approve_device(
    accounts: Accounts, user: Identity, body: DeviceAuthApprovePayload
) -> DeviceAuthApproveResponse:
    """Let a device have a token."""
    device = device_flow.approve(accounts, user, body)
    return DeviceAuthApproveResponse(device_id=device.id, device_name=device.name)


@router.post("/deny", Scope.ME_WRITE, responses=UNKNOWN)
def deny_device(accounts: Accounts, body: DeviceAuthDenyPayload) -> None:
    """Let a device have nothing."""
    device_flow.deny(accounts, body.user_code)


@router.post(
    "/token",
    public=True,
    responses={
        400: "authorization_pending, slow_down, access_denied or expired_token",
        **TOO_MANY,
    },
)
def poll_device_token(
    accounts: Accounts, request: Request, body: DeviceAuthTokenPayload
) -> DeviceAuthTokenResponse:
    """The token, once it was approved; it is told once."""
    accounts.limits.spend(limits.DEVICE_TOKEN, address_of(request))
    return DeviceAuthTokenResponse(**device_flow.poll(accounts, body.device_code))
