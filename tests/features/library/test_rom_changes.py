"""What a ROM is called, what it is, and what is known of it, changed by hand."""

import json
import threading
from collections.abc import Mapping
from typing import Any

import pytest
from sqlalchemy import select
from starlette.testclient import TestClient

from romm_lite.db import versions
from romm_lite.features.library.facets import VERIFIED
from romm_lite.kernel.events import Bus, LibraryChanged
from romm_lite.kernel.scopes import Action, Entity
from romm_lite.kernel.text import sort_key
from romm_lite.tables.permissions import PermissionOverride
from romm_lite.tables.roms import FACETS, ROM_FACETS, ROM_METADATA, ROM_SOURCES, ROMS
from romm_lite.wire.roms import DetailedRomSchema

from .conftest import Home, as_modelled, ids

IGDB = {"genres": ["Puzzle"], "player_count": "1-4", "total_rating": "80"}


def put(client: TestClient, rom: int, query: Mapping[str, Any] | None = None, **form: Any) -> Any:
    """The ROM after a change that went well, as the answer shows it."""
    return settle(as_modelled(DetailedRomSchema, ask(client, rom, query, **form)))


def ask(client: TestClient, rom: int, query: Mapping[str, Any] | None = None, **form: Any) -> Any:
    return client.put(f"/api/roms/{rom}", params=query, data=form)


def show(client: TestClient, rom: int) -> Any:
    return settle(client.get(f"/api/roms/{rom}").json())


def settle(rom: Mapping[str, Any]) -> dict[str, Any]:
    """A ROM without what is never the same: what a user without a row says was said just now."""
    return {name: value for name, value in rom.items() if name != "rom_user"}


def facets(home: Home, rom: int) -> set[tuple[str, str]]:
    query = select(FACETS.c.kind, FACETS.c.value).join(ROM_FACETS).where(ROM_FACETS.c.rom_id == rom)
    with home.database.read() as session:
        return {(kind, value) for kind, value in session.execute(query)}


@pytest.fixture
def client(home: Home) -> TestClient:
    return home.client("root")


@pytest.fixture
def rom(home: Home) -> int:
    return home.rom("The Moss (USA).sfc", home.platform("snes"), summary="Old", slug="moss")


def test_only_what_is_sent_changes(every_home: Home) -> None:
    home = every_home
    known: Mapping[str, Any] = {"igdb": (7, IGDB)}
    rom = home.rom("Moss (USA).sfc", home.platform("snes"), known=known, summary="Old")
    client = home.client("root")
    before = show(client, rom)
    after = put(client, rom, summary="New")
    changed = {name for name in after if after[name] != before[name]}
    assert changed == {"summary", "updated_at"}
    assert (after["summary"], after["updated_at"] > before["updated_at"]) == ("New", True)
    assert show(client, rom) == after


def test_a_form_with_files_says_the_same(client: TestClient, rom: int) -> None:
    answer = client.put(f"/api/roms/{rom}", files={"name": (None, "Fern")})
    assert (answer.status_code, answer.json()["name"]) == (200, "Fern")


def test_nothing_sent_changes_nothing(home: Home, client: TestClient, rom: int, bus: Bus) -> None:
    before = show(client, rom)
    heard: list[LibraryChanged] = []
    bus.subscribe(LibraryChanged, heard.append)
    with home.database.read() as session:
        version = versions.read(session, versions.LIBRARY)
    assert put(client, rom) == before
    assert put(client, rom, name=before["name"], summary=before["summary"]) == before
    with home.database.read() as session:
        assert versions.read(session, versions.LIBRARY) == version
    assert heard == []


