"""What all sources of a game amount to, by a fixed precedence.

A payload is the object that ``wire.rom_metadata`` describes for its source; ``manual`` is what a
person entered. What is not of the type that belongs there counts as not said.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

Payloads = Mapping[str, Mapping[str, Any]]
"""By source."""

LISTS: Mapping[str, tuple[str, ...]] = {
    "genres": ("manual", "igdb", "moby", "ss", "launchbox", "ra", "flashpoint", "gamelist"),
    "franchises": ("manual", "igdb", "ss", "flashpoint", "gamelist"),
    "companies": ("manual", "igdb", "ss", "ra", "launchbox", "flashpoint", "gamelist"),
    "game_modes": ("manual", "igdb", "ss", "flashpoint"),
    "collections": ("igdb",),
}
"""Whose list counts, the first that is not empty; the source calls it by the same name."""
NAMED_BY = (
    ("igdb", "alternative_names"),
    ("moby", "alternate_titles"),
    ("ss", "alternative_names"),
)
"""Where a source has the other names of a game."""
RATED_BY = ("igdb", "ss")
COUNTED_BY = ("manual", "ss", "igdb", "gamelist")
USUAL_PLAYERS = "1"
"""The player count of a game of which nobody tells another."""
DATED_BY: Mapping[str, int] = {
    "manual": 1,
    "igdb": 1000,
    "ss": 1000,
    "ra": 1000,
    "launchbox": 1000,
    "flashpoint": 1000,
}
"""How many milliseconds the unit of a source's date has."""
SCORED_BY: Mapping[tuple[str, str], float] = {
    ("igdb", "total_rating"): 1,
    ("moby", "moby_score"): 10,
    ("ss", "ss_score"): 10,
    ("launchbox", "community_rating"): 20,
    ("gamelist", "rating"): 100,
}
"""By what the rating of a source is multiplied, so that 100 is the best."""
LATEST = 253_402_300_799_999
"""Milliseconds: the last of the year 9999."""
_WHOLE = re.compile(r"[0-9]{1,18}")
_DECIMAL = re.compile(r"[0-9]{1,18}(?:\.[0-9]+)?")
_GAMELIST_DATE = re.compile(r"[0-9]{8}T[0-9]{6}")


@dataclass(frozen=True)
class Facts:
    """The date is in milliseconds since 1970, the rating 0 to 100."""

    genres: list[str]
    franchises: list[str]
    companies: list[str]
    game_modes: list[str]
    collections: list[str]
    age_ratings: list[str]
    player_count: str
    first_release_date: int | None
    average_rating: float | None


def aggregate(payloads: Payloads) -> Facts:
    """The facts of a game; its sources may be any, none included."""
    return Facts(
        **{name: _find_list(payloads, name) for name in LISTS},
        age_ratings=_find_age_ratings(payloads),
        player_count=_find_player_count(payloads),
        first_release_date=_find_date(payloads),
        average_rating=_average(payloads),
    )


def _get(payloads: Payloads, source: str, name: str) -> Any:
    return payloads.get(source, {}).get(name)


def _read_texts(value: Any) -> list[str]:
    if not isinstance(value, list):
        return []
    return [each for each in value if isinstance(each, str) and each.strip()]


def _find_list(payloads: Payloads, name: str) -> list[str]:
    lists = (_read_texts(_get(payloads, source, name)) for source in LISTS[name])
    return next(filter(None, lists), [])


def _find_age_ratings(payloads: Payloads) -> list[str]:
    """A person may also say that a game is not rated, by an empty list."""
    by_hand = _get(payloads, "manual", "age_ratings")
    if isinstance(by_hand, list):
        return _read_texts(by_hand)
    for source in RATED_BY:
        boards = _get(payloads, source, "age_ratings")
        rated = boards if isinstance(boards, list) else []
        found = _read_texts([each.get("rating") for each in rated if isinstance(each, Mapping)])
        if found:
            return found
    return _read_texts([_get(payloads, "launchbox", "esrb")])


def list_other_names(payloads: Payloads) -> list[str]:
    """All other names that sources have for a game."""
    lists = (_get(payloads, source, key) for source, key in NAMED_BY)
    return [name for each in lists if isinstance(each, list) for name in _read_texts(each)]


def _find_player_count(payloads: Payloads) -> str:
    counts = _read_texts([_get(payloads, source, "player_count") for source in COUNTED_BY])
    return next((each for each in counts if each != USUAL_PLAYERS), USUAL_PLAYERS)


def _find_date(payloads: Payloads) -> int | None:
    for source, unit in DATED_BY.items():
        text = str(_get(payloads, source, "first_release_date"))
        if _WHOLE.fullmatch(text) and 0 < int(text) * unit <= LATEST:
            return int(text) * unit
    return _read_gamelist_date(_get(payloads, "gamelist", "first_release_date"))


def _read_gamelist_date(value: Any) -> int | None:
    """``YYYYMMDDThhmmss``; None for a day that no calendar has."""
    if not isinstance(value, str) or not _GAMELIST_DATE.fullmatch(value):
        return None
    try:
        moment = datetime.strptime(value, "%Y%m%dT%H%M%S").replace(tzinfo=UTC)
    except ValueError:
        return None
    return round(moment.timestamp()) * 1000


def _average(payloads: Payloads) -> float | None:
    ratings = []
    for (source, name), scale in SCORED_BY.items():
        text = str(_get(payloads, source, name))
        if _DECIMAL.fullmatch(text) and 0 < float(text) * scale <= 100:
            ratings.append(float(text) * scale)
    return sum(ratings) / len(ratings) if ratings else None
