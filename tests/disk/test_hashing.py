import bz2
import gzip
import hashlib
import io
import tarfile
import tracemalloc
import zlib
from collections.abc import Callable
from itertools import permutations
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from romm_lite.disk.hashing import (
    ArchiveMember,
    Digests,
    FileHashes,
    hash_file,
    hash_flat,
    hash_folder,
    identify,
    join_crcs,
)
from romm_lite.disk.members import Stopped

Make = Callable[..., Path]


def digests_of(data: bytes) -> Digests:
    return Digests(
        f"{zlib.crc32(data):08x}",
        hashlib.md5(data).hexdigest(),
        hashlib.sha1(data).hexdigest(),
    )


def member_of(name: str, data: bytes) -> ArchiveMember:
    digests = digests_of(data)
    return ArchiveMember(name, len(data), digests.crc, digests.md5, digests.sha1)


def chd(version: int = 5) -> bytes:
    head = b"MComprHD" + (124).to_bytes(4, "big") + version.to_bytes(4, "big")
    return head.ljust(84, b"\0") + bytes(range(20)) + b"hunks" * 100


@pytest.fixture
def put(tmp_path: Path) -> Callable[[str, bytes], Path]:
    def put(name: str, data: bytes) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return path

    return put


Put = Callable[[str, bytes], Path]


def test_a_plain_file_is_its_bytes(put: Put) -> None:
    data = bytes(range(256)) * 20_000
    path = put("moss.rom", data)
    assert hash_flat(path) == FileHashes(digests_of(data))
    assert hash_file(path) == digests_of(data)


def test_the_crc_has_eight_digits(put: Put) -> None:
    data = b"\x85\x8f\xba\x5c"
    while zlib.crc32(data) >> 28:
        data += b"x"
    assert len(hash_flat(put("moss.rom", data)).digests.crc) == 8


def test_no_bytes_have_no_digests(put: Put, make_zip: Make) -> None:
    assert hash_flat(put("moss.rom", b"")) == FileHashes()
    assert hash_flat(put("moss.zip", b"")) == FileHashes()
    hashes = hash_flat(make_zip({"empty.rom": b""}))
    assert hashes.digests == Digests()
    assert hashes.archive_members == (ArchiveMember("empty.rom", 0, "", "", ""),)


def test_a_small_file_after_a_large_one_has_its_own_digests(put: Put) -> None:
    hash_flat(put("large.rom", b"l" * 3_000_000))
    assert hash_flat(put("small.rom", b"s")).digests == digests_of(b"s")


def test_what_cannot_be_read_has_no_digests_and_a_note(tmp_path: Path) -> None:
    hashes = hash_flat(tmp_path / "gone.rom")
    assert hashes.digests == Digests()
    assert "cannot be read" in hashes.note
    with pytest.raises(FileNotFoundError):
        hash_file(tmp_path / "gone.rom")


def test_one_rom_hashes_alike_plain_and_in_every_archive(
    put: Put, tmp_path: Path, make_zip: Make, make_7z: Make, make_rar: Make
) -> None:
    data = b"moss runner" * 9999
    with tarfile.open(tmp_path / "m.tar.gz", "w:gz") as tar:
        info = tarfile.TarInfo("moss.rom")
        info.size = len(data)
        tar.addfile(info, io.BytesIO(data))
    contents = {"moss.rom": data}
    archives = [make_zip(contents), make_7z(contents), make_rar(contents), tmp_path / "m.tar.gz"]
    plain = hash_flat(put("moss.rom", data))
    for path in archives:
        hashes = hash_flat(path)
        assert hashes.digests == plain.digests
        assert hashes.archive_members == (member_of("moss.rom", data),)
        assert hashes.note == ""


def test_an_archive_is_its_members_end_to_end_sorted_by_path(
    make_zip: Make, make_7z: Make, make_rar: Make
) -> None:
    contents = {"z.bin": b"zzz" * 1000, "B/a.bin": b"bbb", "a.cue": b"aaa", "e.bin": b""}
    for path in (make_zip(contents), make_7z(contents), make_rar(contents)):
        hashes = hash_flat(path)
        assert hashes.digests == digests_of(b"bbb" + b"aaa" + b"zzz" * 1000)
        assert hashes.archive_members == (
            member_of("B/a.bin", b"bbb"),
            member_of("a.cue", b"aaa"),
            ArchiveMember("e.bin", 0, "", "", ""),
            member_of("z.bin", b"zzz" * 1000),
        )


