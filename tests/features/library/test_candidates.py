"""What a game could be."""

from typing import Any

import pytest

from romm_lite.kernel.scopes import Entity
from romm_lite.wire.search import SearchRomSchema

from .conftest import Home, Known, as_modelled


@pytest.fixture
def rom(home: Home) -> int:
    snes = home.platform("snes")
    known: Known = {"igdb": (1074, {}), "flashpoint": ("ab-c", {}), "moby": ("odd", {})}
    home.rom("Zelda 3.sfc", snes, name="Zelda: Past", known=known, slug="zelda", summary="A hero")
    home.rom("Zelda 2.sfc", snes, name="Zelda II")
    home.rom("Zelda.nes", home.platform("nes"), name="Zelda", known={"igdb": (1025, {})})
    return home.rom("Zelda (USA).sfc", snes)


def names(home: Home, user: str = "ann", **query: Any) -> list[str]:
    answer = home.client(user).get("/api/search/roms", params=query)
    return [each["name"] for each in as_modelled(list[SearchRomSchema], answer)]


def test_identified_games_of_the_platform_are_found_by_name(home: Home, rom: int) -> None:
    (found,) = home.client().get("/api/search/roms", params={"rom_id": rom}).json()
    assert (found["name"], found["igdb_id"], found["flashpoint_id"]) == (
        "Zelda: Past",
        1074,
        "ab-c",
    )
    assert (found["slug"], found["summary"], found["moby_id"]) == ("zelda", "A hero", None)
    assert found["is_identified"] is True
    assert names(home, rom_id=rom, search_term="past zel") == ["Zelda: Past"]
    assert names(home, rom_id=rom, search_term="metroid") == []


def test_a_game_is_found_by_its_id_at_a_provider(home: Home, rom: int) -> None:
    assert names(home, rom_id=rom, search_term="1074", search_by="id") == ["Zelda: Past"]
    assert names(home, rom_id=rom, search_term="1025", search_by="id") == []
    query: Any = {"rom_id": rom, "search_term": "x1", "search_by": "id"}
    answer = home.client().get("/api/search/roms", params=query)
    expected = "Tried searching by ID, but 'x1' is not a valid ID"
    assert (answer.status_code, answer.json()["detail"]) == (400, expected)


def test_nothing_to_look_for_finds_nothing(home: Home, rom: int) -> None:
    assert names(home, rom_id=rom, search_term="  ") == []
    assert names(home, rom_id=rom, search_by="colour") == []
    assert names(home, rom_id=999) == []


def test_what_is_hidden_is_neither_asked_for_nor_found(home: Home, rom: int) -> None:
    shown = home.client("root").get("/api/search/roms", params={"rom_id": rom}).json()[0]
    home.hide(Entity.ROMS, shown["id"])
    assert names(home, rom_id=rom) == []
    home.hide(Entity.ROMS, rom, user="bob")
    assert names(home, user="bob", rom_id=rom) == []


def test_there_are_no_covers_to_choose_from(home: Home) -> None:
    answer = home.client().get("/api/search/cover", params={"search_term": "zelda"})
    assert (answer.status_code, answer.json()) == (200, [])
