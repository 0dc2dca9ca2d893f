"""What some clients send is not quite HTTP: ``GET /cover.png?ts=2026-01-01 10:00:00 HTTP/1.1``."""

import asyncio
import re

_REQUEST_LINE = re.compile(rb"(?:GET|HEAD) ([^\r\n]* [^\r\n]*) HTTP/1\.[01]\r\n")


def mend_request_line(data: bytes) -> bytes:
    """Bytes that begin a request without a body, with raw spaces in its address as ``%20``."""
    found = _REQUEST_LINE.match(data)
    if found is None:
        return data
    start, end = found.span(1)
    return data[:start] + data[start:end].replace(b" ", b"%20") + data[end:]


def tolerant_protocol() -> type[asyncio.Protocol]:
    """uvicorn's HTTP protocol, taking raw spaces in addresses.

    Nothing is touched while a body is being read, so no content can be taken for a request.
    """
    from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

    class Tolerant(HttpToolsProtocol):
        def data_received(self, data: bytes) -> None:
            is_between_requests = self.cycle is None or not self.cycle.more_body
            super().data_received(mend_request_line(data) if is_between_requests else data)

    return Tolerant
