"""The devices of a user: registering one again without making it twice, changing and removing."""

import uuid
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import Row, delete, select
from sqlmodel import Session

from romm_lite.db import versions
from romm_lite.db.engine import Database
from romm_lite.features.accounts import browsers
from romm_lite.features.accounts.identity import Identity
from romm_lite.features.accounts.sessions import Sessions
from romm_lite.features.accounts.sync_config import accept_config
from romm_lite.kernel.errors import Conflict, Forbidden, Invalid, NotFound
from romm_lite.kernel.times import now
from romm_lite.tables.devices import CLIENT_TOKENS, DEVICE_SAVE_SYNC, DEVICES, Device
from romm_lite.wire.devices import DeviceCreatePayload, DeviceUpdatePayload, SyncMode

MOST_DEVICES = 200
"""Devices of one user. Browsers do not count: logging in makes them, and must go on working."""
DEVICE_LIST = "devices"
"""The version raised by what adds or removes a device, so that these come one by one: a device
that registers twice at once is one."""
_TEXTS = frozenset(
    {"name", "platform", "client", "client_version", "ip_address", "mac_address", "hostname"}
)
_BETWEEN = str.maketrans("", "", ":-")


def list_devices(session: Session, user_id: int | None) -> Sequence[Device]:
    """A user's devices, browsers included, the oldest first."""
    query = select(Device).where(DEVICES.c.user_id == user_id)
    return session.scalars(query.order_by(DEVICES.c.created_at, DEVICES.c.id)).all()


def find_device(
    session: Session, user_id: int | None, device_id: str, *, to_change: bool = False
) -> Device:
    """A user's device, or NotFound; ``to_change`` keeps others from changing it meanwhile."""
    query = select(Device).where(DEVICES.c.id == device_id, DEVICES.c.user_id == user_id)
    device = session.scalar(query.with_for_update() if to_change else query)
    if device is None:
        raise NotFound(f"Device with ID {device_id} not found")
    return device


def read_names(
    session: Session, device_ids: Collection[str]
) -> Mapping[str, tuple[str | None, str | None]]:
    """Names and addresses of devices, by id."""
    query = select(DEVICES.c.id, DEVICES.c.name, DEVICES.c.ip_address)
    rows = session.execute(query.where(DEVICES.c.id.in_(device_ids)))
    return {row.id: (row.name, row.ip_address) for row in rows}


def register(session: Session, user: Identity, new: DeviceCreatePayload) -> tuple[Device, bool]:
    """The device that registers, and whether it had to be made.

    A device is known by its MAC address; without one, by its host name and platform together.
    Conflict if it is known and must not be.
    """
    # First, for this is the lock on databases that let several write at once.
    versions.bump(session, DEVICE_LIST)
    known = read_known(session, user)
    found = None if new.allow_duplicate else _match(known, new)
    if found is None:
        return _create(session, user, new, known), True
    if not new.allow_existing:
        raise Conflict(
            {
                "error": "device_exists",
                "message": "A device with this fingerprint already exists",
                "device_id": found,
            }
        )
    if new.reset_syncs:
        session.execute(delete(DEVICE_SAVE_SYNC).where(DEVICE_SAVE_SYNC.c.device_id == found))
    device = find_device(session, user.user_id, found)
    device.last_seen = now()
    return device, False


def read_known(session: Session, user: Identity) -> Sequence[Row[Any]]:
    """What the user's devices are known by, the oldest first."""
    columns = (DEVICES.c.id, DEVICES.c.mac_address, DEVICES.c.hostname, DEVICES.c.platform)
    query = select(*columns, DEVICES.c.client_device_identifier)
    query = query.where(DEVICES.c.user_id == user.user_id)
    return session.execute(query.order_by(DEVICES.c.created_at, DEVICES.c.id)).all()


def _match(known: Sequence[Row[Any]], new: DeviceCreatePayload) -> str | None:
    """The id of the oldest device with the fingerprint of the new one."""
    if mac := _bare(new.mac_address):
        return next((each.id for each in known if _bare(each.mac_address) == mac), None)
    if not (new.hostname and new.platform):
        return None
    place = (new.hostname, new.platform)
    return next((each.id for each in known if (each.hostname, each.platform) == place), None)


def _bare(mac: str | None) -> str:
    """A MAC address without what writers of them disagree about."""
    return (mac or "").translate(_BETWEEN).lower()


def _create(
    session: Session, user: Identity, new: DeviceCreatePayload, known: Sequence[Row[Any]]
) -> Device:
    assert user.user_id is not None
    check_room(known)
    device = Device(
        id=str(uuid.uuid4()),
        user_id=user.user_id,
        last_seen=now(),
        **new.model_dump(include=set(_TEXTS)),
    )
    _set_sync(device, user, new.sync_mode or SyncMode.API, accept_config(new.sync_config, None))
    session.add(device)
    return device


def check_room(known: Sequence[Row[Any]]) -> None:
    """Invalid where these are as many devices as a user may have."""
    if sum(not _is_browser(each) for each in known) >= MOST_DEVICES:
        raise Invalid(f"Maximum of {MOST_DEVICES} devices per user reached")


def _is_browser(row: Row[Any]) -> bool:
    return row.platform == browsers.PLATFORM and row.client_device_identifier is not None


def change_device(
    session: Session, user: Identity, device_id: str, change: DeviceUpdatePayload
) -> Device:
    """A user's device with the fields changed that were given."""
    device = find_device(session, user.user_id, device_id, to_change=True)
    given = change.model_fields_set
    for name in given & _TEXTS:
        setattr(device, name, getattr(change, name))
    if change.sync_enabled is not None:
        device.sync_enabled = change.sync_enabled
    mode = change.sync_mode or SyncMode(device.sync_mode)
    config = device.sync_config
    if "sync_config" in given:
        config = accept_config(change.sync_config, device.sync_config)
    _set_sync(device, user, mode, config)
    session.flush()
    return device


def _set_sync(
    device: Device, user: Identity, mode: SyncMode, config: dict[str, Any] | None
) -> None:
    """Only an administrator decides whom the server calls by SSH; anybody may have it stopped."""
    begins = mode == SyncMode.PUSH_PULL and device.sync_mode != SyncMode.PUSH_PULL
    leads = bool(config) and config != device.sync_config
    if (begins or leads) and not user.is_admin:
        raise Forbidden("Administrator privileges required")
    device.sync_mode = mode
    device.sync_config = config


def remove_device(
    database: Database, sessions: Sessions, user_id: int | None, device_id: str
) -> None:
    """Remove a user's device with what it has of saves and its sync sessions, and let nobody in
    any more by a token bound to it or a session in it. Saves and play sessions stay."""
    with database.write() as session:
        versions.bump(session, DEVICE_LIST)
        device = find_device(session, user_id, device_id, to_change=True)
        session.execute(delete(CLIENT_TOKENS).where(CLIENT_TOKENS.c.device_id == device.id))
        session.execute(delete(DEVICES).where(DEVICES.c.id == device.id))
    sessions.close_of_device(device.user_id, device.id)


def remove_devices(session: Session, user_id: int) -> None:
    """Remove all devices of a user who is about to be deleted.

    Left to the deletion itself, MariaDB refuses it: it would clear the device in the rows of a
    user who is half gone.
    """
    versions.bump(session, DEVICE_LIST)
    session.execute(delete(DEVICES).where(DEVICES.c.user_id == user_id))
