"""uvicorn as it is run here: what proxies are believed, and how a request has to begin.

What some clients send is not quite HTTP: ``GET /cover.png?ts=2026-01-01 10:00:00 HTTP/1.1``.
"""

import asyncio
import re
from collections.abc import Sequence
from ipaddress import IPv4Network, ip_network
from typing import Any

HEAD_LIMIT = 2**20
"""Bytes of a request before its body; the address of a large download holds many ids."""
_TOO_LONG = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\n"
    b"Content-Length: 0\r\nConnection: close\r\n\r\n"
)
_REQUEST_LINE = re.compile(rb"(?:GET|HEAD) ([^\r\n]* [^\r\n]*) HTTP/1\.[01]\r\n")


def server_options(proxies: Sequence[str]) -> dict[str, Any]:
    """Options of ``uvicorn.Config``; ``proxies`` are networks whose forwarding headers count.

    From them ``X-Forwarded-For`` tells the client, its last address that is no proxy's, and
    ``X-Forwarded-Proto`` the scheme. From anybody else both are ignored.
    """
    return {
        "http": tolerant_protocol(),
        "lifespan": "off",
        "log_config": None,
        "access_log": False,
        "server_header": False,
        "proxy_headers": bool(proxies),
        "forwarded_allow_ips": [way for network in proxies for way in _both_ways(network)],
        "timeout_graceful_shutdown": 10,
    }


def _both_ways(network: str) -> list[str]:
    """The network as it is and as a socket for both IPv4 and IPv6 tells it."""
    known = ip_network(network)
    if not isinstance(known, IPv4Network):
        return [network]
    return [network, f"::ffff:{known.network_address}/{96 + known.prefixlen}"]


def mend_request_line(data: bytes) -> bytes:
    """Bytes that begin a request without a body, with raw spaces in its address as ``%20``."""
    found = _REQUEST_LINE.match(data)
    if found is None:
        return data
    start, end = found.span(1)
    return data[:start] + data[start:end].replace(b" ", b"%20") + data[end:]


def tolerant_protocol() -> type[asyncio.Protocol]:
    """uvicorn's HTTP protocol, taking raw spaces in addresses and no endless headers.

    Nothing is touched while a body is being read, so no content can be taken for a request.
    """
    from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

    class Tolerant(HttpToolsProtocol):
        head: int | None = 0
        """Bytes read of a request that has not come to its body; None while that is read."""

        def data_received(self, data: bytes) -> None:
            if self.head is not None:
                self.head += len(data)
                if self.head > HEAD_LIMIT:
                    self.transport.write(_TOO_LONG)
                    self.transport.close()
                    return
            is_between_requests = self.cycle is None or not self.cycle.more_body
            super().data_received(mend_request_line(data) if is_between_requests else data)

        def on_headers_complete(self) -> None:
            self.head = None
            super().on_headers_complete()

        def on_message_complete(self) -> None:
            self.head = 0
            super().on_message_complete()

    return Tolerant
