import pytest
from hypothesis import given
from hypothesis import strategies as st

from romm_lite.kernel.text import SORT_KEY_LENGTH, fold, sort_key


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("The Moss 2", "moss 000000000002"),
        ("Les Mousses 10", "mousses 000000000010"),
        ("Moss 007 Runner", "moss 000000000007 runner"),
        (None, ""),
        ("Theme Park", "theme park"),
        ("A", "a"),
    ],
)
def test_sort_key(name: str | None, key: str) -> None:
    assert sort_key(name) == key


def test_numbers_sort_by_value() -> None:
    names = ["Game 10", "Game 9", "Game 100"]
    assert sorted(names, key=sort_key) == ["Game 9", "Game 10", "Game 100"]


@given(st.text())
def test_a_sort_key_is_never_too_long(name: str) -> None:
    assert len(sort_key(name)) <= SORT_KEY_LENGTH


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("Pokémon", "pokemon"),
        ("Ōkami", "okami"),
        ("STRASSE", "strasse"),
        ("Straße", "strasse"),
        ("が", "が"),
        ("हिन्दी", "हिन्दी"),
    ],
)
def test_fold(text: str, folded: str) -> None:
    assert fold(text) == folded


@given(st.text())
def test_folding_twice_changes_nothing_more(text: str) -> None:
    assert fold(fold(text)) == fold(text)
