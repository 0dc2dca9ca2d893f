"""Rules of smart collections: the database finds what plain Python finds."""

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete

from romm_lite.features.library.facets import USUAL_PLAYERS, VERIFIED
from romm_lite.features.library.sources import FILTERABLE, IDENTIFYING, SIBLING
from romm_lite.kernel.times import now
from romm_lite.tables.collections import COLLECTIONS, SMART_COLLECTIONS
from romm_lite.tables.roms import FACETS, ROMS

from .conftest import Home, ids

FACETED = ("genres", "companies", "regions", "tags")
VALUES = ("a", "b", "B", "ä")
PLAYERS = (USUAL_PLAYERS, "1-2", "1-4")
PROVIDERS = ("igdb", "ra", "tgdb", "sgdb")
STATUSES = ("finished", "retired")
FLAGS = ("now_playing", "hidden")
PLATFORMS = ("snes", "switch")
PLAYABLE = "snes"
LOGICS = ("any", "all", "none")
Rule = Mapping[str, Any]


@dataclass(frozen=True)
class Game:
    """A ROM as plain values; ``known`` are ids by provider."""

    platform: str
    facets: Mapping[str, Collection[str]]
    players: str
    known: Mapping[str, str | None]
    status: str | None
    flags: Collection[str]
    was_played: bool
    is_missing: bool
    is_favorite: bool
    is_verified: bool

    @property
    def providers(self) -> set[str]:
        return {name for name, external_id in self.known.items() if external_id is not None}

    def is_like(self, other: "Game") -> bool:
        """Whether a provider knows both by one id."""
        return self.platform == other.platform and any(
            self.known.get(name) == other.known.get(name) is not None for name in SIBLING
        )


GAMES = st.lists(
    st.builds(
        Game,
        platform=st.sampled_from(PLATFORMS),
        facets=st.fixed_dictionaries({word: st.sets(st.sampled_from(VALUES)) for word in FACETED}),
        players=st.sampled_from(PLAYERS),
        known=st.dictionaries(st.sampled_from(PROVIDERS), st.sampled_from(("1", "2", None))),
        status=st.sampled_from((None, *STATUSES)),
        flags=st.sets(st.sampled_from(FLAGS)),
        was_played=st.booleans(),
        is_missing=st.booleans(),
        is_favorite=st.booleans(),
        is_verified=st.booleans(),
    ),
    min_size=2,
    max_size=6,
)
CHOICES: Mapping[str, Sequence[str]] = {
    **dict.fromkeys(FACETED, (*VALUES, "absent")),
    "player_counts": PLAYERS,
    "metadata_providers": (*PROVIDERS, "nobody"),
    "statuses": (*STATUSES, *FLAGS),
}
YES_OR_NO: Mapping[str, Callable[[Game, Sequence[Game]], bool]] = {
    "matched": lambda game, _: not game.providers.isdisjoint(IDENTIFYING),
    "favorite": lambda game, _: game.is_favorite,
    "duplicate": lambda game, games: any(game.is_like(each) for each in games if each is not game),
    "playable": lambda game, _: game.platform == PLAYABLE,
    "missing": lambda game, _: game.is_missing,
    "has_ra": lambda game, _: "ra" in game.providers,
    "verified": lambda game, _: game.is_verified,
}
IGNORED: Mapping[str, st.SearchStrategy[Any]] = {
    "last_played": st.booleans(),
    "limit": st.integers(),
    "group_by_meta_id": st.booleans(),
    "unheard_of": st.text(max_size=3),
}


def of(**strategies: st.SearchStrategy[Any]) -> st.SearchStrategy[Rule]:
    return st.fixed_dictionaries(strategies)


CLAUSES: Sequence[st.SearchStrategy[Rule]] = [
    *(of(**{word: st.booleans()}) for word in YES_OR_NO),
    *(
        of(
            **{
                word: st.lists(st.sampled_from(values), max_size=3),
                f"{word}_logic": st.sampled_from((*LOGICS, "odd")),
            }
        )
        for word, values in CHOICES.items()
    ),
    of(platform_ids=st.lists(st.sampled_from(PLATFORMS), max_size=2)),
    *(of(**{word: values}) for word, values in IGNORED.items()),
]
RULES = st.lists(st.one_of(CLAUSES), min_size=1, max_size=3).map(
    lambda clauses: {word: value for each in clauses for word, value in each.items()}
)


