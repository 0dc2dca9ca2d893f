"""Whom an OpenID provider answers for: its claims, read in the order RomM reads them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from romm_lite.kernel.errors import RequestError
from romm_lite.kernel.settings import Settings

Claims = Mapping[str, Any]
Granted = Literal["admin", "editor", "viewer"]
Why = Literal[
    "oidc-off",
    "oidc-unreachable",
    "oidc-expired",
    "oidc-denied",
    "oidc-token",
    "oidc-no-email",
    "oidc-email-unverified",
    "oidc-email-taken",
    "oidc-no-username",
    "oidc-no-role",
    "oidc-no-registration",
    "oidc-no-admin",
    "oidc-disabled",
]
ANYBODY = "*"
"""As OIDC_ROLE_VIEWER: whoever has no other role is a viewer."""


class OidcRefused(RequestError):
    """A login through the provider came to nothing; ``why`` is what the login page is told."""

    def __init__(self, why: Why, detail: str, status: int = 400) -> None:
        super().__init__(detail)
        self.why = why
        self.status = status


@dataclass(frozen=True)
class Person:
    """Somebody the provider answers for."""

    issuer: str
    subject: str
    email: str
    is_email_verified: bool
    username: str
    """As the provider has it, which may be no username here."""
    granted: Granted | None
    """The role the provider gives them; None if it says nothing about roles."""
    logout_url: str | None = field(default=None, repr=False)
    """Where their browser goes to log out at the provider as well; it holds the id token."""


def lacks_claims(claims: Claims, settings: Settings) -> bool:
    """Whether something is missing in an id token that the provider may tell when asked."""
    wanted = ["email", "email_verified", settings.oidc_username_attribute]
    if settings.oidc_claim_roles:
        wanted.append(settings.oidc_claim_roles)
    return any(find_claim(claims, name) is None for name in wanted)


def merge(token: Claims, userinfo: Claims) -> Claims:
    """Both together; an address and whether it was verified always come from the same one."""
    if "email" in userinfo:
        token = {name: value for name, value in token.items() if name != "email_verified"}
    return {**token, **userinfo}


def find_claim(claims: Claims, name: str) -> Any:
    """A claim, None if there is none. Where none has this very name, dots lead into objects:
    ``realm_access.roles``."""
    if name in claims:
        return claims[name]
    found: Any = claims
    for part in name.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    return found


def read_person(claims: Claims, issuer: str, settings: Settings, *, tells_verified: bool) -> Person:
    """Whom these claims are about; OidcRefused for somebody who may not come in.

    ``tells_verified``: the provider says that it tells whether addresses are verified.
    """
    email = claims.get("email")
    if not isinstance(email, str) or not email.strip():
        raise OidcRefused("oidc-no-email", "Email is missing from token.")
    verified = claims.get("email_verified")
    is_verified = verified is True or verified == "true"  # some write it as text
    if not is_verified and (tells_verified or verified is not None):
        raise OidcRefused("oidc-email-unverified", "Email is not verified.")
    attribute = settings.oidc_username_attribute
    username = find_claim(claims, attribute)
    if not isinstance(username, str) or not username.strip():
        raise OidcRefused("oidc-no-username", f"'{attribute}' attribute is missing from token.")
    return Person(
        issuer=issuer,
        subject=claims["sub"],
        email=email.strip().lower(),
        is_email_verified=is_verified,
        username=username,
        granted=_read_granted(claims, settings),
    )


def _read_granted(claims: Claims, settings: Settings) -> Granted | None:
    name = settings.oidc_claim_roles
    value = find_claim(claims, name) if name else None
    if value is None:
        return None
    roles = _read_roles(value)
    if settings.oidc_role_admin in roles:
        return "admin"
    if settings.oidc_role_editor in roles:
        return "editor"
    if settings.oidc_role_viewer in roles or settings.oidc_role_viewer == ANYBODY:
        return "viewer"
    raise OidcRefused(
        "oidc-no-role", "User has not been granted any roles for this application.", 403
    )


def _read_roles(value: Any) -> set[str]:
    """Text is one role; of a list the members are, of an object the names of its members."""
    members = value if isinstance(value, list | Mapping) else [value]
    return {member for member in members if isinstance(member, str)}