def test_a_change_is_told_and_seen_everywhere(
    home: Home, client: TestClient, rom: int, bus: Bus
) -> None:
    heard: list[LibraryChanged] = []
    bus.subscribe(LibraryChanged, heard.append)
    client.get("/api/roms")
    put(client, rom, name="Pokémon 10")
    assert len(heard) == 1
    listed = client.get("/api/roms", params={"search_term": "pokemon"}).json()
    assert [item["name"] for item in listed["items"]] == ["Pokémon 10"]
    assert ids(home.client().get("/api/roms", params={"search_term": "(usa)"})) == [rom]


def test_a_rom_that_is_hidden_or_not_there_is_not_found(home: Home, rom: int) -> None:
    user_id = home.users["ann"]
    home.add(PermissionOverride(user_id=user_id, entity=Entity.ROMS, action=Action.WRITE))
    ann = home.client()
    assert put(ann, rom, name="Mine")["name"] == "Mine"
    home.hide(Entity.ROMS, rom)
    for rom_id in (rom, 999):
        answer = ask(ann, rom_id, name="Hers")
        expected = {"detail": f"Rom with id '{rom_id}' not found"}
        assert (answer.status_code, answer.json()) == (404, expected)
    assert show(home.client("root"), rom)["name"] == "Mine"
    assert ask(ann, 0).status_code == 422


def test_who_may_not_write_changes_nothing(home: Home, client: TestClient, rom: int) -> None:
    assert ask(home.client(), rom, name="Mine").status_code == 403
    assert show(client, rom)["name"] == "The Moss"


def test_a_name_brings_its_sort_key(client: TestClient, rom: int) -> None:
    after = put(client, rom, name=" The Fern 2 ")
    assert (after["name"], after["name_sort_key"]) == ("The Fern 2", "fern 000000000002")


def test_no_name_is_that_of_the_file(home: Home, client: TestClient) -> None:
    platform = home.platform("nes")
    file = home.rom("Moss (USA).nes", platform, name="Mine", top_level_files=1)
    folder = home.rom("Moss v1.5", platform, name="Mine", top_level_files=1, nested_files=1)
    assert put(client, file, name="")["name"] == "Moss"
    assert put(client, folder, name="  ")["name"] == "Moss v1.5"


def test_a_sort_key_of_ones_own_stays_when_the_name_changes(client: TestClient, rom: int) -> None:
    own = put(client, rom, name_sort_key="The Zebra 3")
    assert (own["name"], own["name_sort_key"]) == ("The Moss", "zebra 000000000003")
    renamed = put(client, rom, name="Fern", name_sort_key=own["name_sort_key"])
    assert (renamed["name"], renamed["name_sort_key"]) == ("Fern", "zebra 000000000003")
    assert put(client, rom, name="Moth")["name_sort_key"] == "zebra 000000000003"


def test_an_empty_sort_key_is_the_one_of_the_name(client: TestClient, rom: int) -> None:
    put(client, rom, name_sort_key="zebra")
    assert put(client, rom, name_sort_key="")["name_sort_key"] == "moss"
    assert put(client, rom, name="Fern")["name_sort_key"] == "fern"


def test_the_stored_sort_key_says_nothing(client: TestClient, rom: int) -> None:
    after = put(client, rom, name="Fern", name_sort_key="moss")
    assert after["name_sort_key"] == "fern"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", "x" * 451),
        ("name", "a\0b"),
        ("name_sort_key", "x" * 501),
        ("summary", "x" * 65_537),
        ("igdb_id", "seven"),
        ("igdb_id", "-1"),
        ("igdb_id", "1.5"),
        ("igdb_id", str(2**31)),
        ("igdb_id", "9" * 5000),
        ("flashpoint_id", "x" * 101),
        ("libretro_id", "x" * 101),
        ("raw_manual_metadata", "[" + "0," * 600_000 + "0]"),
    ],
)
def test_what_cannot_be_kept_is_refused(
    client: TestClient, rom: int, field: str, value: str
) -> None:
    before = show(client, rom)
    answer = ask(client, rom, None, **{"summary": "New", field: value})
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"] == ["body", field]
    assert show(client, rom) == before


