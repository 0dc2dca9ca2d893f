"""VCDIFF: by hand after RFC 3284, and what xdelta itself makes."""

import importlib.util
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import given

from romm_lite.disk.patches.base import BadPatch, UnknownPatch, WrongSource
from romm_lite.disk.patches.formats import apply_patch

from .making import (
    SAMPLES,
    Window,
    any_pace,
    make_vcdiff,
    run,
    small_files,
    spell_high,
    write_sample,
)

SOURCE = bytes(range(64))
ADD, COPY, RUN = b"\1", b"\x13", b"\0"
"""Codes of instructions whose size follows; addresses are plain numbers."""


needs_xdelta = pytest.mark.skipif(
    importlib.util.find_spec("pyxdelta") is None, reason="there is no pyxdelta for this machine"
)
PACKED = [
    "lzma",
    pytest.param("static", marks=needs_xdelta),
    pytest.param("adaptive", marks=needs_xdelta),
]


@pytest.mark.parametrize("packed", PACKED)
def test_what_xdelta_packed(packed: str) -> None:
    source, target = write_sample()
    patch = (SAMPLES / f"{packed}.xdelta").read_bytes()
    assert run(source, patch) == (target, True)


@pytest.mark.parametrize("packed", PACKED)
def test_xdelta_patch_for_another_dump(packed: str) -> None:
    source, _ = write_sample()
    patch = (SAMPLES / f"{packed}.xdelta").read_bytes()
    for other in (source[:-1], source[1:] + b"x"):
        with pytest.raises(BadPatch, match="it is for another dump"):
            run(other, patch)


@needs_xdelta
@any_pace
@given(small_files, small_files)
def test_what_xdelta_makes(source: bytes, target: bytes) -> None:
    import pyxdelta

    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / name for name in ("source", "target", "patch", "made")]
        paths[0].write_bytes(source or b"\0")
        paths[1].write_bytes(target)
        old, new, patch = map(str, paths[:3])
        assert pyxdelta.run(infile=old, outfile=new, patchfile=patch)
        apply_patch(paths[0], paths[2], paths[3], 1 << 20)
        assert paths[3].read_bytes() == target


def test_example_of_the_rfc() -> None:
    """Section 3: a segment, then copies of it and of what they made, an addition and a run."""
    target = b"abcdwxyzefghefghefghefghzzzz"
    data = b"wxyzz"
    codes = COPY + b"\4" + ADD + b"\4" + COPY + b"\4" + COPY + b"\x0c" + RUN + b"\4"
    window = Window(target, data, codes, b"\0\4\x18", (16, 0))
    assert run(b"abcdefghijklmnop", make_vcdiff([window])) == (target, True)


def test_two_instructions_in_one_code() -> None:
    target = b"x" + SOURCE[:4] + SOURCE[4:8] + b"y"
    window = Window(target, b"xy", bytes([163, 247]), b"\0\4", (64, 0))
    assert run(SOURCE, make_vcdiff([window])).content == target


def test_every_way_to_tell_an_address() -> None:
    """Plain, back from here, near the last four, and the same as one of before."""
    places = [(0, 40), (1, 44 + 4 - 8), (2, 3), (6, 43)]
    codes = bytes(20 + 16 * mode for mode, _ in places)
    pieces = [SOURCE[40:44], SOURCE[28:32], SOURCE[43:47], SOURCE[43:47]]
    addresses = bytes([40, 64 + 4 - 28, 3, 43])
    window = Window(b"".join(pieces), b"", codes, addresses, (64, 0))
    assert run(SOURCE, make_vcdiff([window])).content == b"".join(pieces)


def test_copy_from_the_segment_goes_on_in_the_target() -> None:
    window = Window(b"defdefd", b"", COPY + b"\7", b"\0", (3, 3))
    assert run(b"abcdef", make_vcdiff([window])).content == b"defdefd"


def test_copy_from_an_earlier_window() -> None:
    first = Window(b"hello", b"hello", ADD + b"\5")
    second = Window(b"ell", b"", COPY + b"\3", b"\0", (3, 1), origin=2)
    assert run(b"", make_vcdiff([first, second])).content == b"helloell"


def test_note_is_passed_over_and_nothing_proves_the_source() -> None:
    window = Window(b"hello", b"hello", ADD + b"\5")
    patch = make_vcdiff([window], b"\4\4note", is_checked=False)
    assert run(SOURCE, patch) == (b"hello", False)


def test_no_window_makes_an_empty_file() -> None:
    assert run(SOURCE, make_vcdiff([])) == (b"", False)


