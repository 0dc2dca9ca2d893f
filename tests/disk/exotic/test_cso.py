"""Compressed images of UMDs."""

import pytest

from romm_lite.disk.exotic.lz4 import unpack_lz4
from romm_lite.disk.exotic.sources import Unreadable
from tests.disk.exotic.conftest import EXPECTED, Write, hash_of
from tests.disk.exotic.making import make_iso, make_psp
from tests.disk.exotic.packing import deflate, make_cso, make_dax, pack_lz4

IMAGE = make_iso(make_psp())
PSP = EXPECTED["psp/umd.iso"]


@pytest.mark.parametrize("shift", [0, 2, 11])
@pytest.mark.parametrize("block", [2048, 8192])
def test_a_cso(block: int, shift: int, put: Write) -> None:
    data = make_cso(IMAGE, b"CISO", deflate, block=block, shift=shift)
    assert len(data) < len(IMAGE) or shift
    assert hash_of(put("game.cso", data), "psp") == PSP


@pytest.mark.parametrize("shift", [0, 4])
def test_a_zso(shift: int, put: Write) -> None:
    data = make_cso(IMAGE, b"ZISO", pack_lz4, shift=shift)
    assert hash_of(put("game.zso", data), "psp") == PSP


@pytest.mark.parametrize("plain", [[], [(5, 2)], [(0, 1), (6, 1)]])
def test_a_dax(plain: list[tuple[int, int]], put: Write) -> None:
    assert hash_of(put("game.dax", make_dax(IMAGE, plain)), "psp") == PSP


def test_a_damaged_block_has_none(put: Write, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    data = make_cso(IMAGE, b"CISO", deflate)
    data = data[:150] + b"\xff" * 400 + data[550:]
    assert hash_of(put("game.cso", data), "psp") is None
    assert "game.cso has no hash of RetroAchievements" in caplog.text


def test_lz4_copies_what_came_before() -> None:
    packed = b"\x33abc\x03\x00\x10!"  # three letters, seven more from three back, one letter
    assert unpack_lz4(packed, 11) == b"abcabcabca!"


@pytest.mark.parametrize("packed", [b"", b"\xf0", b"\x10", b"\x10a\x05\x00", b"\x10a\x00\x00"])
def test_broken_lz4_is_refused(packed: bytes) -> None:
    with pytest.raises(Unreadable):
        unpack_lz4(packed, 100)
