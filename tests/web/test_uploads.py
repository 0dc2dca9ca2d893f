"""Files that come in chunks: any order, resends, cuts, sizes, digests, names in headers."""

import os
from base64 import b64encode
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from itertools import count
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import Headers
from starlette.requests import Request

from romm_lite.kernel.errors import Conflict, Invalid, NotFound, TooLarge
from romm_lite.web.operations import Router
from romm_lite.web.uploads import (
    LARGEST_CHUNK,
    MOST_CHUNKS,
    ChunkedFile,
    Shape,
    journal_of,
    move_new,
    read_digest,
    read_file_name,
    read_length,
    receive,
    verify,
)
from tests.web.support import client_of

TEN = b"0123456789"


def make(folder: Path, size: int, chunks: int, *, lazily: bool = True) -> ChunkedFile:
    file = ChunkedFile(folder / "coming.tmp", Shape(size, chunks), lazily=lazily)
    file.create()
    return file


def reopen(file: ChunkedFile, *, lazily: bool = True) -> ChunkedFile:
    """The same file as another process finds it."""
    return ChunkedFile(file.path, file.shape, lazily=lazily)


def put(file: ChunkedFile, index: int, content: bytes, digest: bytes | None = None) -> None:
    chunk = file.begin(index, len(content), digest)
    try:
        chunk.write(content)
        chunk.finish()
    finally:
        chunk.close()


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def cut_power(file: ChunkedFile) -> ChunkedFile:
    """The same file after the machine has started anew."""
    with journal_of(file.path).open("r+b") as journal:
        journal.write(bytes(range(16)))
    return reopen(file)


@pytest.fixture
def digits(tmp_path: Path) -> ChunkedFile:
    """Ten bytes in four chunks, of which the last is one byte."""
    return make(tmp_path, 10, 4)


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    home = tmp_path_factory.mktemp("uploads")
    return (home / str(number) for number in count())


@given(st.data())
def test_any_order_and_any_resends_give_the_same_bytes(
    folders: Iterator[Path], data: st.DataObject
) -> None:
    content = data.draw(st.binary(min_size=1, max_size=300))
    size = data.draw(st.integers(1, len(content)))
    chunks = [content[at : at + size] for at in range(0, len(content), size)]
    order = data.draw(st.permutations(range(len(chunks))))
    order = list(order) + data.draw(st.lists(st.sampled_from(range(len(chunks))), max_size=5))
    folder = next(folders)
    folder.mkdir()
    file = make(folder, len(content), len(chunks), lazily=data.draw(st.booleans()))
    for index in data.draw(st.permutations(order)):
        if data.draw(st.booleans()):
            file.sync()
        put(file, index, chunks[index])
        if data.draw(st.booleans()):
            file = reopen(file)
    with file.completing():
        file.check_whole()
        file.move_to(folder / "whole")
    assert (folder / "whole").read_bytes() == content
    assert names(folder) == ["whole"]


def test_what_is_there_is_told(digits: ChunkedFile) -> None:
    assert digits.read() == (None, bytes(4))
    put(digits, 2, b"678")
    progress = digits.read()
    assert (progress.chunk_size, progress.number) == (3, 1)
    assert (progress.received, progress.missing) == ([2], [0, 1, 3])
    with pytest.raises(Invalid, match=r"Missing chunks: \[0, 1, 3\]"):
        digits.check_whole()


def test_the_last_chunk_tells_the_size_as_well(digits: ChunkedFile) -> None:
    put(digits, 3, b"9")
    assert digits.read().chunk_size == 3
    assert digits.path.read_bytes() == bytes(9) + b"9"


@pytest.mark.parametrize(("size", "chunks"), [(1, 2), (10, 6), (5, 2**40), (10, MOST_CHUNKS + 1)])
def test_shapes_that_no_chunks_of_one_size_have(size: int, chunks: int) -> None:
    with pytest.raises(Invalid):
        Shape(size, chunks).check()


@pytest.mark.parametrize(
    ("index", "length"), [(0, 0), (0, 33), (0, 50), (0, 100), (2, 0), (2, 1), (2, 3), (2, 34)]
)
def test_a_first_chunk_of_a_wrong_size_is_refused(tmp_path: Path, index: int, length: int) -> None:
    file = make(tmp_path, 100, 3)
    with pytest.raises(Invalid, match=f"Chunk {index} of 3 cannot have {length} bytes"):
        file.begin(index, length)
    assert file.read().chunk_size is None


