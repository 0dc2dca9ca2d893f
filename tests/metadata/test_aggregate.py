"""What all sources of a game amount to."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from romm_lite.metadata.aggregate import LATEST, LISTS, Facts, aggregate

SOURCES = ("manual", "igdb", "moby", "ss", "launchbox", "ra", "flashpoint", "gamelist", "hasheous")
EVERYTHING: dict[str, dict[str, Any]] = {
    "igdb": {
        "genres": ["Platform", "Puzzle"],
        "franchises": ["Moss"],
        "companies": ["Fern Works"],
        "collections": ["Moss and Fern"],
        "game_modes": ["Single player"],
        "age_ratings": [{"rating": "T", "category": "ESRB", "rating_cover_url": ""}],
        "first_release_date": 600_000_000,
        "total_rating": "80.5",
        "player_count": "1-4",
    },
    "moby": {"genres": ["Action"], "moby_score": "7.5"},
    "ss": {
        "genres": ["Plattform"],
        "companies": ["Farn GmbH"],
        "age_ratings": [{"rating": "12", "category": "USK"}],
        "first_release_date": 700_000_000,
        "ss_score": "9",
        "player_count": "2",
    },
    "launchbox": {
        "genres": ["Family"],
        "companies": ["Fern"],
        "esrb": "E",
        "first_release_date": 1,
        "community_rating": 4.5,
    },
    "gamelist": {"rating": 0.25, "first_release_date": "19900101T000000", "player_count": "3"},
    "manual": {},
}


def find(name: str, **payloads: dict[str, Any]) -> Any:
    return getattr(aggregate(payloads), name)


def test_nobody_says_anything() -> None:
    assert aggregate({}) == Facts([], [], [], [], [], [], "1", None, None)


def test_all_sources_at_once() -> None:
    assert aggregate(EVERYTHING) == Facts(
        genres=["Platform", "Puzzle"],
        franchises=["Moss"],
        companies=["Fern Works"],
        game_modes=["Single player"],
        collections=["Moss and Fern"],
        age_ratings=["T"],
        player_count="2",
        first_release_date=600_000_000_000,
        average_rating=(80.5 + 75 + 90 + 90 + 25) / 5,
    )


@pytest.mark.parametrize("name", LISTS)
def test_the_first_list_that_is_not_empty_counts(name: str) -> None:
    order = LISTS[name]
    for place, source in enumerate(order):
        said: dict[str, dict[str, Any]] = {each: {name: [each]} for each in order[place:]}
        said |= {each: {name: []} for each in order[:place]}
        assert find(name, **said) == [source]


def test_the_orders_of_the_lists() -> None:
    assert LISTS == {
        "genres": ("manual", "igdb", "moby", "ss", "launchbox", "ra", "flashpoint", "gamelist"),
        "franchises": ("manual", "igdb", "ss", "flashpoint", "gamelist"),
        "companies": ("manual", "igdb", "ss", "ra", "launchbox", "flashpoint", "gamelist"),
        "game_modes": ("manual", "igdb", "ss", "flashpoint"),
        "collections": ("igdb",),
    }


@pytest.mark.parametrize("value", [None, "Puzzle", 5, [None, 5, "", " "], {"Puzzle": 1}])
def test_what_is_no_list_of_texts_counts_as_not_said(value: Any) -> None:
    assert find("genres", manual={"genres": value}, igdb={"genres": ["Puzzle"]}) == ["Puzzle"]


def test_a_person_says_the_age_rating_even_that_there_is_none() -> None:
    igdb = {"age_ratings": [{"rating": "M"}]}
    assert find("age_ratings", manual={"age_ratings": ["E", "6"]}, igdb=igdb) == ["E", "6"]
    assert find("age_ratings", manual={"age_ratings": []}, igdb=igdb) == []
    assert find("age_ratings", manual={"age_ratings": None}, igdb=igdb) == ["M"]


def test_the_boards_of_a_source_come_one_after_another() -> None:
    ss = {"age_ratings": [{"rating": "12"}, {"rating": "16"}, {"category": "USK"}, "18"]}
    launchbox = {"esrb": "T"}
    assert find("age_ratings", igdb={"age_ratings": []}, ss=ss, launchbox=launchbox) == ["12", "16"]
    assert find("age_ratings", igdb={"age_ratings": [{}]}, launchbox=launchbox) == ["T"]
    assert find("age_ratings", launchbox={"esrb": ""}) == []


@pytest.mark.parametrize(
    ("payloads", "milliseconds"),
    [
        ({"manual": {"first_release_date": 5}, "igdb": {"first_release_date": 6}}, 5),
        ({"manual": {"first_release_date": 0}, "igdb": {"first_release_date": 6}}, 6000),
        ({"igdb": {"first_release_date": -6}, "ss": {"first_release_date": 7}}, 7000),
        ({"ra": {"first_release_date": 8}, "launchbox": {"first_release_date": 9}}, 8000),
        ({"launchbox": {"first_release_date": 9}, "flashpoint": {"first_release_date": "1"}}, 9000),
        ({"flashpoint": {"first_release_date": "694224000"}}, 694_224_000_000),
        ({"flashpoint": {"first_release_date": ""}}, None),
        ({"flashpoint": {"first_release_date": "1990-01-01"}}, None),
        ({"flashpoint": {"first_release_date": "٣"}}, None),
        ({"igdb": {"first_release_date": True}}, None),
        ({"igdb": {"first_release_date": 10**30}}, None),
        ({"igdb": {"first_release_date": LATEST // 1000 + 1}}, None),
        ({"gamelist": {"first_release_date": "19900102T030405"}}, 631_249_445_000),
        ({"gamelist": {"first_release_date": "19690102T000000"}}, -31_449_600_000),
        ({"gamelist": {"first_release_date": "19900230T000000"}}, None),
        ({"gamelist": {"first_release_date": "00000101T000000"}}, None),
        ({"gamelist": {"first_release_date": "1990"}}, None),
        ({"gamelist": {"first_release_date": 1990}}, None),
    ],
)
def test_the_first_date_that_is_one_counts(
    payloads: dict[str, dict[str, Any]], milliseconds: int | None
) -> None:
    assert aggregate(payloads).first_release_date == milliseconds


def test_a_date_of_a_gamelist_is_in_utc() -> None:
    found = find("first_release_date", gamelist={"first_release_date": "20010909T014640"})
    assert datetime.fromtimestamp(found / 1000, UTC) == datetime(2001, 9, 9, 1, 46, 40, tzinfo=UTC)


@pytest.mark.parametrize(
    ("payloads", "rating"),
    [
        ({"igdb": {"total_rating": "77.5"}}, 77.5),
        ({"igdb": {"total_rating": "77.5"}, "moby": {"moby_score": "6"}}, 68.75),
        ({"igdb": {"total_rating": "0"}, "ss": {"ss_score": "10"}}, 100),
        ({"launchbox": {"community_rating": 5}}, 100),
        ({"gamelist": {"rating": 1.0}}, 100),
        ({"igdb": {"total_rating": "-5"}}, None),
        ({"igdb": {"total_rating": "1e1"}}, None),
        ({"igdb": {"total_rating": "nan"}}, None),
        ({"igdb": {"total_rating": "9" * 400}}, None),
        ({"igdb": {"total_rating": "101"}}, None),
        ({"gamelist": {"rating": None}}, None),
        ({"manual": {"total_rating": "50"}}, None),
    ],
)
def test_the_rating_is_the_mean_of_those_there_are(
    payloads: dict[str, dict[str, Any]], rating: float | None
) -> None:
    assert aggregate(payloads).average_rating == rating


@pytest.mark.parametrize(
    ("payloads", "players"),
    [
        ({"manual": {"player_count": "5"}, "ss": {"player_count": "2"}}, "5"),
        ({"manual": {"player_count": "1"}, "ss": {"player_count": "2"}}, "2"),
        ({"ss": {"player_count": ""}, "igdb": {"player_count": "1-4"}}, "1-4"),
        ({"igdb": {"player_count": "1"}, "gamelist": {"player_count": "2"}}, "2"),
        ({"igdb": {"player_count": 4}}, "1"),
        ({"gamelist": {"player_count": None}}, "1"),
    ],
)
def test_more_than_one_player_is_said_by_the_first_who_knows(
    payloads: dict[str, dict[str, Any]], players: str
) -> None:
    assert aggregate(payloads).player_count == players


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda each: st.lists(each) | st.dictionaries(st.text(), each),
    max_leaves=5,
)
NAMES = st.sampled_from(
    [
        *LISTS,
        *("age_ratings", "first_release_date", "player_count"),
        *("total_rating", "moby_score", "ss_score", "community_rating", "rating", "esrb"),
    ]
)


@given(st.dictionaries(st.sampled_from(SOURCES), st.dictionaries(NAMES, ANYTHING)))
def test_nothing_that_is_said_breaks_it(payloads: dict[str, dict[str, Any]]) -> None:
    facts = aggregate(payloads)
    assert facts.average_rating is None or 0 < facts.average_rating <= 100
    assert all(isinstance(each, str) for name in LISTS for each in getattr(facts, name))
