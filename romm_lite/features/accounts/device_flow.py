"""A device that has no keyboard asks for a token; its owner approves in a browser.

The device begins a flow, shows a short user code and polls with a long device code. A user who
enters the user code sees what the device asks for, and approves or denies. All of it ends ten
minutes after it began.

No secret waits anywhere: approving makes the token with a mark in the place of its hash, and the
poll that finds the mark puts the hash of a new secret there. So of several approvals one takes the
user code, and of several polls one gets the token.
"""

import hashlib
import secrets
import time
import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import delete, or_, select
from sqlmodel import Session

from romm_lite.db import versions
from romm_lite.features.accounts import client_tokens, devices
from romm_lite.features.accounts.identity import Identity
from romm_lite.features.accounts.pairing import hash_code, new_code
from romm_lite.features.accounts.service import Accounts
from romm_lite.kernel.errors import Forbidden, Invalid, NotFound
from romm_lite.kernel.scopes import Scope
from romm_lite.kernel.times import now
from romm_lite.tables.devices import CLIENT_TOKENS, ClientToken, Device
from romm_lite.wire.device_flow import DeviceAuthApprovePayload, DeviceAuthInitPayload

SECONDS = 600
INTERVAL = 5
PACE_SECONDS = INTERVAL - 1
"""How long a poll is remembered. Ends are rounded up to whole seconds, and who keeps to the
interval must not be told to slow down."""
DENIED_SECONDS = 60
PAGE = "/pair/device"
UNKNOWN = "Unknown or expired code"
MARK = "waiting:"
"""What stands in the place of a hash begins with this, which no hash does."""

Flow = Mapping[str, Any]


def begin(accounts: Accounts, asked: DeviceAuthInitPayload) -> dict[str, Any]:
    """The two codes of a new flow."""
    device_code, user_code = secrets.token_hex(32), new_code()
    flow = {
        **asked.model_dump(),
        "requested_scopes": sorted(set(asked.requested_scopes)),
        "status": "pending",
        "ends": time.time() + SECONDS,
    }
    name = _name(device_code)
    accounts.entries.put(_flow_entry(name), flow, SECONDS)
    _open(accounts, user_code, name, flow)
    return {
        "device_code": device_code,
        "user_code": user_code,
        "verification_path": PAGE,
        "verification_path_complete": f"{PAGE}?user_code={user_code}",
        "expires_in": SECONDS,
        "interval": INTERVAL,
    }


def describe(accounts: Accounts, user: Identity, user_code: str) -> dict[str, Any]:
    """What the device of a user code asks for, and what of it this user may approve."""
    _, flow = _find(accounts, user_code)
    return {
        **flow,
        "allowed_scopes": sorted(_read_allowed(flow, user)),
        "expires_at": datetime.fromtimestamp(flow["ends"], UTC),
    }


def approve(accounts: Accounts, user: Identity, answer: DeviceAuthApprovePayload) -> Device:
    """The device, known or new, which gets its token with its next poll. Tokens it had are void."""
    ends = client_tokens.read_end(answer.expires_in)
    name, flow = _find(accounts, answer.user_code)
    scopes = sorted(set(answer.approved_scopes))
    if not _read_allowed(flow, user).issuperset(scopes):
        raise Forbidden("Approved scopes exceed what's allowed for this user")
    _close(accounts, answer.user_code)
    try:
        with accounts.database.write() as session:
            device = _admit(session, user, flow, (answer.device_name or "").strip())
            _drop_tokens(session, device)
            session.add(_make_token(device, name, scopes, ends))
    except Exception:
        _open(accounts, answer.user_code, name, flow)  # nothing came of it: one may try again
        raise
    _settle(accounts, name, "approved", _count_left(flow))
    return device


def deny(accounts: Accounts, user_code: str) -> None:
    """The device gets nothing, and is told so for a while."""
    name, flow = _find(accounts, user_code)
    _close(accounts, user_code)
    _settle(accounts, name, "denied", min(DENIED_SECONDS, _count_left(flow)))


def poll(accounts: Accounts, device_code: str) -> dict[str, Any]:
    """The token, once; until then, or instead of it, Invalid with the word devices know."""
    name = _name(device_code)
    flow = accounts.entries.get(_flow_entry(name))
    if flow is None:
        raise Invalid("expired_token")
    if flow["status"] == "denied":
        raise Invalid("access_denied")
    if flow["status"] == "pending":
        pace = f"device-poll:{name}"
        is_early = accounts.entries.get(pace) is not None
        accounts.entries.put(pace, {}, PACE_SECONDS)
        raise Invalid("slow_down" if is_early else "authorization_pending")
    told = _give_secret(accounts, name)
    accounts.entries.drop(_flow_entry(name))
    return told