def test_ids_are_numbers_or_words(every_home: Home) -> None:
    home = every_home
    rom = home.rom("Moss.sfc", home.platform("snes"))
    numbered = ("igdb", "sgdb", "moby", "ss", "ra", "launchbox", "hasheous", "tgdb", "hltb")
    form = {f"{source}_id": f" 00{place} " for place, source in enumerate(numbered, 1)}
    words = {"flashpoint_id": "b1-c2", "libretro_id": " abc "}
    client = home.client("root")
    after = put(client, rom, None, **form, **words)
    assert [after[f"{source}_id"] for source in numbered] == list(range(1, 10))
    assert (after["flashpoint_id"], after["libretro_id"]) == ("b1-c2", "abc")
    assert after["is_identified"]
    found = client.get("/api/roms/by-metadata-provider", params={"moby_id": 3})
    assert found.json()["id"] == rom


@pytest.mark.parametrize("text", ["", "0", " "])
def test_an_empty_id_is_none_and_leaves_nothing(every_home: Home, text: str) -> None:
    home = every_home
    known: Mapping[str, Any] = {"igdb": (7, IGDB), "tgdb": (8, None)}
    rom = home.rom("Moss.sfc", home.platform("snes"), known=known)
    client = home.client("root")
    put(client, rom, raw_igdb_metadata=json.dumps({**IGDB, "genres": ["Quiz"]}))
    assert facets(home, rom) == {("genre", "Quiz"), ("player_count", "1-4")}
    after = put(client, rom, igdb_id=text)
    assert (after["igdb_id"], after["igdb_metadata"]) == (None, {})
    assert (after["tgdb_id"], after["is_identified"]) == (8, False)
    assert (after["metadatum"]["genres"], after["metadatum"]["player_count"]) == ([], "1")
    assert facets(home, rom) == set()
    assert ids(client.get("/api/roms", params={"matched": True})) == []


def test_another_id_leaves_nothing_of_the_one_before(home: Home, client: TestClient) -> None:
    rom = home.rom("Moss.sfc", home.platform("snes"), known={"igdb": (7, IGDB), "ss": (1, {})})
    same = put(client, rom, igdb_id="7")
    assert (same["igdb_id"], same["igdb_metadata"]) == (7, IGDB)
    other = put(client, rom, igdb_id="8", raw_igdb_metadata=json.dumps(IGDB))
    assert (other["igdb_id"], other["igdb_metadata"]) == (8, {})
    written = put(client, rom, igdb_id="9", raw_igdb_metadata='{"genres": ["Quiz"]}')
    assert (written["igdb_id"], written["igdb_metadata"]) == (9, {"genres": ["Quiz"]})
    assert written["ss_id"] == 1


def test_who_shares_an_id_is_a_sibling(home: Home, client: TestClient) -> None:
    platform = home.platform("snes")
    one, two = home.rom("One.sfc", platform), home.rom("Two.sfc", platform, known={"ss": (5, {})})
    after = put(client, one, ss_id="5")
    assert [each["id"] for each in after["sibling_roms"]] == [two]
    assert put(client, one, ss_id="")["sibling_roms"] == []


