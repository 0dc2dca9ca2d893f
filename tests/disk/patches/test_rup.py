import pytest
from hypothesis import given

from romm_lite.disk.patches.base import BadPatch, WrongSource

from .making import any_pace, make_rup, run, small_files

SOURCE = bytes(range(64))
TARGET = b"new" + SOURCE[3:] + b"longer"
HEAD = 2048


@any_pace
@given(small_files, small_files)
def test_whatever_was_made_is_made_again(source: bytes, target: bytes) -> None:
    assert run(source, make_rup(source, target)) == (target, True)


def test_another_dump_is_refused() -> None:
    with pytest.raises(
        WrongSource, match=r"it wants 64 bytes with MD5 [0-9a-f]{32}, the file has 63"
    ):
        run(SOURCE[1:], make_rup(SOURCE, TARGET))


def test_patched_file_is_known() -> None:
    with pytest.raises(WrongSource, match="is the patched one already"):
        run(TARGET, make_rup(SOURCE, TARGET))


def test_wrong_result_is_noticed() -> None:
    patch = bytearray(make_rup(SOURCE, TARGET))
    patch[-2] ^= 1
    with pytest.raises(BadPatch, match="the checksum of the result is wrong"):
        run(SOURCE, bytes(patch))


def test_huge_sizes_are_refused_before_anything_is_made() -> None:
    patch = make_rup(SOURCE, TARGET)
    sizes = b"\1\x40\1\x46"
    assert patch.count(sizes) == 1
    with pytest.raises(BadPatch, match="are allowed"):
        run(SOURCE, patch.replace(sizes, b"\1\x40\x10" + b"\xff" * 16))


@pytest.mark.parametrize(
    ("patch", "why"),
    [
        (b"NINJA2", "cut short"),
        (b"NINJA2".ljust(HEAD, b"\0"), "cut short"),
        (b"NINJA2".ljust(HEAD, b"\0") + b"\0", "cut short"),
        (make_rup(SOURCE, TARGET)[:-1], "cut short"),
        (make_rup(SOURCE, TARGET)[:-1] + b"\1", "several files at once"),
        (make_rup(SOURCE, TARGET)[:-1] + b"\7", "odd"),
        (make_rup(SOURCE, TARGET)[:-1] + b"\2\1\0\xff" + b"\xff" * 255, "cut short"),
    ],
)
def test_patches_that_cannot_be(patch: bytes, why: str) -> None:
    with pytest.raises(BadPatch, match=why):
        run(SOURCE, patch)


def test_place_beyond_all_ends_does_no_harm() -> None:
    patch = make_rup(SOURCE, TARGET)[:-1] + b"\2\xff" + b"\xff" * 255 + b"\1\2hi" + b"\0"
    assert run(SOURCE, patch).content == TARGET
