"""What the fields of a user may be; refusals are 400 with one message."""

import re
from typing import Any

import orjson
from sqlalchemy import exists, select
from sqlmodel import Session

from romm_lite.kernel.errors import Invalid
from romm_lite.tables.users import USERS

_USERNAME = re.compile(r"[A-Za-z0-9_-]+")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[A-Za-z]{2,}")
LONGEST = 255
UI_SETTINGS_BYTES = 256 * 1024
UI_SETTINGS_DEPTH = 32


def check_fields(username: str, password: str, email: str) -> None:
    """All three of a new user."""
    check_username(username)
    check_password(password)
    check_email(email)


def check_username(username: str) -> None:
    if not username.strip():
        raise Invalid("Username cannot be empty")
    if not username.isascii():
        raise Invalid("Username must contain only ASCII characters")
    if len(username) < 3:
        raise Invalid("Username must be at least 3 characters long")
    if len(username) > LONGEST:
        raise Invalid(f"Username must be no more than {LONGEST} characters long")
    if not _USERNAME.fullmatch(username):
        raise Invalid("Username can only contain letters, numbers, underscores, and hyphens")


def check_password(password: str) -> None:
    if not password.strip():
        raise Invalid("Password cannot be empty")
    if not password.isascii():
        raise Invalid("Password must contain only ASCII characters")
    if len(password) < 6:
        raise Invalid("Password must be at least 6 characters long")
    if len(password) > LONGEST:
        raise Invalid(f"Password must be no more than {LONGEST} characters long")


def check_email(email: str) -> None:
    """An empty one is none."""
    if not email:
        return
    if not email.isascii():
        raise Invalid("Email must contain only ASCII characters")
    if len(email) > LONGEST:
        raise Invalid(f"Email must be no more than {LONGEST} characters long")
    if not _EMAIL.fullmatch(email):
        raise Invalid("Invalid email format")


def check_ra_username(name: str) -> None:
    """An empty one is none."""
    if len(name) > LONGEST:
        raise Invalid(f"RetroAchievements username must be no more than {LONGEST} characters long")


def check_unused(session: Session, username: str, email: str, *, but: int | None = None) -> None:
    """Nobody, except perhaps the user ``but``, has this name or address; empty ones are free."""
    users = exists() if but is None else exists().where(USERS.c.id != but)
    if username and session.scalar(select(users.where(USERS.c.username == username.lower()))):
        raise Invalid(f"Username {username} already exists")
    if email and session.scalar(select(users.where(USERS.c.email == email.lower()))):
        raise Invalid(f"User with email {email} already exists")


def read_ui_settings(value: dict[str, Any] | str) -> dict[str, Any]:
    """The settings of a user's pages, of whatever meaning, from JSON text or as they are."""
    try:
        text = value.encode() if isinstance(value, str) else orjson.dumps(value)
        if len(text) > UI_SETTINGS_BYTES:
            raise Invalid(f"Invalid ui_settings JSON: more than {UI_SETTINGS_BYTES} bytes")
        parsed = orjson.loads(text)
    except (ValueError, TypeError) as error:
        raise Invalid(f"Invalid ui_settings JSON: {error}") from error
    if not isinstance(parsed, dict):
        raise Invalid("Invalid ui_settings JSON: it must be an object")
    if _is_deeper(parsed, UI_SETTINGS_DEPTH):
        raise Invalid(f"Invalid ui_settings JSON: nested more than {UI_SETTINGS_DEPTH} levels deep")
    return parsed


def _is_deeper(value: Any, levels: int) -> bool:
    """Whether objects and lists are nested in more than so many levels."""
    if not isinstance(value, dict | list):
        return False
    parts = value.values() if isinstance(value, dict) else value
    return levels == 0 or any(_is_deeper(part, levels - 1) for part in parts)
