"""States over HTTP."""

from typing import Any

import pytest
from sqlalchemy import select

from romm_lite.kernel.scopes import Entity
from romm_lite.tables.assets import ASSET_VERSIONS, State
from tests.features.saves.conftest import Shelf

STATES = "/api/states"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(16)


def upload(shelf: Shelf, content: bytes = b"state", name: str = "Game.state1", **query: Any) -> Any:
    answer = send(shelf, content, name, **query)
    assert answer.status_code == 200, answer.text
    return answer.json()


def send(shelf: Shelf, content: bytes, name: str, *, shot: str | None = None, **query: Any) -> Any:
    files = {"stateFile": (name, content)}
    if shot is not None:
        files["screenshotFile"] = (shot, PNG)
    return shelf.client.post(STATES, params={"rom_id": shelf.rom, **query}, files=files)


def fetch(shelf: Shelf, path: str = "", **query: Any) -> Any:
    answer: Any = shelf.client.get(STATES + path, params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


def read(shelf: Shelf, state: Any) -> bytes:
    answer: Any = shelf.client.get(f"{STATES}/{state['id']}/content")
    assert answer.status_code == 200, answer.text
    return bytes(answer.content)


def versions(shelf: Shelf) -> list[tuple[str, str | None]]:
    """The kind of each content ever kept, and why it ended."""
    columns = (ASSET_VERSIONS.c.kind, ASSET_VERSIONS.c.reason)
    with shelf.home.database.read() as session:
        rows = session.execute(select(*columns).order_by(ASSET_VERSIONS.c.id))
        return [(kind, reason) for kind, reason in rows]


def test_a_state_is_kept_with_its_picture(every_shelf: Shelf) -> None:
    state = upload(every_shelf, shot="Game.state1.png", emulator="snes9x")
    assert (state["file_name"], state["emulator"]) == ("Game.state1", "snes9x")
    assert state["file_path"].endswith(f"states/snes/{every_shelf.rom}/snes9x")
    assert state["screenshot"]["file_name"] == "Game.state1.png"
    assert read(every_shelf, state) == b"state"
    assert fetch(every_shelf) == fetch(every_shelf, rom_id=every_shelf.rom) == [state]
    assert fetch(every_shelf, "/identifiers") == [state["id"]]
    assert fetch(every_shelf, f"/{state['id']}") == state
    assert fetch(every_shelf, platform_id=10**6) == []
    rom: Any = every_shelf.client.get(f"/api/roms/{every_shelf.rom}")
    assert [each["id"] for each in rom.json()["user_states"]] == [state["id"]]
    assert rom.json()["rom_user"]["last_played"] is not None


def test_a_name_is_overwritten_and_what_it_had_stays(every_shelf: Shelf) -> None:
    first = upload(every_shelf, b"one", emulator="snes9x")
    second = upload(every_shelf, b"two", emulator="bsnes")
    assert (second["id"], second["emulator"]) == (first["id"], "bsnes")
    assert second["file_path"].endswith("/bsnes")
    assert second["updated_at"] > first["updated_at"]
    assert read(every_shelf, second) == b"two"
    assert versions(every_shelf) == [("states", "overwritten"), ("states", None)]
    assert len(every_shelf.list_contents()) == 2


def test_the_same_content_is_no_version(shelf: Shelf) -> None:
    assert upload(shelf)["updated_at"] == upload(shelf)["updated_at"]
    assert versions(shelf) == [("states", None)]


def test_a_state_is_replaced_under_its_name(shelf: Shelf) -> None:
    state = upload(shelf, b"one", emulator="snes9x")
    files = {"stateFile": ("other.state", b"two"), "screenshotFile": ("p.png", PNG)}
    answer: Any = shelf.client.put(f"{STATES}/{state['id']}", files=files)
    assert answer.status_code == 200, answer.text
    changed = answer.json()
    assert (changed["file_name"], changed["emulator"]) == ("Game.state1", "snes9x")
    assert changed["screenshot"]["file_name"] == "p.png"
    assert read(shelf, changed) == b"two"
    other: Any = shelf.as_user("bob").client.put(f"{STATES}/{state['id']}", files=files)
    assert (other.status_code, other.json()["detail"]) == (
        404,
        f"State with ID {state['id']} not found",
    )


def test_all_are_deleted_or_none(every_shelf: Shelf) -> None:
    one = upload(every_shelf, b"one", "a.state", shot="a.png")["id"]
    two = upload(every_shelf, b"two", "b.state")["id"]
    path = f"{STATES}/delete"
    foreign = every_shelf.client.post(path, json={"states": [one, 10**6]})
    assert foreign.status_code == 404
    assert fetch(every_shelf, "/identifiers") == [one, two]
    empty: Any = every_shelf.client.post(path, json={"states": []})
    assert (empty.status_code, empty.json()["detail"]) == (400, "No states were provided")
    done: Any = every_shelf.client.post(path, json={"states": [one, two]})
    assert done.json() == [one, two]
    assert fetch(every_shelf) == []
    kinds = sorted(versions(every_shelf))
    assert kinds == [("screenshots", "deleted"), ("states", "deleted"), ("states", "deleted")]
    assert len(every_shelf.list_contents()) == 3


def test_a_public_state_is_for_all_who_see_its_rom(every_shelf: Shelf) -> None:
    state = upload(every_shelf, shot="a.png")
    bob = every_shelf.as_user("bob").client
    path = f"{STATES}/{state['id']}"
    assert bob.get(f"{path}/content").status_code == 404
    assert bob.put(f"{path}/visibility", json={"is_public": True}).status_code == 404
    shown: Any = every_shelf.client.put(f"{path}/visibility", json={"is_public": True})
    assert (shown.json()["is_public"], shown.json()["screenshot"]["is_public"]) == (True, True)
    assert shown.json()["updated_at"] == state["updated_at"]
    assert bob.get(f"{path}/content").content == b"state"
    assert bob.get(path).status_code == 404
    every_shelf.home.hide(Entity.ROMS, every_shelf.rom, "bob")
    assert bob.get(f"{path}/content").status_code == 404


def test_a_hidden_rom_takes_no_state(shelf: Shelf) -> None:
    shelf.home.hide(Entity.ROMS, shelf.rom, "ann")
    answer = send(shelf, b"state", "a.state")
    assert (answer.status_code, answer.json()["detail"]) == (
        404,
        f"Rom with id '{shelf.rom}' not found",
    )


@pytest.mark.parametrize(
    ("name", "content", "kind", "disposition"),
    [
        ("a.png", PNG, "image/png", "inline"),
        ("a.png", b"<script>", "application/octet-stream", "attachment"),
        ("a.html", PNG, "application/octet-stream", "attachment"),
        ("a.state", b"state", "application/octet-stream", "attachment"),
    ],
)
def test_a_browser_shows_nothing_but_pictures(
    shelf: Shelf, name: str, content: bytes, kind: str, disposition: str
) -> None:
    state = upload(shelf, content, name)
    answer: Any = shelf.client.head(f"{STATES}/{state['id']}/content")
    assert answer.headers["content-type"] == kind
    assert answer.headers["content-disposition"] == f'{disposition}; filename="{name}"'


def test_a_state_that_cannot_be_is_refused(shelf: Shelf) -> None:
    details = {
        "..": "Invalid state filename: Filename cannot be empty after sanitization",
        "x" * 451: "Invalid state filename: It has more than 450 characters",
    }
    for name, detail in details.items():
        answer = send(shelf, b"state", name)
        assert (answer.status_code, answer.json()["detail"]) == (400, detail)
    assert send(shelf, b"state", "a.state", emulator="../x").status_code == 400
    small = shelf.with_settings(max_asset_upload_size_bytes=4)
    answer = send(small, b"state", "a.state")
    assert answer.status_code == 413
    assert answer.json()["detail"].startswith("State file exceeds")
    assert fetch(shelf) == []


def test_what_romm_left_is_sent_and_kept_when_it_is_overwritten(shelf: Shelf) -> None:
    folder = shelf.home.settings.places.assets / "users/x/states/snes"
    folder.mkdir(parents=True)
    (folder / "Old.state").write_bytes(b"old")
    row = State(
        rom_id=shelf.rom,
        user_id=shelf.home.users["ann"],
        file_name="Old.state",
        file_name_no_tags="Old",
        file_name_no_ext="Old",
        file_path="users/x/states/snes",
        file_size_bytes=3,
    )
    old = {"id": shelf.home.add(row)}
    assert read(shelf, old) == b"old"
    assert upload(shelf, b"new", "Old.state")["id"] == old["id"]
    assert versions(shelf) == [("states", "overwritten"), ("states", None)]
