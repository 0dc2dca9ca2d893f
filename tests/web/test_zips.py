import io
import os
import shutil
import struct
import subprocess
import zipfile
from pathlib import Path
from typing import Any
from zlib import crc32

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.responses import Response
from starlette.testclient import TestClient

from romm_lite.kernel.errors import NotFound
from romm_lite.web.downloads import ContentChanged
from romm_lite.web.operations import Router
from romm_lite.web.table import OperationTable
from romm_lite.web.zips import ZipEntry, ZipPlan, ZipSource, zip_response
from tests.web.support import read_head, serve

TRACK = os.urandom(5000)


def read_all(plan: ZipPlan, limit: int = 10_000_000) -> bytes:
    source = ZipSource(plan)
    read = b""
    while len(read) < plan.size:
        read += source.read_at(len(read), limit)
    source.close()
    return read


@pytest.fixture
def plan(tmp_path: Path) -> ZipPlan:
    track, note = tmp_path / "track.bin", tmp_path / "nöte.txt"
    track.write_bytes(TRACK)
    note.write_bytes(b"note")
    return ZipPlan(
        [
            ZipEntry.of_file("disc 1/track.bin", track, crc32(TRACK)),
            ZipEntry.of_file("nöte.txt", note),
            ZipEntry.of_bytes("Game.m3u", b"disc 1/track.bin"),
            ZipEntry.of_bytes("empty", b""),
        ]
    )


def client_of(plan: ZipPlan, **options: Any) -> TestClient:
    router = Router("/api")

    def get_zip() -> Response:
        return zip_response(plan, "Game.zip", **options)

    router.get("/zip", public=True)(get_zip)
    router.head("/zip", public=True)(get_zip)
    return TestClient(OperationTable(router.operations, {}))


def test_python_reads_it(plan: ZipPlan) -> None:
    with zipfile.ZipFile(io.BytesIO(read_all(plan))) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["disc 1/track.bin", "nöte.txt", "Game.m3u", "empty"]
        assert archive.read("disc 1/track.bin") == TRACK
        assert archive.read("nöte.txt") == b"note"
        assert archive.read("Game.m3u") == b"disc 1/track.bin"
        assert {info.compress_type for info in archive.infolist()} == {zipfile.ZIP_STORED}


