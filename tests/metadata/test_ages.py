import json
from pathlib import Path

import pytest

from romm_lite.kernel.resources import facts
from romm_lite.metadata.ages import OLDEST, minimum_age

IGDB = Path(__file__).resolve().parents[3] / "shared" / "spec" / "data" / "igdb_age_ratings.json"


@pytest.mark.parametrize(
    ("rating", "age"),
    [
        ("EC", 3),
        ("E", 6),
        ("K-A", 6),
        ("E10+", 10),
        ("T", 13),
        ("AO", 18),
        ("7", 7),
        ("12", 12),
        ("18", 18),
        ("A", 0),
        ("Z", 18),
        ("0", 0),
        ("ALL", 0),
        ("15+", 15),
        ("19+", 19),
        ("L", 0),
        ("14", 14),
        ("PG", 8),
        ("MA 15+", 15),
        ("R 18+", 18),
        ("RC", 18),
    ],
)
def test_a_rating_without_its_board(rating: str, age: int) -> None:
    assert minimum_age([rating]) == age


def test_a_word_of_two_boards_means_the_stricter_unless_the_board_is_said() -> None:
    assert minimum_age(["M"]) == 17
    assert minimum_age(["ESRB M"]) == 17
    assert minimum_age(["ACB M"]) == 15


@pytest.mark.parametrize(
    ("rating", "age"),
    [
        ("PEGI 12", 12),
        ("pegi: 16", 16),
        ("CLASS_IND 14", 14),
        ("ESRB E10+", 10),
        ("E10+ - Everyone 10+", 10),
        ("M - Mature", 17),
        ("Everyone", 6),
        ("Mature 17+", 17),
        ("ma15+", 15),
        (" r18+ ", 18),
        ("OFLC 15", 15),
        ("FSK 16", 16),
        ("12A", 12),
        ("13", 13),
    ],
)
def test_other_ways_to_write_one(rating: str, age: int) -> None:
    assert minimum_age([rating]) == age


@pytest.mark.parametrize(
    "rating",
    ["", "RP", "RP - Rating Pending", "TESTING", "Not Rated", "?", "99", "1994", "\uff11\uff12"],
)
def test_what_says_no_age_is_no_rating(rating: str) -> None:
    assert minimum_age([rating]) is None
    assert minimum_age([rating, "A"]) == 0


def test_of_several_boards_the_strictest_counts() -> None:
    assert minimum_age(["T", "12", "B", "16", "RP"]) == 16
    assert minimum_age([]) is None


def test_the_table_holds_ages() -> None:
    ages = [age for ratings in facts("age_ratings").values() for age in ratings.values()]
    assert all(age is None or 0 <= age <= OLDEST for age in ages)


@pytest.mark.skipif(not IGDB.is_file(), reason="IGDB's ratings are not beside this checkout")
def test_every_rating_of_igdb_is_in_the_table() -> None:
    table = facts("age_ratings")
    for each in json.loads(IGDB.read_bytes()).values():
        assert each["rating"] in table[each["category"]]
