"""Small encoders of every format, each after its public description, and running a patch."""

import bz2
import hashlib
import tempfile
from binascii import crc_hqx
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import NamedTuple
from zlib import adler32, crc32

from hypothesis import settings
from hypothesis import strategies as st

from romm_lite.disk.patches.formats import apply_patch

LARGEST = 1 << 20
any_pace = settings(deadline=None)
"""For tests that write files, which takes as long as it takes."""

small_files = st.binary(max_size=300) | st.lists(st.sampled_from(b"\0\0\1\xff"), max_size=300).map(
    bytes
)
"""Files, half of them of few different bytes, in which patches find much to repeat."""


SAMPLES = Path(__file__).with_name("samples")


def write_words(seed: str, count: int, kinds: int) -> bytes:
    """The same text everywhere and for ever."""

    def word(number: int) -> str:
        digest = hashlib.sha256(f"{seed} {number}".encode()).hexdigest()
        return digest[: int(digest[-1], 16) % 7 + 2]

    return " ".join(word(int(word(each), 16) % kinds) for each in range(count)).encode()


def write_sample() -> tuple[bytes, bytes]:
    """What the samples are patches of.

    They were made by ``xdelta3 -e -A -W 16384 -B 524288 -S lzma|djw|fgk``, version 3.0.11, and
    have three windows with packed sections.
    """
    old, new = write_words("old", 6000, 500), write_words("new", 800, 40)
    target = bytearray(old)
    for number in range(40):
        place = number * 821
        target[place : place + 7] = new[number * 10 : number * 10 + 12]
    target[9000:9000] = bytes(3000)
    return old, bytes(target + new[:1500])


class Result(NamedTuple):
    content: bytes
    is_validated: bool


def run(source: bytes, patch: bytes, largest: int = LARGEST) -> Result:
    """Apply a patch, all three of them real files."""
    with tempfile.TemporaryDirectory() as folder:
        old, made, new = (Path(folder) / name for name in ("source", "patch", "target"))
        old.write_bytes(source)
        made.write_bytes(patch)
        is_validated = apply_patch(old, made, new, largest)
        return Result(new.read_bytes(), is_validated)


def differences(source: bytes, target: bytes) -> Iterator[tuple[int, bytes]]:
    """The pieces of ``target`` that are not so in ``source``, which has zeros behind its end."""
    padded = source.ljust(len(target), b"\0")
    for differs, places in groupby(range(len(target)), lambda i: padded[i] != target[i]):
        if differs:
            start, *rest = places
            yield start, target[start : start + 1 + len(rest)]


def spell(value: int) -> bytes:
    """A number as UPS and BPS write it."""
    spelled = bytearray()
    while True:
        low, value = value & 0x7F, value >> 7
        if not value:
            return bytes([*spelled, low | 0x80])
        spelled.append(low)
        value -= 1


def spell_high(value: int) -> bytes:
    """A number as VCDIFF writes it."""
    spelled = [value & 0x7F]
    while value := value >> 7:
        spelled.append(value & 0x7F | 0x80)
    return bytes(reversed(spelled))


def checked(body: bytes, source: bytes, target: bytes) -> bytes:
    """With the checksums UPS and BPS end in."""
    body += crc32(source).to_bytes(4, "little") + crc32(target).to_bytes(4, "little")
    return body + crc32(body).to_bytes(4, "little")


def make_ips(source: bytes, target: bytes) -> bytes:
    """Runs of one byte are told as such; a shorter target is cut."""
    patch = b"PATCH"
    pieces = [*differences(source, target)]
    if len(target) > len(source):
        pieces.append((len(target) - 1, target[-1:]))
    for start, piece in pieces:
        patch += start.to_bytes(3, "big")
        if len(set(piece)) == 1:
            patch += b"\0\0" + len(piece).to_bytes(2, "big") + piece[:1]
        else:
            patch += len(piece).to_bytes(2, "big") + piece
    cut = len(target).to_bytes(3, "big") if len(target) < len(source) else b""
    return patch + b"EOF" + cut


def make_ups(source: bytes, target: bytes) -> bytes:
    size = max(len(source), len(target))
    old, new = source.ljust(size, b"\0"), target.ljust(size, b"\0")
    patch, position = b"UPS1" + spell(len(source)) + spell(len(target)), 0
    for start, piece in differences(old, new):
        mixed = bytes(a ^ b for a, b in zip(old[start:], piece, strict=False))
        patch += spell(start - position) + mixed + b"\0"
        position = start + len(piece) + 1
    return checked(patch, source, target)


def make_bps(source: bytes, target: bytes, actions: bytes | None = None) -> bytes:
    """Out of ready actions, or telling every byte."""
    if actions is None:
        actions = spell((len(target) - 1) << 2 | 1) + target if target else b""
    sizes = spell(len(source)) + spell(len(target)) + spell(4) + b"note"
    return checked(b"BPS1" + sizes + actions, source, target)