def test_members_that_systems_leave_behind_do_not_count(make_zip: Make) -> None:
    path = make_zip({".DS_Store": b"no", "x/save.bak": b"no", "moss.rom": b"moss"})
    assert hash_flat(path).digests == digests_of(b"moss")


def test_an_archive_of_nothing_that_counts_is_hashed_as_it_is(make_zip: Make) -> None:
    path = make_zip({".DS_Store": b"no"})
    hashes = hash_flat(path)
    assert hashes.digests == digests_of(path.read_bytes())
    assert hashes.archive_members is None
    assert "hashed as it is" in hashes.note


@pytest.mark.parametrize("name", ["mr.do.zip", "MOSS.ZIP"])
def test_dots_and_capitals_do_not_hide_an_archive(make_zip: Make, name: str) -> None:
    hashes = hash_flat(make_zip({"moss.rom": b"moss"}, name=name))
    assert hashes.archive_members == (member_of("moss.rom", b"moss"),)


def test_a_container_by_content_alone_is_its_largest_member(make_zip: Make) -> None:
    path = make_zip({"readme.txt": b"r", "moss.bin": b"moss" * 99}, name="moss.rom")
    assert hash_flat(path) == FileHashes(digests_of(b"moss" * 99))


def test_a_single_packed_file_is_what_is_in_it(put: Put) -> None:
    assert hash_flat(put("moss.rom.gz", gzip.compress(b"moss"))).digests == digests_of(b"moss")
    assert hash_flat(put("moss.rom.bz2", bz2.compress(b"moss"))).digests == digests_of(b"moss")


@pytest.mark.parametrize("name", ["moss.zip", "moss.7z", "moss.rar"])
def test_an_archive_in_name_only_is_hashed_as_it_is(put: Put, name: str) -> None:
    hashes = hash_flat(put(name, b"<html>not found</html>" * 9))
    assert hashes.digests == digests_of(b"<html>not found</html>" * 9)
    assert hashes.archive_members is None
    assert hashes.note


def test_a_damaged_archive_is_hashed_as_it_is(make_zip: Make, make_7z: Make) -> None:
    for path in (make_zip({"a": b"1" * 999, "b": b"2" * 999}), make_7z({"a": b"1" * 999})):
        data = path.read_bytes()[:-30]
        path.write_bytes(data)
        hashes = hash_flat(path)
        assert hashes.digests == digests_of(data)
        assert hashes.archive_members is None
        assert "cut short" in hashes.note


def test_an_encrypted_archive_is_hashed_as_it_is(make_7z: Make) -> None:
    path = make_7z({"a.rom": b"secret"}, password="moss")
    hashes = hash_flat(path)
    assert hashes.digests == digests_of(path.read_bytes())
    assert hashes.note == "it is encrypted: hashed as it is"


