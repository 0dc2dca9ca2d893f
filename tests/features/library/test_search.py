"""Searching in names, file names and hashes."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from romm_lite.db.engine import Database
from romm_lite.kernel.scopes import Entity

from .conftest import Home, ids

NAMES = (
    "The Legend of Zelda - A Link to the Past (USA).sfc",
    "Pokémon - Rote Edition (Germany).gb",
    "悪魔城ドラキュラ (Japan).sfc",
    "Final Fantasy VII (Europe) (Disc 1).bin",
    "F-Zero (USA).sfc",
    "1942 (Japan).nes",
    "100% Zelda-Hack [h].sfc",
)


@pytest.fixture
def games(every_home: Home) -> dict[str, int]:
    platform = every_home.platform("snes")
    return {name: every_home.rom(name, platform) for name in NAMES}


def found(home: Home, term: str, **query: object) -> list[int]:
    params = {"search_term": term, **query}
    return ids(home.client().get("/api/roms", params=params))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("term", "wanted"),
    [
        ("zel lin past", [0]),
        ("pokemon", [1]),
        ("POKÉMON", [1]),
        ("悪魔", [2]),
        ("ドラキュラ", [2]),
        ("魔", [2]),
        ("vii", [3]),
        ("7", []),
        ("194", [5]),
        ("zero", [4]),
        ("f-", [4]),
        ("zelda", [0, 6]),
        ("zelda 100%", [6]),
        ("0%", [6]),
        ("sfc zelda", [0, 6]),
        ('"zelda"', []),
        ("zelda | 1942", [0, 5, 6]),
        ("zelda OR 1942", []),
        ("ze*", []),
        ("   ", [0, 1, 2, 3, 4, 5, 6]),
        ("legend  of", [0]),
    ],
)
def test_each_word_is_looked_for_anywhere(
    every_home: Home, games: dict[str, int], term: str, wanted: list[int]
) -> None:
    assert sorted(found(every_home, term)) == [games[NAMES[place]] for place in wanted]


@pytest.mark.parametrize(
    ("term", "place"),
    [
        ("zedla legend", 0),
        ("legnd", 0),
        ("pokemob", 1),
        ("pokmon", 1),
        ("finale fantasie", 3),
        ("fnial", 3),
    ],
)
def test_a_wrong_letter_still_finds(
    every_home: Home, games: dict[str, int], term: str, place: int
) -> None:
    assert found(every_home, term) == [games[NAMES[place]]]


@pytest.mark.parametrize("term", ["zxcvb", "xyz", "zelda pokemon", "qqqqqqqq past", "ab"])
def test_what_is_too_far_off_finds_nothing(
    every_home: Home, games: dict[str, int], term: str
) -> None:
    assert found(every_home, term) == []


def test_an_exact_match_leaves_the_similar_ones_out(every_home: Home) -> None:
    platform = every_home.platform("snes")
    exact = every_home.rom("Doom.sfc", platform)
    every_home.rom("Boom.sfc", platform)
    assert found(every_home, "doom") == [exact]


def test_a_search_follows_every_change(every_home: Home, games: dict[str, int]) -> None:
    rom = games["F-Zero (USA).sfc"]
    every_home.change(rom, name="Mode Seven", search_text="mode seven\nf-zero (usa).sfc")
    assert found(every_home, "seven") == [rom]
    every_home.change(rom, search_text="other")
    assert found(every_home, "seven") == []
    with every_home.database.write() as session:
        session.execute(text("DELETE FROM platforms"))
        every_home.bump(session)
    assert found(every_home, "zelda") == []


def test_other_names_are_found_too(every_home: Home) -> None:
    home = every_home
    rom = home.rom("Moss (USA).sfc", home.platform("snes"))
    client = home.client("root")

    def change(**form: str) -> None:
        assert client.put(f"/api/roms/{rom}", data=form).status_code == 200

    change(igdb_id="7", raw_igdb_metadata='{"alternative_names": ["Kokè no Mori", "苔"]}')
    assert found(home, "koke mori") == found(home, "苔") == found(home, "moss") == [rom]
    change(name="Fern")
    assert found(home, "koke fern") == [rom]
    change(raw_igdb_metadata='{"alternative_names": ["Gräser"]}', name="Reed")
    assert found(home, "graser reed") == [rom]
    assert found(home, "koke") == found(home, "fern") == []


def test_hits_are_in_the_order_asked_for(every_home: Home) -> None:
    platform = every_home.platform("snes")
    made = [every_home.rom(f"Zelda {n}.sfc", platform, fs_size_bytes=n % 3) for n in range(5)]
    assert found(every_home, "zelda") == made
    assert found(every_home, "zelda", order_dir="desc") == made[::-1]
    by_size = [made[n] for n in (0, 3, 1, 4, 2)]
    assert found(every_home, "zelda", order_by="fs_size_bytes") == by_size
    assert found(every_home, "zelda", limit=2, offset=3) == made[3:]


def test_hidden_games_are_not_found(home: Home) -> None:
    platform = home.platform("snes")
    shown, hidden = home.rom("Zelda.sfc", platform), home.rom("Zelda 2.sfc", platform)
    home.hide(Entity.ROMS, hidden)
    assert found(home, "zelda") == [shown]


def test_a_search_within_a_platform_stays_there(home: Home) -> None:
    snes, nes = home.platform("snes"), home.platform("nes")
    home.rom("Zelda.sfc", snes)
    wanted = home.rom("Zelda.nes", nes)
    assert found(home, "zelda", platform_ids=[nes]) == [wanted]


def test_a_database_without_full_text_finds_the_same(home: Home) -> None:
    with home.database.write() as session:
        for trigger in ("insert", "update", "delete"):
            session.execute(text(f"DROP TRIGGER roms_text_{trigger}"))
        for name in ("roms_vocabulary", "roms_words", "roms_text"):
            session.execute(text(f"DROP TABLE {name}"))
    platform = home.platform("snes")
    rom = home.rom("The Legend of Zelda.sfc", platform)
    assert found(home, "zel leg") == [rom]
    assert found(home, "zedla") == [rom]


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(term=st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12))
def test_no_term_stops_a_search(home: Home, term: str) -> None:
    if not home.client().get("/api/platforms").json():
        home.rom(NAMES[0], home.platform("snes"))
    assert home.client().get("/api/roms", params={"search_term": term}).status_code == 200


def test_the_index_is_sound_after_many_changes(home: Home, database: Database) -> None:
    platform = home.platform("snes")
    for number in range(20):
        home.change(home.rom(f"Game {number}.sfc", platform), search_text=f"number {number}")
    with database.write() as session:
        for name in ("roms_text", "roms_words"):
            session.execute(text(f"INSERT INTO {name} ({name}) VALUES ('integrity-check')"))
