"""Order, paging, sidecars and grouping of the list, and that nothing kept is ever stale."""

from typing import Any

import pytest

from romm_lite.db import versions
from romm_lite.db.engine import Database, open_engine
from romm_lite.features.library.pages import render_page
from romm_lite.features.library.view import View
from romm_lite.kernel.events import Bus
from romm_lite.kernel.scopes import Entity
from romm_lite.kernel.times import now
from romm_lite.tables.assets import Save, Screenshot
from romm_lite.tables.collections import COLLECTION_ROMS
from romm_lite.tables.permissions import HiddenEntity
from romm_lite.tables.roms import ROMS
from romm_lite.wire.roms import RomListQuery, RomPage

from .conftest import Home, Known, as_modelled, ids

LIGHT = {
    f"with_{sidecar}": "false"
    for sidecar in ("char_index", "filter_values", "rom_id_index", "total")
}
NOTHING_TO_FILTER_BY: dict[str, list[Any]] = {
    word: []
    for word in (
        *("genres", "franchises", "collections", "companies", "game_modes", "age_ratings"),
        *("player_counts", "regions", "languages", "tags", "platforms"),
    )
}


def stock(home: Home) -> dict[str, int]:
    """Five ROMs whose names begin with ``0``, ``b``, ``m`` (two) and ``é``."""
    snes = home.platform("snes")
    names = ("1942", "The Bat", "Moss 2", "Moss 10", "Éclair")
    sizes = (10, 30, 20, 20, 5)
    rated = {"Moss 2": 80.5, "The Bat": 20.0, "1942": None}
    return {
        name: home.rom(
            f"{name}.sfc",
            snes,
            fs_size_bytes=size,
            facts={"average_rating": rated[name]} if name in rated else None,
        )
        for name, size in zip(names, sizes, strict=True)
    }


def test_list_is_ordered_by_name_unless_asked_otherwise(every_home: Home) -> None:
    roms, client = stock(every_home), every_home.client()
    by_name = [roms[n] for n in ("1942", "The Bat", "Moss 2", "Moss 10", "Éclair")]
    assert ids(client.get("/api/roms")) == by_name
    assert ids(client.get("/api/roms", params={"order_by": "odd"})) == by_name
    assert ids(client.get("/api/roms", params={"order_by": "search_text"})) == by_name
    assert ids(client.get("/api/roms", params={"order_by": "NAME", "order_dir": "DESC"})) == [
        *reversed(by_name)
    ]


def test_equals_are_ordered_by_id(every_home: Home) -> None:
    roms, client = stock(every_home), every_home.client()
    size = {"order_by": "fs_size_bytes"}
    up = [roms[n] for n in ("Éclair", "1942", "Moss 2", "Moss 10", "The Bat")]
    assert ids(client.get("/api/roms", params=size)) == up
    assert ids(client.get("/api/roms", params={**size, "order_dir": "desc"})) == up[::-1]


def test_rows_without_a_value_come_last_both_ways(every_home: Home) -> None:
    roms, client = stock(every_home), every_home.client()
    rating = {"order_by": "average_rating"}
    up = ids(client.get("/api/roms", params=rating))
    down = ids(client.get("/api/roms", params={**rating, "order_dir": "desc"}))
    assert up[:2] == [roms["The Bat"], roms["Moss 2"]]
    assert down[:2] == [roms["Moss 2"], roms["The Bat"]]
    assert set(up[2:]) == set(down[2:]) == {roms["1942"], roms["Moss 10"], roms["Éclair"]}


def test_order_by_what_the_user_says_keeps_what_they_said_something_of(every_home: Home) -> None:
    roms, client = stock(every_home), every_home.client()
    every_home.keep(roms["Moss 2"], rating=3)
    every_home.keep(roms["1942"], rating=9, last_played=now())
    every_home.keep(roms["Éclair"], user="bob", rating=10)
    rating = {"order_by": "rating", "order_dir": "desc"}
    assert ids(client.get("/api/roms", params=rating)) == [roms["1942"], roms["Moss 2"]]
    played = {"order_by": "last_played", "order_dir": "desc"}
    assert ids(client.get("/api/roms", params=played)) == [roms["1942"], roms["Moss 2"]]


@pytest.mark.parametrize("column", sorted(ROMS.c.keys()))
def test_every_column_can_be_ordered_by(home: Home, column: str) -> None:
    stock(home)
    answer = home.client().get("/api/roms", params={"order_by": column})
    assert len(ids(answer)) == 5


