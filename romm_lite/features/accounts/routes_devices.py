"""The devices of whoever asks."""

from sqlmodel import Session

from romm_lite.features.accounts import devices
from romm_lite.features.accounts.identity import Identity
from romm_lite.features.accounts.service import Accounts
from romm_lite.kernel.scopes import Scope
from romm_lite.web.operations import Reply, Router
from romm_lite.wire.devices import (
    DeviceCreatePayload,
    DeviceCreateResponse,
    DeviceSchema,
    DeviceUpdatePayload,
)

router = Router("/api/devices", tags=["devices"])

UNKNOWN = {404: "No such device"}
FOR_ADMINS = {403: "Only administrators set up SSH"}


@router.post(
    "",
    Scope.DEVICES_WRITE,
    status=201,
    responses={200: "It was known already", 400: "Too many devices", 409: "It is known already"}
    | FOR_ADMINS,
)
def add_device(
    db: Session, user: Identity, body: DeviceCreatePayload
) -> Reply[DeviceCreateResponse]:
    """Register a device; one that is known by its MAC address, or by its host name and platform,
    keeps its id."""
    device, is_new = devices.register(db, user, body)
    told = DeviceCreateResponse(device_id=device.id, name=device.name, created_at=device.created_at)
    return Reply(told, status=201 if is_new else 200)


@router.get("", Scope.DEVICES_READ)
def list_devices(db: Session, user: Identity) -> list[DeviceSchema]:
    """All own devices, browsers included."""
    return [DeviceSchema.model_validate(each) for each in devices.list_devices(db, user.user_id)]


@router.get("/{device_id}", Scope.DEVICES_READ, responses=UNKNOWN)
def get_device(db: Session, user: Identity, device_id: str) -> DeviceSchema:
    """One own device."""
    return DeviceSchema.model_validate(devices.find_device(db, user.user_id, device_id))


@router.put("/{device_id}", Scope.DEVICES_WRITE, responses=UNKNOWN | FOR_ADMINS)
def update_device(
    db: Session, user: Identity, device_id: str, body: DeviceUpdatePayload
) -> DeviceSchema:
    """Change the fields that are given; a secret that is sent masked stays as it is."""
    return DeviceSchema.model_validate(devices.change_device(db, user, device_id, body))


@router.delete("/{device_id}", Scope.DEVICES_WRITE, status=204, responses=UNKNOWN)
def delete_device(accounts: Accounts, user: Identity, device_id: str) -> None:
    """Remove a device, its sync history, and the tokens and sessions that belong to it."""
    devices.remove_device(accounts.database, accounts.sessions, user.user_id, device_id)
