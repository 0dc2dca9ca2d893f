"""How a cookie of ours is written."""

from typing import Literal

from romm_lite.kernel.settings import Settings

SameSite = Literal["strict", "lax"]


def cookie(
    settings: Settings,
    name: str,
    value: str,
    *,
    max_age: int | None = None,
    expires: str | None = None,
    http_only: bool = True,
    same_site: SameSite | None = None,
) -> str:
    """A Set-Cookie value for the place the program is shown at; ``max_age`` is in seconds.

    Unless ``same_site`` is given it is strict, or lax where people come back to us from the page
    of an OpenID provider.
    """
    same_site = same_site or ("lax" if settings.oidc_enabled else "strict")
    parts = [f"{name}={value}", f"Path={settings.romm_root_path or '/'}"]
    if max_age is not None:
        parts.append(f"Max-Age={max_age}")
    if expires is not None:
        parts.append(f"Expires={expires}")
    if http_only:
        parts.append("HttpOnly")
    parts.append(f"SameSite={same_site}")
    if settings.romm_session_secure_cookie:
        parts.append("Secure")
    return "; ".join(parts)
