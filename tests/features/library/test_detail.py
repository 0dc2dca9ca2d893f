"""What one ROM says, byte for byte what its wire models would say."""

from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import update

from romm_lite.kernel.scopes import Entity
from romm_lite.tables.assets import Save, Screenshot, State
from romm_lite.tables.collections import SmartCollection
from romm_lite.tables.rom_users import RomNote
from romm_lite.tables.users import USERS
from romm_lite.wire.files import RomFileSchema
from romm_lite.wire.notes import UserNoteSchema
from romm_lite.wire.roms import DetailedRomSchema, RomPage, SimpleRomSchema

from .conftest import Home, Known, as_modelled, ids

CHANGED = datetime(2026, 8, 1, 10, tzinfo=UTC)
KNOWN: Known = {
    "igdb": (
        17,
        {"youtube_video_id": "yt", "alternative_names": ["Zoo", "Ark"], "total_rating": "78.25"},
    ),
    "moby": (None, {"alternate_titles": ["Never"]}),
    "ss": (3, {"video_path": "", "video_normalized_path": "roms/1/1/video.mp4", "ss_score": None}),
    "launchbox": (4, {"youtube_video_id": "other", "community_rating": 3.5}),
    "ra": (5, {"genres": [], "achievements": []}),
    "hasheous": (6, {"nointro_match": True}),
    "sgdb": (7, None),
    "flashpoint": ("aa-bb", {"source": None}),
    "gamelist": ("cc", {"rating": 0.5}),
    "hltb": (8, {"main_story": 3600}),
    "manual": (None, {"genres": None}),
    "tgdb": ("not a number", None),
}
FACTS = {
    "genres": ["Puzzle", "Action"],
    "companies": ["Ünited"],
    "player_count": "1-2",
    "first_release_date": 1_000_000_000_000,
    "average_rating": 78.25,
}


def stock(home: Home) -> int:
    """A ROM of which everything is known."""
    snes = home.platform("snes", custom_name="My SNES")
    return home.rom(
        "Moss (USA) (En) (Rev 1) [!].sfc",
        snes,
        name="The Moss “1”",
        known=KNOWN,
        facts=FACTS,
        summary="Line\nline \N{SNOWMAN}",
        path_cover_s="roms/1/1/cover/small.png",
        path_cover_l="roms/1/1/cover/big.png",
        url_cover="https://images.example/1.png",
        path_manual="roms/1/1/manual/1.pdf",
        path_screenshots=["roms/1/1/screenshots/0.jpg"],
        crc_hash="00000000",
        top_level_files=1,
        revision="1",
        updated_at=CHANGED,
    )


def named(name: str, stem: str) -> dict[str, Any]:
    """The columns of a save, state or screenshot about its name."""
    stems = {"file_name_no_tags": stem, "file_name_no_ext": stem}
    return {"file_name": name, "file_path": "x", **stems}


def test_everything_known_is_told(every_home: Home) -> None:
    rom_id, client = stock(every_home), every_home.client()
    rom = as_modelled(DetailedRomSchema, client.get(f"/api/roms/{rom_id}"))
    expected: dict[str, Any] = {
        "igdb_id": 17,
        "moby_id": None,
        "tgdb_id": None,
        "flashpoint_id": "aa-bb",
        "gamelist_id": "cc",
        "libretro_id": None,
        "platform_slug": "snes",
        "platform_display_name": "My SNES",
        "fs_name_no_tags": "Moss",
        "fs_extension": "sfc",
        "full_path": "roms/snes/Moss (USA) (En) (Rev 1) [!].sfc",
        "name": "The Moss “1”",
        "name_sort_key": "moss “000000000001”",
        "alternative_names": ["Ark", "Zoo"],
        "youtube_video_id": "yt",
        "igdb_metadata": KNOWN["igdb"][1],
        "merged_ra_metadata": {"genres": [], "achievements": []},
        "manual_metadata": {"genres": None},
        "path_cover_small": "/assets/romm/resources/roms/1/1/cover/small.png"
        "?ts=2026-08-01 10:00:00+00:00",
        "has_manual": True,
        "path_video": "roms/1/1/video.mp4",
        "merged_screenshots": ["/assets/romm/resources/roms/1/1/screenshots/0.jpg"],
        "is_identified": True,
        "is_unidentified": False,
        "revision": "1",
        "regions": ["USA"],
        "languages": ["English"],
        "tags": ["!"],
        "crc_hash": "00000000",
        "md5_hash": None,
        "updated_at": "2026-08-01T10:00:00+00:00",
    }
    assert {name: rom[name] for name in expected} == expected
    assert rom["metadatum"] == {
        "rom_id": rom_id,
        "franchises": [],
        "collections": [],
        "game_modes": [],
        "age_ratings": [],
        **FACTS,
        "genres": ["Action", "Puzzle"],
    }


