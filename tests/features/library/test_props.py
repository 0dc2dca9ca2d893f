"""What users keep about ROMs."""

from typing import Any

import pytest

from romm_lite.kernel.scopes import Entity

from .conftest import Home, ids


@pytest.fixture
def rom(home: Home) -> int:
    return home.rom("One.sfc", home.platform("snes"))


def put(home: Home, rom: int, body: Any, user: str = "ann", **query: Any) -> dict[str, Any]:
    answer = home.client(user).put(f"/api/roms/{rom}/props", json=body, params=query)
    assert answer.status_code == 200, answer.text
    kept: dict[str, Any] = answer.json()
    assert home.client(user).get(f"/api/roms/{rom}").json()["rom_user"] == kept
    return kept


def test_only_what_is_sent_changes(every_home: Home) -> None:
    home = every_home
    rom = home.rom("One.sfc", home.platform("snes"))
    first = put(home, rom, {"rating": 10, "status": "finished", "backlogged": True, "odd": 1})
    assert (first["rating"], first["status"], first["backlogged"]) == (10, "finished", True)
    assert (first["user_id"], first["rom_id"]) == (home.users["ann"], rom)
    second = put(home, rom, {"status": None, "completion": 100})
    assert (second["rating"], second["status"], second["completion"]) == (10, None, 100)
    assert second["id"] == first["id"]
    assert put(home, rom, {}, user="bob")["rating"] == 0


def test_a_change_shows_in_lists_at_once(home: Home, rom: int) -> None:
    client = home.client()
    assert ids(client.get("/api/roms")) == [rom]
    put(home, rom, {"hidden": True})
    assert ids(client.get("/api/roms")) == []
    assert ids(home.client("bob").get("/api/roms")) == [rom]


def test_a_game_was_played_now_or_never(home: Home, rom: int) -> None:
    assert put(home, rom, {}, update_last_played=True)["last_played"]
    assert put(home, rom, {"rating": 3})["last_played"]
    assert put(home, rom, {}, remove_last_played=True)["last_played"] is None
    both = {"update_last_played": True, "remove_last_played": True}
    answer = home.client().put(f"/api/roms/{rom}/props", json={}, params=both)
    expected = "update_last_played and remove_last_played are mutually exclusive."
    assert (answer.status_code, answer.json()["detail"]) == (400, expected)


def test_the_forms_of_older_clients_are_read(home: Home, rom: int) -> None:
    kept = put(home, rom, {"data": {"rating": 7, "completion": None}, "update_last_played": True})
    assert (kept["rating"], kept["completion"], bool(kept["last_played"])) == (7, 0, True)
    old = home.client().put(f"/api/roms/{rom}/user", json={"difficulty": 4})
    assert (old.json()["rating"], old.json()["difficulty"]) == (7, 4)


@pytest.mark.parametrize(
    "body",
    [
        {"rating": 11},
        {"rating": -1},
        {"completion": 101},
        {"difficulty": None},
        {"hidden": None},
        {"status": "unknown"},
        {"data": {"rating": 11}},
        {"data": {}, "update_last_played": "perhaps"},
        [],
        None,
    ],
)
def test_what_makes_no_sense_changes_nothing(home: Home, rom: int, body: Any) -> None:
    put(home, rom, {"rating": 5})
    assert home.client().put(f"/api/roms/{rom}/props", json=body).status_code == 422
    assert put(home, rom, {})["rating"] == 5


def test_of_siblings_one_is_the_main_one(every_home: Home) -> None:
    home = every_home
    snes = home.platform("snes")
    one = home.rom("One (USA).sfc", snes, known={"igdb": (5, {})})
    two = home.rom("One (Japan).sfc", snes, known={"igdb": (5, {})})
    other = home.rom("Other.sfc", snes, known={"igdb": (6, {})})
    for rom in (other, one, two):
        put(home, rom, {"is_main_sibling": True})
    client = home.client()
    mains = [
        client.get(f"/api/roms/{rom}").json()["rom_user"]["is_main_sibling"]
        for rom in (one, two, other)
    ]
    assert mains == [False, True, True]


def test_a_hidden_game_cannot_be_rated(home: Home, rom: int) -> None:
    home.hide(Entity.ROMS, rom)
    answer = home.client().put(f"/api/roms/{rom}/props", json={"rating": 1})
    expected = {"detail": f"Rom with id '{rom}' not found"}
    assert (answer.status_code, answer.json()) == (404, expected)
