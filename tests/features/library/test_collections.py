"""Collections of three kinds, made, changed, read and deleted."""

import base64
import json
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import pytest
import respx
from PIL import Image
from sqlalchemy import select
from starlette.testclient import TestClient

from romm_lite.kernel.scopes import Entity
from romm_lite.metadata.fetch import Fetcher
from romm_lite.tables.collections import COLLECTION_ROMS
from romm_lite.wire.collections import (
    CollectionSchema,
    SmartCollectionSchema,
    VirtualCollectionSchema,
)

from .conftest import Home, as_modelled, ids

URL = "/api/collections"


def make(client: TestClient, name: str = "Mine", **query: Any) -> dict[str, Any]:
    answer = client.post(URL, params=query, data={"name": name, "description": "of all"})
    assert answer.status_code == 200, answer.text
    made: dict[str, Any] = answer.json()
    return made


def put(client: TestClient, made: dict[str, Any], rom_ids: list[int], **data: Any) -> Any:
    query = data.pop("query", None)
    form = {"rom_ids": json.dumps(rom_ids), **data}
    return client.put(f"{URL}/{made['id']}", data=form, params=query)


def picture(size: tuple[int, int] = (100, 150)) -> bytes:
    drawn = BytesIO()
    Image.new("RGB", size, "red").save(drawn, "PNG")
    return drawn.getvalue()


def resource(home: Home, shown: str) -> Path:
    path = shown.removeprefix("/assets/romm/resources/").partition("?")[0]
    return home.settings.places.resources / path


@pytest.fixture
def games(home: Home) -> list[int]:
    snes = home.platform("snes")
    return [home.rom(f"Game {number}.sfc", snes) for number in range(4)]


def test_a_collection_is_made_filled_emptied_and_deleted(every_home: Home) -> None:
    home = every_home
    platform = home.platform("snes")
    one, two = home.rom("One.sfc", platform), home.rom("Two.sfc", platform)
    client = home.client()
    made = make(client)
    assert (made["name"], made["description"], made["owner_username"]) == ("Mine", "of all", "ann")
    assert (made["rom_ids"], made["is_public"], made["path_cover_small"]) == ([], False, None)
    at = f"{URL}/{made['id']}/roms"
    filled = client.post(at, json={"rom_ids": [two, one, two, 999]}).json()
    assert (filled["rom_ids"], filled["rom_count"]) == ([one, two], 2)
    assert client.post(at, json={"rom_ids": [one]}).json()["rom_ids"] == [one, two]
    assert filled["updated_at"] > made["updated_at"]
    less = client.request("DELETE", at, json={"rom_ids": [one, 999]}).json()
    assert less["rom_ids"] == [two]
    assert client.delete(f"{at}/{two}").json()["rom_ids"] == []
    listed = as_modelled(list[CollectionSchema], client.get(URL))
    assert [each["id"] for each in listed] == [made["id"]]
    assert client.get(f"{URL}/identifiers").json() == [made["id"]]
    answer = client.delete(f"{URL}/{made['id']}")
    assert (answer.status_code, answer.json()) == (200, None)
    assert client.get(f"{URL}/{made['id']}").status_code == 404
    assert client.get(URL).json() == []


def test_taking_out_what_is_not_in_it_changes_nothing(home: Home, games: list[int]) -> None:
    client = home.client()
    made = make(client)
    at = f"{URL}/{made['id']}/roms"
    after = client.request("DELETE", at, json={"rom_ids": games}).json()
    assert after["updated_at"] == made["updated_at"]


def test_one_name_is_taken_once_by_one_user(every_home: Home) -> None:
    client = every_home.client()
    first, second = make(client), make(client, "Other")
    answer = client.post(URL, data={"name": "Mine"})
    assert answer.status_code == 409
    assert answer.json()["detail"] == "Collection with name 'Mine' already exists"
    assert put(client, second, [], name="Mine").status_code == 409
    assert put(client, first, [], name="Mine").status_code == 200
    assert make(every_home.client("bob"))["owner_username"] == "bob"


@pytest.mark.parametrize("name", ["", "  ", "x" * 401])
def test_a_name_that_is_none_is_refused(home: Home, name: str) -> None:
    client = home.client()
    assert client.post(URL, data={"name": name}).status_code == 422
    assert put(client, make(client), [], name=name).status_code == 422


