from zlib import crc32

import pytest
from hypothesis import given

from romm_lite.disk.patches.base import BadPatch, WrongSource

from .making import any_pace, checked, make_ups, run, small_files, spell

SOURCE = bytes(range(1, 65))


@any_pace
@given(small_files, small_files)
def test_whatever_was_made_is_made_again(source: bytes, target: bytes) -> None:
    patch = make_ups(source, target)
    assert run(source, patch) == (target, True)


def test_pieces_by_hand() -> None:
    target = b"\1\2" + b"\xff" + SOURCE[3:62] + b"!!!"
    mixed = bytes([3 ^ 0xFF]), bytes([63 ^ ord("!"), 64 ^ ord("!"), ord("!")])
    body = b"UPS1\xc0\xc1" + b"\x82" + mixed[0] + b"\0" + b"\xba" + mixed[1] + b"\0"
    assert run(SOURCE, checked(body, SOURCE, target)) == (target, True)


def test_long_piece() -> None:
    source, target = bytes(600_000), b"\xaa" * 600_000
    assert run(source, make_ups(source, target)).content == target


def test_another_dump_is_refused_by_name() -> None:
    patch = make_ups(SOURCE, SOURCE[::-1])
    expected = f"it wants 64 bytes with CRC-32 {crc32(SOURCE):08x}, the file has 65 with "
    with pytest.raises(WrongSource, match=expected + f"{crc32(SOURCE + b'x'):08x}"):
        run(SOURCE + b"x", patch)


def test_patched_file_is_known() -> None:
    with pytest.raises(WrongSource, match="is the patched one already"):
        run(SOURCE[::-1], make_ups(SOURCE, SOURCE[::-1]))


def test_every_flipped_byte_of_a_patch_is_noticed() -> None:
    patch = make_ups(SOURCE, SOURCE[::-1])
    for place in range(4, len(patch)):
        broken = bytearray(patch)
        broken[place] ^= 0x55
        with pytest.raises(BadPatch, match="its checksum is wrong"):
            run(SOURCE, bytes(broken))


def test_wrong_result_is_noticed() -> None:
    body = make_ups(SOURCE, SOURCE[::-1])[:-12]
    with pytest.raises(BadPatch, match="the checksum of the result is wrong"):
        run(SOURCE, checked(body, SOURCE, b"something else"))


@pytest.mark.parametrize("rest", [b"\x80", b"\x80\1\2\3", b"\0", b"\x7f" * 40])
def test_unfinished_piece(rest: bytes) -> None:
    body = b"UPS1" + spell(64) + spell(64) + rest
    with pytest.raises(BadPatch, match=r"cut short|absurd"):
        run(SOURCE, checked(body, SOURCE, SOURCE))


def test_huge_sizes_are_refused_before_anything_is_made() -> None:
    body = b"UPS1" + spell(64) + spell(1 << 60)
    with pytest.raises(BadPatch, match=r"a file of 1152921504606846976 bytes"):
        run(SOURCE, checked(body, SOURCE, b""))


def test_piece_beyond_all_ends_does_no_harm() -> None:
    body = b"UPS1" + spell(64) + spell(64) + spell(1 << 62) + b"\1\2\0"
    assert run(SOURCE, checked(body, SOURCE, SOURCE)).content == SOURCE


@pytest.mark.parametrize("size", range(4, 16))
def test_patch_shorter_than_its_checksums(size: int) -> None:
    with pytest.raises(BadPatch):
        run(SOURCE, b"UPS1".ljust(size, b"\x80"))