def test_long_run() -> None:
    target = b"z" * 700_000
    window = Window(target, b"z", RUN + spell_high(len(target)))
    assert run(SOURCE, make_vcdiff([window])).content == target


@pytest.mark.parametrize(
    ("window", "why"),
    [
        (Window(b"12345", b"123", ADD + b"\5"), "cut short"),
        (Window(b"12345", b"123", ADD + b"\3"), "cut short"),
        (Window(b"12345", b"123456", ADD + b"\6"), "beyond the end it names"),
        (Window(b"12345", b"", RUN + b"\5"), "cut short"),
        (Window(b"12345", b"1", RUN + b"\x81\x80\x80\x80\x80\x80\x05"), "beyond the end"),
        (Window(b"12345", b"1", RUN + b"\xff" * 12), "absurd"),
        (Window(b"12345", b"", COPY), "cut short"),
        (Window(b"12345", b"", COPY + b"\5", b"\0"), "not there yet"),
        (Window(b"12345", b"", COPY + b"\5", b"\x40", (64, 0)), "not there yet"),
        (Window(b"12345", b"", bytes([35]) + b"\5", b"\x41", (64, 0)), "not there yet"),
        (Window(b"12345", b"", COPY + b"\5", b"\0", (1, 0), origin=2), "not there yet"),
        (Window(b"12345", b"", COPY + b"\5", b"\0", (5, 0), origin=3), "two places"),
        (Window(b"12345", b"12346", ADD + b"\5"), "wrong checksum"),
    ],
)
def test_windows_that_cannot_be(window: Window, why: str) -> None:
    with pytest.raises(BadPatch, match=why):
        run(SOURCE, make_vcdiff([window]))


def test_segment_beyond_the_end_tells_another_dump() -> None:
    window = Window(b"12345", b"", COPY + b"\5", b"\0", (10, 60))
    with pytest.raises(WrongSource, match="it wants 70 bytes at least, the file has 64"):
        run(SOURCE, make_vcdiff([window]))


def test_huge_windows_are_refused_before_anything_is_made() -> None:
    body = spell_high(1 << 40) + b"\0\0\0\0"
    with pytest.raises(BadPatch, match="a file of 1099511627776 bytes"):
        run(SOURCE, b"\xd6\xc3\xc4\0\0" + b"\0" + spell_high(len(body)) + body)


def test_sizes_that_contradict_each_other() -> None:
    body = spell_high(5) + b"\0\0\0\0"
    with pytest.raises(BadPatch, match="contradict each other"):
        run(SOURCE, b"\xd6\xc3\xc4\0\0" + b"\0" + spell_high(len(body) + 1) + body)


@pytest.mark.parametrize(
    ("head", "what"),
    [
        (b"\1\7", "packed in an unknown way"),
        (b"\2", "a code table of its own"),
    ],
)
def test_extensions_nobody_knows(head: bytes, what: str) -> None:
    with pytest.raises(UnknownPatch, match=what):
        run(SOURCE, make_vcdiff([], head))


def packed_window(packed: bytes) -> bytes:
    """A window of five bytes whose data section is packed."""
    body = spell_high(5) + b"\1" + spell_high(len(packed)) + b"\2\0" + packed + ADD + b"\5"
    return b"\0" + spell_high(len(body)) + body


@pytest.mark.parametrize(
    ("head", "packed", "why"),
    [
        (b"\0", b"\5hello", "does not say what it is packed by"),
        (b"\1\2", b"\5" + bytes(30), "cannot be unpacked"),
        (b"\1\2", b"\5", "cut short"),
        (b"\1\2", b"", "cut short"),
        (b"\1\2", spell_high(65 << 20), "absurdly large"),
    ],
)
def test_packed_sections_that_cannot_be(head: bytes, packed: bytes, why: str) -> None:
    with pytest.raises(BadPatch, match=why):
        run(SOURCE, b"\xd6\xc3\xc4\0" + head + packed_window(packed))


def test_machine_without_xdelta_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyxdelta", None)
    with pytest.raises(UnknownPatch, match="only the package pyxdelta can unpack"):
        run(SOURCE, (SAMPLES / "static.xdelta").read_bytes())


@needs_xdelta
def test_path_no_text_can_hold(tmp_path: Path) -> None:
    """What xdelta of C is given opens whatever the file is called."""
    source, target = write_sample()
    odd = tmp_path / "odd\udcff.bin"
    odd.write_bytes(source)
    assert apply_patch(odd, SAMPLES / "static.xdelta", tmp_path / "made", 1 << 20)
    assert (tmp_path / "made").read_bytes() == target
