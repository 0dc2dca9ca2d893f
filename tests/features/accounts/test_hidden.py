"""What is hidden from whom, and age limits, as administrators decide them."""

from typing import Any

import pytest
from sqlalchemy import delete, insert, select

from romm_lite.kernel.scopes import Role
from romm_lite.tables.roms import ROMS

from .conftest import PASSWORD, House
from .desk import EDITOR, VIEWER, Desk

# Hidden things


def test_hiding_is_told_and_undone(every_desk: Desk) -> None:
    platform, rom = every_desk.shelve()
    for _ in range(2):
        every_desk.hide("roms", rom, user_id=every_desk.ann)
        every_desk.hide("platforms", platform, group_id=EDITOR)
    user = every_desk.get(f"/users/{every_desk.ann}")
    assert user["hidden"] == [{"entity": "roms", "entity_id": rom}]
    editor, viewer = every_desk.get("/groups")
    assert editor["hidden"] == [{"entity": "platforms", "entity_id": platform}]
    assert viewer["hidden"] == []
    body = {"entity": "roms", "entity_id": rom, "user_id": every_desk.ann, "group_id": None}
    for _ in range(2):
        answer = every_desk.ask("DELETE", "/hidden", body)
        assert (answer.status_code, answer.content) == (204, b"")
    assert every_desk.get(f"/users/{every_desk.ann}")["hidden"] == []
    assert every_desk.get("/groups")[0]["hidden"] == editor["hidden"]


def test_rules_about_what_is_deleted_hold_again_when_it_is_brought_back(
    every_desk: Desk, every_house: House
) -> None:
    _, rom = every_desk.shelve()
    path = f"/users/{every_desk.ann}"
    thing = {"entity": "roms", "entity_id": rom}
    every_desk.hide("roms", rom, user_id=every_desk.ann)
    every_desk.put(path, age_exceptions=[thing])
    with every_house.database.write() as session:
        row = dict(session.execute(select(ROMS)).mappings().one())
        session.execute(delete(ROMS))
    found = every_desk.put(path, age_exceptions=[])
    assert (found["hidden"], found["age_exceptions"]) == ([], [])
    with every_house.database.write() as session:
        session.execute(insert(ROMS).values(**row))
    found = every_desk.get(path)
    assert (found["hidden"], found["age_exceptions"]) == ([thing], [thing])


def test_what_is_no_more_is_not_told(every_desk: Desk, every_house: House) -> None:
    platform, rom = every_desk.shelve()
    for entity, thing in (("platforms", platform), ("roms", rom)):
        every_desk.hide(entity, thing, user_id=every_desk.ann)
    path = f"/users/{every_desk.ann}"
    exception = {"entity": "roms", "entity_id": rom}
    every_desk.put(path, age_exceptions=[exception])
    with every_house.database.write() as session:
        session.execute(delete(ROMS))
    assert every_desk.get("/me", "ann")["hidden"] == {"platforms": [platform], "roms": []}
    found = every_desk.get(path)
    assert found["hidden"] == [{"entity": "platforms", "entity_id": platform}]
    assert found["age_exceptions"] == []
    body = {**exception, "user_id": every_desk.ann}
    assert every_desk.ask("DELETE", "/hidden", body).status_code == 204


@pytest.mark.parametrize("method", ["POST", "DELETE"])
@pytest.mark.parametrize(
    ("values", "status", "detail"),
    [
        ({}, 400, "Exactly one of user_id or group_id must be set"),
        ({"user_id": 2, "group_id": 1}, 400, "Exactly one of user_id or group_id must be set"),
        ({"entity": "users", "user_id": 2}, 400, "Only platforms and roms can be hidden"),
        ({"entity": "ships", "user_id": 2}, 422, None),
        ({"entity_id": "one", "user_id": 2}, 422, None),
        ({"entity_id": 2**40, "user_id": 2}, 422, None),
    ],
)
def test_what_cannot_be_hidden(
    desk: Desk, method: str, values: dict[str, Any], status: int, detail: str | None
) -> None:
    _, rom = desk.shelve()
    answer = desk.ask(method, "/hidden", {"entity": "roms", "entity_id": rom, **values})
    assert answer.status_code == status
    if detail is not None:
        assert answer.json() == {"detail": detail}


@pytest.mark.parametrize(
    ("values", "detail"),
    [
        ({"entity": "roms", "entity_id": 99, "user_id": 2}, "Rom with id '99' not found"),
        ({"entity": "platforms", "entity_id": 0, "user_id": 2}, "Platform with id '0' not found"),
        ({"entity": "roms", "entity_id": 1, "user_id": 99}, "User not found"),
        ({"entity": "roms", "entity_id": 1, "group_id": 99}, "Not Found"),
    ],
)
def test_what_or_whom_there_is_not(desk: Desk, values: dict[str, Any], detail: str) -> None:
    desk.shelve()
    answer = desk.ask("POST", "/hidden", values)
    assert (answer.status_code, answer.json()) == (404, {"detail": detail})


