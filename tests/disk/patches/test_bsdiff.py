import bz2

import bsdiff4
import pytest
from hypothesis import given

from romm_lite.disk.patches.base import BLOCK, BadPatch

from .making import any_pace, make_bsdiff, run, small_files

SOURCE = bytes(range(64))


@any_pace
@given(small_files, small_files)
def test_what_bsdiff_makes(source: bytes, target: bytes) -> None:
    assert run(source, bsdiff4.diff(source, target)) == (target, False)


def test_large_files() -> None:
    source = bytes(range(251)) * 4000
    target = bytearray(source[5000:] + b"new" * 100_000)
    for place in range(0, len(source) - 5000, 997):
        target[place] ^= 0xA5
    assert len(target) > 2 * BLOCK
    patch = bsdiff4.diff(source, bytes(target))
    assert run(source, patch, largest=1 << 21).content == bytes(target)


def test_commands_by_hand() -> None:
    patch = make_bsdiff([(4, 2, -3), (3, 0, 0)], b"\0\0\1\xff\0\xff\2", b"hi")
    assert run(SOURCE, patch).content == bytes([0, 1, 3, 2]) + b"hi" + bytes([1, 1, 5])


def test_beyond_the_source_there_are_zeros() -> None:
    patch = make_bsdiff([(0, 0, -2), (4, 0, 60), (4, 0, 0)], b"abcdefgh", b"")
    expected = (
        b"ab" + bytes([ord("c"), ord("d") + 1]) + bytes([ord("e") + 62, ord("f") + 63]) + b"gh"
    )
    assert run(SOURCE, patch).content == expected


def test_far_away_from_the_source() -> None:
    far = 1 << 62
    patch = make_bsdiff([(0, 0, far), (2, 0, -far), (0, 0, -far), (2, 0, 0)], b"abcd", b"")
    assert run(SOURCE, patch).content == b"abcd"


@pytest.mark.parametrize(
    ("commands", "added", "new", "why"),
    [
        ([(4, 0, 0)], b"abc", b"", "cut short"),
        ([(0, 4, 0)], b"", b"abc", "cut short"),
        ([(-1, 5, 0)], b"", b"abcde", "beyond the end"),
        ([(5, -1, 0)], b"abcde", b"", "beyond the end"),
    ],
)
def test_commands_that_cannot_be(
    commands: list[tuple[int, int, int]], added: bytes, new: bytes, why: str
) -> None:
    with pytest.raises(BadPatch, match=why):
        run(SOURCE, make_bsdiff(commands, added, new))


def head(*sizes: int) -> bytes:
    return b"BSDIFF40" + b"".join(size.to_bytes(8, "little") for size in sizes)


@pytest.mark.parametrize(
    ("patch", "why"),
    [
        (b"BSDIFF40", "cut short"),
        (head(1 << 40, 0, 5), "cut short"),
        (head(0, 0, 5), "cut short"),
        (head(0, 0, 1 << 40), "are allowed"),
        (head(0, 0, 1 << 63 | 5), "negative"),
        (head(3, 0, 5) + b"abc", "cannot be unpacked"),
        (head(len(bz2.compress(b"")), 0, 5) + bz2.compress(b""), "cut short"),
        (head(30, 0, 5) + bz2.compress(bytes(24))[:30], "cut short"),
    ],
)
def test_patches_that_cannot_be(patch: bytes, why: str) -> None:
    with pytest.raises(BadPatch, match=why):
        run(SOURCE, patch)


def test_result_larger_than_its_commands() -> None:
    patch = bytearray(make_bsdiff([(4, 0, 0)], bytes(4), b""))
    patch[24:32] = (5).to_bytes(8, "little")
    with pytest.raises(BadPatch, match="cut short"):
        run(SOURCE, bytes(patch))
