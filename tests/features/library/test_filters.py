"""The filters of the list, each with its three kinds of logic, on every database."""

import base64
import json
from dataclasses import dataclass
from typing import Any

import pytest
from starlette.testclient import TestClient

from romm_lite.features.library.facets import VERIFIED
from romm_lite.kernel.times import now
from romm_lite.tables.assets import Save, State
from romm_lite.tables.collections import SmartCollection

from .conftest import Home, ids

LIGHT = {
    "with_char_index": "false",
    "with_filter_values": "false",
    "with_rom_id_index": "false",
    "order_by": "id",
}


@dataclass
class Three:
    """Three ROMs: ``one`` and ``two`` share some values, ``bare`` has nothing at all."""

    home: Home
    client: TestClient
    one: int
    two: int
    bare: int
    platform: int

    def find(self, **query: Any) -> list[str]:
        names = {self.one: "one", self.two: "two", self.bare: "bare"}
        return [names[i] for i in ids(self.client.get("/api/roms", params={**LIGHT, **query}))]


@pytest.fixture
def three(every_home: Home) -> Three:
    home = every_home
    snes, unplayable = home.platform("snes"), home.platform("switch")
    lists = ("genres", "franchises", "collections", "companies", "age_ratings")
    words = (*lists, "regions", "languages", "tags", "game_modes")
    one = home.rom(
        "One (USA).sfc",
        snes,
        known={"igdb": (1, {}), "ra": (7, {})},
        facets={**{word: ["a", "b"] for word in words}, VERIFIED: ["nointro_match"]},
    )
    two = home.rom(
        "Two.sfc",
        snes,
        known={"igdb": (1, {}), "tgdb": (9, {})},
        facets={**{word: ["b"] for word in words}, "player_counts": ["1-2"]},
    )
    bare = home.rom("Bare.nsp", unplayable, missing_from_fs=True)
    home.keep(one, status="finished", now_playing=True, last_played=now())
    home.keep(two, status="retired")
    home.file(one, "roms/snes/One/soundtrack/a.mp3", category="soundtrack", is_top_level=False)
    return Three(home, home.client(), one, two, bare, snes)


FACETED = [
    *("genres", "franchises", "collections", "companies", "age_ratings"),
    *("regions", "languages", "tags"),
]


def test_each_list_of_values_with_any_all_and_none(three: Three) -> None:
    for word in FACETED:
        logic = f"{word}_logic"
        assert three.find(**{word: ["a", "x"]}) == ["one"], word
        assert three.find(**{word: ["a", "b"], logic: "any"}) == ["one", "two"], word
        assert three.find(**{word: ["a", "b"], logic: "odd"}) == ["one", "two"], word
        assert three.find(**{word: ["a", "b", "b"], logic: "all"}) == ["one"], word
        assert three.find(**{word: ["a"], logic: "none"}) == ["two", "bare"], word
        assert three.find(**{word: ["a", "b"], logic: "none"}) == ["bare"], word


def test_player_counts_take_nothing_known_for_one(three: Three) -> None:
    assert three.find(player_counts=["1"]) == ["one", "bare"]
    assert three.find(player_counts=["1-2"]) == ["two"]
    assert three.find(player_counts=["1", "1-2"], player_counts_logic="all") == [
        "one",
        "two",
        "bare",
    ]
    assert three.find(player_counts=["1"], player_counts_logic="none") == ["two"]
    assert three.find(player_counts=["1-2"], player_counts_logic="none") == ["one", "bare"]


def test_metadata_providers(three: Three) -> None:
    assert three.find(metadata_providers=["ra", "tgdb"]) == ["one", "two"]
    both = {"metadata_providers": ["igdb", "ra"]}
    assert three.find(**both, metadata_providers_logic="all") == ["one"]
    assert three.find(**both, metadata_providers_logic="none") == ["bare"]
    assert three.find(metadata_providers=["nobody"]) == ["one", "two", "bare"]
    assert three.find(metadata_providers=["nobody", "ra"]) == ["one"]


