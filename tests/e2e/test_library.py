"""A library of many kinds, in both structures, as the API tells of it after a scan.

Both are compared with the same list of games, and so with each other.
"""

from typing import Any

import pytest

from tests.e2e.conftest import Served
from tests.e2e.library import (
    FIRMWARE,
    GAMES,
    PLATFORMS,
    UNHASHED,
    Game,
    bios_folder,
    digest,
    read_digest,
    roms_folder,
)

SHAPES = ("has_simple_single_file", "has_nested_single_file", "has_multiple_files")
every_game = pytest.mark.parametrize("game", GAMES, ids=lambda game: game.fs_name)


def test_every_platform_is_there_with_its_games(served: Served) -> None:
    told = {
        each["fs_slug"]: (each["rom_count"], each["fs_size_bytes"])
        for each in served.server.get("/api/platforms")
    }
    sizes = {slug: [game.size for game in GAMES if game.platform == slug] for slug in PLATFORMS}
    assert told == {slug: (len(each), sum(each)) for slug, each in sizes.items()}


def test_the_library_is_counted(served: Served) -> None:
    stats = served.server.get("/api/stats")
    assert (stats["PLATFORMS"], stats["ROMS"]) == (len(PLATFORMS), len(GAMES))
    assert stats["TOTAL_FILESIZE_BYTES"] == sum(game.size for game in GAMES)


def test_nothing_else_is_listed(served: Served) -> None:
    assert sorted(served.roms) == sorted(game.fs_name for game in GAMES)


@every_game
def test_a_name_tells_title_regions_languages_revision_and_tags(served: Served, game: Game) -> None:
    rom = served.roms[game.fs_name]
    assert rom["platform_fs_slug"] == game.platform
    assert rom["fs_path"] == roms_folder(game.platform, served.structure)
    told = (rom["name"], rom["regions"], rom["languages"], rom["revision"], rom["tags"])
    assert told == (game.name, game.regions, game.languages, game.revision, game.tags)


@every_game
def test_every_file_is_known_with_size_category_and_hashes(served: Served, game: Game) -> None:
    rom = served.roms[game.fs_name]
    root = rom["full_path"] if game.is_folder else rom["fs_path"]
    files = {file["full_path"].removeprefix(f"{root}/"): file for file in rom["files"]}
    assert files.keys() == game.files.keys()
    assert rom["fs_size_bytes"] == game.size
    for path, content in game.files.items():
        file = files[path]
        plain = "game" if path in game.top_level else None
        assert file["category"] == game.categories.get(path, plain), path
        assert file["file_size_bytes"] == len(content), path
        assert file["is_top_level"] is (path in game.top_level), path
        if game.platform in UNHASHED:
            assert not any(read_digest(file)), path
        elif not game.members:
            assert read_digest(file) == digest(content), path


@every_game
def test_the_hashes_are_those_of_the_dump(served: Served, game: Game) -> None:
    rom = served.roms[game.fs_name]
    if game.platform in UNHASHED:
        assert not any(read_digest(rom))
    else:
        assert read_digest(rom) == game.digests


def test_what_an_archive_holds_is_listed(served: Served) -> None:
    for game in (game for game in GAMES if game.members):
        (file,) = served.roms[game.fs_name]["files"]
        told = {each["name"]: (each["size"], read_digest(each)) for each in file["archive_members"]}
        assert told == {
            name: (len(content), digest(content)) for name, content in game.members.items()
        }


@every_game
def test_exactly_one_flag_tells_the_shape(served: Served, game: Game) -> None:
    rom = served.roms[game.fs_name]
    assert [flag for flag in SHAPES if rom[flag]] == [game.shape]


def test_the_detail_says_what_the_list_says(served: Served) -> None:
    for rom in served.roms.values():
        detail = served.server.get(f"/api/roms/{rom['id']}")
        assert {key: detail[key] for key in rom if key in detail} == {
            key: value for key, value in rom.items() if key in detail
        } | {"rom_user": detail["rom_user"]}


def test_firmware_is_listed_and_hashed(served: Served) -> None:
    listed = {file["full_path"]: file for file in served.server.get("/api/firmware")}
    expected = {
        f"{bios_folder(platform, served.structure)}/{name}": content
        for platform, files in FIRMWARE.items()
        for name, content in files.items()
    }
    assert listed.keys() == expected.keys()
    for path, content in expected.items():
        file = listed[path]
        assert (file["file_size_bytes"], read_digest(file)) == (len(content), digest(content))
        assert file["is_verified"] is False
        answer = served.server.client.get(f"/api/firmware/{file['id']}/content/any-name")
        assert answer.content == content


def platform_id(served: Served, fs_slug: str) -> int:
    ids: dict[str, int] = {rom["platform_fs_slug"]: rom["platform_id"] for rom in
                           served.roms.values()}  # fmt: skip
    return ids[fs_slug]


def test_the_list_is_filtered_by_platform(served: Served) -> None:
    wanted = [platform_id(served, "psx"), platform_id(served, "gb")]
    found = served.server.roms(platform_ids=wanted)
    assert found.keys() == {game.fs_name for game in GAMES if game.platform in ("psx", "gb")}


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"regions": "USA"}, {game.fs_name for game in GAMES if "USA" in game.regions}),
        (
            {"regions": ["USA", "Europe"], "regions_logic": "all"},
            {"Tin Orchard (USA, Europe).zip"},
        ),
        (
            {"regions": ["USA", "Europe", "World"], "regions_logic": "none"},
            {game.fs_name for game in GAMES if not {"USA", "Europe", "World"} & set(game.regions)},
        ),
        ({"tags": "Beta"}, {"Moss Runner (Japan) (Beta).nes"}),
        ({"languages": "French"}, {"Lantern Keep (Europe) (En,Fr).nes"}),
        ({"search_term": "moss run"}, {game.fs_name for game in GAMES if "Moss" in game.name}),
        ({"regions": "Atlantis"}, set()),
    ],
    ids=["region", "all regions", "no region", "tag", "language", "words", "unknown"],
)
def test_the_list_is_filtered(served: Served, query: dict[str, Any], expected: set[str]) -> None:
    assert served.server.roms(**query).keys() == expected


def test_values_to_filter_by_are_offered(served: Served) -> None:
    offered = served.server.get("/api/roms/filters")
    assert offered["regions"] == sorted({each for game in GAMES for each in game.regions})
    assert offered["tags"] == ["!", "Beta"]
    assert offered["languages"] == ["English", "French"]
    assert len(offered["platforms"]) == len(PLATFORMS)


def test_pages_add_up_to_the_whole(served: Served) -> None:
    whole = [rom["id"] for rom in served.server.get("/api/roms", limit=100)["items"]]
    pages = [
        rom["id"]
        for offset in range(0, len(GAMES), 5)
        for rom in served.server.get("/api/roms", limit=5, offset=offset)["items"]
    ]
    assert pages == whole


def test_a_trailing_slash_changes_nothing(served: Served) -> None:
    client = served.server.client
    paths = served.server.get("/openapi.json")["paths"]
    plain = [path for path, methods in paths.items() if "get" in methods and "{" not in path]
    assert len(plain) > 40
    for path in plain:
        without, with_slash = client.get(path), client.get(f"{path}/")
        assert with_slash.status_code == without.status_code, path
        assert not without.is_redirect, path
        assert without.status_code != 500, path
