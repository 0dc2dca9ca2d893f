"""Soundtracks as music."""

from typing import Any

import pytest
from starlette.testclient import TestClient

from romm_lite.kernel.scopes import Entity
from romm_lite.wire.music import (
    FacetValueSchema,
    MusicPage,
    MusicPlaylistSchema,
    MusicTrackSchema,
)

from .conftest import Home, as_modelled

URL = "/api/music"


class Band:
    """Three tracks of two games."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self.snes = home.platform("snes", custom_name="Super")
        self.one = home.rom("One.sfc", self.snes, name="Game One")
        self.two = home.rom("Two.nes", home.platform("nes"), name="Game Two")
        self.a = self.add(self.one, "a.mp3", title="Überworld", artist="Ann", year=1991, disc=1)
        self.b = self.add(
            self.one, "b b.flac", title="Boss 10", artist="Bob", album="Best", duration_seconds=61.5
        )
        self.c = self.add(self.two, "c.ogg", title="Boss 2", artist="Ann", genre="Chip", year=1990)
        self.cover = home.file(self.one, "x/soundtrack/cover.jpg", None, category="soundtrack")
        self.game = home.file(self.one, "x/game.sfc", None)

    def add(self, rom: int, name: str, **tags: Any) -> int:
        path = f"x/soundtrack/{name}"
        return self.home.file(rom, path, None, category="soundtrack", track_meta=tags)


@pytest.fixture
def band(home: Home) -> Band:
    return Band(home)


def tracks(client: TestClient, path: str = "tracks", **query: Any) -> list[int]:
    answer = client.get(f"{URL}/{path}", params=query)
    page = as_modelled(MusicPage[MusicTrackSchema], answer)
    return [each["rom_file_id"] for each in page["items"]]


def values(client: TestClient, path: str, **query: Any) -> list[tuple[Any, int]]:
    answer = client.get(f"{URL}/{path}", params=query)
    page = as_modelled(MusicPage[FacetValueSchema], answer)
    return [(each["value"], each["count"]) for each in page["items"]]


def test_tracks_are_told_with_their_game(every_home: Home) -> None:
    band = Band(every_home)
    client = every_home.client()
    assert tracks(client) == [band.c, band.b, band.a]
    page = client.get(f"{URL}/tracks").json()
    assert (page["total"], page["limit"], page["offset"]) == (3, 50, 0)
    boss = page["items"][1]
    assert (boss["title"], boss["artist"], boss["duration_seconds"]) == ("Boss 10", "Bob", 61.5)
    assert (boss["game_name"], boss["platform_name"]) == ("Game One", "Super")
    assert boss["stream_url"] == f"/api/roms/{band.b}/files/content/b%20b.flac"


def test_tracks_are_narrowed_and_ordered(band: Band) -> None:
    client = band.home.client()
    assert tracks(client, search="uber") == [band.a]
    assert tracks(client, search="game two") == [band.c]
    assert tracks(client, artist="Ann") == [band.c, band.a]
    assert tracks(client, rom_id=band.one) == [band.b, band.a]
    assert tracks(client, platform_ids=[band.snes]) == [band.b, band.a]
    assert tracks(client, year=1990, genre="Chip") == [band.c]
    assert tracks(client, min_duration=60) == [band.b]
    assert tracks(client, order_by="year") == [band.c, band.a, band.b]
    assert tracks(client, order_by="year", order_dir="desc") == [band.a, band.c, band.b]
    assert tracks(client, order_by="odd") == [band.c, band.b, band.a]
    assert tracks(client, limit=1, offset=1) == [band.b]
    assert tracks(client, offset=9) == []
    assert client.get(f"{URL}/tracks", params={"limit": 0}).status_code == 422


def test_a_track_without_tags_is_called_like_its_file(band: Band) -> None:
    plain = band.home.file(band.one, "x/soundtrack/04 Ending.mp3", None, category="soundtrack")
    item = band.home.client().get(f"{URL}/tracks", params={"search": "ending"}).json()["items"][0]
    assert (item["rom_file_id"], item["title"]) == (plain, "04 Ending")


def test_artists_albums_genres_and_years_are_counted(band: Band) -> None:
    client = band.home.client()
    assert values(client, "artists") == [("Ann", 2), ("Bob", 1)]
    assert values(client, "artists", order_dir="asc") == [("Bob", 1), ("Ann", 2)]
    assert values(client, "artists", order_by="value", order_dir="desc") == [("Bob", 1), ("Ann", 2)]
    assert values(client, "artists", search="bo") == [("Bob", 1)]
    assert values(client, "artists", artist="Bob", year=1991) == [("Ann", 1)]
    assert values(client, "years", order_by="value", order_dir="asc") == [(1990, 1), (1991, 1)]
    assert values(client, "albums") == [("Best", 1)]
    assert values(client, "genres", platform_ids=[band.snes]) == []


def test_hidden_games_are_not_heard(band: Band) -> None:
    band.home.hide(Entity.ROMS, band.one)
    client = band.home.client()
    assert tracks(client) == [band.c]
    assert values(client, "artists") == [("Ann", 1)]
    body = {"rom_file_ids": [band.a, band.c]}
    answer = client.post(f"{URL}/favorites", json=body)
    assert (answer.status_code, answer.json()) == (400, {"detail": f"Tracks not found: [{band.a}]"})


def test_tracks_are_liked_and_not(every_home: Home) -> None:
    band = Band(every_home)
    client = every_home.client()
    body = {"rom_file_ids": [band.a, band.b, band.a]}
    assert client.post(f"{URL}/favorites", json=body).json() == {"added": 2}
    assert client.post(f"{URL}/favorites", json=body).json() == {"added": 0}
    assert tracks(client, "favorites") == [band.b, band.a]
    assert tracks(client, "favorites", search="boss") == [band.b]
    liked = {each["rom_file_id"]: each["is_favorite"] for each in page(client)}
    assert liked == {band.a: True, band.b: True, band.c: False}
    assert tracks(every_home.client("bob"), "favorites") == []
    gone = client.request("DELETE", f"{URL}/favorites", json={"rom_file_ids": [band.a, 999]})
    assert gone.json() == {"removed": 1}
    assert tracks(client, "favorites") == [band.b]


def page(client: TestClient) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.get(f"{URL}/tracks").json()["items"]
    return found


def test_what_is_no_music_cannot_be_liked(band: Band) -> None:
    body = {"rom_file_ids": [band.a, band.game, band.cover]}
    answer = band.home.client().post(f"{URL}/favorites", json=body)
    expected = {"detail": f"Files are not music tracks: [{band.game}, {band.cover}]"}
    assert (answer.status_code, answer.json()) == (400, expected)
    assert tracks(band.home.client(), "favorites") == []


def make(client: TestClient, name: str = "Mix", **values: Any) -> dict[str, Any]:
    answer = client.post(f"{URL}/playlists", json={"name": name, **values})
    assert answer.status_code == 200, answer.text
    made: dict[str, Any] = answer.json()
    return made


def test_a_playlist_is_made_filled_ordered_and_deleted(every_home: Home) -> None:
    band = Band(every_home)
    client = every_home.client()
    made = make(client, description="of all")
    assert (made["name"], made["owner_username"], made["track_count"]) == ("Mix", "ann", 0)
    at = f"{URL}/playlists/{made['id']}"
    body = {"rom_file_ids": [band.c, band.a, band.c]}
    assert client.post(f"{at}/tracks", json=body).json() == {"added": 2}
    assert client.post(f"{at}/tracks", json={"rom_file_ids": [band.b, band.a]}).json() == {
        "added": 1
    }
    path = f"playlists/{made['id']}/tracks"
    assert tracks(client, path) == [band.c, band.a, band.b]
    assert tracks(client, path, order_dir="desc", limit=1) == [band.b]
    assert tracks(client, path, order_by="title") == [band.c, band.b, band.a]
    ordered = client.put(f"{at}/tracks/order", json={"rom_file_ids": [band.b, band.c]})
    assert (ordered.status_code, ordered.content) == (204, b"")
    assert tracks(client, path) == [band.b, band.c, band.a]
    gone = client.request("DELETE", f"{at}/tracks", json={"rom_file_ids": [band.c, 999]})
    assert gone.json() == {"removed": 1}
    (listed,) = as_modelled(list[MusicPlaylistSchema], client.get(f"{URL}/playlists"))
    assert (listed["track_count"], listed["updated_at"] > made["updated_at"]) == (2, True)
    assert client.delete(at).json() is None
    missing = client.get(at)
    expected = {"detail": f"Playlist with id '{made['id']}' not found"}
    assert (missing.status_code, missing.json()) == (404, expected)


def test_an_order_of_other_tracks_changes_nothing(band: Band) -> None:
    client = band.home.client()
    made = make(client)
    at = f"{URL}/playlists/{made['id']}/tracks"
    client.post(at, json={"rom_file_ids": [band.a, band.b]})
    answer = client.put(f"{at}/order", json={"rom_file_ids": [band.b, band.c]})
    expected = {"detail": "Payload contains tracks that are not in the playlist"}
    assert (answer.status_code, answer.json()) == (400, expected)
    assert tracks(client, f"playlists/{made['id']}/tracks") == [band.a, band.b]


def test_a_playlist_is_its_owners(band: Band) -> None:
    client, bob = band.home.client(), band.home.client("bob")
    made = make(client)
    at, body = f"{URL}/playlists/{made['id']}", {"rom_file_ids": [band.a]}
    denied = {"detail": f"Permission denied for playlist with id '{made['id']}'"}
    for answer in (
        bob.get(at),
        bob.get(f"{at}/tracks"),
        bob.put(at, json={"name": "x"}),
        bob.post(f"{at}/tracks", json=body),
        bob.request("DELETE", f"{at}/tracks", json=body),
        bob.put(f"{at}/tracks/order", json=body),
        bob.delete(at),
    ):
        assert (answer.status_code, answer.json()) == (403, denied)
    assert bob.get(f"{URL}/playlists").json() == []
    changed = client.put(at, json={"is_public": True, "description": "x"}).json()
    assert (changed["name"], changed["description"], changed["is_public"]) == ("Mix", "x", True)
    assert [each["id"] for each in bob.get(f"{URL}/playlists").json()] == [made["id"]]
    assert bob.get(f"{at}/tracks").status_code == 200
    assert bob.delete(at).status_code == 403


def test_one_name_is_taken_once_by_one_user(every_home: Home) -> None:
    client = every_home.client()
    make(client)
    other = make(client, "Other")
    expected = {"detail": "Playlist with name 'Mix' already exists"}
    for answer in (
        client.post(f"{URL}/playlists", json={"name": "Mix"}),
        client.put(f"{URL}/playlists/{other['id']}", json={"name": "Mix"}),
    ):
        assert (answer.status_code, answer.json()) == (400, expected)
    assert make(every_home.client("bob"))["name"] == "Mix"


def test_hidden_tracks_of_a_playlist_are_not_counted(band: Band) -> None:
    root, client = band.home.client("root"), band.home.client()
    made = make(root, is_public=True)
    body = {"rom_file_ids": [band.a, band.c]}
    root.post(f"{URL}/playlists/{made['id']}/tracks", json=body)
    band.home.hide(Entity.ROMS, band.one)
    assert client.get(f"{URL}/playlists/{made['id']}").json()["track_count"] == 1
    assert tracks(client, f"playlists/{made['id']}/tracks") == [band.c]
    assert root.get(f"{URL}/playlists/{made['id']}").json()["track_count"] == 2
