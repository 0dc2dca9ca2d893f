"""What wraps the application, as plain ASGI.

Outermost first: ``RootPath``, ``RequestId``, ``AccessLog``, ``SecurityHeaders``, ``allow_origins``
(if any), ``Compression``, ``render.Shield``, then sessions, credentials and the operations.
"""

import logging
import re
import time
import uuid
from collections.abc import Collection, Mapping
from types import MappingProxyType

from anyio import to_thread
from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from romm_lite.web.compress import gzip
from romm_lite.web.render import json_response
from romm_lite.web.routing import refuse_socket

log = logging.getLogger(__name__)

SMALLEST = 1024
"""Bytes under which compression gains nothing."""
_INLINE = 64 * 1024
_COMPRESSIBLE = re.compile(
    r"text/|application/(json|javascript|xml|manifest\+json|openapi\+json)\b|image/svg\+xml"
)
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")

HTML_POLICY = (
    "default-src 'self'; img-src 'self' data: blob: https:; media-src 'self' blob:; "
    "style-src 'self' 'unsafe-inline'; connect-src 'self' ws: wss:; worker-src 'self' blob:; "
    "object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'self'"
)
SECURITY_HEADERS: Mapping[bytes, bytes] = MappingProxyType(
    {
        b"x-content-type-options": b"nosniff",
        b"referrer-policy": b"same-origin",
        b"x-frame-options": b"SAMEORIGIN",
        b"cross-origin-opener-policy": b"same-origin-allow-popups",
    }
)


class RootPath:
    """Serves everything below ``prefix`` (``/romm``); inside, paths are as on the root.

    What lies outside is 404.
    """

    def __init__(self, app: ASGIApp, prefix: str) -> None:
        self._app = app
        self._prefix = "/" + prefix.strip("/")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        path: str = scope["path"]
        if path == self._prefix or path.startswith(self._prefix + "/"):
            inside = {**scope, "path": path[len(self._prefix) :] or "/"}
            raw = scope.get("raw_path") or b""
            if raw.startswith(self._prefix.encode()):
                inside["raw_path"] = raw[len(self._prefix.encode()) :] or b"/"
            await self._app(inside, receive, send)
        elif scope["type"] == "http":
            await json_response({"detail": "Not Found"}, 404)(scope, receive, send)
        else:
            await refuse_socket(send)


class RequestId:
    """Gives every request an id, its own ``X-Request-ID`` if that is a sane one, and returns it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = Headers(scope=scope).get("x-request-id", "")
        if not _REQUEST_ID.fullmatch(request_id):
            request_id = uuid.uuid4().hex
        scope["request_id"] = request_id
        header = (b"x-request-id", request_id.encode())

        async def add_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), header]
            await send(message)

        await self._app(scope, receive, add_id)


class AccessLog:
    """One DEBUG line a request; the query is left out, it may hold tokens."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not log.isEnabledFor(logging.DEBUG):
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        status = 0

        async def note(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, note)
        finally:
            passed = (time.perf_counter() - began) * 1000
            log.debug("%s %r %d in %.1f ms", scope["method"], scope["path"], status, passed)


class SecurityHeaders:
    """Headers that keep a browser from guessing, framing and leaking; set where not set inside."""

    def __init__(self, app: ASGIApp, html_policy: str = HTML_POLICY) -> None:
        self._app = app
        self._html_policy = html_policy.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def add_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                present = dict(message.get("headers", ()))
                wanted = dict(SECURITY_HEADERS)
                if present.get(b"content-type", b"").startswith(b"text/html"):
                    wanted[b"content-security-policy"] = self._html_policy
                missing = [item for item in wanted.items() if item[0] not in present]
                message["headers"] = [*message.get("headers", ()), *missing]
            await send(message)

        await self._app(scope, receive, add_headers)


def allow_origins(app: ASGIApp, origins: Collection[str]) -> ASGIApp:
    """Lets pages of these origins call the API with credentials; ``*`` is every origin.

    Without any, no header is sent and browsers keep to the same origin.
    """
    if not origins:
        return app
    return CORSMiddleware(
        app,
        allow_origins=list(origins),
        allow_methods=["*"],
        allow_headers=["*"],
        allow_credentials=True,
    )


class Compression:
    """gzip for text answers that come in one piece and cannot be asked for in part.

    Downloads, ranges, anything streamed and anything encoded already goes through untouched.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] == "HEAD":
            await self._app(scope, receive, send)
            return
        packing = _Packing(send, wanted=_accepts_gzip(Headers(scope=scope)))
        await self._app(scope, receive, packing.send)


class _Packing:
    """Holds one answer's headers back until its body is seen."""

    def __init__(self, send: Send, *, wanted: bool) -> None:
        self._send = send
        self._wanted = wanted
        self._start: Message | None = None

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            if _may_pack(message):
                self._start = message
                return
        elif self._start is not None:
            start, self._start = self._start, None
            message = await self._pack(start, message)
            await self._send(start)
        await self._send(message)

    async def _pack(self, start: Message, message: Message) -> Message:
        body: bytes = message.get("body", b"")
        if message.get("more_body") or len(body) < SMALLEST:
            return message
        headers = MutableHeaders(raw=start["headers"])
        headers.add_vary_header("Accept-Encoding")
        if not self._wanted:
            return message
        packed = gzip(body) if len(body) <= _INLINE else await to_thread.run_sync(gzip, body)
        headers["content-encoding"] = "gzip"
        headers["content-length"] = str(len(packed))
        if headers.get("etag", "W/")[:2] != "W/":
            headers["etag"] = "W/" + headers["etag"]
        return {**message, "body": packed}


def _may_pack(start: Message) -> bool:
    headers = MutableHeaders(raw=start["headers"])
    return (
        start["status"] not in (204, 206, 304)
        and _COMPRESSIBLE.match(headers.get("content-type", "")) is not None
        and "content-encoding" not in headers
        and "content-disposition" not in headers
        and headers.get("accept-ranges") != "bytes"
    )


def _accepts_gzip(headers: Headers) -> bool:
    for part in headers.get("accept-encoding", "").lower().split(","):
        coding, _, weight = part.partition(";")
        if coding.strip() in ("gzip", "*"):
            return not re.fullmatch(r"\s*q\s*=\s*0(\.0*)?\s*", weight)
    return False