def test_metadata_by_hand_counts_before_all_others(every_home: Home) -> None:
    home = every_home
    rom = home.rom("Moss (USA).sfc", home.platform("snes"), facets={"regions": ["USA"]})
    client = home.client("root")
    put(client, rom, igdb_id="7", raw_igdb_metadata=json.dumps(IGDB))
    by_hand = {
        "genres": ["Quiz", "Board"],
        "franchises": ["Moss"],
        "companies": ["Fern"],
        "game_modes": ["Duel"],
        "age_ratings": ["T"],
        "first_release_date": 600_000_000_000,
        "youtube_video_id": None,
    }
    after = put(client, rom, raw_manual_metadata=json.dumps(by_hand))
    assert after["manual_metadata"] == by_hand
    assert after["metadatum"] == {
        "rom_id": rom,
        "genres": ["Board", "Quiz"],
        "franchises": ["Moss"],
        "collections": [],
        "companies": ["Fern"],
        "game_modes": ["Duel"],
        "age_ratings": ["T"],
        "player_count": "1-4",
        "first_release_date": 600_000_000_000,
        "average_rating": 80.0,
    }
    assert facets(home, rom) == {
        ("region", "USA"),
        ("genre", "Quiz"),
        ("genre", "Board"),
        ("franchise", "Moss"),
        ("company", "Fern"),
        ("game_mode", "Duel"),
        ("age_rating", "T"),
        ("player_count", "1-4"),
    }
    assert ids(client.get("/api/roms", params={"genres": "Quiz"})) == [rom]
    assert ids(client.get("/api/roms", params={"genres": "Puzzle"})) == []
    cleared = put(client, rom, raw_manual_metadata="{}")
    assert (cleared["manual_metadata"], cleared["metadatum"]["genres"]) == ({}, ["Puzzle"])
    with home.database.read() as session:
        query = select(ROM_METADATA.c.minimum_age, ROM_METADATA.c.age_ratings)
        assert session.execute(query).all() == [(None, [])]


def test_metadata_of_a_source_without_id_is_not_kept(client: TestClient, rom: int) -> None:
    after = put(client, rom, raw_igdb_metadata=json.dumps(IGDB), raw_ss_metadata="{}")
    assert (after["igdb_metadata"], after["metadatum"]["genres"]) == (None, [])


@pytest.mark.parametrize(
    "text", ["", " ", "{", "null", "[]", "7", '"text"', '{"genres": ["a\\u0000"]}', "[" * 5000]
)
def test_metadata_that_is_none_is_ignored_and_named(
    client: TestClient, rom: int, text: str, caplog: pytest.LogCaptureFixture
) -> None:
    put(client, rom, raw_manual_metadata='{"genres": ["Quiz"]}')
    after = put(client, rom, raw_manual_metadata=text, summary="New")
    assert (after["manual_metadata"], after["summary"]) == ({"genres": ["Quiz"]}, "New")
    assert "raw_manual_metadata" in caplog.text


def test_only_known_keys_of_the_right_type_are_kept(client: TestClient, rom: int) -> None:
    sent = {
        "genres": "Quiz",
        "companies": ["Fern"],
        "first_release_date": 2**70,
        "age_ratings": [1],
        "unknown": {"a": 1},
    }
    after = put(client, rom, raw_manual_metadata=json.dumps(sent))
    assert after["manual_metadata"] == {"companies": ["Fern"]}


def test_what_hasheous_knows_a_dump_by_can_be_filtered(home: Home, client: TestClient) -> None:
    rom = home.rom("Moss.sfc", home.platform("snes"))
    flags = {"nointro_match": True, "redump_match": False}
    put(client, rom, hasheous_id="5", raw_hasheous_metadata=json.dumps(flags))
    assert facets(home, rom) == {(VERIFIED, "nointro_match")}
    assert ids(client.get("/api/roms", params={"verified": True})) == [rom]


def test_a_long_value_is_kept_and_found_by_its_beginning(every_home: Home) -> None:
    home = every_home
    rom = home.rom("Moss.sfc", home.platform("snes"))
    genre = "é" * 500
    by_hand = json.dumps({"genres": [genre]})
    after = put(home.client("root"), rom, raw_manual_metadata=by_hand)
    assert after["metadatum"]["genres"] == [genre]
    assert facets(home, rom) == {("genre", genre[:450])}


