import os
import socket
import threading
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.testclient import TestClient

from romm_lite.web.downloads import (
    PIECE,
    Download,
    FileSource,
    choose_answer,
    content_disposition,
    file_response,
    plain_disposition,
)
from romm_lite.web.operations import Router
from romm_lite.web.table import OperationTable
from tests.web.support import read_head, serve

CONTENT = bytes(range(256)) * 10


@pytest.fixture
def rom(tmp_path: Path) -> Path:
    path = tmp_path / "Moss (USA).sfc"
    path.write_bytes(CONTENT)
    return path


def table_of(path: Path, **options: Any) -> OperationTable:
    router = Router("/api")

    def get_content() -> Response:
        return file_response(path, **options)

    for declare in (router.get, router.head, router.post):
        declare("/content", public=True)(get_content)
    return OperationTable(router.operations, {})


def client_of(path: Path, **options: Any) -> TestClient:
    return TestClient(table_of(path, **options))


def test_whole_file(rom: Path) -> None:
    answer = client_of(rom).get("/api/content")
    assert (answer.status_code, answer.content) == (200, CONTENT)
    headers = answer.headers
    assert headers["content-length"] == str(len(CONTENT))
    assert headers["content-type"] == "application/octet-stream"
    assert headers["accept-ranges"] == "bytes"
    assert headers["etag"].startswith('"')
    assert headers["last-modified"] == formatdate(rom.stat().st_mtime, usegmt=True)
    assert headers["content-disposition"] == (
        "attachment; filename*=UTF-8''Moss%20%28USA%29.sfc; filename=\"Moss%20%28USA%29.sfc\""
    )
    assert "content-range" not in headers


def test_head_has_the_headers_alone(rom: Path) -> None:
    client = client_of(rom)
    whole, head = client.get("/api/content"), client.head("/api/content")
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers == whole.headers


def test_head_ignores_ranges(rom: Path) -> None:
    answer = client_of(rom).head("/api/content", headers={"range": "bytes=5-"})
    assert (answer.status_code, answer.headers["content-length"]) == (200, str(len(CONTENT)))


@pytest.mark.parametrize(
    ("asked", "start", "stop"),
    [
        ("bytes=0-", 0, 2560),
        ("bytes=100-", 100, 2560),
        ("bytes=5-5", 5, 6),
        ("bytes=10-99999", 10, 2560),
        ("bytes=-100", 2460, 2560),
        ("bytes=-99999", 0, 2560),
        ("Bytes= 1 - 2 ", 1, 3),
    ],
)
def test_range(rom: Path, asked: str, start: int, stop: int) -> None:
    answer = client_of(rom).get("/api/content", headers={"range": asked})
    assert (answer.status_code, answer.content) == (206, CONTENT[start:stop])
    assert answer.headers["content-range"] == f"bytes {start}-{stop - 1}/2560"
    assert answer.headers["content-length"] == str(stop - start)


@pytest.mark.parametrize("asked", ["bytes=2560-", "bytes=9999-99999", "bytes=-0"])
def test_range_past_the_end(rom: Path, asked: str) -> None:
    answer = client_of(rom).get("/api/content", headers={"range": asked})
    assert (answer.status_code, answer.content) == (416, b"")
    assert answer.headers["content-range"] == "bytes */2560"


@pytest.mark.parametrize(
    "asked",
    ["bytes=5-2", "bytes=-", "bytes=a-b", "lines=1-2", "bytes=0-1,4-5", "bytes=1" + "0" * 40],
)
def test_range_that_counts_for_nothing(rom: Path, asked: str) -> None:
    answer = client_of(rom).get("/api/content", headers={"range": asked})
    assert (answer.status_code, answer.content) == (200, CONTENT)


