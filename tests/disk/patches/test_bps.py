"""BPS: random actions against an interpreter that goes byte by byte."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from romm_lite.disk.patches.base import BadPatch, WrongSource

from .making import any_pace, checked, make_bps, run, spell

SOURCE = bytes(range(64))
READ_SOURCE, READ_PATCH, COPY_SOURCE, COPY_TARGET = range(4)


def action(kind: int, size: int, rest: bytes = b"") -> bytes:
    return spell((size - 1) << 2 | kind) + rest


def step(distance: int) -> bytes:
    return spell(abs(distance) << 1 | (distance < 0))


@st.composite
def patches(draw: st.DrawFn) -> tuple[bytes, bytes, bytes]:
    """Source, target and the actions that make it."""
    source = draw(st.binary(min_size=1, max_size=60))
    target, actions, from_source, from_target = bytearray(), b"", 0, 0
    for _ in range(draw(st.integers(0, 12))):
        kind, size = draw(st.integers(0, 3)), draw(st.integers(1, 40))
        if kind == READ_SOURCE and len(target) < len(source):
            size = min(size, len(source) - len(target))
            target += source[len(target) : len(target) + size]
            actions += action(kind, size)
        elif kind == COPY_SOURCE:
            place = draw(st.integers(0, len(source) - 1))
            size = min(size, len(source) - place)
            target += source[place : place + size]
            actions += action(kind, size, step(place - from_source))
            from_source = place + size
        elif kind == COPY_TARGET and target:
            place = draw(st.integers(0, len(target) - 1))
            for offset in range(size):
                target.append(target[place + offset])
            actions += action(kind, size, step(place - from_target))
            from_target = place + size
        else:
            data = draw(st.binary(min_size=1, max_size=40))
            target += data
            actions += action(READ_PATCH, len(data), data)
    return source, bytes(target), actions


@any_pace
@given(patches())
def test_whatever_was_told_is_made(patch: tuple[bytes, bytes, bytes]) -> None:
    source, target, actions = patch
    assert run(source, make_bps(source, target, actions)) == (target, True)


def test_actions_by_hand() -> None:
    actions = (
        b"\x94"  # 6 bytes of the source at this place
        b"\x89abc"  # 3 bytes that follow
        b"\x8e\xa8"  # 4 bytes of the source, 20 on
        b"\x8e\x8b"  # 4 bytes of the source, 5 back
        b"\xa3\x90"  # 9 bytes of the target, 8 on: "c" and on into itself
    )
    copied = SOURCE[20:24] + SOURCE[19:23]
    target = SOURCE[:6] + b"abc" + copied + b"c" + copied
    assert run(SOURCE, make_bps(SOURCE, target, actions)) == (target, True)


def test_one_byte_repeated() -> None:
    target = b"z" * 100_000
    actions = action(READ_PATCH, 1, b"z") + action(COPY_TARGET, 99_999, step(0))
    assert run(SOURCE, make_bps(SOURCE, target, actions)).content == target


def test_nothing_becomes_nothing() -> None:
    assert run(b"", make_bps(b"", b"")) == (b"", True)


@pytest.mark.parametrize(
    ("actions", "why"),
    [
        (action(COPY_SOURCE, 4, step(-1)), "beyond the ends of the file"),
        (action(COPY_SOURCE, 4, step(61)), "beyond the ends of the file"),
        (action(COPY_SOURCE, 4, step(1 << 62)), "beyond the ends of the file"),
        (action(READ_SOURCE, 6) + action(COPY_TARGET, 4, step(-1)), "not there yet"),
        (action(READ_SOURCE, 6) + action(COPY_TARGET, 4, step(6)), "not there yet"),
        (action(COPY_TARGET, 4, step(0)), "not there yet"),
        (action(READ_PATCH, 11, b"x" * 11), "beyond the end it names"),
        (action(READ_SOURCE, 1 << 60), "beyond the end it names"),
        (action(READ_PATCH, 10, b"x" * 9), "cut short"),
        (action(READ_SOURCE, 9), "cut short"),
        (b"", "cut short"),
        (b"\0" * 50, "absurd"),
    ],
)
def test_actions_that_cannot_be(actions: bytes, why: str) -> None:
    with pytest.raises(BadPatch, match=why):
        run(SOURCE, make_bps(SOURCE, b"0123456789", actions))


def test_note_longer_than_the_patch() -> None:
    body = b"BPS1" + spell(64) + spell(10) + spell(1 << 40)
    with pytest.raises(BadPatch, match="cut short"):
        run(SOURCE, checked(body, SOURCE, b""))


def test_huge_sizes_are_refused_before_anything_is_made() -> None:
    body = b"BPS1" + spell(64) + spell(1 << 40) + spell(0)
    with pytest.raises(BadPatch, match="are allowed"):
        run(SOURCE, checked(body, SOURCE, b""))


def test_another_dump_is_refused() -> None:
    with pytest.raises(WrongSource, match="for another dump"):
        run(SOURCE[::-1], make_bps(SOURCE, b"target"))


def test_wrong_result_is_noticed() -> None:
    body = make_bps(SOURCE, b"target")[:-12]
    with pytest.raises(BadPatch, match="the checksum of the result is wrong"):
        run(SOURCE, checked(body, SOURCE, b"other!"))