@pytest.mark.parametrize(("index", "length"), [(0, 34), (1, 40), (0, 49), (2, 2), (2, 32)])
def test_a_first_chunk_of_any_right_size_is_taken(tmp_path: Path, index: int, length: int) -> None:
    file = make(tmp_path, 100, 3)
    put(file, index, bytes(length))
    assert file.read().chunk_size == (length if index < 2 else (100 - length) // 2)


def test_a_wrong_length_leaves_what_is_there(digits: ChunkedFile) -> None:
    put(digits, 0, b"012")
    for index, length in ((0, 2), (1, 4), (3, 3)):
        with pytest.raises(Invalid, match="bytes instead of"):
            digits.begin(index, length)
    assert digits.read().received == [0]


@pytest.mark.parametrize("index", [-1, 4, 2**40])
def test_an_index_out_of_range_is_refused(digits: ChunkedFile, index: int) -> None:
    with pytest.raises(Invalid, match=rf"Chunk index {index} out of range \(total: 4\)"):
        digits.begin(index, 3)


def test_chunks_are_limited(tmp_path: Path) -> None:
    file = make(tmp_path, 2 * LARGEST_CHUNK + 2, 2)
    with pytest.raises(TooLarge, match="Chunk size exceeds server maximum"):
        file.begin(0, 5)
    file = ChunkedFile(file.path, Shape(2 * LARGEST_CHUNK - 2, 2), lazily=True)
    with pytest.raises(TooLarge, match="Chunk exceeds maximum allowed size"):
        file.begin(0, LARGEST_CHUNK + 1)


def test_a_chunk_cut_short_does_not_count(digits: ChunkedFile) -> None:
    put(digits, 0, b"012")
    chunk = digits.begin(0, 3)
    chunk.write(b"xy")
    with pytest.raises(Invalid, match="Chunk 0 has 2 bytes instead of 3"):
        chunk.finish()
    chunk.close()
    assert digits.read().received == []


def test_a_chunk_that_grows_is_refused(digits: ChunkedFile) -> None:
    chunk = digits.begin(0, 3)
    with pytest.raises(Invalid, match="Chunk 0 has more than its 3 bytes"):
        chunk.write(b"0123")
    chunk.close()


def test_a_chunk_with_another_digest_does_not_count(digits: ChunkedFile) -> None:
    with pytest.raises(Invalid, match="Chunk 1 does not match its checksum"):
        put(digits, 1, b"345", sha256(b"346").digest())
    assert digits.read().received == []
    put(digits, 1, b"345", sha256(b"345").digest())
    assert digits.read().received == [1]


def test_of_two_of_the_same_chunk_the_later_one_counts(digits: ChunkedFile) -> None:
    first = digits.begin(0, 3)
    first.write(b"0")
    put(digits, 0, b"012")
    with pytest.raises(Conflict, match="Chunk 0 was sent again meanwhile"):
        first.write(b"x")
    first.close()
    assert digits.read().received == [0]
    assert digits.path.read_bytes() == b"012"


def test_chunks_come_at_the_same_time(tmp_path: Path) -> None:
    content = os.urandom(64 * 1024 + 5)
    file = make(tmp_path, len(content), 17)
    pieces = [content[at : at + 4096] for at in range(0, len(content), 4096)]

    def send(index: int) -> None:
        put(file, index, pieces[index])
        file.sync()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(send, range(len(pieces))))
    file.check_whole()
    assert file.path.read_bytes() == content


def test_an_acknowledged_chunk_outlives_the_process(digits: ChunkedFile) -> None:
    put(digits, 0, b"012")
    assert reopen(digits).read().received == [0]


def test_after_a_power_cut_only_what_is_on_the_disk_is_believed(digits: ChunkedFile) -> None:
    put(digits, 0, b"012")
    digits.sync()
    put(digits, 1, b"345")
    after = cut_power(digits)
    assert (after.read().received, after.read().chunk_size) == ([0], 3)
    put(after, 2, b"678")
    assert reopen(after).read().received == [0, 2]
    assert cut_power(after).read().received == [0]