def make_ppf(version: int, source: bytes, target: bytes, *, undo: bool = False) -> bytes:
    """For files of one size; known by their block from version 2 on."""
    head = b"PPF%d0" % version + bytes([version - 1]) + b"what it is".ljust(50)
    block = source[0x9320 : 0x9320 + 1024]
    if version == 2:
        head += len(source).to_bytes(4, "little") + block
    elif version == 3:
        head += bytes([0, 1, undo, 0]) + block
    for start, whole in differences(source, target):
        for at in range(0, len(whole), 255):
            piece, place = whole[at : at + 255], start + at
            head += place.to_bytes(8 if version == 3 else 4, "little") + bytes([len(piece)]) + piece
            head += source[place : place + len(piece)] if undo else b""
    return head


class Window(NamedTuple):
    """What a window of a VCDIFF patch is made of."""

    target: bytes
    data: bytes
    codes: bytes
    addresses: bytes = b""
    segment: tuple[int, int] | None = None
    """Size and place of what is copied from."""
    origin: int = 1


def make_vcdiff(
    windows: Sequence[Window], head: bytes = b"\0", *, is_checked: bool = True
) -> bytes:
    patch = b"\xd6\xc3\xc4\0" + head
    for target, *sections, segment, origin in windows:
        flags = (origin if segment else 0) | (4 if is_checked else 0)
        patch += bytes([flags]) + b"".join(map(spell_high, segment or ()))
        body = spell_high(len(target)) + b"\0" + b"".join(spell_high(len(s)) for s in sections)
        body += adler32(target).to_bytes(4, "big") if is_checked else b""
        body += b"".join(sections)
        patch += spell_high(len(body)) + body
    return patch


def make_bsdiff(commands: Sequence[tuple[int, int, int]], added: bytes, new: bytes) -> bytes:
    def spell_signed(value: int) -> bytes:
        return (abs(value) | (value < 0) << 63).to_bytes(8, "little")

    told = b"".join(spell_signed(number) for command in commands for number in command)
    parts = [bz2.compress(part) for part in (told, added, new)]
    size = sum(command[0] + command[1] for command in commands)
    sizes = map(spell_signed, (len(parts[0]), len(parts[1]), size))
    return b"".join((b"BSDIFF40", *sizes, *parts))


def make_aps_n64(source: bytes, target: bytes, *, header: bytes = b"") -> bytes:
    """With what stands in the ROM's ``header`` in plain byte order, if that is given."""
    patch = b"APS10" + bytes([bool(header), 0]) + b"what it is".ljust(50)
    if header:
        patch += (
            bytes([source[:2] == b"\x80\x37"]) + header[0x3C:0x3F] + header[0x10:0x18] + bytes(5)
        )
    patch += len(target).to_bytes(4, "little")
    for start, piece in differences(source, target):
        for at in range(0, len(piece), 255):
            part = piece[at : at + 255]
            told = (
                bytes([0, part[0], len(part)]) if len(set(part)) == 1 else bytes([len(part)]) + part
            )
            patch += (start + at).to_bytes(4, "little") + told
    return patch


def make_aps_gba(source: bytes, target: bytes) -> bytes:
    patch = b"APS1" + len(source).to_bytes(4, "little") + len(target).to_bytes(4, "little")
    for start in range(0, max(len(source), len(target)), 1 << 16):
        old, new = (whole[start : start + (1 << 16)] for whole in (source, target))
        if old != new:
            size = 1 << 16
            mixed = bytes(
                a ^ b for a, b in zip(old.ljust(size, b"\0"), new.ljust(size, b"\0"), strict=True)
            )
            sums = (crc_hqx(block, 0xFFFF).to_bytes(2, "little") for block in (old, new))
            patch += start.to_bytes(4, "little") + b"".join(sums) + mixed
    return patch


def make_rup(source: bytes, target: bytes) -> bytes:
    def number(value: int) -> bytes:
        size = (value.bit_length() + 7) // 8
        return bytes([size]) + value.to_bytes(size, "little")

    def digest(content: bytes) -> bytes:
        return hashlib.md5(content, usedforsecurity=False).digest()

    patch = b"NINJA2".ljust(2048, b"\0") + b"\1" + number(0) + b"\0"
    patch += number(len(source)) + number(len(target)) + digest(source) + digest(target)
    shared = min(len(source), len(target))
    rest = source[shared:] or target[shared:]
    if rest:
        letter = b"M" if len(source) > len(target) else b"A"
        patch += letter + number(len(rest)) + bytes(byte ^ 0xFF for byte in rest)
    for start, piece in differences(source[:shared], target[:shared]):
        mixed = bytes(a ^ b for a, b in zip(source[start:], piece, strict=False))
        patch += b"\2" + number(start) + number(len(mixed)) + mixed
    return patch + b"\0"


def make_pmsr(pieces: Sequence[tuple[int, bytes]]) -> bytes:
    numbers = (
        start.to_bytes(4, "big") + len(piece).to_bytes(4, "big") + piece for start, piece in pieces
    )
    return b"PMSR" + len(pieces).to_bytes(4, "big") + b"".join(numbers)
