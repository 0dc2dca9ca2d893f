"""Files made to confuse: whatever is in them, no error, no hang, little memory."""

import tracemalloc
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.disk.exotic.conftest import SAMPLES, hash_of
from tests.disk.exotic.making import make_iso, make_nds, make_psp, make_psx, make_raw
from tests.disk.exotic.packing import deflate, make_cso, make_dax, pack_lz4

PSP = make_iso(make_psp())
SEEDS = {
    ("psx", "cd.chd"): (SAMPLES / "psx-cdlz.chd").read_bytes(),
    ("ps2", "dvd.chd"): (SAMPLES / "ps2-huff.chd").read_bytes(),
    ("psp", "game.cso"): make_cso(PSP, b"CISO", deflate),
    ("psp", "game.zso"): make_cso(PSP, b"ZISO", pack_lz4),
    ("psp", "game.dax"): make_dax(PSP, [(5, 2)]),
    ("psx", "disc.iso"): make_iso(make_psx()),
    ("psx", "disc.bin"): make_raw(make_iso(make_psx()), 2),
    ("nds", "game.nds"): make_nds(),
}
LITTLE = 64 << 20

Change = tuple[int, bytes]


def places(size: int) -> st.SearchStrategy[int]:
    """Mostly in headers and tables: at both ends, and where file systems begin."""
    near = [st.integers(0, 300), st.integers(max(size - 300, 0), size - 1)]
    middle = [st.integers(min(at, size - 1), min(at + 400, size - 1)) for at in (0x8000, 0x9000)]
    return st.one_of(*near, *middle, st.integers(0, size - 1))


@pytest.mark.parametrize(("slug", "name"), list(SEEDS), ids=lambda each: each)
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_a_changed_file_gives_a_hash_or_none(
    tmp_path: Path, slug: str, name: str, data: st.DataObject
) -> None:
    content = bytearray(SEEDS[slug, name])
    extreme = st.sampled_from([b"\xff\xff\xff\xff", b"\0\0\0\0", b"\x7f\xff\xff\xff", b"\0\0\0\1"])
    values = st.one_of(extreme, st.binary(min_size=1, max_size=8))
    changes = data.draw(st.lists(st.tuples(places(len(content)), values), max_size=6))
    for at, value in changes:
        content[at : at + len(value)] = value
    end = data.draw(st.one_of(st.just(len(content)), st.integers(0, len(content))))
    path = tmp_path / name
    path.write_bytes(content[:end])
    found = hash_of(path, slug)
    assert found is None or len(found) == 32


@pytest.mark.parametrize("head", [b"MComprHD\0\0\0\x7c\0\0\0\5", b"CISO", b"ZISO", b"DAX\0"])
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(rest=st.binary(max_size=300))
def test_noise_with_a_magic_gives_none(tmp_path: Path, head: bytes, rest: bytes) -> None:
    path = tmp_path / "game"
    path.write_bytes(head + rest)
    assert hash_of(path, "psp") is None


def test_absurd_counts_take_little_memory(tmp_path: Path) -> None:
    content = bytearray((SAMPLES / "psx-cdlz.chd").read_bytes())
    content[32:40] = ((1 << 23) * 19584).to_bytes(8, "big")
    path = tmp_path / "disc.chd"
    path.write_bytes(content)
    hash_of(path, "psx")
    tracemalloc.start()
    hash_of(path, "psx")
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < LITTLE


def test_a_config_of_blanks_is_read_at_once(tmp_path: Path) -> None:
    path = tmp_path / "disc.iso"
    for blank in (b" ", b"\n", b"\r\n\t"):
        path.write_bytes(make_iso({"SYSTEM.CNF": blank * 60_000}))
        assert hash_of(path, "ps2") is None
