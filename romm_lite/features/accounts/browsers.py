"""The device that stands for somebody's browser.

A long-lived cookie tells browsers apart, so that two behind one address are two devices. Programs
that keep no cookies get the device of the same name at the same address again.
"""

import re
import uuid

from sqlalchemy import ColumnElement, select
from sqlmodel import Session

from romm_lite.kernel.times import now
from romm_lite.tables.devices import DEVICES, Device

COOKIE = "romm_browser"
COOKIE_SECONDS = 400 * 24 * 3600
"""The longest that browsers keep a cookie."""
PLATFORM = "Web"
CLIENT = "web"
_NAMELESS = "Web Browser"
_MARK = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")

_BROWSERS = (
    ("Edge", re.compile(r"Edg(?:e|A|iOS)?/(\d+)")),
    ("Opera", re.compile(r"(?:OPR|Opera)/(\d+)")),
    ("Samsung Internet", re.compile(r"SamsungBrowser/(\d+)")),
    ("Firefox", re.compile(r"(?:Firefox|FxiOS)/(\d+)")),
    ("Chrome", re.compile(r"(?:Chrome|CriOS)/(\d+)")),
    ("Safari", re.compile(r"Version/(\d+)[\d.]* (?:Mobile/\S+ )?Safari/")),
)
_SYSTEMS = (
    ("Windows", re.compile(r"Windows")),
    ("Android", re.compile(r"Android")),
    ("iOS", re.compile(r"iPhone|iPad|iPod")),
    ("macOS", re.compile(r"Macintosh|Mac OS X")),
    ("ChromeOS", re.compile(r"CrOS")),
    ("Linux", re.compile(r"Linux|X11")),
)


def name_browser(user_agent: str) -> tuple[str, str | None]:
    """A name like ``Firefox on Linux`` and the browser's major version, if it has one."""
    browser, version = None, None
    for name, pattern in _BROWSERS:
        if match := pattern.search(user_agent):
            browser, version = name, match[1][:50]
            break
    system = next((name for name, pattern in _SYSTEMS if pattern.search(user_agent)), None)
    if browser and system:
        return f"{browser} on {system}", version
    return browser or system or _NAMELESS, version


def visit_browser(
    session: Session, user_id: int, mark: str | None, address: str, user_agent: str
) -> Device:
    """The user's device for this browser, found or made; ``mark`` is the value of its cookie."""
    name, version = name_browser(user_agent)
    mark = mark if mark and _MARK.fullmatch(mark) else None
    device = None
    if mark:
        device = _find(session, user_id, DEVICES.c.client_device_identifier == mark)
    elif version is None:
        device = _find(
            session, user_id, DEVICES.c.ip_address == address[:45], DEVICES.c.name == name
        )
    if device is None:
        device = Device(
            id=str(uuid.uuid4()),
            user_id=user_id,
            name=name,
            platform=PLATFORM,
            client=CLIENT,
            client_device_identifier=mark,
        )
    device.client_device_identifier = device.client_device_identifier or str(uuid.uuid4())
    device.client_version = version
    device.ip_address = address[:45]
    device.last_seen = now()
    session.add(device)
    return device


def _find(session: Session, user_id: int, *conditions: ColumnElement[bool]) -> Device | None:
    query = select(Device).where(
        DEVICES.c.user_id == user_id, DEVICES.c.platform == PLATFORM, *conditions
    )
    return session.scalars(query.order_by(DEVICES.c.created_at).limit(1)).first()