def test_pages_are_parts_of_one_order(every_home: Home) -> None:
    stock(every_home)
    client = every_home.client()
    whole = ids(client.get("/api/roms", params={"order_by": "platform_id"}))
    pages = [
        ids(
            client.get(
                "/api/roms",
                params={"order_by": "platform_id", "limit": 2, "offset": offset, **LIGHT},
            )
        )
        for offset in (0, 2, 4, 6)
    ]
    assert [*pages[0], *pages[1], *pages[2]] == whole
    assert pages[3] == []


def test_page_carries_the_whole_index(every_home: Home) -> None:
    roms, client = stock(every_home), every_home.client()
    page = as_modelled(RomPage, client.get("/api/roms", params={"limit": 1, "offset": 1}))
    assert [item["id"] for item in page["items"]] == [roms["The Bat"]]
    assert page["total"] == 5
    assert (page["limit"], page["offset"]) == (1, 1)
    assert page["rom_id_index"] == [roms[n] for n in roms]
    assert page["char_index"] == {"0": 0, "b": 1, "m": 2, "é": 4}


def test_sidecars_that_are_off_are_empty(home: Home) -> None:
    stock(home)
    page = as_modelled(RomPage, home.client().get("/api/roms", params=LIGHT))
    assert page["total"] is None
    assert (page["char_index"], page["rom_id_index"]) == ({}, [])
    assert page["filter_values"] == NOTHING_TO_FILTER_BY


def test_total_is_told_with_the_id_index_alone(home: Home) -> None:
    stock(home)
    page = home.client().get("/api/roms", params={**LIGHT, "with_rom_id_index": "true"}).json()
    assert page["total"] == 5


def test_char_index_counts_in_the_direction_asked_for(every_home: Home) -> None:
    stock(every_home)
    client = every_home.client()

    def index(**query: Any) -> dict[str, int]:
        found: dict[str, int] = client.get("/api/roms", params=query).json()["char_index"]
        return found

    assert index(order_dir="desc") == {"0": 4, "b": 3, "m": 1, "é": 0}
    assert index(order_by="fs_size_bytes") == {"0": 1, "b": 4, "m": 2, "é": 0}
    assert index(order_by="fs_name") == {"1": 0, "M": 1, "T": 3, "É": 4}
    assert index(search_term="moss") == {"m": 0}
    assert list(index()) == sorted(index())


def test_rows_without_a_key_count_in_the_char_index_without_being_listed(every_home: Home) -> None:
    roms, client = stock(every_home), every_home.client()
    every_home.change(roms["1942"], revision="b")
    every_home.change(roms["Moss 2"], revision="")
    query = "?order_by=revision&limit=1"
    assert client.get(f"/api/roms{query}").json()["char_index"] == {"b": 1}


def test_filter_values_are_of_the_selection(every_home: Home) -> None:
    home = every_home
    snes, nes = home.platform("snes"), home.platform("nes")
    home.rom("One.sfc", snes, facets={"genres": ["Puzzle", "Action"], "player_counts": ["1-4"]})
    home.rom("Two.nes", nes, facets={"genres": ["Sport"], "regions": ["Japan"]})
    client = home.client()

    def values(**query: Any) -> dict[str, Any]:
        found: dict[str, Any] = client.get("/api/roms", params=query).json()["filter_values"]
        return {word: each for word, each in found.items() if each}

    everything = {
        "genres": ["Action", "Puzzle", "Sport"],
        "player_counts": ["1", "1-4"],
        "regions": ["Japan"],
        "platforms": sorted([snes, nes]),
    }
    only_one = {"genres": ["Action", "Puzzle"], "player_counts": ["1-4"], "platforms": [snes]}
    assert values() == everything
    assert values(genres=["Sport"], matched=True) == everything
    assert values(platform_ids=[snes]) == only_one
    assert values(search_term="one") == only_one
    assert {w: v for w, v in client.get("/api/roms/filters").json().items() if v} == everything