def test_an_age_rating_by_hand_keeps_a_rom_from_the_young(home: Home, rom: int) -> None:
    user_id = home.users["ann"]
    home.add(PermissionOverride(user_id=user_id, entity=Entity.ROMS, action=Action.WRITE))
    home.limit("ann", max_age=12)
    ann = home.client()
    rated = put(ann, rom, raw_manual_metadata='{"age_ratings": ["M"]}')
    assert rated["metadatum"]["age_ratings"] == ["M"]
    assert ask(ann, rom, raw_manual_metadata='{"age_ratings": []}').status_code == 404
    assert put(home.client("root"), rom, raw_manual_metadata='{"age_ratings": ["E"]}')
    assert show(ann, rom)["metadatum"]["age_ratings"] == ["E"]


def test_unmatching_forgets_what_providers_said(every_home: Home) -> None:
    home = every_home
    rom = home.rom(
        "Moss (USA).sfc",
        home.platform("snes"),
        name="The Great Moss",
        slug="moss",
        summary="Old",
        revision="1",
        url_cover="https://art.example/a.png",
        url_manual="https://art.example/a.pdf",
        path_manual="roms/1/1/manual/1.pdf",
        url_screenshots=["https://art.example/s.png"],
        facets={"regions": ["USA"], "genres": ["Puzzle"]},
        known={
            "igdb": (7, IGDB),
            "gamelist": ("g", {"genres": ["Puzzle"]}),
            "tgdb": (5, None),
            "manual": (None, {"companies": ["Fern"]}),
        },
    )
    client = home.client("root")
    after = put(client, rom, {"unmatch_metadata": True}, name="Ignored", igdb_id="9")
    gone = ("igdb_id", "gamelist_id", "tgdb_id")
    assert [after[name] for name in gone] == [None, None, None]
    assert (after["igdb_metadata"], after["gamelist_metadata"]) == ({}, {})
    assert (after["name"], after["name_sort_key"]) == ("Moss (USA).sfc", sort_key("Moss (USA).sfc"))
    emptied = ("slug", "summary", "revision", "url_cover", "url_manual", "path_cover_large")
    assert [after[name] for name in emptied] == [""] * 6
    assert after["manual_metadata"] == {"companies": ["Fern"]}
    assert (after["path_manual"], after["has_manual"]) == ("roms/1/1/manual/1.pdf", True)
    assert (after["regions"], after["is_identified"]) == (["USA"], False)
    assert after["metadatum"]["companies"] == ["Fern"]
    assert facets(home, rom) == {("region", "USA"), ("company", "Fern")}
    with home.database.read() as session:
        assert session.scalars(select(ROMS.c.url_screenshots)).all() == [[]]
    assert put(client, rom, {"unmatch_metadata": True})["name"] == "Moss (USA).sfc"


def test_of_two_who_change_a_rom_at_once_neither_loses_anything(every_home: Home) -> None:
    home = every_home
    rom = home.rom("Moss.sfc", home.platform("snes"))
    forms: list[dict[str, str]] = [
        {"name": "Fern"},
        {"summary": "New"},
        {"igdb_id": "7", "raw_igdb_metadata": json.dumps(IGDB)},
        {"ss_id": "8", "raw_ss_metadata": '{"companies": ["Fern"]}'},
        {"raw_manual_metadata": '{"game_modes": ["Duel"]}'},
    ]
    clients = [home.client("root") for _ in forms]
    codes: list[int] = []

    def change(client: TestClient, form: dict[str, str]) -> None:
        codes.append(ask(client, rom, None, **form).status_code)

    pairs = zip(clients, forms, strict=True)
    threads = [threading.Thread(target=change, args=pair) for pair in pairs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert codes == [200] * len(forms)
    after = show(clients[0], rom)
    assert (after["name"], after["summary"], after["igdb_id"], after["ss_id"]) == (
        *("Fern", "New"),
        *(7, 8),
    )
    facts = after["metadatum"]
    found = (facts["genres"], facts["companies"], facts["game_modes"])
    assert found == (["Puzzle"], ["Fern"], ["Duel"])
    with home.database.read() as session:
        assert len(session.execute(select(ROM_SOURCES)).all()) == 3