def test_a_private_collection_is_its_owners(home: Home, games: list[int]) -> None:
    made = make(home.client())
    bob, at = home.client("bob"), f"{URL}/{made['id']}"
    denied = {"detail": f"Permission denied for collection with id '{made['id']}'"}
    body = {"rom_ids": games}
    for answer in (
        bob.get(at),
        put(bob, made, games),
        bob.post(f"{at}/roms", json=body),
        bob.request("DELETE", f"{at}/roms", json=body),
        bob.delete(at),
    ):
        assert (answer.status_code, answer.json()) == (403, denied)
    assert bob.get(URL).json() == []
    assert bob.get(f"{URL}/identifiers").json() == []
    missing = bob.get(f"{URL}/777")
    expected = {"detail": "Collection with id '777' not found"}
    assert (missing.status_code, missing.json()) == (404, expected)


def test_a_public_collection_is_read_by_all_and_changed_by_its_owner(
    home: Home, games: list[int]
) -> None:
    made = make(home.client(), is_public=True)
    bob = home.client("bob")
    assert bob.get(f"{URL}/{made['id']}").json()["owner_username"] == "ann"
    assert [each["id"] for each in bob.get(URL).json()] == [made["id"]]
    assert put(bob, made, games).status_code == 403
    put(home.client(), made, games, query={"is_public": False})
    assert bob.get(URL).json() == []


def test_what_is_not_sent_stays(home: Home, games: list[int]) -> None:
    client = home.client()
    made = make(client, is_public=True)
    put(client, made, games[:2], name="New")
    kept = client.get(f"{URL}/{made['id']}").json()
    assert (kept["name"], kept["description"], kept["is_public"]) == ("New", "of all", True)
    assert kept["rom_ids"] == games[:2]
    put(client, made, games[1:3], description="")
    kept = client.get(f"{URL}/{made['id']}").json()
    assert (kept["name"], kept["description"], kept["rom_ids"]) == ("New", "", games[1:3])


@pytest.mark.parametrize("text", ["", "{", "{}", '["1"]', "[1.5]", "[true]", "[-1]", f"[{2**70}]"])
def test_members_that_are_no_list_change_nothing(home: Home, games: list[int], text: str) -> None:
    client = home.client()
    made = make(client)
    put(client, made, games)
    answer = client.put(f"{URL}/{made['id']}", data={"rom_ids": text, "name": "New"})
    assert answer.status_code == 422
    if text:
        expected = "Invalid list for rom_ids field in update collection"
        assert answer.json()["detail"] == expected
    assert client.get(f"{URL}/{made['id']}").json()["rom_ids"] == games


def test_a_hidden_game_is_not_shown_and_not_lost(home: Home, games: list[int]) -> None:
    client = home.client()
    made = make(client)
    put(client, made, games)
    home.hide(Entity.ROMS, games[0])
    home.keep(games[1], hidden=True)
    shown = client.get(f"{URL}/{made['id']}").json()
    assert (shown["rom_ids"], shown["rom_count"]) == (games[2:], 2)
    put(client, made, [games[2]], name="Renamed")
    assert client.get(f"{URL}/{made['id']}").json()["rom_ids"] == [games[2]]
    assert members(home, made) == games[:3]


def members(home: Home, made: dict[str, Any]) -> list[int]:
    """All members, shown or not."""
    query = select(COLLECTION_ROMS.c.rom_id).where(COLLECTION_ROMS.c.collection_id == made["id"])
    with home.database.read() as session:
        return sorted(session.scalars(query))


def test_what_cannot_be_seen_cannot_be_added(home: Home, games: list[int]) -> None:
    client = home.client()
    made = make(client)
    home.hide(Entity.ROMS, games[0])
    answer = client.post(f"{URL}/{made['id']}/roms", json={"rom_ids": games[:2]})
    assert answer.json()["rom_ids"] == [games[1]]
    assert members(home, made) == [games[1]]


def test_favorites_show_in_lists_at_once_and_are_one_collection(
    home: Home, games: list[int]
) -> None:
    client = home.client()
    favorites = make(client, "Favorites", is_favorite=True)
    assert favorites["is_favorite"] is True
    assert ids(client.get("/api/roms", params={"favorite": True})) == []
    client.post(f"{URL}/{favorites['id']}/roms", json={"rom_ids": games[:1]})
    assert ids(client.get("/api/roms", params={"favorite": True})) == games[:1]
    assert ids(client.get("/api/roms", params={"favorite": False})) == games[1:]
    answer = client.post(URL, params={"is_favorite": True}, data={"name": "More"})
    assert answer.status_code == 409


def test_an_uploaded_cover_is_kept_in_two_sizes_and_goes(home: Home) -> None:
    client = home.client()
    files = {"artwork": ("a.exe", picture(), "text/plain")}
    made = client.post(URL, data={"name": "Mine"}, files=files).json()
    large = resource(home, made["path_cover_large"])
    assert large.read_bytes() == picture()
    with Image.open(resource(home, made["path_cover_small"])) as small:
        assert small.size == (40, 60)
    listed = client.get(URL).json()[0]
    assert listed["path_cover_large"] == made["path_cover_large"]
    gone = put(client, made, [], query={"remove_cover": True}).json()
    assert (gone["path_cover_small"], gone["path_cover_large"]) == (None, None)
    assert not large.exists()


