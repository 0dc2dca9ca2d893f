import pytest
from hypothesis import given

from romm_lite.disk.patches.base import BadPatch

from .making import any_pace, make_ips, run, small_files

SOURCE = bytes(range(64))


@any_pace
@given(small_files, small_files)
def test_whatever_was_made_is_made_again(source: bytes, target: bytes) -> None:
    assert run(source, make_ips(source, target)) == (target, False)


def test_records_by_hand() -> None:
    patch = b"PATCH\0\0\2\0\3abc\0\0\x0a\0\0\0\4zEOF"
    expected = SOURCE[:2] + b"abc" + SOURCE[5:10] + b"zzzz" + SOURCE[14:]
    assert run(SOURCE, patch).content == expected


def test_record_behind_the_end_makes_the_file_longer() -> None:
    patch = b"PATCH\0\0\x46\0\1!EOF"
    assert run(SOURCE, patch).content == SOURCE + bytes(6) + b"!"


@pytest.mark.parametrize("record", [b"", b"\0\0\x3c\0\0\0\x0az"])
def test_result_is_cut_where_the_patch_says(record: bytes) -> None:
    patch = b"PATCH" + record + b"EOF\0\0\x3e"
    expected = (SOURCE[:60] + b"zz") if record else SOURCE[:62]
    assert run(SOURCE, patch).content == expected


def test_cut_behind_the_end_adds_nothing() -> None:
    assert run(SOURCE, b"PATCHEOF\0\0\xff").content == SOURCE


def test_record_at_the_place_spelled_eof_is_a_record() -> None:
    place = int.from_bytes(b"EOF", "big")
    patch = b"PATCHEOF\0\2hi\0\0\0\0\1!EOF"
    content = run(SOURCE, patch, largest=1 << 23).content
    assert (len(content), content[place:], content[:2]) == (place + 2, b"hi", b"!\1")


def test_text_of_earthbound_patches_is_passed_over() -> None:
    patch = b'PATCH\0\0\0\0\1!EOF{"patcher": "EBPatcher"}'
    assert run(SOURCE, patch).content == b"!" + SOURCE[1:]


def test_places_of_four_bytes() -> None:
    patch = b"IPS32\0\1\0\0\0\2hi\0\0\0\0\0\0\0\2zEEOF"
    content = run(SOURCE, patch).content
    assert content == b"zz" + SOURCE[2:].ljust(0xFFFE, b"\0") + b"hi"


@pytest.mark.parametrize(
    "patch",
    [
        b"PATCH",
        b"PATCHEO",
        b"PATCH\0\0\0\0\5abcEOF",
        b"PATCH\0\0\0\0\0\0\5",
        b"PATCH\0\0\0\0\1!",
        b"IPS32EOF",
    ],
)
def test_patch_that_is_cut_short(patch: bytes) -> None:
    with pytest.raises(BadPatch, match="cut short"):
        run(SOURCE, patch)


def test_no_more_than_is_allowed() -> None:
    patch = b"IPS32\xff\xff\xff\xff\0\1!EEOF"
    with pytest.raises(BadPatch, match="makes a file of 4294967296 bytes, and 1048576 are allowed"):
        run(SOURCE, patch)


def test_endless_repetitions_of_one_place_end() -> None:
    patch = b"PATCH" + b"\0\0\0\0\0\xff\xffz" * 10_000 + b"EOF"
    assert run(b"", patch).content == b"z" * 0xFFFF