def test_statuses(three: Three) -> None:
    assert three.find(statuses=["finished", "retired"]) == ["one", "two"]
    assert three.find(statuses=["now_playing"]) == ["one"]
    both = {"statuses": ["now_playing", "finished"]}
    assert three.find(**both, statuses_logic="all") == ["one"]
    assert three.find(statuses=["now_playing", "retired"], statuses_logic="all") == []


def test_no_status_at_all_is_not_one_of_those_unwanted(three: Three) -> None:
    three.home.keep(three.bare, status=None)
    assert three.find(statuses=["finished"], statuses_logic="none") == ["two", "bare"]
    assert three.find(statuses=["finished", "now_playing"], statuses_logic="none") == [
        "two",
        "bare",
    ]


def test_statuses_of_others_do_not_count(three: Three) -> None:
    three.home.keep(three.bare, user="bob", status="finished")
    assert three.find(statuses=["finished"]) == ["one"]


def test_what_a_user_hides_is_listed_only_when_asked_for(three: Three) -> None:
    three.home.keep(three.bare, hidden=True)
    assert three.find() == ["one", "two"]
    assert three.find(statuses=["hidden"]) == ["bare"]
    assert three.find(statuses=["hidden"], statuses_logic="none") == ["one", "two"]
    bob = three.home.client("bob")
    assert len(ids(bob.get("/api/roms", params=LIGHT))) == 3


YES = {
    "matched": ["one", "two"],
    "duplicate": ["one", "two"],
    "last_played": ["one"],
    "playable": ["one", "two"],
    "missing": ["bare"],
    "has_ra": ["one"],
    "verified": ["one"],
    "has_soundtrack": ["one"],
    "favorite": ["two"],
    "has_saves": ["one", "two"],
    "has_states": ["bare"],
}


def test_yes_or_no(three: Three) -> None:
    home = three.home
    home.collect(three.two, name="Best", is_favorite=True)
    home.collect(three.one, name="Theirs", user="bob", is_favorite=True, is_public=True)
    home.add(asset(Save, three.one, home.users["ann"]))
    home.add(asset(Save, three.two, home.users["bob"], is_public=True))
    home.add(asset(Save, three.bare, home.users["bob"]))
    home.add(asset(State, three.bare, home.users["ann"]))
    for word, yes in YES.items():
        no = [name for name in ("one", "two", "bare") if name not in yes]
        assert three.find(**{word: True}) == yes, word
        assert three.find(**{word: False}) == no, word


def test_platforms(three: Three) -> None:
    platform = three.client.get("/api/platforms").json()
    snes, switch = (each["id"] for each in sorted(platform, key=lambda p: p["slug"]))
    assert three.find(platform_ids=[snes]) == ["one", "two"]
    assert three.find(platform_ids=[snes, switch, snes]) == ["one", "two", "bare"]
    assert three.find(platform_id=switch) == ["bare"]
    assert three.find(platform_id=switch, platform_ids=[snes]) == ["one", "two"]
    assert three.find(platform_ids=[12345]) == []
    by_name = three.client.get(
        "/api/roms", params={"platform_ids": [snes, switch], "order_by": "name"}
    )
    assert ids(by_name) == [three.bare, three.one, three.two]


def test_updated_after_is_strict(three: Three) -> None:
    moment = three.client.get(f"/api/roms/{three.one}").json()["updated_at"]
    three.home.change(three.two, updated_at=now())
    assert "one" not in three.find(updated_after=moment)
    assert "two" in three.find(updated_after=moment)


def test_search(three: Three) -> None:
    home = three.home
    home.change(three.bare, search_text="pokemon 100% edition\npokemon 100% edition.nsp")
    assert three.find(search_term="ONE") == ["one"]
    assert three.find(search_term="sfc two") == ["two"]
    assert three.find(search_term="two one") == []
    assert three.find(search_term=" one | two |") == ["one", "two"]
    assert three.find(search_term=" | ") == ["one", "two", "bare"]
    assert three.find(search_term="POKÉMON") == ["bare"]
    assert three.find(search_term="100%") == ["bare"]
    assert three.find(search_term="%") == ["bare"]
    assert three.find(search_term="o_e") == []


