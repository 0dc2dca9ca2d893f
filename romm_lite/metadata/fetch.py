"""Fetching from addresses that people typed in, without being led into the network at home.

Every name is looked up once, every answer has to be a public address, and the connection goes to
the address that was checked; a redirect begins anew. With a proxy configured the same check is made
before the request, which then goes to the proxy by name.
"""

import ipaddress
import socket
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import IO
from urllib.request import getproxies, proxy_bypass

import httpx

from romm_lite import __version__
from romm_lite.kernel.errors import Invalid, RommError

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolve = Callable[[str, int], Sequence[str]]

SECONDS = 120
"""A whole fetch, redirects included."""
REDIRECTS = 5
BLOCK = 64 * 2**10
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_HOME = (".local", ".internal", ".localhost", ".home.arpa", ".lan")
_PORTS = {"http": 80, "https": 443}


class NotFetched(RommError):
    """There was no answer, or not one that can be used; the text says why."""


def look_up(host: str, port: int) -> Sequence[str]:
    """All addresses of a name."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(address[0]) for *_, address in found]


@dataclass(frozen=True)
class Fetcher:
    """Downloads from anywhere outside. ``allowed`` are ``host:port`` that may lie inside."""

    allowed: frozenset[str] = frozenset()
    resolve: Resolve = look_up
    clock: Callable[[], float] = field(default=time.monotonic)

    def download(self, url: str, into: IO[bytes], *, most: int, kinds: Sequence[str]) -> str:
        """Write what an address answers; returns its content type without parameters.

        At most ``most`` bytes, of a type that begins with one of ``kinds``. Invalid for an address
        that must not be asked, NotFetched for any other failure.
        """
        end = self.clock() + SECONDS
        try:
            with self._open(url, end) as answer:
                given: str = answer.headers.get("content-type", "")
                kind = given.partition(";")[0].strip().lower()
                if not kind.startswith(tuple(kinds)):
                    raise NotFetched(f"It is of type {kind or 'unknown'}, not {' or '.join(kinds)}")
                self._copy(answer, into, most, end)
                return kind
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise NotFetched(f"It cannot be reached: {type(error).__name__}") from error

    def check(self, url: str) -> None:
        """Refuse an address that must not be asked, before it is stored; Invalid says why."""
        self._choose(_parse(url))

    @contextmanager
    def _open(self, url: str, end: float) -> Iterator[httpx.Response]:
        """The answer at the end of all redirects."""
        target = _parse(url)
        with httpx.Client(timeout=30, follow_redirects=False) as client:
            for _ in range(REDIRECTS + 1):
                answer = client.send(self._request(client, target), stream=True)
                try:
                    if not answer.is_redirect:
                        if answer.status_code != 200:
                            raise NotFetched(f"It answers {answer.status_code}")
                        yield answer
                        return
                    target = _parse(str(target.join(answer.headers["location"])))
                finally:
                    answer.close()
                if self.clock() > end:
                    raise NotFetched(f"It took more than {SECONDS} seconds")
        raise NotFetched(f"It redirects more than {REDIRECTS} times")

    def _request(self, client: httpx.Client, target: httpx.URL) -> httpx.Request:
        address = self._choose(target)
        headers = {"User-Agent": f"romm_lite/{__version__}", "Accept": "*/*"}
        if _is_proxied(target):
            return client.build_request("GET", target, headers=headers)
        headers["Host"] = target.netloc.decode("ascii")
        extensions = {"sni_hostname": target.host}
        at = target.copy_with(host=address)
        return client.build_request("GET", at, headers=headers, extensions=extensions)

    def _choose(self, target: httpx.URL) -> str:
        """The address to connect to; Invalid if any that the name has lies inside."""
        host = target.host.rstrip(".").lower()
        port = target.port or _PORTS[target.scheme]
        is_allowed = f"{host}:{port}" in self.allowed
        if not is_allowed and (host == "localhost" or host.endswith(_HOME)):
            raise Invalid(f"Addresses inside your network cannot be fetched: {host}")
        try:
            addresses = self.resolve(host, port)
        except (OSError, UnicodeError) as error:
            raise Invalid(f"There is no host called {host}") from error
        if not addresses:
            raise Invalid(f"There is no host called {host}")
        if not is_allowed and not all(is_public(each) for each in addresses):
            raise Invalid(f"Addresses inside your network cannot be fetched: {host}")
        return addresses[0]

    def _copy(self, answer: httpx.Response, into: IO[bytes], most: int, end: float) -> None:
        size = 0
        for block in answer.iter_bytes(BLOCK):
            size += len(block)
            if size > most:
                raise NotFetched(f"It is larger than {most} bytes")
            if self.clock() > end:
                raise NotFetched(f"It took more than {SECONDS} seconds")
            into.write(block)


def is_public(text: str) -> bool:
    """Whether an address is anybody's on the internet; one that carries another is judged by it."""
    try:
        address: IPAddress = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if address in _NAT64:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None:
            address = inner
    return address.is_global and not address.is_multicast


def _parse(url: str) -> httpx.URL:
    try:
        parsed = httpx.URL(url.strip())
    except (httpx.InvalidURL, UnicodeError) as error:
        raise Invalid("This is no address of the web") from error
    if parsed.scheme not in _PORTS or not parsed.host:
        raise Invalid("Only addresses that begin with http:// or https:// can be fetched")
    if parsed.userinfo:
        raise Invalid("An address with a name and password in it cannot be fetched")
    if not 0 < (parsed.port or _PORTS[parsed.scheme]) < 65536:
        raise Invalid("This is no address of the web")
    return parsed


def _is_proxied(target: httpx.URL) -> bool:
    proxies: Mapping[str, str] = getproxies()
    return target.scheme in proxies and not proxy_bypass(target.host)
