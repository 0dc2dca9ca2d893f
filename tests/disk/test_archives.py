import bz2
import gzip
import io
import lzma
import os
import struct
import tarfile
import tracemalloc
import zipfile
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from zlib import crc32

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from romm_lite.disk import archives
from romm_lite.disk.archives import open_archive, recognize
from romm_lite.disk.members import (
    BLOCK,
    Archive,
    BadArchive,
    CannotExtract,
    InOrder,
    Member,
    Metered,
    Stopped,
    Watch,
    never,
)

Make = Callable[..., Path]
CONTENTS = {"b/second.bin": os.urandom(3000), "a.bin": b"first" * 999, "empty.bin": b""}


def feed(archive: Archive, wanted: list[Member] | None = None) -> dict[str, bytes]:
    """What comes out, in the order in which it comes."""
    out: dict[str, bytes] = {}

    def take(member: Member, block: bytes) -> None:
        out[member.name] = out.get(member.name, b"") + block

    archive.feed(archive.files() if wanted is None else wanted, take)
    return out


def read_all(path: Path, **options: float) -> dict[str, bytes]:
    archive = open_archive(path, **options)  # type: ignore[arg-type]
    assert archive is not None
    with archive:
        return feed(archive)


def make_tar(path: Path, mode: str, contents: dict[str, bytes] = CONTENTS) -> Path:
    with tarfile.open(path, mode) as tar:  # type: ignore[call-overload]
        for name, data in contents.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return path


@pytest.fixture(params=["zip", "deflate64", "bzip2", "lzma", "7z", "rar", "tar", "gz", "bz2", "xz"])
def container(
    request: pytest.FixtureRequest, tmp_path: Path, make_zip: Make, make_7z: Make, make_rar: Make
) -> Path:
    """The same three files in every kind of container."""
    makers: dict[str, Callable[[], Path]] = {
        "zip": lambda: make_zip(CONTENTS),
        "deflate64": lambda: _zip_deflate64(make_zip),
        "bzip2": lambda: make_zip(CONTENTS, method=zipfile.ZIP_BZIP2),
        "lzma": lambda: make_zip(CONTENTS, method=zipfile.ZIP_LZMA),
        "7z": lambda: make_7z(CONTENTS),
        "rar": lambda: make_rar(CONTENTS),
        "tar": lambda: make_tar(tmp_path / "game.tar", "w"),
        "gz": lambda: make_tar(tmp_path / "game.tar.gz", "w:gz"),
        "bz2": lambda: make_tar(tmp_path / "game.tar.bz2", "w:bz2"),
        "xz": lambda: make_tar(tmp_path / "game.tar.xz", "w:xz"),
    }
    return makers[request.param]()


def _zip_deflate64(make_zip: Make) -> Path:
    """A stored zip whose members are then said to be, and are, deflate64."""
    from inflate64 import Deflater

    packed: dict[str, bytes] = {}
    for name, data in CONTENTS.items():
        deflater = Deflater()
        packed[name] = deflater.deflate(data) + deflater.flush()
    path = make_zip(packed, method=zipfile.ZIP_STORED)
    out = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as archive:
        infos = archive.infolist()
    central = 0
    for info in infos:
        central = out.index(b"PK\x01\x02", central + 1)
        data = CONTENTS[info.filename]
        for start in (info.header_offset + 8, central + 10):
            struct.pack_into("<H", out, start, 9)
            struct.pack_into("<I", out, start + 6, crc32(data))
            struct.pack_into("<I", out, start + 14, len(data))
    path.write_bytes(out)
    return path


def test_every_kind_lists_and_gives_the_same_bytes(container: Path) -> None:
    archive = open_archive(container)
    assert archive is not None
    with archive:
        assert {member.name: member.size for member in archive.files()} == {
            name: len(data) for name, data in CONTENTS.items()
        }
        assert feed(archive) == {name: data for name, data in CONTENTS.items() if data}


def test_members_come_in_the_order_asked_for(container: Path) -> None:
    archive = open_archive(container)
    assert archive is not None
    with archive:
        wanted = sorted(archive.files(), key=lambda member: member.name)
        assert list(feed(archive, wanted)) == ["a.bin", "b/second.bin"]
        assert list(feed(archive, wanted[::-1])) == ["b/second.bin", "a.bin"]


def test_one_member_can_be_read_alone(container: Path) -> None:
    archive = open_archive(container)
    assert archive is not None
    with archive:
        (one,) = (member for member in archive.files() if member.name == "a.bin")
        assert feed(archive, [one]) == {"a.bin": CONTENTS["a.bin"]}


def test_a_stop_is_heard_in_every_kind(container: Path) -> None:
    with pytest.raises(Stopped):
        read_all(container, stop=lambda: True)  # type: ignore[arg-type]


