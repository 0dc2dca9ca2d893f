import gzip
import logging
from typing import Any

import pytest
from starlette.responses import (
    HTMLResponse,
    JSONResponse,
    PlainTextResponse,
    Response,
    StreamingResponse,
)
from starlette.testclient import TestClient
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocketDisconnect

from romm_lite.web.middleware import (
    AccessLog,
    Compression,
    RequestId,
    RootPath,
    SecurityHeaders,
    allow_origins,
)

LONG = "a long text " * 200


async def echo_path(scope: Scope, receive: Receive, send: Send) -> None:
    await PlainTextResponse(scope["path"])(scope, receive, send)


def test_root_path_is_taken_off() -> None:
    client = TestClient(RootPath(echo_path, "/romm/"))
    assert client.get("/romm/api/x").text == "/api/x"
    assert client.get("/romm/romm/x").text == "/romm/x"
    assert client.get("/romm").text == "/"


@pytest.mark.parametrize("path", ["/", "/api/x", "/rommel/x"])
def test_outside_of_the_root_path_is_nothing(path: str) -> None:
    answer = TestClient(RootPath(echo_path, "/romm")).get(path)
    assert (answer.status_code, answer.json()) == (404, {"detail": "Not Found"})


def test_socket_outside_of_the_root_path_is_closed() -> None:
    client = TestClient(RootPath(echo_path, "/romm"))
    with pytest.raises(WebSocketDisconnect), client.websocket_connect("/ws"):
        pass


def test_request_id_is_kept_if_sane() -> None:
    client = TestClient(RequestId(echo_path))
    assert client.get("/", headers={"x-request-id": "abc-1"}).headers["x-request-id"] == "abc-1"


@pytest.mark.parametrize("given", [b"", b"a b", b"x" * 65, b"a\xe9"])
def test_request_id_is_made_otherwise(given: bytes) -> None:
    made = TestClient(RequestId(echo_path)).get("/", headers={b"x-request-id": given})
    assert len(made.headers["x-request-id"]) == 32


def test_request_id_is_in_the_scope() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await PlainTextResponse(scope["request_id"])(scope, receive, send)

    answer = TestClient(RequestId(app)).get("/")
    assert answer.text == answer.headers["x-request-id"]


def test_access_is_logged_without_the_query(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, "romm_lite.web.middleware"):
        TestClient(AccessLog(echo_path)).get("/api/x?token=secret")
    assert "GET '/api/x' 200" in caplog.text
    assert "secret" not in "".join(r.getMessage() for r in caplog.records if "romm" in r.name)


def test_security_headers() -> None:
    headers = TestClient(SecurityHeaders(echo_path)).get("/").headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    assert "content-security-policy" not in headers


def test_html_has_a_policy() -> None:
    client = TestClient(SecurityHeaders(HTMLResponse("<p>")))
    assert "frame-ancestors 'self'" in client.get("/").headers["content-security-policy"]


def test_what_the_answer_says_itself_stays() -> None:
    own = {"content-security-policy": "sandbox", "x-frame-options": "DENY"}
    answer = TestClient(SecurityHeaders(HTMLResponse("<p>", headers=own))).get("/")
    assert answer.headers.get_list("content-security-policy") == ["sandbox"]
    assert answer.headers.get_list("x-frame-options") == ["DENY"]


ORIGIN = {"origin": "https://player.example"}


def test_without_origins_no_header_is_sent() -> None:
    answer = TestClient(allow_origins(echo_path, [])).get("/", headers=ORIGIN)
    assert not [name for name in answer.headers if name.startswith("access-control")]


@pytest.mark.parametrize("origins", [["*"], ["https://player.example"]])
def test_allowed_origin_is_echoed_with_credentials(origins: list[str]) -> None:
    headers = TestClient(allow_origins(echo_path, origins)).get("/", headers=ORIGIN).headers
    assert headers["access-control-allow-origin"] == ORIGIN["origin"]
    assert headers["access-control-allow-credentials"] == "true"
    assert "Origin" in headers["vary"]


def test_other_origin_is_told_nothing() -> None:
    client = TestClient(allow_origins(echo_path, ["https://other.example"]))
    assert "access-control-allow-origin" not in client.get("/", headers=ORIGIN).headers


def test_preflight() -> None:
    asked = {
        **ORIGIN,
        "access-control-request-method": "DELETE",
        "access-control-request-headers": "x-csrftoken",
    }
    answer = TestClient(allow_origins(echo_path, ["*"])).options("/", headers=asked)
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-headers"] == "x-csrftoken"
    assert answer.headers["access-control-max-age"] == "600"
    assert "DELETE" in answer.headers["access-control-allow-methods"]


def answer_of(app: ASGIApp, method: str = "GET", coding: str = "gzip") -> Any:
    client = TestClient(Compression(app))
    return client.request(method, "/", headers={"accept-encoding": coding})


def test_text_is_compressed() -> None:
    answer = answer_of(JSONResponse({"text": LONG}, headers={"etag": '"x"'}))
    assert answer.headers["content-encoding"] == "gzip"
    assert answer.headers["vary"] == "Accept-Encoding"
    assert answer.headers["etag"] == 'W/"x"'
    assert answer.json() == {"text": LONG}
    assert int(answer.headers["content-length"]) < len(LONG) / 5


def test_long_text_is_compressed_too() -> None:
    text = LONG * 100
    assert answer_of(PlainTextResponse(text)).text == text


@pytest.mark.parametrize("coding", ["identity", "gzip;q=0", "br, gzip; q=0.0", ""])
def test_not_for_who_does_not_take_it(coding: str) -> None:
    answer = answer_of(PlainTextResponse(LONG), coding=coding)
    assert "content-encoding" not in answer.headers
    assert answer.headers["vary"] == "Accept-Encoding"


@pytest.mark.parametrize(
    "response",
    [
        PlainTextResponse("short"),
        Response(LONG, media_type="application/octet-stream"),
        PlainTextResponse(LONG, 206),
        PlainTextResponse(LONG, headers={"accept-ranges": "bytes"}),
        PlainTextResponse(LONG, headers={"content-disposition": "attachment"}),
    ],
)
def test_what_stays_as_it_is(response: Response) -> None:
    answer = answer_of(response)
    assert "content-encoding" not in answer.headers
    assert int(answer.headers["content-length"]) == len(response.body)


def test_encoded_answers_are_left_alone() -> None:
    packed = gzip.compress(LONG.encode())
    answer = answer_of(PlainTextResponse(packed, headers={"content-encoding": "gzip"}))
    assert answer.text == LONG


def test_streams_are_left_alone() -> None:
    async def pieces() -> Any:
        yield LONG
        yield LONG

    answer = answer_of(StreamingResponse(pieces(), media_type="text/plain"))
    assert "content-encoding" not in answer.headers
    assert answer.text == LONG * 2


def test_head_is_left_alone() -> None:
    answer = answer_of(PlainTextResponse(LONG), "HEAD")
    assert int(answer.headers["content-length"]) == len(LONG)