def _find(accounts: Accounts, user_code: str) -> tuple[str, Flow]:
    """The flow that waits for an answer under this code, with its name."""
    pointer = accounts.entries.get(_user_entry(user_code))
    flow = accounts.entries.get(_flow_entry(pointer["flow"])) if pointer else None
    if pointer is None or flow is None or flow["status"] != "pending":
        raise NotFound(UNKNOWN)
    return pointer["flow"], flow


def _read_allowed(flow: Flow, user: Identity) -> set[str]:
    """What this user may grant of what a device asks for, by what they show themselves."""
    if Scope.ME_WRITE not in user.scopes:
        return set()
    return set(flow["requested_scopes"]).intersection(user.scopes)


def _open(accounts: Accounts, user_code: str, name: str, flow: Flow) -> None:
    """Let a flow be answered under this code."""
    accounts.entries.put(_user_entry(user_code), {"flow": name}, _count_left(flow))


def _close(accounts: Accounts, user_code: str) -> None:
    """Let nobody else answer; NotFound if somebody was quicker."""
    if accounts.entries.take(_user_entry(user_code)) is None:
        raise NotFound(UNKNOWN)


def _settle(accounts: Accounts, name: str, status: str, seconds: int) -> None:
    accounts.entries.put(_flow_entry(name), {"status": status}, seconds)


def _count_left(flow: Flow) -> int:
    return max(1, int(flow["ends"] - time.time()))


def _admit(session: Session, user: Identity, flow: Flow, chosen_name: str) -> Device:
    """The user's device with this identifier, found or made, as it is now."""
    # First, for this is the lock on databases that let several write at once.
    versions.bump(session, devices.DEVICE_LIST)
    user_id = client_tokens.hold_user(session, user)
    known = devices.read_known(session, user)
    identifier = flow["client_device_identifier"]
    found = next((each.id for each in known if each.client_device_identifier == identifier), None)
    if found is None:
        devices.check_room(known)
        device = Device(
            id=str(uuid.uuid4()),
            user_id=user_id,
            client_device_identifier=identifier,
            platform=flow["platform"],
            client=flow["client"],
        )
    else:
        device = devices.find_device(session, user.user_id, found, to_change=True)
    device.name = chosen_name or flow["name"]
    device.client_version = flow["client_version"] or device.client_version
    device.last_seen = now()
    session.add(device)
    session.flush()
    return device


def _drop_tokens(session: Session, device: Device) -> None:
    """Void the tokens a device had, and forget those of its owner that were never fetched."""
    is_old = CLIENT_TOKENS.c.created_at < now() - timedelta(seconds=SECONDS)
    is_unfetched = CLIENT_TOKENS.c.hashed_token.startswith(MARK)
    session.execute(
        delete(CLIENT_TOKENS).where(
            CLIENT_TOKENS.c.user_id == device.user_id,
            or_(CLIENT_TOKENS.c.device_id == device.id, is_unfetched & is_old),
        )
    )


def _make_token(
    device: Device, name: str, scopes: Sequence[str], ends: datetime | None
) -> ClientToken:
    """A token that lets nobody in yet."""
    return ClientToken(
        user_id=device.user_id,
        device_id=device.id,
        name=device.name or "",
        hashed_token=_mark(name),
        scopes=" ".join(scopes),
        expires_at=ends,
    )


def _give_secret(accounts: Accounts, name: str) -> dict[str, Any]:
    """The approved token with its first secret; Invalid if it was given before, or revoked."""
    query = select(ClientToken).where(CLIENT_TOKENS.c.hashed_token == _mark(name))
    with accounts.database.write() as session:
        token = session.scalar(query.with_for_update())
        if token is None:
            raise Invalid("expired_token")
        told = client_tokens.renew(session, token)
    return {**told, "access_token": told["raw_token"]}


def _name(device_code: str) -> str:
    """What a flow is known by here; the code itself is not kept."""
    return hashlib.sha256(device_code.encode()).hexdigest()


def _mark(name: str) -> str:
    return f"{MARK}{name}"[:64]


def _flow_entry(name: str) -> str:
    return f"device-flow:{name}"


def _user_entry(user_code: str) -> str:
    return f"device-user:{hash_code(user_code)}"
