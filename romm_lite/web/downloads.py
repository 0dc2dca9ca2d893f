"""Sending the bytes of a file, whole or in part.

Conditions and ranges follow RFC 9110; a request for several ranges is answered with the whole, as
the standard allows. Bytes are read in pieces of 4 MiB in worker threads, which is as fast as a web
server written in C does it.
"""

import asyncio
import errno
import logging
import os
import re
import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC
from email.utils import formatdate, parsedate_to_datetime
from functools import partial
from pathlib import Path
from typing import Protocol
from urllib.parse import quote

from anyio import to_thread
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from romm_lite.kernel.errors import Conflict, NotFound

log = logging.getLogger(__name__)
PIECE = 4 * 2**20
_RANGE = re.compile(r"bytes=\s*(\d{0,19})\s*-\s*(\d{0,19})\s*", re.I | re.A)
_ABSENT = {errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG, errno.EINVAL, errno.ENXIO}


class ContentChanged(Conflict):
    """What is being sent is no longer what its headers promised."""


class Source(Protocol):
    """Opened bytes to send. Everything but ``close`` is called in a worker thread."""

    size: int
    etag: str
    """Strong and in quotes."""
    modified: float
    """Seconds since 1970."""
    headers: Mapping[str, str]

    def read_at(self, offset: int, limit: int) -> bytes:
        """Up to ``limit`` bytes, at least one; ContentChanged when there are none any more."""
        ...

    def close(self) -> None: ...


class FileSource:
    """A regular file; NotFound with the text ``missing`` if there is none that can be read."""

    def __init__(
        self, path: Path, missing: str, headers: Mapping[str, str], etag: str | None = None
    ) -> None:
        try:
            self._descriptor = os.open(path, _FLAGS)
        except (OSError, ValueError) as exc:
            if isinstance(exc, PermissionError):
                log.warning("%s cannot be read; give this program permission to read it", path)
            elif isinstance(exc, OSError) and exc.errno not in _ABSENT:
                raise
            raise NotFound(missing) from exc
        found = os.fstat(self._descriptor)
        if not stat.S_ISREG(found.st_mode):
            self.close()
            raise NotFound(missing)
        self._path = path
        self._position = 0
        self.size = found.st_size
        self.modified = found.st_mtime
        self.etag = etag or f'"{found.st_mtime_ns:x}-{found.st_size:x}"'
        self.headers = headers

    def read_at(self, offset: int, limit: int) -> bytes:
        if offset != self._position:
            self._position = os.lseek(self._descriptor, offset, os.SEEK_SET)
        piece = os.read(self._descriptor, limit)
        if not piece:
            raise ContentChanged(f"{self._path.name} became shorter while it was being sent")
        self._position += len(piece)
        return piece

    def close(self) -> None:
        os.close(self._descriptor)


_FLAGS = (
    os.O_RDONLY
    | getattr(os, "O_BINARY", 0)
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_NONBLOCK", 0)  # never wait for the other end of a pipe
)


class HandOver(Response):
    """Has the nginx in front send a file: no bytes, and under ``address`` where nginx finds them.

    Conditions and ranges are nginx's to answer, by its own ETag. NotFound as with a ``Download``.
    """

    def __init__(
        self, open_source: Callable[[], Source], address: str, headers: Mapping[str, str]
    ) -> None:
        super().__init__(headers={**headers, "x-accel-redirect": address})
        self._open_source = open_source

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        source = await to_thread.run_sync(self._open_source)
        source.close()
        _describe(self, source)
        await super().__call__(scope, receive, send)


@dataclass(frozen=True)
class Answer:
    """Which status and which bytes, from ``start`` to before ``stop``, a request gets."""

    status: int
    start: int
    stop: int


def choose_answer(method: str, headers: Headers, source: Source) -> Answer:
    """200, 206, 304 or 416, by the request's conditions and range."""
    size = source.size
    whole = Answer(200, 0, size)
    if method in ("GET", "HEAD") and _is_fresh(headers, source):
        return Answer(304, 0, 0)
    wanted = headers.get("range")
    if method != "GET" or wanted is None or size == 0 or not _may_resume(headers, source):
        return whole
    match = _RANGE.fullmatch(wanted)
    if match is None or not (match[1] or match[2]):
        return whole
    if not match[1]:
        start, last = size - min(int(match[2]), size), size - 1
    else:
        start, last = int(match[1]), int(match[2]) if match[2] else size - 1
        if last < start:
            return whole if match[2] else Answer(416, 0, 0)
    return Answer(206, start, min(last + 1, size)) if start < size else Answer(416, 0, 0)


def _is_fresh(headers: Headers, source: Source) -> bool:
    """Whether the client has this very content already."""
    tags = headers.get("if-none-match")
    if tags is not None:
        known = {tag.strip().removeprefix("W/") for tag in tags.split(",")}
        return "*" in known or source.etag in known
    since = _parse_date(headers.get("if-modified-since"))
    return since is not None and int(source.modified) <= since


def _may_resume(headers: Headers, source: Source) -> bool:
    """Whether the part the client has is of this very content, if it asks for that."""
    condition = headers.get("if-range")
    if condition is None or condition == source.etag:
        return True
    return _parse_date(condition) == int(source.modified)


def _parse_date(text: str | None) -> int | None:
    """Seconds since 1970 of an HTTP date."""
    if not text:
        return None
    try:
        moment = parsedate_to_datetime(text)
        return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())
    except (ValueError, OverflowError):
        return None


