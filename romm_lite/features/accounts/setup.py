"""The door to the first account, while there is none.

Whoever sits at this machine may make it; anybody else needs the token that the server printed when
it started. Once there is an administrator the door is closed for good.
"""

import hmac
import ipaddress
import secrets
from urllib.parse import quote

from starlette.requests import HTTPConnection

from romm_lite.features.accounts.address import host_of, is_loopback, own_address
from romm_lite.kernel.paths import Places, write_private
from romm_lite.kernel.settings import Settings

_FORWARDING = frozenset(
    {"forwarded", "via", "x-real-ip", "x-client-ip", "x-cluster-client-ip", "x-original-host"}
    | {"true-client-ip", "cf-connecting-ip", "fastly-client-ip", "fly-client-ip"}
)


def prepare_token(settings: Settings, *, is_claimed: bool) -> str | None:
    """The token to print at start, kept until it is used; None when none is needed."""
    path = settings.places.setup_token
    if is_claimed or settings.romm_setup_token == "none":  # noqa: S105
        forget_token(settings.places)
        return None
    token = read_token(settings.places)
    if token is None:
        token = secrets.token_urlsafe(18)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_private(path, token + "\n")
    return token


def read_token(places: Places) -> str | None:
    """The token that is kept, if there is one."""
    try:
        return places.setup_token.read_text(encoding="utf-8").strip() or None
    except FileNotFoundError:
        return None


def forget_token(places: Places) -> None:
    """Remove the token; the first account was made."""
    places.setup_token.unlink(missing_ok=True)


def setup_link(settings: Settings, token: str, port: int) -> str:
    """The address that opens the first-run page with the token filled in."""
    return f"{own_address(settings, port)}/setup?token={quote(token)}"


def may_make_first_account(settings: Settings, request: HTTPConnection, token: str | None) -> bool:
    """Whether this request may make the first account; ``token`` is the one it brings."""
    if settings.romm_setup_token == "none" or comes_from_this_machine(settings, request):  # noqa: S105
        return True
    kept = read_token(settings.places)
    return bool(kept and token) and hmac.compare_digest(str(kept).encode(), str(token).encode())


def comes_from_this_machine(settings: Settings, request: HTTPConnection) -> bool:
    """A loopback peer that is no proxy (no forwarding headers), asking for a loopback host.

    The host tells a page that somebody's browser was lured to from one that was asked for here.
    HTTP/1.0 is what nginx speaks to us unless it is told otherwise, headers or not; nobody else
    does.
    """
    if request.client is None or not is_loopback(request.client.host):
        return False
    if _is_proxy(settings, request.client.host) or request.scope.get("http_version") == "1.0":
        return False
    names = request.headers.keys()
    if any(name in _FORWARDING or name.startswith("x-forwarded-") for name in names):
        return False
    host = host_of(request.headers.get("host", ""))
    return host == "localhost" or is_loopback(host)


def _is_proxy(settings: Settings, host: str) -> bool:
    address = ipaddress.ip_address(host)
    address = getattr(address, "ipv4_mapped", None) or address
    return any(address in ipaddress.ip_network(known) for known in settings.romm_trusted_proxies)
