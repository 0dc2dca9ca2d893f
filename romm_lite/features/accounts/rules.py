"""What a username, a password and an address may look like; refusals are 400 with one message."""

import re

from romm_lite.kernel.errors import Invalid

_USERNAME = re.compile(r"[A-Za-z0-9_-]+")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[A-Za-z]{2,}")
LONGEST = 255


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