@pytest.mark.skipif(shutil.which("unzip") is None, reason="needs unzip")
def test_unzip_reads_it(plan: ZipPlan, tmp_path: Path) -> None:
    path = tmp_path / "archive.zip"
    path.write_bytes(read_all(plan))
    result = subprocess.run(["unzip", "-t", path], capture_output=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    assert b"No errors detected" in result.stdout


def test_local_headers_alone_are_enough(plan: ZipPlan) -> None:
    """A reader that cannot seek finds every entry's size before its bytes."""
    content, at, names = read_all(plan), 0, []
    while content[at : at + 4] == b"PK\x03\x04":
        fields = struct.unpack_from("<HHHHHIIIHH", content, at + 4)
        flags, crc, size, name_size, extra_size = fields[1], *fields[5:6], *fields[7:]
        start = at + 30 + name_size + extra_size
        names.append(content[at + 30 : at + 30 + name_size].decode())
        if flags & 8:
            signature, crc = struct.unpack_from("<II", content, start + size)
            assert signature == 0x08074B50
        assert crc == crc32(content[start : start + size])
        at = start + size + (16 if flags & 8 else 0)
    assert len(names) == 4
    assert at == plan.directory_at


@given(st.data())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_any_slice_is_the_slice_of_the_whole(plan: ZipPlan, data: st.DataObject) -> None:
    whole = read_all(plan)
    start = data.draw(st.integers(0, plan.size - 1))
    limit = data.draw(st.integers(1, plan.size))
    source = ZipSource(plan)
    assert source.read_at(start, limit) == whole[start : start + limit]
    second = data.draw(st.integers(0, plan.size - 1))
    assert source.read_at(second, limit) == whole[second : second + limit]
    source.close()


@given(
    contents=st.lists(st.tuples(st.binary(max_size=40), st.booleans(), st.booleans()), max_size=5),
    limit=st.integers(1, 60),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_any_entries_read_in_any_pieces(
    tmp_path: Path, contents: list[tuple[bytes, bool, bool]], limit: int
) -> None:
    entries = []
    for number, (content, on_disk, has_crc) in enumerate(contents):
        path = tmp_path / str(number)
        path.write_bytes(content)
        crc = crc32(content) if has_crc else None
        name = f"{number}/é"
        of_file = ZipEntry.of_file(name, path, crc)
        entries.append(of_file if on_disk else ZipEntry.of_bytes(name, content))
    plan = ZipPlan(entries)
    read = read_all(plan, limit)
    assert len(read) == plan.size
    with zipfile.ZipFile(io.BytesIO(read)) as archive:
        assert archive.testzip() is None
        assert [archive.read(name) for name in archive.namelist()] == [c[0] for c in contents]


class Seekable(io.RawIOBase):
    """A planned archive as a file, of which only what is asked for is ever read."""

    def __init__(self, plan: ZipPlan) -> None:
        self._source = ZipSource(plan)
        self._size = plan.size
        self._at = 0

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = 0) -> int:
        self._at = offset + (0, self._at, self._size)[whence]
        return self._at

    def read(self, size: int = -1) -> bytes:
        size = self._size - self._at if size < 0 else min(size, self._size - self._at)
        read = self._source.read_at(self._at, size) if size > 0 else b""
        self._at += len(read)
        return read

    def close(self) -> None:
        self._source.close()


def test_entries_and_offsets_past_four_gigabytes(tmp_path: Path) -> None:
    large = tmp_path / "large"
    with large.open("wb") as file:
        file.truncate(2**32 + 5)
    plan = ZipPlan(
        [
            ZipEntry.of_file("large", large, 0x12345678),
            ZipEntry.of_bytes("after", b"small"),
            ZipEntry.of_file("again", large, 0x12345678),
        ]
    )
    with zipfile.ZipFile(Seekable(plan)) as archive:
        assert [i.file_size for i in archive.infolist()] == [2**32 + 5, 5, 2**32 + 5]
        assert archive.read("after") == b"small"
        with archive.open("again") as member:
            assert member.read(3) == b"\0\0\0"


def test_descriptor_of_a_large_entry(tmp_path: Path) -> None:
    large = tmp_path / "large"
    with large.open("wb") as file:
        file.truncate(2**32 - 1)
    entry = ZipEntry.of_file("large", large)
    plan = ZipPlan([entry])
    assert plan.directory_at == 30 + 5 + 20 + entry.size + 24


def test_more_entries_than_the_old_format_counts() -> None:
    plan = ZipPlan([ZipEntry.of_bytes(str(number), b"") for number in range(70_000)])
    with zipfile.ZipFile(io.BytesIO(read_all(plan))) as archive:
        assert len(archive.namelist()) == 70_000
        assert archive.read("69999") == b""


def test_empty_archive() -> None:
    with zipfile.ZipFile(io.BytesIO(read_all(ZipPlan([])))) as archive:
        assert archive.namelist() == []


@pytest.mark.parametrize("moment", [0, 10**18, 10**20])
def test_times_outside_of_the_format(moment: int) -> None:
    read = read_all(ZipPlan([ZipEntry.of_bytes("a", b"", moment)]))
    with zipfile.ZipFile(io.BytesIO(read)) as archive:
        assert 1980 <= archive.infolist()[0].date_time[0] <= 2107


@pytest.mark.parametrize("name", ["", "/a", "a//b", "../a", "a/..", "./a", "a\\b", "a\0", "a/"])
def test_name_that_unpackers_refuse(name: str) -> None:
    with pytest.raises(ValueError, match="cannot be a name"):
        ZipPlan([ZipEntry.of_bytes(name, b"")])


def test_name_that_stands_there_twice() -> None:
    with pytest.raises(ValueError, match="twice"):
        ZipPlan([ZipEntry.of_bytes("a", b""), ZipEntry.of_bytes("a", b"")])


def test_missing_file(tmp_path: Path) -> None:
    for path in (tmp_path / "none", tmp_path):
        with pytest.raises(NotFound):
            ZipEntry.of_file("a", path)


def test_download_is_of_fixed_length(plan: ZipPlan) -> None:
    told: list[int] = []
    client = client_of(plan, sent=lambda: told.append(1))
    whole, head = client.get("/api/zip"), client.head("/api/zip")
    assert whole.content == read_all(plan)
    assert whole.headers["content-type"] == "application/zip"
    assert whole.headers["content-length"] == str(plan.size)
    assert "Game.zip" in whole.headers["content-disposition"]
    assert head.headers == whole.headers
    assert told == [1]


def test_download_resumes(plan: ZipPlan) -> None:
    client = client_of(plan)
    whole = client.get("/api/zip")
    asked = {"range": "bytes=3000-", "if-range": whole.headers["etag"]}
    answer = client.get("/api/zip", headers=asked)
    assert (answer.status_code, answer.content) == (206, whole.content[3000:])


def test_tag_changes_with_any_entry(plan: ZipPlan) -> None:
    def tag(name: str, content: bytes, moment: int) -> str:
        return ZipPlan([ZipEntry.of_bytes(name, content, moment)]).etag

    tags = {tag("a", b"x", 1), tag("b", b"x", 1), tag("a", b"y", 1), tag("a", b"x", 2)}
    assert len(tags) == 4
    assert tag("a", b"x", 1) in tags


def change(path: Path) -> None:
    path.write_bytes(b"another size")


def touch(path: Path) -> None:
    os.utime(path, ns=(0, 1))


@pytest.mark.parametrize("alter", [change, touch, Path.unlink])
def test_file_changed_before_the_start_is_told(plan: ZipPlan, tmp_path: Path, alter: Any) -> None:
    alter(tmp_path / "track.bin")
    assert client_of(plan).get("/api/zip").status_code == 409


def test_file_changed_later_breaks_the_connection(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    with first.open("wb") as file:
        file.truncate(2**26)
    second.write_bytes(b"planned")
    plan = ZipPlan([ZipEntry.of_file("first", first), ZipEntry.of_file("second", second)])
    second.write_bytes(b"different")
    app = client_of(plan).app
    with serve(app) as server, server.connect() as connection:
        connection.sendall(b"GET /api/zip HTTP/1.1\r\nHost: x\r\n\r\n")
        received = len(read_head(connection))
        while piece := connection.recv(2**22):
            received += len(piece)
    assert received < plan.size


def test_wrong_crc_is_never_sent(tmp_path: Path) -> None:
    path = tmp_path / "rom"
    path.write_bytes(b"content")
    source = ZipSource(ZipPlan([ZipEntry.of_file("rom", path, 1)]))
    with pytest.raises(ContentChanged):
        source.read_at(0, 1000)
    source.close()


def test_crc_of_a_skipped_file_that_changed_is_not_taken(tmp_path: Path) -> None:
    path = tmp_path / "rom"
    path.write_bytes(b"content")
    plan = ZipPlan([ZipEntry.of_file("rom", path)])
    path.write_bytes(b"CONTENTS")
    with pytest.raises(ContentChanged):
        ZipSource(plan).read_at(plan.directory_at, 10)
