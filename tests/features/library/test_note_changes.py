"""Writing notes on ROMs."""

from typing import Any

import pytest

from romm_lite.kernel.scopes import Entity

from .conftest import Home


@pytest.fixture
def url(home: Home) -> str:
    return f"/api/roms/{home.rom('One.sfc', home.platform('snes'))}/notes"


def test_a_note_is_written_changed_and_deleted(every_home: Home) -> None:
    home = every_home
    url = f"/api/roms/{home.rom('One.sfc', home.platform('snes'))}/notes"
    client = home.client()
    body = {"title": "Boss", "content": "Aim at the eye", "tags": ["hint"]}
    made = client.post(url, json=body).json()
    assert {name: made[name] for name in body} == body
    assert (made["username"], made["is_public"]) == ("ann", False)
    assert client.get(url).json() == [made]
    changed = client.put(
        f"{url}/{made['id']}", json={"title": "The boss", "is_public": True}
    ).json()
    assert (changed["title"], changed["content"]) == ("The boss", "Aim at the eye")
    assert changed["updated_at"] > made["updated_at"]
    assert home.client("bob").get(url).json() == [changed]
    gone = client.delete(f"{url}/{made['id']}")
    assert (gone.status_code, gone.json()) == (200, {"message": "Note deleted successfully"})
    assert client.get(url).json() == []


def test_one_title_is_taken_once_by_one_user(every_home: Home) -> None:
    home = every_home
    url = f"/api/roms/{home.rom('One.sfc', home.platform('snes'))}/notes"
    client = home.client()
    client.post(url, json={"title": "Boss"})
    second = client.post(url, json={"title": "Other"}).json()
    assert client.post(url, json={"title": "Boss"}).status_code == 409
    assert client.put(f"{url}/{second['id']}", json={"title": "Boss"}).status_code == 409
    assert home.client("bob").post(url, json={"title": "Boss"}).status_code == 200
    assert sorted(note["title"] for note in client.get(url).json()) == ["Boss", "Other"]


def test_a_note_shows_in_the_list_of_games_at_once(home: Home, url: str) -> None:
    client = home.client()
    assert client.get("/api/roms").json()["items"][0]["has_notes"] is False
    client.post(url, json={"title": "Boss"})
    assert client.get("/api/roms").json()["items"][0]["has_notes"] is True


def test_somebody_elses_note_is_theirs(home: Home, url: str) -> None:
    made = home.client().post(url, json={"title": "Boss", "is_public": True}).json()
    bob, at = home.client("bob"), f"{url}/{made['id']}"
    expected = {"detail": "Note not found or not owned by user"}
    for answer in (bob.put(at, json={"title": "x"}), bob.delete(at), bob.delete(f"{url}/999")):
        assert (answer.status_code, answer.json()) == (404, expected)
    assert home.client().get(url).json()[0]["title"] == "Boss"


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"title": ""},
        {"title": None},
        {"title": "x" * 401},
        {"title": "x", "content": None},
        {"title": "x", "content": "x" * (2**20 + 1)},
        {"title": "x", "tags": "hint"},
        {"title": "x", "tags": [1]},
    ],
)
def test_a_note_that_is_none_is_refused(home: Home, url: str, body: Any) -> None:
    client = home.client()
    assert client.post(url, json=body).status_code == 422
    assert client.get(url).json() == []


def test_a_hidden_game_takes_no_note(home: Home, url: str) -> None:
    home.hide(Entity.ROMS, int(url.split("/")[3]))
    assert home.client().post(url, json={"title": "Boss"}).status_code == 404
