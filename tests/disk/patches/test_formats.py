"""What is a patch and what is not, and that nothing in a patch does any other harm than to fail."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from zlib import crc32

import bsdiff4
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from romm_lite.disk.patches.base import BadPatch, UnknownPatch
from romm_lite.disk.patches.formats import FORMATS, apply_patch, recognize_patch

from .making import (
    LARGEST,
    SAMPLES,
    make_aps_gba,
    make_aps_n64,
    make_bps,
    make_ips,
    make_pmsr,
    make_ppf,
    make_rup,
    make_ups,
    run,
    write_sample,
)
from .test_bps import COPY_SOURCE, COPY_TARGET, READ_SOURCE, action, step

SOURCE, TARGET = write_sample()
SAME_SIZE = TARGET[: len(SOURCE)]
ACTIONS = (
    action(READ_SOURCE, 100)
    + action(COPY_SOURCE, 1000, step(5000))
    + action(COPY_TARGET, 500, step(300))
    + action(COPY_SOURCE, 1000, step(-4000))
)
BPS_TARGET = SOURCE[:100] + SOURCE[5000:6000] + (SOURCE[:100] + SOURCE[5000:6000])[300:800]
BPS_TARGET += SOURCE[2000:3000]


def keep(patch: bytes) -> bytes:
    return patch


def seal(patch: bytes) -> bytes:
    """With a checksum that fits again, as anybody can make one."""
    return patch[:-4] + crc32(patch[:-4]).to_bytes(4, "little")


EVERY: dict[str, tuple[bytes, Callable[[bytes], bytes]]] = {
    "ips": (make_ips(SOURCE, TARGET), keep),
    "ips32": (b"IPS32\0\1\0\0\0\2hi\0\0\0\0\0\0\0\2zEEOF", keep),
    "ups": (make_ups(SOURCE, TARGET), seal),
    "bps": (make_bps(SOURCE, BPS_TARGET, ACTIONS), seal),
    "ppf 1": (make_ppf(1, SOURCE, SAME_SIZE), keep),
    "ppf 3": (make_ppf(3, SOURCE, SAME_SIZE, undo=True), keep),
    "lzma": ((SAMPLES / "lzma.xdelta").read_bytes(), keep),
    "bsdiff": (bsdiff4.diff(SOURCE, TARGET), keep),
    "aps n64": (make_aps_n64(SOURCE, TARGET), keep),
    "aps gba": (make_aps_gba(SOURCE, TARGET), keep),
    "rup": (make_rup(SOURCE, TARGET), keep),
}


@pytest.mark.parametrize("kind", EVERY)
@settings(deadline=None, max_examples=60)
@given(data=st.data())
def test_damage_is_an_error_or_makes_a_file(kind: str, data: st.DataObject) -> None:
    patch, mend = EVERY[kind]
    broken = bytearray(patch)
    places = st.integers(0, min(len(patch) - 1, 99)) | st.integers(0, len(patch) - 1)
    for place in data.draw(st.lists(places, min_size=1, max_size=4)):
        broken[place] = data.draw(st.sampled_from(b"\0\1\x7f\x80\xff") | st.integers(0, 255))
    if data.draw(st.booleans()):
        del broken[data.draw(places) :]
    with suppress(BadPatch, UnknownPatch):
        assert len(run(SOURCE, mend(bytes(broken))).content) <= LARGEST


@pytest.mark.parametrize("kind", EVERY)
@pytest.mark.parametrize("size", [0, 1])
def test_damage_is_an_error_or_makes_a_file_of_next_to_nothing(kind: str, size: int) -> None:
    with suppress(BadPatch):
        assert len(run(SOURCE[:size], EVERY[kind][0]).content) <= LARGEST


@settings(deadline=None)
@given(magic=st.sampled_from([known.magic for known in FORMATS]), rest=st.binary())
def test_noise_behind_a_magic(magic: bytes, rest: bytes) -> None:
    with suppress(BadPatch, UnknownPatch):
        assert len(run(SOURCE, magic + rest).content) <= LARGEST


@pytest.mark.parametrize(
    ("patch", "name"),
    [
        *((patch, kind) for kind, (patch, _) in EVERY.items()),
        (make_ppf(2, SOURCE, SAME_SIZE), "ppf 2"),
        (make_pmsr([]), "pmsr"),
    ],
)
def test_content_tells_the_kind(tmp_path: Path, patch: bytes, name: str) -> None:
    path = tmp_path / "patch.txt"
    path.write_bytes(patch)
    found = recognize_patch(path).name.lower()
    expected = {"lzma": "vcdiff (xdelta)", "aps n64": "aps (n64)", "aps gba": "aps (gba)"}
    assert found == expected.get(name, name)


@pytest.mark.parametrize(
    ("head", "what"),
    [
        (b"", "an empty file"),
        (b"hello", "no patch of any known kind"),
        (b"PATC", "no patch of any known kind"),
        (b"PK\3\4", "a zip archive, out of which the patch has to be taken first"),
        (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
        (b"%XDZ004%", "an xdelta 1 patch"),
        (b"\xd6\xc3\xc4S", "a VCDIFF patch of an unknown version"),
        (b"PPF40", "a PPF patch of an unknown version"),
        (b"NINJA1", "a patch of NINJA 1"),
        (b"ENDSLEY/BSDIFF43", "a bsdiff patch of version 4.3"),
        (b"\xd1\xff\xd1\xff\4", "a GDIFF patch"),
        (b"Yay0", "a packed Star Rod mod"),
    ],
)
def test_what_is_no_patch_is_named(tmp_path: Path, head: bytes, what: str) -> None:
    path = tmp_path / "patch.ips"
    path.write_bytes(head)
    with pytest.raises(UnknownPatch, match=f"^{what}"):
        recognize_patch(path)


def test_result_may_have_just_the_size_that_is_allowed() -> None:
    assert run(SOURCE, make_ips(SOURCE, TARGET), largest=len(TARGET)).content == TARGET
    with pytest.raises(BadPatch, match=f"a file of {len(TARGET)} bytes, and {len(TARGET) - 1} are"):
        run(SOURCE, make_ips(SOURCE, TARGET), largest=len(TARGET) - 1)


def test_source_stays_as_it_is(tmp_path: Path) -> None:
    source, patch = tmp_path / "source", tmp_path / "patch"
    source.write_bytes(SOURCE)
    patch.write_bytes(make_ips(SOURCE, TARGET))
    source.chmod(0o400)
    apply_patch(source, patch, tmp_path / "target", LARGEST)
    assert source.read_bytes() == SOURCE
