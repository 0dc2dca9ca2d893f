"""Permission groups, and who is told when they change."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import select
from starlette.testclient import TestClient

from romm_lite.tables.permissions import PERMISSION_GRANTS

from .conftest import PASSWORD, House
from .desk import EDITOR, VIEWER, VIEWS, Desk

# Groups


def test_seeded_groups(every_desk: Desk) -> None:
    editor, viewer = every_desk.get("/groups")
    assert [editor["name"], viewer["name"]] == ["Editor (legacy)", "Viewer (legacy)"]
    assert {key: viewer[key] for key in viewer if key not in ("grants", "description")} == {
        "id": VIEWER,
        "name": "Viewer (legacy)",
        "is_default": True,
        "is_system": True,
        "color": "#3b82f6",
        "member_count": 0,
        "hidden": [],
        "max_age": None,
        "hide_unrated": None,
        "age_exceptions": [],
    }
    assert viewer["grants"][0] == {"entity": "platforms", "action": "read", "own_only": False}
    assert len(viewer["grants"]) == 6 + 6 + 3
    assert len(editor["grants"]) == len(viewer["grants"]) + 6


def test_group_is_made_changed_and_removed(every_desk: Desk, every_house: House) -> None:
    read = {"entity": "roms", "action": "read", "own_only": False}
    own = {"entity": "collections", "action": "write", "own_only": True}
    made = every_desk.group(name=" Kids ", description="Small", color="#aaBB00", grants=[own, read])
    assert made == {
        "id": made["id"],
        "name": "Kids",
        "description": "Small",
        "is_default": False,
        "is_system": False,
        "color": "#aaBB00",
        "grants": [read, own],
        "member_count": 0,
        "hidden": [],
        "max_age": None,
        "hide_unrated": None,
        "age_exceptions": [],
    }
    path = f"/groups/{made['id']}"
    changed = every_desk.put(path, name="Teens", description="", color=None, grants=[read])
    assert changed == {**made, "name": "Teens", "description": "", "grants": [read]}
    assert every_desk.put(path) == changed
    assert [group["name"] for group in every_desk.get("/groups")][1] == "Teens"
    answer = every_desk.ask("DELETE", path)
    assert (answer.status_code, answer.json()) == (200, None)
    assert every_desk.ask("PUT", path, {}).status_code == 404
    with every_house.database.read() as session:
        left = select(PERMISSION_GRANTS.c.id).where(PERMISSION_GRANTS.c.group_id == made["id"])
        assert session.execute(left).all() == []


def test_seeded_groups_can_be_changed_and_removed_like_others(desk: Desk) -> None:
    assert desk.put(f"/groups/{EDITOR}", name="Editors")["is_system"] is True
    assert desk.ask("DELETE", f"/groups/{EDITOR}").status_code == 200


def test_a_taken_name_is_refused(every_desk: Desk) -> None:
    taken = (400, {"detail": "A group with that name already exists"})
    group = every_desk.group()
    answer = every_desk.ask("POST", "/groups", {"name": "Kids"})
    assert (answer.status_code, answer.json()) == taken
    answer = every_desk.ask("PUT", f"/groups/{VIEWER}", {"name": "Kids"})
    assert (answer.status_code, answer.json()) == taken
    assert every_desk.put(f"/groups/{group['id']}", name="Kids") == group


@pytest.mark.parametrize(
    "values",
    [
        {"name": ""},
        {"name": "  "},
        {"name": "x" * 256},
        {"name": "a\0b"},
        {"name": None},
        {"description": "x" * 4001},
        {"color": "red"},
        {"color": "#12345"},
        {"color": "#1234567"},
        {"color": "#12345g"},
        {"color": "#123456\n"},
        {"max_age": -1},
        {"max_age": 100},
        {"max_age": "old"},
        {"grants": [{"entity": "ships", "action": "read"}]},
        {"grants": [{"entity": "roms", "action": "burn"}]},
        {"grants": [{"entity": "roms"}]},
        {
            "grants": [
                {"entity": "roms", "action": "read", "own_only": own} for own in (True, False)
            ]
        },
        {"age_exceptions": [{"entity": "users", "entity_id": 1}]},
        {"age_exceptions": [{"entity": "roms", "entity_id": 2**63}]},
        {"age_exceptions": [{"entity": "roms", "entity_id": n + 1} for n in range(1001)]},
    ],
)
def test_what_no_group_can_have_is_refused_and_changes_nothing(
    desk: Desk, values: dict[str, Any]
) -> None:
    before = desk.get("/groups")
    assert desk.ask("POST", "/groups", {"name": "Kids", **values}).status_code == 422
    if values != {"name": None}:
        assert desk.ask("PUT", f"/groups/{VIEWER}", values).status_code == 422
    assert desk.get("/groups") == before
    assert desk.told == []


def test_the_same_grant_twice_is_one(every_desk: Desk) -> None:
    read = {"entity": "roms", "action": "read", "own_only": False}
    assert every_desk.group(grants=[read, read])["grants"] == [read]


def test_members_are_those_who_were_put_in(every_desk: Desk, every_house: House) -> None:
    every_house.add("ed", permission_group_id=EDITOR)
    found = {group["name"]: group["member_count"] for group in every_desk.get("/groups")}
    assert found == {"Editor (legacy)": 1, "Viewer (legacy)": 0}


@pytest.mark.parametrize("path", ["/groups/99", "/groups/0", "/groups/-5"])
def test_unknown_group(desk: Desk, path: str) -> None:
    for method, body in (("PUT", {"name": "x"}), ("DELETE", None)):
        answer = desk.ask(method, path, body)
        assert (answer.status_code, answer.json()) == (404, {"detail": "Not Found"})


# The default group


def test_exactly_one_group_is_the_default(every_desk: Desk) -> None:
    kids = every_desk.group(is_default=True)["id"]
    assert every_desk.defaults() == [kids]
    assert every_desk.buttons() == []
    every_desk.put(f"/groups/{VIEWER}", is_default=True)
    assert every_desk.defaults() == [VIEWER]
    every_desk.put(f"/groups/{VIEWER}", is_default=True)
    assert every_desk.defaults() == [VIEWER]
    every_desk.put(f"/groups/{kids}", is_default=False)
    assert every_desk.defaults() == [VIEWER]


def test_the_default_cannot_be_left_or_removed(every_desk: Desk) -> None:
    path = f"/groups/{VIEWER}"
    answer = every_desk.ask("PUT", path, {"is_default": False, "name": "Other"})
    detail = {"detail": "Set another group as default first"}
    assert (answer.status_code, answer.json()) == (400, detail)
    answer = every_desk.ask("DELETE", path)
    detail = {"detail": "Cannot delete the default group; set another default first"}
    assert (answer.status_code, answer.json()) == (400, detail)
    assert every_desk.defaults() == [VIEWER]
    assert every_desk.get("/groups")[1]["name"] == "Viewer (legacy)"


def test_many_who_choose_a_default_at_once_leave_one(every_desk: Desk, every_house: House) -> None:
    ids = [every_desk.group(name=f"Group {n}")["id"] for n in range(4)]
    clients = [every_house.client() for _ in ids]

    def choose(client: TestClient, group_id: int) -> int:
        path = f"/api/permissions/groups/{group_id}"
        return client.put(path, json={"is_default": True}, auth=("root", PASSWORD)).status_code

    with ThreadPoolExecutor(len(ids)) as pool:
        statuses = list(pool.map(choose, clients, ids))
    assert statuses == [200] * 4
    assert len(every_desk.defaults()) == 1


def test_members_of_a_removed_group_fall_back_to_the_default(every_desk: Desk) -> None:
    kids = every_desk.group()["id"]
    every_desk.put(f"/users/{every_desk.ann}", set_group=True, permission_group_id=kids)
    assert every_desk.buttons() == []
    every_desk.ask("DELETE", f"/groups/{kids}")
    assert every_desk.get(f"/users/{every_desk.ann}")["permission_group_id"] is None
    assert every_desk.buttons() == VIEWS