def test_nothing_known_is_told_too(every_home: Home) -> None:
    rom_id = every_home.rom("Bare.sfc", every_home.platform())
    rom = as_modelled(DetailedRomSchema, every_home.client().get(f"/api/roms/{rom_id}"))
    assert rom["metadatum"]["player_count"] == "1"
    assert rom["metadatum"]["genres"] == []
    assert rom["metadatum"]["average_rating"] is None
    assert rom["path_cover_small"] == ""
    assert rom["igdb_metadata"] is None
    assert rom["rom_user"]["id"] == -1
    assert rom["is_identified"] is False
    assert (rom["files"], rom["sibling_roms"], rom["user_collections"]) == ([], [], [])


def test_list_simple_and_detail_say_the_same(home: Home) -> None:
    rom_id, client = stock(home), home.client()
    home.file(rom_id, "roms/snes/Moss.sfc", b"x")
    home.keep(rom_id, rating=5)
    page = as_modelled(RomPage, client.get("/api/roms", params={"with_files": "true"}))
    simple = as_modelled(SimpleRomSchema, client.get(f"/api/roms/{rom_id}/simple"))
    detail = client.get(f"/api/roms/{rom_id}").json()
    assert page["items"] == [simple]
    shared = simple.keys() & detail.keys()
    assert simple.keys() - shared == {"screenshot_path"}
    assert {name: simple[name] for name in shared} == {name: detail[name] for name in shared}


@pytest.mark.parametrize("source", ["igdb", "libretro", "hltb", "gamelist"])
def test_rom_one_of_the_identifying_providers_knows_is_identified(home: Home, source: str) -> None:
    rom_id = home.rom("One.sfc", home.platform(), known={source: ("1", None)})
    client = home.client()
    assert client.get(f"/api/roms/{rom_id}").json()["is_identified"] is True
    assert ids(client.get("/api/roms", params={"matched": "true"})) == [rom_id]


@pytest.mark.parametrize("source", ["tgdb", "sgdb", "manual"])
def test_rom_only_others_know_is_not(home: Home, source: str) -> None:
    rom_id = home.rom("One.sfc", home.platform(), known={source: ("1", None)})
    client = home.client()
    assert client.get(f"/api/roms/{rom_id}").json()["is_unidentified"] is True
    assert ids(client.get("/api/roms", params={"matched": "false"})) == [rom_id]


@pytest.mark.parametrize(
    ("top", "nested", "shape"),
    [
        (1, 0, "has_simple_single_file"),
        (1, 1, "has_nested_single_file"),
        (1, 5, "has_nested_single_file"),
        (2, 0, "has_multiple_files"),
        (2, 2, "has_multiple_files"),
        (0, 2, None),
    ],
)
def test_shape(home: Home, top: int, nested: int, shape: str | None) -> None:
    shapes = ("has_simple_single_file", "has_nested_single_file", "has_multiple_files")
    rom_id = home.rom("One", home.platform(), top_level_files=top, nested_files=nested)
    rom = home.client().get(f"/api/roms/{rom_id}").json()
    assert [name for name in shapes if rom[name]] == ([shape] if shape else [])


def test_files_are_sorted_and_top_level_ones_are_the_game(every_home: Home) -> None:
    rom_id = every_home.rom("One", every_home.platform())
    members = [{"name": "a", "size": 1, "crc_hash": "", "md5_hash": "", "sha1_hash": ""}]
    track = {"title": "Theme", "duration_seconds": 1.5}
    second = every_home.file(
        rom_id, "roms/snes/One/b.bin", b"22", archive_members=members, modified_ns=1_500_000_000
    )
    first = every_home.file(
        rom_id,
        "roms/snes/One/soundtrack/a.mp3",
        b"1",
        category="soundtrack",
        is_top_level=False,
        track_meta=track,
    )
    nested = every_home.file(rom_id, "roms/snes/One/x/c.bin", b"3", is_top_level=False)
    client = every_home.client()
    files = as_modelled(DetailedRomSchema, client.get(f"/api/roms/{rom_id}"))["files"]
    assert [file["id"] for file in files] == [first, second, nested]
    assert [file["category"] for file in files] == ["soundtrack", "game", None]
    assert files[1]["last_modified"] == "1970-01-01T00:00:01.500000+00:00"
    assert files[1]["archive_members"] == members
    assert files[0]["full_path"] == "roms/snes/One/soundtrack/a.mp3"
    single = as_modelled(RomFileSchema, client.get(f"/api/roms/{second}/files"))
    assert single == files[1]
    absent = client.get("/api/roms/999/files")
    assert (absent.status_code, absent.json()) == (404, {"detail": "File not found"})
    listed = client.get("/api/roms").json()["items"][0]
    assert listed["files"] == []