def test_a_deleted_collection_leaves_no_cover(home: Home) -> None:
    client = home.client()
    made = client.post(URL, data={"name": "Mine"}, files={"artwork": picture()}).json()
    assert client.delete(f"{URL}/{made['id']}").status_code == 200
    assert not resource(home, made["path_cover_large"]).exists()


def test_artwork_that_is_no_picture_makes_nothing(home: Home) -> None:
    client = home.client()
    answer = client.post(URL, data={"name": "Mine"}, files={"artwork": b"%PDF-1.4"})
    assert answer.status_code == 400
    assert "(detected application/pdf)" in answer.json()["detail"]
    assert client.get(URL).json() == []


@respx.mock
def test_a_cover_is_fetched_once_from_a_given_address(home: Home) -> None:
    fetcher = Fetcher(resolve=lambda _host, _port: ["93.184.215.14"])
    home = replace(home, library=replace(home.library, fetcher=fetcher))
    answer = httpx.Response(200, content=picture(), headers={"Content-Type": "image/png"})
    route = respx.get("https://93.184.215.14/a.png").mock(return_value=answer)
    client, url = home.client(), "https://art.example/a.png"
    made = client.post(URL, data={"name": "Mine", "url_cover": url}).json()
    assert (made["url_cover"], made["path_cover_small"] is None) == (url, False)
    put(client, made, [], url_cover=url)
    assert route.call_count == 1


@pytest.mark.parametrize("url", ["http://127.0.0.1/a.png", "http://localhost/", "file:///a", "a"])
def test_an_address_inside_makes_nothing(home: Home, url: str) -> None:
    client = home.client()
    answer = client.post(URL, data={"name": "Mine", "url_cover": url})
    assert answer.status_code == 400
    assert client.get(URL).json() == []


def test_covers_of_the_members_are_shown(home: Home, games: list[int]) -> None:
    home.change(games[1], path_cover_s="roms/1/2/cover/small.png", path_cover_l="roms/1/2/b.png")
    client = home.client()
    made = make(client)
    shown = put(client, made, games).json()
    assert len(shown["path_covers_small"]) == len(shown["path_covers_large"]) == 1
    assert shown["path_covers_large"][0].startswith("/assets/romm/resources/roms/1/2/b.png?ts=")


def test_a_collection_by_rule_is_what_the_rule_finds(every_home: Home) -> None:
    home = every_home
    snes, nes = home.platform("snes"), home.platform("nes")
    rom = home.rom("One (USA).sfc", snes)
    home.rom("Two (USA).nes", nes)
    client = home.client()
    rule = {"platform_ids": [snes], "odd": 1}
    form = {"name": "Super", "description": "by rule", "filter_criteria": json.dumps(rule)}
    made = client.post(f"{URL}/smart", params={"is_public": True}, data=form).json()
    assert (made["rom_ids"], made["rom_count"], made["is_smart"]) == ([rom], 1, True)
    assert made["filter_criteria"] == rule
    assert json.loads(made["filter_summary"]) == rule
    later = home.rom("Three.sfc", snes)
    listed = as_modelled(list[SmartCollectionSchema], client.get(f"{URL}/smart"))
    assert sorted(listed[0]["rom_ids"]) == [rom, later]
    assert client.get(f"{URL}/smart/identifiers").json() == [made["id"]]
    found = ids(client.get("/api/roms", params={"smart_collection_id": made["id"]}))
    assert found == listed[0]["rom_ids"]
    detail = client.get(f"/api/roms/{rom}").json()
    assert detail["user_collections"] == [{"id": made["id"], "name": "Super", "is_smart": True}]
    at = f"{URL}/smart/{made['id']}"
    changed = client.put(at, data={"filter_criteria": json.dumps({"platform_id": nes})}).json()
    assert (changed["name"], changed["rom_count"], changed["is_public"]) == ("Super", 1, True)
    assert client.get(f"/api/roms/{rom}").json()["user_collections"] == []
    assert client.delete(at).json() is None
    assert client.get(at).status_code == 404


def test_a_rule_means_everybodys_own(home: Home, games: list[int]) -> None:
    home.keep(games[0], user="ann", now_playing=True)
    home.keep(games[1], user="bob", now_playing=True)
    form = {"name": "Now", "filter_criteria": json.dumps({"statuses": ["now_playing"]})}
    made = home.client().post(f"{URL}/smart", params={"is_public": True}, data=form).json()
    assert made["rom_ids"] == [games[0]]
    assert home.client("bob").get(f"{URL}/smart/{made['id']}").json()["rom_ids"] == [games[1]]


