"""Where this server is found: by people who follow a link, by devices that scan a code."""

import ipaddress
import re
import socket
from urllib.parse import SplitResult, urlsplit

from starlette.requests import HTTPConnection

from romm_lite.kernel.settings import Settings

_EVERYWHERE = frozenset({"0.0.0.0", "::", ""})  # noqa: S104  compared with, not bound to
_AUTHORITY = re.compile(
    r"(?:[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?|\[[0-9a-f:.]+\])(?::[0-9]+)?", re.IGNORECASE
)


def own_address(settings: Settings, port: int) -> str:
    """Where people reach this server: its public address if that was set, else by the network."""
    if (public := public_address(settings)) is not None:
        return public
    host = settings.romm_host
    if host in _EVERYWHERE:
        host = _find_network_host()
    if ":" in host:
        host = f"[{host}]"
    return f"http://{host}:{port}{settings.romm_root_path}"


def public_address(settings: Settings) -> str | None:
    """ROMM_BASE_URL with the sub-path; None where it is unset or leads nobody else here."""
    base = settings.romm_base_url
    parts = _split(base)
    if parts is None or parts.scheme not in ("http", "https") or _is_this_machine(parts):
        return None
    return base if base.endswith(settings.romm_root_path) else base + settings.romm_root_path


def reachable_address(settings: Settings, request: HTTPConnection) -> str | None:
    """Where another device reaches this server: its public address, else the one that was asked
    for, which has just proved good, else by the network. None if all lead to this machine alone."""
    found = (
        public_address(settings)
        or _asked_address(settings, request)
        or own_address(settings, settings.romm_port)
    )
    parts = _split(found)
    return None if parts is None or _is_this_machine(parts) else found


def _asked_address(settings: Settings, request: HTTPConnection) -> str | None:
    """What the request's Host header leads to, if others can follow it."""
    authority = request.headers.get("host", "")
    parts = _split(f"//{authority}")
    if not _AUTHORITY.fullmatch(authority) or parts is None or _is_this_machine(parts):
        return None
    # A browser tells here that it speaks TLS to a proxy whose own word is not to be believed.
    is_secure = request.headers.get("origin", "").lower() == f"https://{authority.lower()}"
    scheme = "https" if is_secure else request.url.scheme
    return f"{scheme}://{authority}{settings.romm_root_path}"


def host_of(authority: str) -> str:
    """The host of a Host header in small letters, without port and brackets; "" if it has none."""
    parts = _split(f"//{authority}")
    return "" if parts is None else parts.hostname or ""


def _split(address: str) -> SplitResult | None:
    try:
        parts = urlsplit(address)
        _ = parts.port
    except ValueError:
        return None
    return parts


def _is_this_machine(parts: SplitResult) -> bool:
    """Whether an address leads every machine to itself, or nowhere."""
    host = (parts.hostname or "").rstrip(".")
    if host in _EVERYWHERE or host == "localhost" or host.endswith(".localhost"):
        return True
    return is_loopback(host)


def is_loopback(host: str) -> bool:
    """Whether a host is an address of the loopback interface; names are not looked up."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback


def _find_network_host() -> str:
    """This machine's address in its network. Nothing is sent: the route alone tells it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return "127.0.0.1"
        host: str = probe.getsockname()[0]
        return host