def test_a_rar_without_a_program_gives_the_checksums_it_lists(
    make_rar: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    import rarfile

    monkeypatch.setenv("PATH", "")
    rarfile.CURRENT_SETUP = None
    one, two = b"one" * 1000, b"two" * 7
    hashes = hash_flat(make_rar({"2.bin": two, "1.bin": one, "0.bin": b""}, method=3))
    assert hashes.digests == Digests(crc=f"{zlib.crc32(one + two):08x}")
    assert hashes.archive_members == (
        ArchiveMember("0.bin", 0, "", "", ""),
        ArchiveMember("1.bin", 3000, f"{zlib.crc32(one):08x}", "", ""),
        ArchiveMember("2.bin", 21, f"{zlib.crc32(two):08x}", "", ""),
    )
    assert "unrar" in hashes.note


def test_a_rar_without_a_program_or_checksums_gives_only_names(
    make_rar: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    import rarfile

    monkeypatch.setenv("PATH", "")
    rarfile.CURRENT_SETUP = None
    hashes = hash_flat(make_rar({"1.bin": b"1"}, method=3, checksums=False))
    assert hashes.digests == Digests()
    assert hashes.archive_members == (ArchiveMember("1.bin", 1, "", "", ""),)


def test_a_chd_has_the_sha1_of_its_header_beside_its_own(put: Put) -> None:
    hashes = hash_flat(put("moss.chd", chd()))
    assert hashes.digests == digests_of(chd())
    assert hashes.chd_sha1 == bytes(range(20)).hex()


@pytest.mark.parametrize("data", [chd(4), chd()[:90], b"MComprHD", b"ROM" * 99])
def test_other_headers_have_no_chd_sha1(put: Put, data: bytes) -> None:
    assert hash_flat(put("moss.chd", data)).chd_sha1 == ""


def test_a_folder_is_its_top_level_files_sorted_by_name(put: Put) -> None:
    files = [
        (put("z.bin", b"zz"), True),
        (put("sub/a.bin", b"sub"), False),
        (put("b.bin", b""), True),
        (put("a.cue", b"aa"), True),
        (put("m.chd", chd()), True),
    ]
    hashes, whole = hash_folder(files)
    assert [each.digests for each in hashes] == [
        digests_of(b"zz"),
        digests_of(b"sub"),
        Digests(),
        digests_of(b"aa"),
        digests_of(chd()),
    ]
    assert hashes[4].chd_sha1
    assert whole == digests_of(b"aa" + chd() + b"zz")


def test_the_order_of_the_files_of_a_folder_changes_nothing(put: Put) -> None:
    files = [(put(name, name.encode() * 99), True) for name in ("b", "a", "C", "10", "9")]
    expected = hash_folder(sorted(files))
    for order in permutations(files):
        hashes, whole = hash_folder(order)
        assert whole == expected[1]
        by_path = dict(zip(order, hashes, strict=True))
        assert [by_path[file] for file in sorted(files)] == expected[0]


def test_containers_in_a_folder_count_as_their_largest_member(
    put: Put, make_zip: Make, make_rar: Make
) -> None:
    packed = make_zip({"small": b"s", "moss.bin": b"moss" * 50}, name="2.zip")
    rar = make_rar({"moss.bin": b"moss"}, name="3.rar")
    hashes, whole = hash_folder([(put("1.bin", b"1"), True), (packed, True), (rar, True)])
    assert hashes[1] == FileHashes(digests_of(b"moss" * 50))
    assert hashes[2] == FileHashes(digests_of(rar.read_bytes()))
    assert whole == digests_of(b"1" + b"moss" * 50 + rar.read_bytes())


def test_a_damaged_container_leaves_no_trace_in_its_folder(put: Put, make_zip: Make) -> None:
    path = make_zip({"moss.bin": bytes(range(256)) * 9000}, name="2.zip", method=0)
    data = bytearray(path.read_bytes())
    data[2_000_000] ^= 1
    path.write_bytes(data)
    for files in ([(put("1.bin", b"1"), True), (path, True)], [(path, True)]):
        hashes, whole = hash_folder(files)
        assert hashes[-1].digests == digests_of(bytes(data))
        assert whole == digests_of(b"1" * (len(files) - 1) + bytes(data))


def test_an_unreadable_file_of_a_folder_is_left_out(put: Put, tmp_path: Path) -> None:
    hashes, whole = hash_folder([(tmp_path / "a.gone", True), (put("b.bin", b"b"), True)])
    assert hashes[0].note
    assert whole == digests_of(b"b")


def test_a_folder_of_nothing_has_no_digests(put: Put) -> None:
    assert hash_folder([]) == ([], Digests())
    assert hash_folder([(put("sub/a.bin", b"a"), False)])[1] == Digests()


def test_a_stop_is_heard_between_blocks(put: Put) -> None:
    asked = 0

    def stop() -> bool:
        nonlocal asked
        asked += 1
        return asked == 3

    path = put("large.rom", bytes(8 << 20))
    with pytest.raises(Stopped):
        hash_flat(path, stop=stop)
    assert asked == 3
    with pytest.raises(Stopped):
        hash_file(path, lambda: True)


def test_memory_stays_flat_however_large_the_file(put: Put) -> None:
    path = put("large.rom", bytes(64 << 20))
    hash_flat(path)
    tracemalloc.start()
    try:
        hash_flat(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 1 << 20


def test_identifying_reads_only_the_directory(
    put: Put, make_zip: Make, make_7z: Make, make_rar: Make
) -> None:
    contents = {"readme.txt": b"r", "moss.rom": b"moss" * 50}
    expected = (f"{zlib.crc32(b'moss' * 50):08x}", 200)
    for path in (make_zip(contents), make_7z(contents), make_rar(contents, method=3)):
        assert identify(path) == expected
    assert identify(put("moss.rom", b"moss")) is None
    assert identify(put("bad.zip", b"PK\x03\x04")) is None
    assert identify(put("moss.gz", gzip.compress(b"moss"))) is None


@given(st.binary(max_size=300), st.binary(max_size=300))
def test_joined_checksums_are_those_of_the_joined_bytes(first: bytes, second: bytes) -> None:
    joined = join_crcs(zlib.crc32(first), zlib.crc32(second), len(second))
    assert joined == zlib.crc32(first + second)
