import pytest
from hypothesis import given

from romm_lite.disk.patches.base import BadPatch, WrongSource

from .making import any_pace, make_aps_gba, make_aps_n64, run, small_files

HEADER = b"\x80\x37\x12\x40" + bytes(range(0x10, 0x4C))
N64 = HEADER + bytes(range(256))
GBA = bytes(range(256)) * 1024
CHANGED = N64[:100] + b"changed" + N64[107:] + b"z" * 600


def swap(rom: bytes) -> bytes:
    """In the byte order called v64."""
    return bytes(rom[place ^ 1] for place in range(len(rom)))


@any_pace
@given(small_files, small_files)
def test_whatever_was_made_is_made_again(source: bytes, target: bytes) -> None:
    assert run(source, make_aps_n64(source, target)) == (target, False)


@pytest.mark.parametrize("order", [bytes, swap])
def test_known_rom_is_proved_right(order: type) -> None:
    source, target = order(N64), order(CHANGED)
    assert run(source, make_aps_n64(source, target, header=HEADER)) == (target, True)


@pytest.mark.parametrize(
    ("make", "have", "wanted"), [(N64, swap(N64), "z64"), (swap(N64), N64, "v64")]
)
def test_rom_in_another_byte_order(make: bytes, have: bytes, wanted: str) -> None:
    with pytest.raises(WrongSource, match=f"in the byte order called {wanted}"):
        run(have, make_aps_n64(make, make, header=HEADER))


@pytest.mark.parametrize("other", [N64[:0x3C] + b"??" + N64[0x3E:], N64[:0x10] + b"?" + N64[0x11:]])
def test_another_rom_is_refused(other: bytes) -> None:
    with pytest.raises(WrongSource, match="the header of the ROM is not the one it wants"):
        run(other, make_aps_n64(N64, CHANGED, header=HEADER))


def test_records_by_hand() -> None:
    patch = b"APS10\0\0" + b" " * 50 + b"\5\0\0\0\1\0\0\0\2hi\0\0\0\0\0z\1"
    assert run(b"abcdefgh", patch).content == b"zhide"


@pytest.mark.parametrize(
    ("patch", "why"),
    [
        (b"APS10", "cut short"),
        (b"APS10\2\0", "unknown kind"),
        (b"APS10\0\1", "unknown kind"),
        (b"APS10\0\0" + b" " * 50 + b"\xff\xff\xff\xff", "are allowed"),
        (b"APS10\0\0" + b" " * 50 + b"\5\0\0\0\4\0\0\0\2hi", "beyond the end"),
        (b"APS10\0\0" + b" " * 50 + b"\5\0\0\0\4\0\0\0\0z", "cut short"),
        (b"APS1", "cut short"),
        (b"APS1\0\0\4\0\xff\xff\xff\xff", "are allowed"),
        (b"APS1\0\0\4\0\0\0\4\0\0\0\0\0\0\0", "cut short"),
    ],
)
def test_patches_that_cannot_be(patch: bytes, why: str) -> None:
    with pytest.raises(BadPatch, match=why):
        run(GBA, patch)


@pytest.mark.parametrize("target", [GBA[::-1], GBA[:70_000], GBA + b"longer" * 40_000])
def test_whatever_was_made_for_the_gba_is_made_again(target: bytes) -> None:
    assert run(GBA, make_aps_gba(GBA, target)) == (target, True)


def test_another_rom_of_the_gba_is_refused() -> None:
    patch = make_aps_gba(GBA, GBA[::-1])
    with pytest.raises(WrongSource, match="it wants 262144 bytes, the file has 262143"):
        run(GBA[1:], patch)
    with pytest.raises(WrongSource, match="the file differs at 0x10000"):
        run(GBA[:0x10000] + b"?" + GBA[0x10001:], patch)


def test_wrong_result_is_noticed() -> None:
    patch = bytearray(make_aps_gba(GBA, GBA[::-1]))
    patch[-1] ^= 1
    with pytest.raises(BadPatch, match="the checksum of the result is wrong"):
        run(GBA, bytes(patch))