def test_siblings_share_a_platform_and_an_id(every_home: Home) -> None:
    home = every_home
    snes, nes = home.platform("snes"), home.platform("nes")
    one = home.rom("One.sfc", snes, known={"igdb": (1, {}), "ss": (2, {})})
    both = home.rom("The Beta.sfc", snes, known={"igdb": (1, {}), "ss": (2, {})})
    by_ss = home.rom("Alpha.sfc", snes, known={"ss": (2, {})})
    home.rom("Far.nes", nes, known={"igdb": (1, {})})
    home.rom("Other.sfc", snes, known={"igdb": (2, {}), "sgdb": (1, {})})
    home.rom("Same cover.sfc", snes, known={"sgdb": (1, {}), "flashpoint": ("1", {})})
    home.keep(both, is_main_sibling=True)
    client = home.client()
    siblings = as_modelled(DetailedRomSchema, client.get(f"/api/roms/{one}"))["sibling_roms"]
    assert [each["id"] for each in siblings] == [by_ss, both]
    assert [each["is_main_sibling"] for each in siblings] == [False, True]
    assert siblings[1]["sort_comparator"] == "beta"
    home.hide(Entity.ROMS, by_ss)
    siblings = client.get(f"/api/roms/{one}").json()["sibling_roms"]
    assert [each["id"] for each in siblings] == [both]
    bob = home.client("bob").get(f"/api/roms/{one}").json()["sibling_roms"]
    assert [each["is_main_sibling"] for each in bob] == [False, False]


def test_what_users_keep_is_told_to_whom_it_concerns(every_home: Home) -> None:
    home = every_home
    rom_id = stock(home)
    for user in ("ann", "bob"):
        for is_public in (True, False):
            stem = f"{user}-{is_public}"
            columns: dict[str, Any] = {
                "rom_id": rom_id,
                "user_id": home.users[user],
                "is_public": is_public,
            }
            home.add(Save(**named(f"{stem}.srm", stem), **columns, slot="a"))
            home.add(State(**named(f"{stem}.state", stem), **columns))
            home.add(Screenshot(**named(f"{stem}.png", stem), **columns, is_gallery=is_public))
            home.add(RomNote(title=stem, **columns, tags=["x"]))
    rom = as_modelled(DetailedRomSchema, home.client().get(f"/api/roms/{rom_id}"))

    def names_of(field: str, key: str = "file_name_no_ext") -> list[str]:
        return [each[key] for each in rom[field]]

    mine = ["ann-False", "ann-True"]
    shared = ["bob-True", *mine]
    assert names_of("user_saves") == mine
    assert names_of("user_states") == mine
    assert names_of("all_user_saves") == shared
    assert names_of("all_user_states") == shared
    assert names_of("user_screenshots") == mine
    assert names_of("all_user_screenshots") == ["bob-True", "ann-True"]
    assert names_of("all_user_notes", "title") == shared
    assert {each["username"] for each in rom["all_user_saves"]} == {"ann", "bob"}
    save = rom["user_saves"][0]
    assert save["screenshot"]["file_name"] == "ann-False.png"
    assert save["download_path"].startswith(f"/api/saves/{save['id']}/content?timestamp=20")
    assert " " not in save["download_path"]
    assert rom["has_notes"] is True


def test_screenshot_of_the_very_name_goes_before_one_of_the_stem(home: Home) -> None:
    rom_id = home.rom("One.sfc", home.platform())
    columns: dict[str, Any] = {"rom_id": rom_id, "user_id": home.users["ann"]}
    for name, stem in (("X.state1.png", "X.state1"), ("X.png", "X")):
        home.add(Screenshot(**named(name, stem), **columns))
    for name in ("X.state1", "X.state2"):
        home.add(State(**named(name, "X"), **columns))
    states = home.client().get(f"/api/roms/{rom_id}").json()["user_states"]
    shots = {each["file_name"]: each["screenshot"]["file_name"] for each in states}
    assert shots == {"X.state1": "X.state1.png", "X.state2": "X.png"}


def test_collections_of_ones_own_and_public_ones_are_named(every_home: Home) -> None:
    home = every_home
    rom_id = home.rom("One.sfc", home.platform())
    for user, is_public in (("ann", False), ("bob", True), ("bob", False)):
        home.collect(rom_id, name=f"{user} {is_public}", user=user, is_public=is_public)
    home.collect(name="Empty")
    rules: dict[str, dict[str, Any]]
    rules = {"yes": {}, "too": {"matched": False}, "no": {"matched": True}}
    for name, rule in rules.items():
        ann = home.users["ann"]
        home.add(SmartCollection(user_id=ann, name=name, filter_criteria=rule))
    rom = as_modelled(DetailedRomSchema, home.client().get(f"/api/roms/{rom_id}"))
    named = [(each["name"], each["is_smart"]) for each in rom["user_collections"]]
    by_rule = [("too", True), ("yes", True)]
    assert named == [("ann False", False), ("bob True", False), *by_rule]