def suits(game: Game, rule: Rule, games: Sequence[Game]) -> bool:
    """What the specification says of one ROM and a rule."""
    if rule.get("platform_ids") and game.platform not in rule["platform_ids"]:
        return False
    for word, holds in YES_OR_NO.items():
        if word in rule and holds(game, games) != rule[word]:
            return False
    return all(_suits_values(game, word, rule) for word in CHOICES)


def _suits_values(game: Game, word: str, rule: Rule) -> bool:
    wanted, logic = set(rule.get(word, ())), rule.get(f"{word}_logic")
    if word == "metadata_providers":
        wanted &= set(FILTERABLE)
    has = {
        **game.facets,
        "player_counts": {game.players},
        "metadata_providers": game.providers,
        "statuses": {*game.flags, game.status},
    }[word]
    if not wanted:
        return True
    if logic == "all" and word != "player_counts":
        return wanted <= set(has)
    return wanted.isdisjoint(has) == (logic == "none")


def store(home: Home, games: Sequence[Game], platforms: Mapping[str, int]) -> list[int]:
    """The only ROMs of the library from now on; gives their ids."""
    with home.database.write() as session:
        for table in (ROMS, FACETS, COLLECTIONS, SMART_COLLECTIONS):
            session.execute(delete(table))
    found = []
    for number, game in enumerate(games):
        facets = {word: sorted(values) for word, values in game.facets.items()}
        facets[VERIFIED] = ["nointro_match"] if game.is_verified else []
        if game.players != USUAL_PLAYERS:
            facets["player_counts"] = [game.players]
        rom_id = home.rom(
            f"{number}.bin",
            platforms[game.platform],
            known={name: (external_id, {}) for name, external_id in game.known.items()},
            facets=facets,
            missing_from_fs=game.is_missing,
        )
        flags: dict[str, Any] = dict.fromkeys(game.flags, True)
        played = now() if game.was_played else None
        home.keep(rom_id, status=game.status, last_played=played, **flags)
        found.append(rom_id)
    chosen = [rom_id for rom_id, game in zip(found, games, strict=True) if game.is_favorite]
    home.collect(*chosen, name="Favourites", is_favorite=True)
    return found


@pytest.fixture
def platforms(home: Home) -> dict[str, int]:
    return {slug: home.platform(slug) for slug in PLATFORMS}


@settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(games=GAMES, rules=st.lists(RULES, min_size=10, max_size=20))
def test_rule_finds_what_it_says(
    home: Home, platforms: dict[str, int], games: list[Game], rules: list[Rule]
) -> None:
    rom_ids = store(home, games, platforms)
    client = home.client()
    for number, rule in enumerate(rules):
        stored = dict(rule)
        if "platform_ids" in rule:
            stored["platform_ids"] = [platforms[slug] for slug in rule["platform_ids"]]
        form = {"name": f"Rule {number}", "filter_criteria": json.dumps(stored)}
        made = client.post("/api/collections/smart", data=form).json()
        pairs = list(zip(rom_ids, games, strict=True))
        is_of_hidden = "hidden" in rule.get("statuses", ())
        shown = [
            rom_id
            for rom_id, game in pairs
            if suits(game, rule, games) and (is_of_hidden or "hidden" not in game.flags)
        ]
        assert sorted(made["rom_ids"]) == shown
        question = {"smart_collection_id": made["id"], "order_by": "id"}
        assert ids(client.get("/api/roms", params=question)) == shown


def test_rule_about_hidden_roms_leads_to_them(home: Home, platforms: dict[str, int]) -> None:
    rom = home.rom("One.sfc", platforms["snes"])
    home.keep(rom, hidden=True)
    client = home.client()
    form = {"name": "Hidden", "filter_criteria": json.dumps({"statuses": ["hidden"]})}
    made = client.post("/api/collections/smart", data=form).json()
    assert made["rom_ids"] == [rom]
    assert ids(client.get("/api/roms", params={"smart_collection_id": made["id"]})) == [rom]
