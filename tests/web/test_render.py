import errno
import logging
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import Any

import anyio
import orjson
import pytest
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.testclient import TestClient
from starlette.types import Receive, Scope, Send

from romm_lite.kernel import errors
from romm_lite.web.render import Shield, to_json


def failing(error: Exception) -> Any:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        raise error

    return app


def answer_to(error: Exception, **options: Any) -> Any:
    return TestClient(Shield(failing(error), **options)).get("/x")


@pytest.mark.parametrize(
    ("error", "status", "detail"),
    [
        (errors.NotFound("Rom with id '7' not found"), 404, "Rom with id '7' not found"),
        (errors.Conflict({"error": "device_exists"}), 409, {"error": "device_exists"}),
        (errors.UnsafePath("'..' leads out of its folder"), 400, "'..' leads out of its folder"),
        (errors.LibraryUnavailable("The library is gone"), 503, "The library is gone"),
        (HTTPException(418, "short and stout"), 418, "short and stout"),
    ],
)
def test_known_errors(error: Exception, status: int, detail: Any) -> None:
    answer = answer_to(error)
    assert (answer.status_code, answer.json()) == (status, {"detail": detail})


def test_headers_of_an_error() -> None:
    assert answer_to(errors.TooMany("slow down", 30)).headers["retry-after"] == "30"


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_full_disk(number: int) -> None:
    answer = answer_to(OSError(number, "No space left on device"))
    assert answer.status_code == 507
    assert "disk is full" in answer.json()["detail"]


def test_errors_of_other_libraries_are_translated_by_the_application() -> None:
    def translate(error: Exception) -> errors.RequestError | None:
        return errors.Unavailable("The database is busy") if "locked" in str(error) else None

    assert answer_to(KeyError("database is locked"), translate=translate).status_code == 503
    assert answer_to(KeyError("other"), translate=translate).status_code == 500


def test_fault_is_logged_once_and_tells_nothing(caplog: pytest.LogCaptureFixture) -> None:
    shield = Shield(failing(RuntimeError("SELECT secret FROM users")))

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await shield({**scope, "request_id": "abc"}, receive, send)

    answer = TestClient(app).get("/x")
    assert answer.status_code == 500
    assert answer.json() == {"detail": "Internal Server Error", "request_id": "abc"}
    (record,) = [r for r in caplog.records if r.name == "romm_lite.web.render"]
    assert record.exc_info is not None
    assert "abc" in record.getMessage()


def test_error_after_the_start_leaves_the_answer_unfinished(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"half", "more_body": True})
        raise errors.Conflict("the file changed")

    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        return {"type": "http.disconnect"}

    with caplog.at_level(logging.WARNING):
        anyio.run(Shield(app), {"type": "http", "method": "GET", "path": "/x"}, receive, send)
    assert [message.get("more_body") for message in sent] == [None, True]
    assert "the file changed" in caplog.text


class Model(BaseModel):
    name: str


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), b'"2026-01-02T03:04:05+00:00"'),
        (datetime(2026, 1, 2, 3, 4, 5, 6), b'"2026-01-02T03:04:05.000006+00:00"'),
        ({1: {"é"}}, '{"1":["é"]}'.encode()),
        (b"raw", b'"raw"'),
        (PurePosixPath("a/b"), b'"a/b"'),
        (Model(name="x"), b'{"name":"x"}'),
        (ValueError("private"), b"{}"),
        (2**64, b"18446744073709551616"),
        ("\ud800", b'"\\ud800"'),
    ],
)
def test_json(value: Any, text: bytes) -> None:
    assert to_json(value) == text


def test_prepared_json_passes_through() -> None:
    assert to_json({"a": orjson.Fragment(b'{"b":1}')}) == b'{"a":{"b":1}}'
