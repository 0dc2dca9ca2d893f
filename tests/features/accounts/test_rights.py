"""What single users may do: as they are told, and as administrators decide it."""

from typing import Any

import pytest

from romm_lite.kernel.scopes import Action, Entity
from romm_lite.tables.permissions import PermissionOverride

from .conftest import House
from .desk import EDITOR, VIEWER, VIEWS, Desk

# One's own


def test_administrators_may_press_everything_in_order(desk: Desk) -> None:
    found = desk.get("/me")
    assert found["is_admin"] is True
    assert found["hidden"] == {"platforms": [], "roms": []}
    assert found["grants"][0] == {"action": "rom.view", "scope": {"kind": "global", "id": None}}
    assert desk.buttons("root") == [
        *("rom.view", "rom.play", "rom.download", "rom.upload", "rom.edit", "rom.delete"),
        *("rom.match", "rom.refresh", "rom.favorite", "platform.view", "platform.create"),
        *("platform.edit", "platform.delete", "collection.view", "collection.create"),
        *("collection.edit", "collection.delete", "library.scan", "user.view", "user.create"),
        *("user.edit", "user.delete", "app.admin"),
    ]


def test_users_may_press_what_their_group_grants(every_desk: Desk, every_house: House) -> None:
    assert every_desk.buttons() == VIEWS
    every_house.add("ed", permission_group_id=EDITOR)
    assert every_desk.buttons("ed") == [
        *("rom.view", "rom.play", "rom.download", "rom.upload", "rom.edit", "rom.delete"),
        *("rom.match", "rom.refresh", "rom.favorite", "platform.view", "platform.create"),
        *("platform.edit", "platform.delete", "collection.view", "collection.create"),
        *("collection.edit", "collection.delete", "library.scan"),
    ]


def test_an_override_gives_and_takes(every_desk: Desk) -> None:
    gift = {"entity": "users", "action": "write", "granted": True}
    theft = {"entity": "roms", "action": "read", "granted": False}
    every_desk.put(f"/users/{every_desk.ann}", overrides=[gift, theft])
    own = [key for key in VIEWS if not key.startswith("rom.")]
    assert every_desk.buttons() == [*own, "user.create", "user.edit", "user.delete"]


def test_a_token_for_little_does_not_change_what_its_user_may(desk: Desk, house: House) -> None:
    token = house.tokens(scope="me.read")["access_token"]
    bearer = {"authorization": f"Bearer {token}"}
    found = house.client().get("/api/permissions/me", headers=bearer).json()
    assert [grant["action"] for grant in found["grants"]] == VIEWS


def test_what_is_hidden_from_the_user_or_the_group_is_told(
    every_desk: Desk, every_house: House
) -> None:
    platform, rom = every_desk.shelve()
    every_desk.hide("platforms", platform, group_id=VIEWER)
    every_desk.hide("roms", rom, user_id=every_desk.ann)
    every_desk.hide("roms", rom, group_id=VIEWER)
    every_house.add("bob")
    assert every_desk.get("/me", "ann")["hidden"] == {"platforms": [platform], "roms": [rom]}
    assert every_desk.get("/me", "bob")["hidden"] == {"platforms": [platform], "roms": [rom]}
    assert every_desk.get("/me", "root")["hidden"] == {"platforms": [], "roms": []}


# Administrators alone


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/catalog", None),
        ("GET", "/groups", None),
        ("POST", "/groups", {"name": "Mine"}),
        ("PUT", "/groups/1", {"name": "Mine"}),
        ("DELETE", "/groups/2", None),
        ("GET", "/users/2", None),
        ("PUT", "/users/2", {"set_group": True, "permission_group_id": 2}),
        ("POST", "/hidden", {"entity": "roms", "entity_id": 1, "user_id": 1}),
        ("DELETE", "/hidden", {"entity": "roms", "entity_id": 1, "user_id": 1}),
    ],
)
def test_the_scope_alone_is_not_enough(
    desk: Desk, method: str, path: str, body: dict[str, Any] | None
) -> None:
    assert desk.ask(method, path, body, user="ann").json() == {"detail": "Forbidden"}
    with desk.database.write() as session:
        for action in Action:
            session.add(PermissionOverride(user_id=2, entity="users", action=action))
    answer = desk.ask(method, path, body, user="ann")
    assert (answer.status_code, answer.json()) == (
        403,
        {"detail": "Administrator privileges required"},
    )


def test_catalog(desk: Desk) -> None:
    assert desk.get("/catalog") == {
        "entities": [
            *("platforms", "roms", "collections", "playlists", "firmware"),
            *("assets", "devices", "users", "tasks", "logs"),
        ],
        "actions": ["read", "write", "delete"],
    }
    assert desk.get("/catalog")["entities"] == list(Entity)


# Users


def test_rights_of_a_user_are_decided_and_told(every_desk: Desk) -> None:
    path = f"/users/{every_desk.ann}"
    nothing: dict[str, Any] = {
        "user_id": every_desk.ann,
        "permission_group_id": None,
        "overrides": [],
        "hidden": [],
        "max_age": None,
        "hide_unrated": None,
        "age_exceptions": [],
    }
    assert every_desk.get(path) == nothing
    late = {"entity": "users", "action": "read", "granted": True, "own_only": False}
    early = {"entity": "roms", "action": "write", "granted": True, "own_only": True}
    changed = every_desk.put(
        path, set_group=True, permission_group_id=EDITOR, overrides=[late, early, late]
    )
    assert changed == {**nothing, "permission_group_id": EDITOR, "overrides": [early, late]}
    assert every_desk.put(path, permission_group_id=VIEWER) == changed
    assert every_desk.put(path, set_group=True)["permission_group_id"] is None
    assert every_desk.put(path, overrides=[]) == nothing


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"set_group": True, "permission_group_id": 99}, 404),
        ({"set_group": True, "permission_group_id": 2**40}, 422),
        ({"overrides": [{"entity": "roms", "action": "read"}]}, 422),
        ({"overrides": [{"entity": "roms", "action": "x", "granted": True}]}, 422),
        (
            {
                "overrides": [
                    {"entity": "roms", "action": "read", "granted": granted}
                    for granted in (True, False)
                ]
            },
            422,
        ),
        ({"age_exceptions": [{"entity": "roms", "entity_id": 99}], "max_age": 3}, 404),
        ([], 422),
    ],
)
def test_what_cannot_be_decided_changes_nothing(every_desk: Desk, body: Any, status: int) -> None:
    path = f"/users/{every_desk.ann}"
    before = every_desk.get(path)
    assert every_desk.ask("PUT", path, body).status_code == status
    assert every_desk.get(path) == before
    assert every_desk.told == []


def test_unknown_user(desk: Desk) -> None:
    for method, body in (("GET", None), ("PUT", {"max_age": 3})):
        answer = desk.ask(method, "/users/99", body)
        assert (answer.status_code, answer.json()) == (404, {"detail": "User not found"})


def test_rights_hold_at_once_for_credentials_given_out_before(desk: Desk, house: House) -> None:
    token = house.tokens()["access_token"]
    client = house.client()
    client.headers["authorization"] = f"Bearer {token}"
    assert client.get("/api/probe").status_code == 200
    theft = {"entity": "roms", "action": "read", "granted": False}
    desk.put("/users/2", overrides=[theft])
    assert client.get("/api/probe").status_code == 403
    desk.put("/users/2", overrides=[])
    assert client.get("/api/probe").status_code == 200