def test_notes_are_listed_and_narrowed(every_home: Home) -> None:
    home = every_home
    rom_id = home.rom("One.sfc", home.platform())
    for user, title, is_public, tags in (
        ("ann", "Cheats 100%", False, ["a", "b"]),
        ("ann", "Map", True, None),
        ("bob", "Secret", False, ["a"]),
        ("bob", "Guide", True, ["a"]),
    ):
        home.add(
            RomNote(
                rom_id=rom_id,
                user_id=home.users[user],
                title=title,
                content=f"About {title} in Pokémon",
                is_public=is_public,
                tags=tags,
            )
        )
    client, path = home.client(), f"/api/roms/{rom_id}/notes"

    def titles(**query: Any) -> list[str]:
        answer = as_modelled(list[UserNoteSchema], client.get(path, params=query))
        return [note["title"] for note in answer]

    assert titles() == ["Guide", "Map", "Cheats 100%"]
    assert titles(public_only=True) == ["Guide", "Map"]
    assert titles(search="100%") == ["Cheats 100%"]
    assert titles(search="ABOUT map") == ["Map"]
    assert titles(search="pokemon") == ["Guide", "Map", "Cheats 100%"]
    assert titles(tags=["a"]) == ["Guide", "Cheats 100%"]
    assert titles(tags=["a", "b"]) == ["Cheats 100%"]
    assert len(client.get(f"{path}/identifiers").json()) == 3
    absent = client.get("/api/roms/999/notes")
    assert (absent.status_code, absent.json()) == (404, {"detail": "Rom with id '999' not found"})


def test_notes_carry_their_author(home: Home) -> None:
    rom_id = home.rom("One.sfc", home.platform())
    home.add(RomNote(rom_id=rom_id, user_id=home.users["ann"], title="T"))
    with home.database.write() as session:
        session.execute(update(USERS).values(avatar_path="users/x/a.png", updated_at=CHANGED))
    (note,) = home.client().get(f"/api/roms/{rom_id}/notes").json()
    assert note["username"] == "ann"
    assert note["user_avatar_path"] == "users/x/a.png"
    assert note["user_updated_at"] == "2026-08-01T10:00:00+00:00"


def test_rom_is_found_by_hash_of_itself_or_a_file(every_home: Home) -> None:
    home = every_home
    snes = home.platform()
    one = home.rom("One.sfc", snes, crc_hash="0000aaaa", ra_hash="r" * 32)
    two = home.rom("Two.sfc", snes)
    home.file(two, "roms/snes/Two.sfc", None, sha1_hash="s" * 40, crc_hash="0000aaaa")
    client = home.client()

    def find(**query: str) -> int:
        answer = client.get("/api/roms/by-hash", params=query)
        return int(as_modelled(DetailedRomSchema, answer)["id"])

    assert find(crc_hash="0000aaaa") == one
    assert find(sha1_hash="s" * 40) == two
    assert find(sha1_hash="none", ra_hash="r" * 32) == one
    absent = client.get("/api/roms/by-hash", params={"md5_hash": "x", "crc_hash": ""})
    text = "No ROM or file found with given hash values"
    assert (absent.status_code, absent.json()) == (404, {"detail": text})
    for empty in ({}, {"md5_hash": ""}):
        refused = client.get("/api/roms/by-hash", params=empty)
        assert refused.status_code == 400
        assert refused.json()["detail"] == "At least one metadata hash value must be provided"


def test_rom_is_found_by_a_providers_id(every_home: Home) -> None:
    rom_id = stock(every_home)
    client = every_home.client()
    for query in ({"igdb_id": 17}, {"flashpoint_id": "aa-bb"}, {"igdb_id": 1, "hltb_id": 8}):
        answer = client.get("/api/roms/by-metadata-provider/", params=query)
        assert as_modelled(DetailedRomSchema, answer)["id"] == rom_id
    absent = client.get("/api/roms/by-metadata-provider", params={"igdb_id": 8})
    text = "ROM not found with given metadata IDs"
    assert (absent.status_code, absent.json()) == (404, {"detail": text})
    for nothing in ("", "?igdb_id=0", "?flashpoint_id="):
        refused = client.get(f"/api/roms/by-metadata-provider{nothing}")
        assert refused.status_code == 400
        assert refused.json()["detail"] == "At least one metadata ID must be provided"


@pytest.mark.parametrize("path", ["", "/simple", "/files", "/notes", "/content", "/content/x"])
def test_id_below_one_is_no_id(home: Home, path: str) -> None:
    for rom_id in (0, -1, 2**31):
        assert home.client().get(f"/api/roms/{rom_id}{path}").status_code == 422