# Age limits


def test_age_limit_of_a_group_and_of_a_user(every_desk: Desk) -> None:
    platform, rom = every_desk.shelve()
    exceptions = [
        {"entity": "platforms", "entity_id": platform},
        {"entity": "roms", "entity_id": rom},
    ]
    rule = {"max_age": 12, "hide_unrated": True, "age_exceptions": exceptions}
    made = every_desk.group(**{**rule, "age_exceptions": [*reversed(exceptions), exceptions[0]]})
    assert made.items() >= rule.items()
    for path in (f"/groups/{made['id']}", f"/users/{every_desk.ann}"):
        assert every_desk.put(path, **rule).items() >= rule.items()
        assert every_desk.put(path, max_age=None).items() >= {**rule, "max_age": None}.items()
        assert every_desk.put(path, age_exceptions=None)["age_exceptions"] == exceptions
        assert every_desk.put(path, hide_unrated=None)["hide_unrated"] is None
        assert every_desk.put(path, age_exceptions=[])["age_exceptions"] == []


@pytest.mark.parametrize(
    ("of_group", "of_user", "holds"),
    [
        ((None, None), (None, None), (None, False)),
        ((12, None), (None, None), (12, False)),
        ((12, True), (None, None), (12, True)),
        ((12, True), (16, None), (16, True)),
        ((12, True), (16, False), (16, False)),
        ((None, None), (7, True), (7, True)),
        ((12, None), (0, None), (0, False)),
    ],
)
def test_the_users_limit_comes_before_that_of_the_group(
    every_desk: Desk,
    of_group: tuple[int | None, bool | None],
    of_user: tuple[int | None, bool | None],
    holds: tuple[int | None, bool],
) -> None:
    every_desk.put(f"/groups/{VIEWER}", max_age=of_group[0], hide_unrated=of_group[1])
    every_desk.put(f"/users/{every_desk.ann}", max_age=of_user[0], hide_unrated=of_user[1])
    seen = every_desk.client.get("/api/probe", auth=("ann", PASSWORD)).json()
    assert (seen["max_age"], seen["hide_unrated"]) == holds


def test_administrators_have_no_limit(desk: Desk) -> None:
    desk.put(f"/groups/{VIEWER}", max_age=3, hide_unrated=True)
    desk.put("/users/1", max_age=3, hide_unrated=True)
    seen = desk.client.get("/api/probe", auth=("root", PASSWORD)).json()
    assert (seen["max_age"], seen["hide_unrated"]) == (None, False)


# Who is told


def test_a_change_is_told_to_whom_it_concerns(every_desk: Desk, every_house: House) -> None:
    desk, ann = every_desk, every_desk.ann
    ed = every_house.add("ed", permission_group_id=EDITOR)
    every_house.add("boss", Role.ADMIN, permission_group_id=EDITOR)
    read = {"entity": "roms", "action": "read"}
    desk.put(f"/groups/{EDITOR}", grants=[read])
    desk.put(f"/groups/{EDITOR}", max_age=12)
    assert desk.heard() == [(ed,), (ed,)]
    desk.put(f"/groups/{VIEWER}", hide_unrated=True)
    assert desk.heard() == [(ann,)]
    desk.put(f"/users/{ed}", overrides=[{**read, "granted": False}])
    desk.put(f"/users/{ed}", set_group=True, permission_group_id=None)
    assert desk.heard() == [(ed,), (ed,)]
    desk.put(f"/groups/{EDITOR}", is_default=True)
    assert desk.heard() == [(ann, ed)]
    desk.put(f"/users/{ann}", set_group=True, permission_group_id=VIEWER)
    desk.ask("DELETE", f"/groups/{VIEWER}")
    assert desk.heard() == [(ann,), (ann,)]


def test_hiding_is_told_to_whom_it_concerns(every_desk: Desk) -> None:
    platform, _ = every_desk.shelve()
    body = {"entity": "platforms", "entity_id": platform, "group_id": VIEWER}
    for method in ("POST", "POST", "DELETE", "DELETE"):
        every_desk.ask(method, "/hidden", body)
    assert every_desk.heard() == [(every_desk.ann,)] * 2


def test_what_changes_no_right_is_told_to_nobody(desk: Desk) -> None:
    group = desk.get("/groups")[1]
    desk.put(f"/groups/{VIEWER}", name="Visitors", color="#000000", grants=group["grants"])
    desk.put("/users/2", set_group=True, permission_group_id=None, overrides=[])
    desk.put("/users/1", max_age=3)
    desk.ask("DELETE", f"/groups/{EDITOR}")
    assert desk.told == []


def test_a_failed_change_is_told_to_nobody(desk: Desk) -> None:
    body = {"max_age": 3, "age_exceptions": [{"entity": "roms", "entity_id": 99}]}
    assert desk.ask("PUT", f"/groups/{VIEWER}", body).status_code == 404
    assert desk.told == []
    assert desk.get("/groups")[1]["max_age"] is None