def test_somebody_elses_rule_is_theirs(home: Home) -> None:
    client, bob = home.client(), home.client("bob")
    made = client.post(f"{URL}/smart", data={"name": "Mine"}).json()
    at = f"{URL}/smart/{made['id']}"
    assert bob.get(at).status_code == 403
    client.put(at, params={"is_public": True}, data={})
    assert bob.get(at).status_code == 200
    assert bob.put(at, data={"name": "x"}).status_code == 403
    assert bob.delete(at).status_code == 403
    assert client.post(f"{URL}/smart", data={"name": "Mine"}).status_code == 409


@pytest.mark.parametrize("text", ["{", "[]", "1", "null", json.dumps({"a": "x" * 70_000})])
def test_a_rule_that_is_no_object_changes_nothing(home: Home, text: str) -> None:
    client = home.client()
    answer = client.post(f"{URL}/smart", data={"name": "Mine", "filter_criteria": text})
    expected = {"detail": "Invalid JSON for filter_criteria field"}
    assert (answer.status_code, answer.json()) == (400, expected)
    assert client.get(f"{URL}/smart").json() == []


def test_three_of_a_kind_are_a_collection(every_home: Home) -> None:
    home = every_home
    snes, nes = home.platform("snes"), home.platform("nes")
    facets = {"genres": ["Puzzle"], "game_modes": ["Single"], "companies": ["Héros"]}
    roms = [home.rom("A.sfc", snes, facets=facets), home.rom("B.nes", nes, facets=facets)]
    client = home.client()
    assert client.get(f"{URL}/virtual", params={"type": "all"}).json() == []
    roms.append(home.rom("C.nes", nes, facets={**facets, "franchises": ["Lonely"]}))
    found = as_modelled(
        list[VirtualCollectionSchema], client.get(f"{URL}/virtual", params={"type": "all"})
    )
    assert [(each["type"], each["name"]) for each in found] == [
        ("company", "Héros"),
        ("genre", "Puzzle"),
        ("mode", "Single"),
    ]
    genre = found[1]
    text = base64.urlsafe_b64decode(genre["id"]).decode()
    assert text == '{"name": "Puzzle", "type": "genre"}'
    assert "\\u00e9" in base64.urlsafe_b64decode(found[0]["id"]).decode()
    assert genre["description"] == "Autogenerated Puzzle collection"
    assert genre["rom_ids"] == roms
    one = client.get(f"{URL}/virtual/{genre['id']}").json()
    assert (one["rom_ids"], one["name"], one["type"]) == (roms, "Puzzle", "genre")
    listed = client.get("/api/roms", params={"virtual_collection_id": genre["id"]})
    assert sorted(ids(listed)) == roms
    assert client.get(f"{URL}/virtual/identifiers").json() == [each["id"] for each in found]
    only = client.get(f"{URL}/virtual", params={"type": "mode"}).json()
    assert [each["name"] for each in only] == ["Single"]
    assert len(client.get(f"{URL}/virtual", params={"type": "all", "limit": 2}).json()) == 2
    assert client.get(f"{URL}/virtual", params={"type": "region"}).json() == []
    assert client.get(f"{URL}/virtual").status_code == 422


def test_hidden_games_make_no_collection(home: Home) -> None:
    snes = home.platform("snes")
    roms = [home.rom(f"{n}.sfc", snes, facets={"genres": ["Secret"]}) for n in range(3)]
    home.hide(Entity.ROMS, roms[0])
    client, root = home.client(), home.client("root")
    secret = root.get(f"{URL}/virtual", params={"type": "genre"}).json()[0]
    assert client.get(f"{URL}/virtual", params={"type": "genre"}).json() == []
    assert client.get(f"{URL}/virtual/{secret['id']}").status_code == 404


@pytest.mark.parametrize("encoded", ["x", "e30=", "bnVsbA==", "WzFd", "é", "e" * 3000])
def test_an_id_that_means_nothing_is_not_found(home: Home, encoded: str) -> None:
    assert home.client().get(f"{URL}/virtual/{encoded}").status_code == 404


def test_a_long_name_is_cut(home: Home) -> None:
    snes = home.platform("snes")
    for number in range(3):
        home.rom(f"{number}.sfc", snes, facets={"genres": ["x" * 420]})
    client = home.client()
    found = client.get(f"{URL}/virtual", params={"type": "genre"}).json()[0]
    assert found["name"] == "x" * 400
    assert client.get(f"{URL}/virtual/{found['id']}").json()["rom_count"] == 3