def test_filter_values_leave_out_what_is_hidden(every_home: Home) -> None:
    home = every_home
    snes, nes = home.platform("snes"), home.platform("nes")
    home.rom("One.sfc", snes, facets={"genres": ["Puzzle"]})
    hidden = home.rom("Two.sfc", snes, facets={"genres": ["Sport"]})
    home.rom("Three.nes", nes, facets={"genres": ["Action"]})
    client = home.client()
    assert client.get("/api/roms/filters").json()["genres"] == ["Action", "Puzzle", "Sport"]
    home.hide(Entity.ROMS, hidden)
    home.hide(Entity.PLATFORMS, nes, user=None)
    seen = client.get("/api/roms/filters").json()
    assert (seen["genres"], seen["platforms"]) == (["Puzzle"], [snes])
    assert client.get("/api/roms").json()["filter_values"] == seen
    bob = home.client("bob").get("/api/roms/filters").json()
    assert bob["genres"] == ["Puzzle", "Sport"]
    assert len(home.client("root").get("/api/roms/filters").json()["platforms"]) == 2


class Dumps:
    """Three dumps of one game, one of another, and one that nobody knows."""

    def __init__(self, home: Home) -> None:
        self.home = home
        snes, nes = home.platform("snes"), home.platform("nes")
        known: Known = {"igdb": (5, {})}
        self.europe = home.rom("Moss (Europe).sfc", snes, known=known)
        self.beta = home.rom("Moss (USA) (Beta).sfc", snes, known=known)
        self.usa = home.rom("Moss (USA).sfc", snes, known=known, facets={"genres": ["Puzzle"]})
        self.elsewhere = home.rom("Moss (USA).nes", nes, known=known)
        both: Known = {"igdb": (6, {}), "ss": (9, {})}
        self.other = home.rom("Fern.sfc", snes, known=both)
        self.unknown = home.rom("Zinc.sfc", snes)
        self.client = home.client()

    def find(self, **query: Any) -> list[int]:
        params = {"group_by_meta_id": "true", "order_by": "id", **query}
        return ids(self.client.get("/api/roms", params=params))


def test_group_shows_the_full_release_of_the_first_region(every_home: Home) -> None:
    dumps = Dumps(every_home)
    assert dumps.find() == [dumps.usa, dumps.elsewhere, dumps.other, dumps.unknown]
    page = dumps.client.get("/api/roms", params={"group_by_meta_id": "true"}).json()
    assert page["total"] == 4
    assert page["rom_id_index"] == [dumps.other, dumps.usa, dumps.elsewhere, dumps.unknown]
    assert page["char_index"] == {"f": 0, "m": 1, "z": 3}


def test_group_follows_the_regions_of_the_configuration(home: Home) -> None:
    dumps = Dumps(home)
    assert dumps.find()[0] == dumps.usa
    home.settings.places.config_file.write_text("scan: {priority: {region: [eu, us]}}")
    assert dumps.find()[0] == dumps.europe


def test_group_shows_the_users_main_dump(every_home: Home) -> None:
    dumps = Dumps(every_home)
    every_home.keep(dumps.beta, is_main_sibling=True)
    assert dumps.find()[0] == dumps.beta
    bob = every_home.client("bob").get("/api/roms", params={"group_by_meta_id": "true"})
    assert dumps.usa in ids(bob)


def test_group_is_made_of_what_matches(every_home: Home) -> None:
    dumps = Dumps(every_home)
    assert dumps.find(genres=["Puzzle"]) == [dumps.usa]
    assert dumps.find(search_term="europe") == [dumps.europe]
    assert dumps.find(search_term="beta|europe") == [dumps.europe]


def test_group_of_a_hidden_rom_shows_another(every_home: Home) -> None:
    dumps = Dumps(every_home)
    every_home.keep(dumps.usa, hidden=True)
    assert dumps.find()[0] == dumps.europe
    every_home.hide(Entity.ROMS, dumps.europe)
    assert dumps.find()[0] == dumps.beta


def test_groups_take_the_first_provider_that_knows_a_rom(every_home: Home) -> None:
    home = every_home
    snes = home.platform("snes")
    one = home.rom("One.sfc", snes, known={"igdb": (1, {}), "ss": (9, {})})
    two = home.rom("Two.sfc", snes, known={"ss": (9, {})})
    three = home.rom("Six.sfc", snes, known={"ss": (9, {}), "hltb": (3, {})})
    found = home.client().get("/api/roms", params={"group_by_meta_id": "true", "order_by": "id"})
    assert ids(found) == [one, three]
    assert two not in ids(found)


def test_list_of_ids_and_a_random_rom(every_home: Home) -> None:
    roms, client = stock(every_home), every_home.client()
    every_home.keep(roms["1942"], hidden=True)
    shown = [roms[n] for n in roms if n != "1942"]
    assert client.get("/api/roms/identifiers").json() == shown
    platform = client.get("/api/platforms/identifiers").json()
    drawn = {client.get("/api/roms/random").json()["id"] for _ in range(60)}
    assert drawn == set(shown)
    assert client.get("/api/roms/random", params={"platform_ids": platform}).json() is not None
    assert client.get("/api/roms/random", params={"platform_ids": [99]}).json() is None


