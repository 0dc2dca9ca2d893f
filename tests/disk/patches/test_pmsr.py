from zlib import crc32

import pytest

from romm_lite.disk.patches.base import BadPatch, WrongSource

from .making import make_pmsr, run

SIZE, CRC = 41_943_040, 0xA7F5CD7E
LARGEST = SIZE + 100


def forge(start: bytes, wanted: int) -> bytes:
    """``start`` and four bytes that give the whole this CRC-32."""
    table = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ (0xEDB88320 if value & 1 else 0)
        table.append(value)
    by_highest = {value >> 24: index for index, value in enumerate(table)}
    register, steps = wanted ^ 0xFFFFFFFF, []
    for _ in range(4):
        steps.append(by_highest[register >> 24])
        register = (register ^ table[steps[-1]]) << 8 & 0xFFFFFFFF
    register, ending = crc32(start) ^ 0xFFFFFFFF, b""
    for step in reversed(steps):
        ending += bytes([(register ^ step) & 0xFF])
        register = register >> 8 ^ table[step]
    return start + ending


@pytest.fixture(scope="module")
def rom() -> bytes:
    """What has the size and the checksum of the one ROM there are such patches for."""
    forged = forge(bytes(SIZE - 4), CRC)
    assert crc32(forged) == CRC
    return forged


def test_records(rom: bytes) -> None:
    made = run(rom, make_pmsr([(5, b"hello"), (SIZE - 2, b"longer"), (7, b"")]), LARGEST)
    assert made.content == rom[:5] + b"hello" + rom[10 : SIZE - 2] + b"longer"
    assert made.is_validated


@pytest.mark.parametrize(
    ("patch", "why"),
    [
        (b"PMSR", "cut short"),
        (b"PMSR\xff\xff\xff\xff", "cut short"),
        (make_pmsr([(0, b"hello")])[:-1], "cut short"),
        (make_pmsr([(0xFFFFFFFF, b"hello")]), "are allowed"),
    ],
)
def test_patches_that_cannot_be(rom: bytes, patch: bytes, why: str) -> None:
    with pytest.raises(BadPatch, match=why):
        run(rom, patch, LARGEST)


def test_another_game_is_refused() -> None:
    with pytest.raises(WrongSource, match="it is for Paper Mario"):
        run(b"other", make_pmsr([(0, b"hello")]))
