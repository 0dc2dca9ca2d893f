"""The door to the first account, while there is none.

Whoever sits at this machine may make it; anybody else needs the token that the server printed when
it started. Once there is an administrator the door is closed for good.
"""

import hmac
import ipaddress
import secrets
import socket
from urllib.parse import quote, urlsplit

from starlette.requests import HTTPConnection

from romm_lite.kernel.paths import Places, write_private
from romm_lite.kernel.settings import Settings

_FORWARDING = frozenset(
    {"forwarded", "via", "x-real-ip", "x-client-ip", "x-cluster-client-ip", "x-original-host"}
    | {"true-client-ip", "cf-connecting-ip", "fastly-client-ip", "fly-client-ip"}
)
_EVERYWHERE = frozenset({"0.0.0.0", "::", ""})  # noqa: S104  compared with, not bound to


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
    return f"{_address(settings, port)}/setup?token={quote(token)}"


def _address(settings: Settings, port: int) -> str:
    """Where people reach this server: its public address if that was set, else by the network."""
    base = settings.romm_base_url
    if (urlsplit(base).hostname or "") not in _EVERYWHERE:
        return base if base.endswith(settings.romm_root_path) else base + settings.romm_root_path
    host = settings.romm_host
    if host in _EVERYWHERE:
        host = _network_address()
    if ":" in host:
        host = f"[{host}]"
    return f"http://{host}:{port}{settings.romm_root_path}"


def _network_address() -> str:
    """This machine's address in its network. Nothing is sent: the route alone tells it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return "127.0.0.1"
        address: str = probe.getsockname()[0]
        return address


def may_make_first_account(settings: Settings, request: HTTPConnection, token: str | None) -> bool:
    """Whether this request may make the first account; ``token`` is the one it brings."""
    if settings.romm_setup_token == "none" or comes_from_this_machine(request):  # noqa: S105
        return True
    kept = read_token(settings.places)
    return bool(kept and token) and hmac.compare_digest(str(kept).encode(), str(token).encode())


def comes_from_this_machine(request: HTTPConnection) -> bool:
    """A loopback peer that is no proxy (no forwarding headers), asking for a loopback host.

    The host tells a page that somebody's browser was lured to from one that was asked for here.
    """
    if request.client is None or not _is_loopback(request.client.host):
        return False
    names = request.headers.keys()
    if any(name in _FORWARDING or name.startswith("x-forwarded-") for name in names):
        return False
    try:
        host = urlsplit("//" + request.headers.get("host", "")).hostname or ""
    except ValueError:
        return False
    return host == "localhost" or _is_loopback(host)


def _is_loopback(host: str) -> bool:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback
