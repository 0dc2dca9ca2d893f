from dataclasses import replace

import pytest

from romm_lite.disk.bios import is_verified
from romm_lite.disk.hashing import Digests
from romm_lite.kernel.resources import facts

NAME = "panafz1.bin"
SIZE = 1048576
KNOWN = Digests(
    "c8c8ff89", "f47264dd47fe30f73ab3c010015c155b", "34bf189111295f74d7b7dfc1f304d98b8d36325a"
)


def test_a_known_dump_is_verified() -> None:
    assert is_verified("3do", NAME, SIZE, KNOWN)


def test_one_equal_hash_is_enough() -> None:
    assert is_verified("3do", NAME, SIZE, Digests(crc="c8c8ff89", md5="0" * 32))


@pytest.mark.parametrize(
    ("slug", "name", "size", "digests"),
    [
        ("psx", NAME, SIZE, KNOWN),
        ("nowhere", NAME, SIZE, KNOWN),
        ("3do", NAME.upper(), SIZE, KNOWN),
        ("3do", NAME, SIZE - 1, KNOWN),
        ("3do", NAME, SIZE, Digests()),
        ("3do", NAME, SIZE, replace(KNOWN, crc="0" * 8, md5="", sha1="")),
    ],
)
def test_anything_else_is_not(slug: str, name: str, size: int, digests: Digests) -> None:
    assert not is_verified(slug, name, size, digests)


def test_the_table_is_whole() -> None:
    table = facts("known_bios")
    dumps = [dump for files in table.values() for dumps in files.values() for dump in dumps]
    assert (len(table), len(dumps)) == (53, 374)
    assert all([len(each) for each in dump[1:]] == [8, 32, 40] for dump in dumps)