def test_a_container_cut_in_two_is_bad(container: Path) -> None:
    data = container.read_bytes()
    container.write_bytes(data[: len(data) // 3])
    with pytest.raises(BadArchive, match="cut short"):
        read_all(container)


def test_a_flipped_bit_is_found(make_zip: Make, make_7z: Make, make_rar: Make) -> None:
    for path in (make_zip(CONTENTS), make_7z(CONTENTS), make_rar(CONTENTS)):
        data = bytearray(path.read_bytes())
        data[120] ^= 0x10
        path.write_bytes(data)
        with pytest.raises(BadArchive):
            read_all(path)


def test_checksums_are_listed_without_reading(
    make_zip: Make, make_7z: Make, make_rar: Make
) -> None:
    for path in (make_zip(CONTENTS), make_7z(CONTENTS), make_rar(CONTENTS)):
        archive = open_archive(path)
        assert archive is not None
        with archive:
            crcs = {member.name: member.crc for member in archive.files()}
        assert crcs["a.bin"] == crc32(CONTENTS["a.bin"])


@pytest.mark.parametrize("name", ["mr.do.zip", "GAME.ZIP", "pack.pk3", "noname"])
def test_content_tells_a_container_whatever_its_name(make_zip: Make, name: str) -> None:
    assert read_all(make_zip(CONTENTS, name=name))["a.bin"] == CONTENTS["a.bin"]


@pytest.mark.parametrize("name", ["app.apk", "midlet.JAR", "book.epub"])
def test_formats_built_as_zip_are_no_containers(make_zip: Make, name: str) -> None:
    assert open_archive(make_zip(CONTENTS, name=name)) is None


def test_a_zip_behind_a_program_is_known_by_its_name(make_zip: Make) -> None:
    path = make_zip(CONTENTS)
    path.write_bytes(b"#!/bin/sh\nexit\n" + path.read_bytes())
    assert read_all(path)["a.bin"] == CONTENTS["a.bin"]


def test_what_is_not_there_is_no_damaged_archive(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        open_archive(tmp_path / "gone.zip")


@pytest.mark.parametrize("head", [b"", b"NES\x1a", b"BZ", b"\x1f\x8b\x00", b"PK"])
def test_other_files_are_no_containers(head: bytes) -> None:
    assert recognize("game.rom", head) is None


def test_a_single_packed_file_is_one_member(tmp_path: Path) -> None:
    (tmp_path / "moss.rom.gz").write_bytes(gzip.compress(b"moss" * 1000))
    (tmp_path / "moss.rom.bz2").write_bytes(bz2.compress(b"moss" * 1000))
    assert read_all(tmp_path / "moss.rom.gz") == {"moss.rom": b"moss" * 1000}
    assert read_all(tmp_path / "moss.rom.bz2") == {"moss.rom": b"moss" * 1000}


def test_an_xz_that_is_no_tar_is_no_container(tmp_path: Path) -> None:
    (tmp_path / "moss.rom.xz").write_bytes(lzma.compress(b"moss"))
    assert open_archive(tmp_path / "moss.rom.xz") is None


def test_links_and_folders_are_no_files(tmp_path: Path) -> None:
    path = make_tar(tmp_path / "game.tar", "w")
    with tarfile.open(path, "a") as tar:
        link = tarfile.TarInfo("link")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        folder = tarfile.TarInfo("folder")
        folder.type = tarfile.DIRTYPE
        tar.addfile(link)
        tar.addfile(folder)
    assert set(read_all(path)) == {"a.bin", "b/second.bin"}


def test_a_link_in_a_zip_is_no_file(tmp_path: Path) -> None:
    link = zipfile.ZipInfo("link")
    link.create_system, link.external_attr = 3, 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "game.zip", "w") as archive:
        archive.writestr(link, "/etc/passwd")
        archive.writestr("a.bin", b"a")
    assert read_all(tmp_path / "game.zip") == {"a.bin": b"a"}


def test_names_that_are_no_text_are_made_text(tmp_path: Path) -> None:
    name = b"M\xf6ss".decode("utf-8", "surrogateescape")
    with tarfile.open(tmp_path / "game.tar", "w", errors="surrogateescape") as tar:
        tar.addfile(tarfile.TarInfo(name), io.BytesIO())
    archive = open_archive(tmp_path / "game.tar")
    assert archive is not None
    with archive:
        assert archive.members[0].name == "M\ufffdss"


def test_an_encrypted_zip_says_so(make_zip: Make) -> None:
    path = make_zip({"a.bin": b"secret"})
    data = bytearray(path.read_bytes())
    data[6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(data)
    with pytest.raises(BadArchive, match="encrypted"):
        open_archive(path)


def test_an_encrypted_7z_says_so(make_7z: Make) -> None:
    with pytest.raises(BadArchive, match="encrypted"):
        open_archive(make_7z({"a.bin": b"secret"}, password="moss"))


def test_a_7z_with_encrypted_names_says_so(tmp_path: Path) -> None:
    import py7zr

    with py7zr.SevenZipFile(
        tmp_path / "game.7z", "w", password="moss", header_encryption=True
    ) as archive:
        archive.writestr(b"secret", "a.bin")
    with pytest.raises(BadArchive, match="encrypted"):
        open_archive(tmp_path / "game.7z")


def test_a_rar_nobody_here_can_unpack_still_lists(
    make_rar: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    import rarfile

    monkeypatch.setenv("PATH", "")
    rarfile.CURRENT_SETUP = None
    archive = open_archive(make_rar({"a.bin": b"packed"}, method=3))
    assert archive is not None
    assert archive.files()[0].size == 6
    with pytest.raises(CannotExtract, match="unrar"):
        feed(archive)


def test_a_zip_that_claims_gigabytes_is_refused(make_zip: Make) -> None:
    path = make_zip({"a.bin": b"bomb"})
    data = bytearray(path.read_bytes())
    struct.pack_into("<I", data, data.index(b"PK\x01\x02") + 24, 0xFFFFFFF0)
    path.write_bytes(data)
    with pytest.raises(BadArchive, match="absurd"):
        open_archive(path)


def test_a_member_that_gives_more_than_it_claims_is_bad(make_zip: Make) -> None:
    path = make_zip({"a.bin": b"bomb" * 1000})
    data = bytearray(path.read_bytes())
    struct.pack_into("<I", data, data.index(b"PK\x01\x02") + 24, 10)
    path.write_bytes(data)
    with pytest.raises(BadArchive):
        read_all(path)


def test_an_endless_stream_is_cut_off(tmp_path: Path) -> None:
    class Endless:
        def read(self, size: int, /) -> bytes:
            return bytes(size)

    (tmp_path / "bomb.gz").write_bytes(b"tiny")
    source = Metered(Endless(), tmp_path / "bomb.gz", Watch(never))
    with pytest.raises(BadArchive, match="absurd"):
        deque(iter(lambda: source.read(64 * BLOCK), b""), maxlen=0)


def test_too_many_members_are_refused(container: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "MAX_MEMBERS", 2)
    with pytest.raises(BadArchive, match="more than 2 members"):
        open_archive(container)


def test_7z_and_rar_have_a_time_limit(make_7z: Make, make_rar: Make) -> None:
    for path in (make_7z(CONTENTS), make_rar(CONTENTS)):
        with pytest.raises(BadArchive, match="longer than -1 seconds"):
            read_all(path, seven_zip_timeout=-1)


def test_of_two_members_of_one_name_in_a_7z_one_cannot_be_had_alone(tmp_path: Path) -> None:
    import py7zr

    with py7zr.SevenZipFile(tmp_path / "game.7z", "w") as writer:
        writer.writestr(b"one", "a.bin")
        writer.writestr(b"two", "a.bin")
    archive = open_archive(tmp_path / "game.7z")
    assert archive is not None
    assert feed(archive) == {"a.bin": b"onetwo"}
    with pytest.raises(BadArchive, match="same name"):
        feed(archive, archive.files()[:1])


def test_what_comes_early_waits_its_turn() -> None:
    members = [Member(index, f"{index}", 1, None, True) for index in range(4)]
    came: list[tuple[str, bytes]] = []
    with InOrder(members, lambda member, data: came.append((member.name, data))) as order:
        for index in (2, 0, 3, 1):
            order.write(members[index], str(index).encode())
            order.finish(members[index])
    assert came == [("0", b"0"), ("1", b"1"), ("2", b"2"), ("3", b"3")]


def test_a_member_that_never_comes_is_told() -> None:
    members = [Member(index, f"{index}", 1, None, True) for index in range(2)]
    order = InOrder(members, print)
    order.write(members[1], b"1")
    order.finish(members[1])
    with pytest.raises(BadArchive, match="0 is missing"):
        order.__exit__(None)


@pytest.mark.parametrize("kind", ["zip", "bzip2", "7z", "gz"])
def test_memory_stays_flat_however_large_a_member(
    kind: str, tmp_path: Path, make_zip: Make, make_7z: Make
) -> None:
    size = 64 << 20
    data = bytes(size)
    if kind == "7z":
        path = make_7z({"big.bin": data})
    elif kind == "gz":
        path = tmp_path / "big.gz"
        path.write_bytes(gzip.compress(data, 1))
    else:
        method = zipfile.ZIP_BZIP2 if kind == "bzip2" else zipfile.ZIP_DEFLATED
        path = make_zip({"big.bin": data}, method=method)
    del data
    came = 0

    def count(_: Member, block: bytes) -> None:
        nonlocal came
        came += len(block)

    tracemalloc.start()
    try:
        archive = open_archive(path)
        assert archive is not None
        with archive:
            archive.feed(archive.files(), count)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert came == size
    assert peak < 40 << 20


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(place=st.integers(0, 400), byte=st.integers(0, 255), cut=st.integers(1, 500))
def test_garbage_raises_nothing_but_bad_archive(
    container: Path, place: int, byte: int, cut: int
) -> None:
    data = bytearray(container.read_bytes())
    data[min(place, len(data) - 1)] = byte
    bad = container.with_name("bad-" + container.name)
    bad.write_bytes(data[:-cut])
    with suppress(BadArchive):
        archive = open_archive(bad)
        if archive:
            with archive:
                feed(archive)