def test_played_last_shows_a_picture_of_the_newest_save(home: Home) -> None:
    snes = home.platform("snes")
    shown: Any = {"path_screenshots": ["roms/1/1/screenshots/0.jpg"]}
    titled: Known = {"ss": (1, {"title_screen_path": "roms/1/2/title_screen/title_screen.png"})}
    saved = home.rom("Saved.sfc", snes, **shown)
    title = home.rom("Title.sfc", snes, known=titled, **shown)
    plain = home.rom("Plain.sfc", snes, **shown)
    bare = home.rom("Bare.sfc", snes)
    for rom_id in (saved, title, plain, bare):
        home.keep(rom_id, last_played=now())
    for kind, name in ((Save, "old.srm"), (Save, "new.srm"), (Screenshot, "new.png")):
        stem = name.partition(".")[0]
        home.add(
            kind(
                rom_id=saved,
                user_id=home.users["ann"],
                file_name=name,
                file_name_no_tags=stem,
                file_name_no_ext=stem,
                file_path="x",
            )
        )
    client = home.client()
    page = as_modelled(RomPage, client.get("/api/roms", params={"last_played": "true"}))
    paths = {item["id"]: item["screenshot_path"] for item in page["items"]}
    assert paths[saved].startswith("/api/screenshots/1/content?timestamp=")
    resources = "/assets/romm/resources/roms/1"
    assert paths[title] == f"{resources}/2/title_screen/title_screen.png"
    assert paths[plain] == f"{resources}/1/screenshots/0.jpg"
    assert paths[bare] is None
    every = client.get("/api/roms").json()["items"]
    assert {item["screenshot_path"] for item in every} == {None}


def test_change_by_another_process_is_seen_at_the_next_request(home: Home) -> None:
    roms, client = stock(home), home.client()
    before = client.get("/api/roms").json()
    elsewhere = Database(open_engine(f"sqlite:///{home.settings.places.database}"), Bus())
    with elsewhere.write() as session:
        session.execute(
            ROMS.update().where(ROMS.c.id == roms["1942"]).values(name="Zwei", name_sort_key="zwei")
        )
        versions.bump(session, versions.LIBRARY)
    elsewhere.close()
    after = client.get("/api/roms").json()
    assert before["items"][0]["name"] == "1942"
    assert after["items"][0]["name"] == "The Bat"
    assert after["char_index"] == {"b": 0, "m": 1, "z": 3, "é": 4}
    assert {item["name"] for item in after["items"]} >= {"Zwei"}


def test_what_others_do_to_a_shared_collection_is_seen_at_once(home: Home) -> None:
    roms, client = stock(home), home.client()
    shared = home.collect(roms["1942"], name="Ours", user="bob", is_public=True)
    query = {"collection_id": shared}
    assert ids(client.get("/api/roms", params=query)) == [roms["1942"]]
    with home.database.write() as session:
        session.execute(COLLECTION_ROMS.delete())
    page = client.get("/api/roms", params=query).json()
    assert (page["items"], page["rom_id_index"], page["char_index"]) == ([], [], {})


def test_what_is_not_committed_is_kept_for_nobody(home: Home) -> None:
    roms, client = stock(home), home.client()
    ann = home.identify("ann")

    def fail() -> None:
        with home.database.write() as session:
            session.execute(ROMS.update().values(name="Never", name_sort_key="never"))
            rendered = render_page(View.open(session, home.library, ann), RomListQuery())
            raise ValueError(rendered.count(b'"Never"'))

    with pytest.raises(ValueError, match="5"):
        fail()
    page = client.get("/api/roms").json()
    assert {item["name"] for item in page["items"]} == set(roms)
    assert "n" not in page["char_index"]


def test_rows_hidden_by_an_administrator_vanish_at_once(home: Home) -> None:
    roms, client = stock(home), home.client()
    assert len(ids(client.get("/api/roms"))) == 5
    with home.database.write() as session:  # and no version tells of it
        session.add(HiddenEntity(entity="roms", entity_id=roms["1942"], user_id=home.users["ann"]))
    assert roms["1942"] not in ids(client.get("/api/roms"))
    assert client.get("/api/roms/identifiers").json() == [roms[n] for n in roms if n != "1942"]