def test_a_chunk_sent_again_has_to_reach_the_disk_again(digits: ChunkedFile) -> None:
    put(digits, 0, b"012")
    digits.sync()
    put(digits, 0, b"012")
    assert cut_power(digits).read().received == []


def test_where_several_machines_write_every_chunk_waits_for_the_disk(tmp_path: Path) -> None:
    file = make(tmp_path, 10, 4, lazily=False)
    put(file, 0, b"012")
    put(reopen(file, lazily=False), 1, b"345")
    assert cut_power(file).read().received == [0, 1]


def test_a_journal_that_is_no_more_ends_the_upload(digits: ChunkedFile) -> None:
    journal_of(digits.path).write_bytes(b"short")
    with pytest.raises(NotFound):
        digits.read()
    journal_of(digits.path).unlink()
    with pytest.raises(NotFound):
        digits.begin(0, 3)


def test_a_file_that_is_no_more_ends_the_upload(digits: ChunkedFile) -> None:
    digits.path.unlink()
    with pytest.raises(NotFound):
        digits.begin(0, 3)


def test_while_it_is_completed_nothing_is_written(digits: ChunkedFile) -> None:
    chunk = digits.begin(0, 3)
    with digits.completing():
        for write in (lambda: chunk.write(b"012"), lambda: digits.begin(1, 3)):
            with pytest.raises(Conflict, match="already being assembled"):
                write()
    with pytest.raises(Conflict, match="or has already completed"), digits.completing():
        pass
    chunk.close()


def test_what_could_not_be_completed_goes_on(digits: ChunkedFile) -> None:
    put(digits, 0, b"012")
    with pytest.raises(Invalid), digits.completing():
        digits.check_whole()
    put(digits, 1, b"345")
    assert digits.read().received == [0, 1]


def test_a_file_of_a_wrong_size_is_not_whole(tmp_path: Path) -> None:
    file = make(tmp_path, 3, 1)
    put(file, 0, b"012")
    os.truncate(file.path, 4)
    with pytest.raises(Invalid, match="Assembled file size mismatch: expected 3, got 4"):
        file.check_whole()


def test_a_file_of_many_gibibytes_is_sparse(tmp_path: Path) -> None:
    step = LARGEST_CHUNK
    file = make(tmp_path, 100 * 1024**3 + 1, 1601)
    put(file, 1600, b"Z")
    chunk = file.begin(100, step)
    chunk.write(TEN)
    chunk.close()
    assert file.read().chunk_size == step
    status = file.path.stat()
    assert status.st_size == file.shape.size
    assert status.st_blocks * 512 < 2**20
    with file.path.open("rb") as written:
        written.seek(100 * step)
        assert written.read(10) == TEN
        written.seek(-1, os.SEEK_END)
        assert written.read() == b"Z"