class Download(Response):
    """Sends what ``open_source`` opens.

    It is opened, and may raise NotFound, before anything was sent. ``sent`` is called in a worker
    thread once the last byte of the whole content was handed to the client's connection; never for
    HEAD, for a range, or when the client left early.
    """

    def __init__(
        self,
        open_source: Callable[[], Source],
        headers: Mapping[str, str],
        sent: Callable[[], object] | None = None,
    ) -> None:
        self.status_code = 200
        self.background = None
        self._open_source = open_source
        self._sent = sent
        self.init_headers(headers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        start = partial(self._start, scope["method"], Headers(scope=scope))
        source, answer, first = await to_thread.run_sync(start)
        try:
            self._describe(source, answer)
            await send(
                {
                    "type": "http.response.start",
                    "status": answer.status,
                    "headers": self.raw_headers,
                }
            )
            has_body = scope["method"] != "HEAD"
            tells = self._sent if has_body and answer.status == 200 else None
            if tells is None and (not has_body or len(first) == answer.stop - answer.start):
                await send({"type": "http.response.body", "body": first})
            elif await _send_pieces(source, answer, first, receive, send) and tells is not None:
                await to_thread.run_sync(tells)
        finally:
            source.close()

    def _start(self, method: str, headers: Headers) -> tuple[Source, Answer, bytes]:
        """Open the source, decide and read the first piece, all in one worker thread."""
        source = self._open_source()
        try:
            answer = choose_answer(method, headers, source)
            if method == "HEAD" or answer.start == answer.stop:
                return source, answer, b""
            limit = min(PIECE, answer.stop - answer.start)
            return source, answer, source.read_at(answer.start, limit)
        except BaseException:
            source.close()
            raise

    def _describe(self, source: Source, answer: Answer) -> None:
        _describe(self, source)
        headers = self.headers
        if answer.status != 304:
            headers["content-length"] = str(answer.stop - answer.start)
        if answer.status == 206:
            headers["content-range"] = f"bytes {answer.start}-{answer.stop - 1}/{source.size}"
        elif answer.status == 416:
            headers["content-range"] = f"bytes */{source.size}"


def _describe(response: Response, source: Source) -> None:
    headers = response.headers
    headers.update(source.headers)
    headers["etag"] = source.etag
    headers["last-modified"] = formatdate(source.modified, usegmt=True)
    headers.setdefault("accept-ranges", "bytes")


async def _send_pieces(
    source: Source, answer: Answer, piece: bytes, receive: Receive, send: Send
) -> bool:
    """Send ``piece`` and all that follows it; False if the client left before the end."""
    leaving = asyncio.ensure_future(_wait_for_leaving(receive))
    position = answer.start
    try:
        while True:
            await send({"type": "http.response.body", "body": piece, "more_body": True})
            position += len(piece)
            if position >= answer.stop or leaving.done():
                break
            limit = min(PIECE, answer.stop - position)
            piece = b""  # not two in memory
            piece = await to_thread.run_sync(source.read_at, position, limit)
        if not leaving.done():
            # A server waits for its buffer to drain before it takes more, so that after this
            # either the bytes are on their way or the client is known to have left.
            await send({"type": "http.response.body", "body": b"", "more_body": True})
            await asyncio.sleep(0)
        left = leaving.done()
        if not left:
            await send({"type": "http.response.body", "body": b""})
        return not left
    finally:
        leaving.cancel()


async def _wait_for_leaving(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def file_response(
    path: Path,
    *,
    name: str | None = None,
    inline: bool = False,
    media_type: str = "application/octet-stream",
    disposition: str | None = None,
    missing: str = "File not found",
    etag: str | None = None,
    sent: Callable[[], object] | None = None,
) -> Download:
    """The file at ``path``, offered under ``name``; 404 ``missing`` if it is not there.

    ``disposition`` replaces the header made of ``name`` and ``inline``. ``etag`` (in quotes) is for
    content known by a hash; otherwise it is made of time and size.
    """
    headers = {
        "content-type": media_type,
        "content-disposition": disposition or content_disposition(name or path.name, inline=inline),
    }
    return Download(partial(FileSource, path, missing, {}, etag), headers, sent)


def hand_over_response(
    path: Path,
    address: str,
    *,
    name: str,
    inline: bool = False,
    media_type: str = "application/octet-stream",
    missing: str = "File not found",
) -> HandOver:
    """The same for the nginx in front, which finds the file under ``address``, to send."""
    headers = {
        "content-type": media_type,
        "content-disposition": content_disposition(name, inline=inline),
    }
    return HandOver(partial(FileSource, path, missing, {}), address, headers)


def content_disposition(name: str, *, inline: bool = False) -> str:
    """Both forms of the file's name, percent-encoded: what clients of ROM downloads parse."""
    encoded = quote(name, errors="replace")
    kind = "inline" if inline else "attachment"
    return f"{kind}; filename*=UTF-8''{encoded}; filename=\"{encoded}\""


def plain_disposition(name: str, *, inline: bool = False) -> str:
    """The name in quotes, or in RFC 5987 form if it needs encoding: for saves and states."""
    encoded = quote(name, errors="replace")
    kind = "inline" if inline else "attachment"
    return (
        f'{kind}; filename="{name}"' if encoded == name else f"{kind}; filename*=utf-8''{encoded}"
    )
