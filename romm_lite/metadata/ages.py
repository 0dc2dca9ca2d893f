"""From how old on a game is fit to be played, by the ratings that boards gave it.

Facts come from ``assets/data/age_ratings.json``: board, rating, years. A rating of null tells
nothing yet.
"""

import re
from collections.abc import Iterable, Mapping
from functools import cache

from romm_lite.kernel.resources import facts

OLDEST = 21
"""Years; no board asks for more, so a higher number is no age."""
_NOISE = re.compile(r"[^A-Z0-9]")
_WITH_NUMBER = re.compile(r"[A-Z]*(\d{1,2})[A-Z]*")


def minimum_age(ratings: Iterable[str]) -> int | None:
    """Years, None if nobody rated the game.

    A rating stands alone ("T", "12", "15+") or after its board ("PEGI 12", "ACB M"). Where boards
    differ the strictest counts, also about a word that means more at one than at another.
    """
    ages = (_read(rating) for rating in ratings)
    return max((age for age in ages if age is not None), default=None)


def _read(rating: str) -> int | None:
    """What the table says, else the number in it; "E - Everyone" is read up to the dash."""
    word = _simplify(rating.partition(" - ")[0])
    if word in _table():
        return _table()[word]
    numbered = _WITH_NUMBER.fullmatch(word)
    if numbered is None or int(numbered[1]) > OLDEST:
        return None
    return int(numbered[1])


@cache
def _table() -> Mapping[str, int | None]:
    """Years by rating, with its board before it and without."""
    found: dict[str, int | None] = {}
    for board, ratings in facts("age_ratings").items():
        for rating, age in ratings.items():
            alone = _simplify(rating)
            found[_simplify(board) + alone] = age
            asked = [each for each in (found.get(alone), age) if each is not None]
            found[alone] = max(asked, default=None)
    return found


def _simplify(text: str) -> str:
    """Letters and digits: "MA 15+", "ma15" and "MA-15" are one."""
    return _NOISE.sub("", text.upper())