def test_range_of_an_empty_file(tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.touch()
    answer = client_of(empty).get("/api/content", headers={"range": "bytes=0-"})
    assert (answer.status_code, answer.headers["content-length"]) == (200, "0")


def test_resume_of_the_same_file(rom: Path) -> None:
    client = client_of(rom)
    first = client.get("/api/content").headers
    for condition in (first["etag"], first["last-modified"]):
        asked = {"range": "bytes=2550-", "if-range": condition}
        assert client.get("/api/content", headers=asked).status_code == 206


@pytest.mark.parametrize(
    "condition", ['"other"', "Mon, 01 Jan 2001 00:00:00 GMT", "garbage", "weak"]
)
def test_resume_of_another_file_starts_over(rom: Path, condition: str) -> None:
    client = client_of(rom)
    if condition == "weak":
        condition = "W/" + client.get("/api/content").headers["etag"]
    asked = {"range": "bytes=2550-", "if-range": condition}
    answer = client.get("/api/content", headers=asked)
    assert (answer.status_code, answer.content) == (200, CONTENT)


def test_known_content_is_not_sent_again(rom: Path) -> None:
    client = client_of(rom)
    headers = client.get("/api/content").headers
    tag, moment = headers["etag"], headers["last-modified"]
    for asked in (
        {"if-none-match": f'"x", W/{tag}'},
        {"if-none-match": "*"},
        {"if-modified-since": moment},
        {"if-none-match": tag, "range": "bytes=0-1"},
    ):
        answer = client.get("/api/content", headers=asked)
        assert (answer.status_code, answer.content) == (304, b"")
        assert answer.headers["etag"] == tag
    stale = {"if-none-match": '"x"', "if-modified-since": moment}
    assert client.get("/api/content", headers=stale).status_code == 200
    old = {"if-modified-since": "Mon, 01 Jan 2001 00:00:00 GMT"}
    assert client.get("/api/content", headers=old).status_code == 200


def test_conditions_are_for_reading_alone(rom: Path) -> None:
    answer = client_of(rom).post(
        "/api/content", headers={"if-none-match": "*", "range": "bytes=1-"}
    )
    assert (answer.status_code, answer.content) == (200, CONTENT)


def test_tag_changes_with_the_file(rom: Path) -> None:
    client = client_of(rom)
    before = client.get("/api/content").headers["etag"]
    os.utime(rom, ns=(0, rom.stat().st_mtime_ns + 1))
    assert client.get("/api/content").headers["etag"] != before


def test_own_tag_type_and_disposition(rom: Path) -> None:
    answer = client_of(
        rom, etag='"hash"', media_type="image/png", disposition=plain_disposition("a.png")
    ).get("/api/content")
    assert answer.headers["etag"] == '"hash"'
    assert answer.headers["content-type"] == "image/png"
    assert answer.headers["content-disposition"] == 'attachment; filename="a.png"'


def test_missing_file(tmp_path: Path) -> None:
    answer = client_of(tmp_path / "none", missing="File none not found on disk").get("/api/content")
    assert (answer.status_code, answer.json()) == (404, {"detail": "File none not found on disk"})


def test_what_is_no_file(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for path in (tmp_path, pipe, tmp_path / "a\0b", tmp_path / ("x" * 300)):
        assert client_of(path).get("/api/content").status_code == 404


def test_names() -> None:
    assert content_disposition("a.zip", inline=True) == (
        "inline; filename*=UTF-8''a.zip; filename=\"a.zip\""
    )
    assert content_disposition("é\r\n\"'.zip") == (
        "attachment; filename*=UTF-8''%C3%A9%0D%0A%22%27.zip; filename=\"%C3%A9%0D%0A%22%27.zip\""
    )
    assert plain_disposition("é.png", inline=True) == "inline; filename*=utf-8''%C3%A9.png"


def test_large_file_goes_in_pieces_and_ranges_cross_them(tmp_path: Path) -> None:
    path = tmp_path / "large"
    content = os.urandom(PIECE + 1000)
    path.write_bytes(content)
    client = client_of(path)
    assert client.get("/api/content").content == content
    asked = {"range": f"bytes=10-{PIECE + 500}"}
    assert client.get("/api/content", headers=asked).content == content[10 : PIECE + 501]


def test_told_when_all_was_sent(rom: Path) -> None:
    told: list[int] = []
    client = client_of(rom, sent=lambda: told.append(threading.get_ident()))
    client.head("/api/content")
    client.get("/api/content", headers={"range": "bytes=0-"})
    client.get("/api/content", headers={"if-none-match": "*"})
    assert told == []
    assert client.get("/api/content").content == CONTENT
    assert len(told) == 1


@given(
    size=st.integers(0, 50),
    first=st.none() | st.integers(0, 60),
    last=st.none() | st.integers(0, 60),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_range_lies_in_the_file(
    tmp_path: Path, size: int, first: int | None, last: int | None
) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"x" * size)
    source = FileSource(path, "", {})
    start, end = "" if first is None else first, "" if last is None else last
    answer = choose_answer("GET", Headers({"range": f"bytes={start}-{end}"}), source)
    source.close()
    assert 0 <= answer.start <= answer.stop <= size
    if answer.status == 206:
        wanted = range(size)[first : None if last is None else last + 1]
        if first is None:
            wanted = range(size)[-last:] if last else range(0)
        assert list(range(answer.start, answer.stop)) == list(wanted)
        assert wanted


def ask(connection: socket.socket) -> None:
    connection.sendall(b"GET /api/content HTTP/1.1\r\nHost: x\r\n\r\n")


class Watched(FileSource):
    """Tells when it was closed and how much was read."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, "", {})
        self.read = 0
        self.closed = threading.Event()

    def read_at(self, offset: int, limit: int) -> bytes:
        piece = super().read_at(offset, limit)
        self.read += len(piece)
        return piece

    def close(self) -> None:
        super().close()
        self.closed.set()


def make_sparse(path: Path, size: int) -> Path:
    with path.open("wb") as file:
        file.truncate(size)
    return path


def test_client_that_leaves_closes_the_file(tmp_path: Path) -> None:
    path = make_sparse(tmp_path / "huge", 2**30)
    source = Watched(path)
    told: list[int] = []
    with serve(Download(lambda: source, {}, lambda: told.append(1))) as server:
        with server.connect() as connection:
            ask(connection)
            read_head(connection)
        assert source.closed.wait(20)
    assert source.read < 2**29
    assert told == []


def test_file_that_shrinks_breaks_the_connection(tmp_path: Path) -> None:
    path = make_sparse(tmp_path / "huge", 2**29)
    with serve(table_of(path)) as server, server.connect() as connection:
        ask(connection)
        received = len(read_head(connection))
        os.truncate(path, 2**20)
        while piece := connection.recv(2**20):
            received += len(piece)
    assert received < 2**29


def test_file_that_is_replaced_goes_out_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "rom"
    path.write_bytes(b"old" * 2**23)
    with serve(table_of(path)) as server, server.connect() as connection:
        ask(connection)
        received = read_head(connection)
        other = tmp_path / "other"
        other.write_bytes(b"new")
        other.replace(path)
        while len(received) < 3 * 2**23:
            received += connection.recv(2**22)
    assert received == b"old" * 2**23


def test_connection_serves_the_next_request(rom: Path) -> None:
    with serve(table_of(rom)) as server, server.connect() as connection:
        for _ in range(3):
            ask(connection)
            body = read_head(connection)
            while len(body) < len(CONTENT):
                body += connection.recv(4096)
            assert body == CONTENT
