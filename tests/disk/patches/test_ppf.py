import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from romm_lite.disk.patches.base import BadPatch, WrongSource

from .making import any_pace, make_ppf, run

PLACE = 0x9320
IMAGE = bytes(range(256)) * 160
HEAD = b"\2" + b"what it is".ljust(50)


@st.composite
def changed_images(draw: st.DrawFn) -> bytes:
    image = bytearray(IMAGE)
    for place in draw(st.lists(st.integers(0, len(IMAGE) - 1), max_size=5)):
        data = draw(st.binary(min_size=1, max_size=600))[: len(IMAGE) - place]
        image[place : place + len(data)] = data
    return bytes(image)


@pytest.mark.parametrize(("version", "undo"), [(1, False), (2, False), (3, False), (3, True)])
@settings(any_pace, max_examples=25)
@given(target=changed_images())
def test_whatever_was_made_is_made_again(version: int, undo: bool, target: bytes) -> None:
    patch = make_ppf(version, IMAGE, target, undo=undo)
    assert run(IMAGE, patch) == (target, version > 1)


def test_records_by_hand() -> None:
    """The two examples in the description of version 1."""
    image = bytes(0x15FA00)
    examples = bytes.fromhex("D0F91500 03 010203E0F91500 00 FF 10")
    patch = b"PPF10\0" + b"".ljust(50) + examples
    content = run(image, patch, largest=len(image)).content
    assert content[0x15F9D0:] == bytes.fromhex("010203").ljust(16, b"\0") + b"\xff" * 16 + bytes(16)


def test_version_3_without_its_block_is_not_proved_right() -> None:
    patch = b"PPF30" + HEAD + b"\0\0\0\0" + (5).to_bytes(8, "little") + b"\2hi"
    assert run(b"abcdefghi", patch) == (b"abcdehihi", False)


@pytest.mark.parametrize("size", [2, 4])
def test_text_at_the_end_is_passed_over(size: int) -> None:
    target = b"!" + IMAGE[1:]
    text = b"@BEGIN_FILE_ID.DIZhello@END_FILE_ID.DIZ" + (5).to_bytes(size, "little")
    assert run(IMAGE, make_ppf(3, IMAGE, target) + text).content == target


@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.parametrize(
    "other", [IMAGE[:PLACE] + b"?" + IMAGE[PLACE + 1 :], b"", IMAGE[: PLACE + 9]]
)
def test_another_dump_is_refused(version: int, other: bytes) -> None:
    with pytest.raises(WrongSource, match="the 1024 bytes at 0x9320 are not those it wants"):
        run(other, make_ppf(version, IMAGE, b"!" + IMAGE[1:]))


def test_images_of_primodvd_are_known_by_another_place() -> None:
    block = IMAGE[0x80A0 : 0x80A0 + 1024]
    patch = b"PPF30" + HEAD + b"\1\1\0\0" + block + bytes(8) + b"\1!"
    assert run(IMAGE, patch) == (b"!" + IMAGE[1:], True)
    with pytest.raises(WrongSource, match="0x80a0"):
        run(IMAGE[1:], patch)


@pytest.mark.parametrize(
    ("patch", "why"),
    [
        (b"PPF10", "cut short"),
        (b"PPF20" + HEAD, "cut short"),
        (b"PPF30" + HEAD + b"\0\0", "cut short"),
        (b"PPF30" + HEAD + b"\7\0\0\0", "unknown kind of image"),
        (b"PPF30" + HEAD + b"\0\0\0\0" + bytes(8) + b"\5abc", "cut short"),
        (b"PPF30" + HEAD + b"\0\0\1\0" + bytes(8) + b"\3abcab", "cut short"),
        (b"PPF30" + HEAD + b"\0\0\0\0" + b"\xff" * 8 + b"\1!", "are allowed"),
        (b"PPF10" + HEAD + b"\xff" * 4 + b"\1!", "are allowed"),
    ],
)
def test_patches_that_cannot_be(patch: bytes, why: str) -> None:
    with pytest.raises(BadPatch, match=why):
        run(IMAGE, patch)