def refuse_links(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a file system without hard links."""

    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)


@pytest.mark.parametrize("links", [True, False])
def test_a_file_never_takes_the_place_of_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, links: bool
) -> None:
    if not links:
        refuse_links(monkeypatch)
    source, other = tmp_path / "source", tmp_path / "other"
    source.write_bytes(b"new")
    other.write_bytes(b"old")
    with pytest.raises(FileExistsError):
        move_new(source, other)
    assert (source.read_bytes(), other.read_bytes()) == (b"new", b"old")
    move_new(source, tmp_path / "free")
    assert names(tmp_path) == ["free", "other"]


def test_a_move_that_was_cut_short_is_ended(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(b"new")
    os.link(source, target)
    move_new(source, target)
    assert names(tmp_path) == ["target"]


@pytest.mark.parametrize("algorithm", ["sha256", "sha1", "md5", "crc32"])
def test_a_whole_file_is_verified(tmp_path: Path, algorithm: str) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"123456789")
    right = {
        "crc32": "CBF43926",
        "md5": "25f9e794323b453885f5181f1b624d0b",
        "sha1": "f7c3bc1d808e04732adf679965ccc34ca7ae3441",
        "sha256": "15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225",
    }[algorithm]
    verify(path, algorithm, right)
    with pytest.raises(Invalid, match=f"its {algorithm} is {right.lower()}"):
        verify(path, algorithm, right[:-1] + "0" if right[-1] != "0" else right[:-1] + "1")


DIGEST = sha256(TEN).digest()
BASE64 = b64encode(DIGEST).decode()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("x-chunk-sha256", DIGEST.hex()),
        ("x-chunk-sha256", DIGEST.hex().upper()),
        ("content-digest", f"sha-256=:{BASE64}:"),
        ("content-digest", f"sha-512=:aaaa:, sha-256=:{BASE64}:"),
        ("digest", f"SHA-256={BASE64}"),
        ("digest", f"md5=abc=,sha-256={BASE64}"),
    ],
)
def test_a_digest_is_read(name: str, value: str) -> None:
    assert read_digest(name, value) == DIGEST


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("x-chunk-sha256", ""),
        ("x-chunk-sha256", "zz"),
        ("x-chunk-sha256", DIGEST.hex()[:-2]),
        ("content-digest", "sha-256=:!:"),
        ("content-digest", "sha-256"),
        ("digest", "sha-256=aaaa"),
        ("digest", "sha-256=é"),
    ],
)
def test_a_broken_digest_is_refused(name: str, value: str) -> None:
    with pytest.raises(Invalid, match=f"Invalid {name} header"):
        read_digest(name, value)


@pytest.mark.parametrize("value", ["", "md5=abc", "sha-512=:aaaa:", ", ,"])
def test_other_digests_are_passed_over(value: str) -> None:
    assert read_digest("content-digest", value) is None


@pytest.mark.parametrize(
    "name", ["ポケモン 赤 (Japan).gb", "🎮 Game.sfc", "Étoile.nes", "plain.gb"]
)
def test_a_file_name_may_be_encoded(name: str) -> None:
    assert read_file_name(quote(name)) == name
    assert read_file_name(quote(name, safe="()'!*")) == name
    assert read_file_name(f"UTF-8''{quote(name)}") == name
    assert read_file_name(f"utf-8'ja'{quote(name)}") == name
    assert read_file_name(name.encode().decode("latin-1")) == name


@pytest.mark.parametrize(
    ("value", "name"),
    [
        ("100% Complete.sfc", "100% Complete.sfc"),
        ("50%25 off [!].sfc", "50%25 off [!].sfc"),
        ("%zz.sfc", "%zz.sfc"),
        ("%ff.sfc", "%ff.sfc"),
        ("Pok\xe9mon.gb", "Pok\xe9mon.gb"),
        ("ISO-8859-1''Pok%E9mon.gb", "Pok\xe9mon.gb"),
        ("Don't%20Stop.sfc", "Don't Stop.sfc"),
        ("UTF-8''%ff", "UTF-8''%ff"),
    ],
)
def test_a_file_name_is_decoded_only_if_it_was_encoded(value: str, name: str) -> None:
    assert read_file_name(value) == name


def test_lengths_are_read() -> None:
    assert read_length(Headers({"content-length": "12"})) == 12
    assert read_length(Headers({})) is None
    for broken in ("", "-1", "1e3", "\xb2"):
        with pytest.raises(Invalid, match="Invalid Content-Length header"):
            read_length(Headers({"content-length": broken}))


def test_a_body_is_taken_in_pieces_of_any_size(tmp_path: Path) -> None:
    content = os.urandom(3 * 2**20 + 5)
    size = 1_300_003
    file = make(tmp_path, len(content), 3)
    router = Router("")

    @router.put("/{index}", public=True)
    async def put_chunk(request: Request, index: int) -> int:
        chunk = file.begin(index, read_length(request.headers))
        return (await receive(request, chunk)).number

    def dribble(part: bytes) -> Iterator[bytes]:
        yield from (part[at : at + 100_001] for at in range(0, len(part), 100_001))

    client = client_of(router)
    answer = client.put("/1", content=dribble(content[size : 2 * size]))
    assert (answer.status_code, answer.json()) == (
        400,
        {"detail": "The first chunk needs a Content-Length header"},
    )
    assert client.put("/0", content=content[:size]).json() == 1
    assert client.put("/1", content=dribble(content[size : 2 * size])).json() == 2
    assert client.put("/2", content=b"").status_code == 400
    assert client.put("/2", content=dribble(content[2 * size :])).json() == 3
    assert file.path.read_bytes() == content
