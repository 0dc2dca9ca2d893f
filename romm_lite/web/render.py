"""JSON, and the only place that turns an error into a response.

Every error has the body ``{"detail": …}``; validation errors have FastAPI's list there.
"""

import errno
import json
import logging
from collections.abc import Callable, Mapping
from pathlib import PurePath
from typing import Any

import orjson
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from romm_lite.kernel.errors import (
    Invalid,
    LibraryUnavailable,
    RequestError,
    RommError,
    StorageFull,
    Unavailable,
    UnsafePath,
)

log = logging.getLogger(__name__)
Translate = Callable[[Exception], RequestError | None]
"""What the application knows about errors of foreign libraries (a busy database …)."""

_OPTIONS = orjson.OPT_NAIVE_UTC | orjson.OPT_NON_STR_KEYS
_DISK_FULL = {errno.ENOSPC, errno.EDQUOT}


def to_json(value: Any) -> bytes:
    """JSON of anything a model dumps to; a time without a zone is taken to be UTC.

    What no strict encoder takes (half a surrogate pair, an integer of more than 64 bits) goes out
    escaped or in full, since a client's own input is quoted back to it in a 422.
    """
    try:
        return orjson.dumps(value, _plain, _OPTIONS)
    except TypeError:
        return json.dumps(value, default=_plain, separators=(",", ":")).encode()


def _plain(value: Any) -> Any:
    """What JSON has no word for, in words it has."""
    if isinstance(value, BaseModel):
        return value.model_dump(by_alias=True)
    if isinstance(value, set | frozenset | tuple):
        return list(value)
    if isinstance(value, bytes | bytearray):
        return value.decode("utf-8", "replace")
    if isinstance(value, Exception):
        return {}
    return value.as_posix() if isinstance(value, PurePath) else str(value)


def json_response(
    content: Any, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """``content`` as a JSON response; bytes are taken to be JSON already."""
    body = content if isinstance(content, bytes) else to_json(content)
    return Response(body, status, headers, "application/json")


def translate_nothing(_error: Exception) -> None:
    """The ``Translate`` of an application without foreign errors."""


def describe(error: Exception, translate: Translate = translate_nothing) -> RequestError | None:
    """The error as one with a status, or None if it is a fault of the program."""
    if isinstance(error, RequestError):
        return error
    if isinstance(error, HTTPException):
        known = RequestError(error.detail, error.headers)
        known.status = error.status_code
        return known
    if isinstance(error, UnsafePath):
        return Invalid(str(error))
    if isinstance(error, LibraryUnavailable):
        return Unavailable(str(error))
    if isinstance(error, OSError) and error.errno in _DISK_FULL:
        return StorageFull("The disk is full. Free some space and try again.")
    return translate(error)


class Shield:
    """Turns every exception of the application inside it into a response.

    A fault of the program is logged once with its traceback and answered 500 with the request's
    id and nothing else. When the answer has begun already it is left unfinished, which makes the
    server close the connection, so that nobody takes half a file for a whole one.
    """

    def __init__(self, app: ASGIApp, translate: Translate = translate_nothing) -> None:
        self._app = app
        self._translate = translate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = False

        async def note(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self._app(scope, receive, note)
        except ClientDisconnect:
            log.debug("The client left during %s %r", scope["method"], scope["path"])
        except Exception as error:
            if started:
                _tell_broken(scope, error)
            else:
                await self._respond(scope, error)(scope, receive, send)

    def _respond(self, scope: Scope, error: Exception) -> Response:
        known = describe(error, self._translate)
        if known is not None:
            return json_response({"detail": known.detail}, known.status, known.headers)
        request_id = scope.get("request_id")
        log.error(
            "%s %r failed (request %s)", scope["method"], scope["path"], request_id, exc_info=error
        )
        body = {"detail": "Internal Server Error", "request_id": request_id}
        return json_response(body, 500)


def _tell_broken(scope: Scope, error: Exception) -> None:
    expected = isinstance(error, RommError | OSError)
    log.warning(
        "The answer to %s %r broke off: %s",
        scope["method"],
        scope["path"],
        error,
        exc_info=None if expected else error,
    )