def test_endless_questions_are_answered(three: Three) -> None:
    assert three.find(search_term="one " * 3000) == ["one"]
    assert three.find(search_term="|".join(["one"] * 3000)) == ["one"]
    assert three.find(search_term="x" * 60_000) == []
    values = [str(number) for number in range(3000)]
    assert three.find(genres=values, genres_logic="all") == []
    assert three.find(genres=[*values, "a"]) == ["one"]
    assert three.find(platform_ids=values) == ["one", "two", "bare"]


def test_search_for_a_hash_of_a_rom_or_file(three: Three) -> None:
    home = three.home
    home.change(three.one, crc_hash="0a1b2c3d", md5_hash="1" * 32)
    home.change(three.two, ra_hash="2" * 32, sha1_hash="3" * 40)
    home.file(three.bare, "roms/switch/Bare.nsp", chd_sha1_hash="4" * 40, crc_hash="ffffffff")
    assert three.find(search_term="0A1B2C3D") == ["one"]
    assert three.find(search_term="1" * 32) == ["one"]
    assert three.find(search_term=f"{'2' * 32}|{'4' * 40}") == ["two", "bare"]
    assert three.find(search_term="3" * 40) == ["two"]
    assert three.find(search_term="ffffffff") == ["bare"]
    assert three.find(search_term="fffffff") == []


def test_collections_of_ones_own_and_public_ones(three: Three) -> None:
    home = three.home
    mine = home.collect(three.one, three.bare, name="Mine")
    public = home.collect(three.two, name="Open", user="bob", is_public=True)
    private = home.collect(three.two, name="Closed", user="bob")
    assert three.find(collection_id=mine) == ["one", "bare"]
    assert three.find(collection_id=public) == ["two"]
    assert three.find(collection_id=private) == []
    assert three.find(collection_id=999) == []
    assert three.find(collection_id=mine, genres=["a"]) == ["one"]


def test_virtual_collections(three: Three) -> None:
    def encode(name: str, kind: str) -> str:
        text = json.dumps({"name": name, "type": kind})
        return base64.urlsafe_b64encode(text.encode()).decode()

    assert three.find(virtual_collection_id=encode("b", "genre")) == ["one", "two"]
    assert three.find(virtual_collection_id=encode("a", "mode")) == ["one"]
    assert three.find(virtual_collection_id=encode("x", "genre")) == []
    assert three.find(virtual_collection_id=encode("a", "odd")) == []
    assert three.find(virtual_collection_id="not an id!") == []
    assert three.find(virtual_collection_id="W10=") == []
    assert three.find(virtual_collection_id=encode("a\0b", "genre")) == []
    long = "é" * 420
    three.home.mark(three.two, three.platform, {"franchises": [long]})
    assert three.find(virtual_collection_id=encode(long[:400], "franchise")) == ["two"]


def test_smart_collections_are_answered_for_who_asks(three: Three) -> None:
    home = three.home

    def make(user: str = "ann", **values: Any) -> int:
        columns = {"name": str(now()), "user_id": home.users[user], **values}
        return int(home.add(SmartCollection(**columns)))

    finished = make("bob", is_public=True, filter_criteria={"statuses": ["finished"]})
    assert three.find(smart_collection_id=finished) == ["one"]
    old = make(
        filter_criteria={"selected_genre": "a", "odd": 1, "limit": "x", "last_played": False}
    )
    assert three.find(smart_collection_id=old) == ["one"]
    broken = make(filter_criteria={"genres": ["b"], "matched": "perhaps"})
    assert three.find(smart_collection_id=broken, search_term="two") == ["two"]
    private = make("bob", filter_criteria={})
    assert three.find(smart_collection_id=private) == []


def asset(kind: Any, rom_id: int, user_id: int, **values: Any) -> Any:
    names = {"file_name": "a.srm", "file_name_no_tags": "a", "file_name_no_ext": "a"}
    return kind(rom_id=rom_id, user_id=user_id, file_path="x", **{**names, **values})
