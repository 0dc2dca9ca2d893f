"""Changing and deleting users, and what that ends."""

import hashlib
import json
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
from sqlalchemy import select, update

from romm_lite.features.accounts import passwords, users
from romm_lite.features.accounts.identity import NOBODY, Identity
from romm_lite.kernel.errors import RequestError
from romm_lite.kernel.events import Bus, RightsChanged, UserDeleted
from romm_lite.kernel.paths import Places, user_folder
from romm_lite.kernel.scopes import ALL_SCOPES, Role
from romm_lite.tables.devices import CLIENT_TOKENS, DEVICES, ClientToken, Device
from romm_lite.tables.permissions import PERMISSION_GROUPS, PERMISSION_OVERRIDES, PermissionOverride
from romm_lite.tables.users import USERS
from romm_lite.wire.users import UserChange
from tests.features.accounts.conftest import PASSWORD, Build, House, bearer, csrf

ROOT = ("root", PASSWORD)
ANN = ("ann", PASSWORD)
RAW = "rmm_" + "a1" * 32


@pytest.fixture(autouse=True)
def cheap_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "ROUNDS", 4)


def put(house: House, user_id: int, auth: tuple[str, str] = ROOT, **form: Any) -> tuple[int, Any]:
    answer = house.client().put(f"/api/users/{user_id}", data=form, auth=auth)
    return answer.status_code, answer.json()


def delete(house: House, user_id: int, auth: tuple[str, str] = ROOT) -> tuple[int, Any]:
    answer = house.client().delete(f"/api/users/{user_id}", auth=auth)
    return answer.status_code, answer.json()


def stored(house: House, user_id: int) -> dict[str, Any]:
    """All that is kept of a user but when they were here."""
    columns = [column for column in USERS.c if column.name != "last_active"]
    with house.database.read() as session:
        query = select(*columns).where(USERS.c.id == user_id)
        return dict(session.execute(query).mappings().one())


def give_token(house: House, user_id: int, scopes: str) -> dict[str, str]:
    """The header of a client token for these scopes."""
    hashed = hashlib.sha256(RAW.encode()).hexdigest()
    with house.database.write() as session:
        session.add(
            ClientToken(user_id=user_id, name="handheld", hashed_token=hashed, scopes=scopes)
        )
    return bearer(RAW)


def let_manage_users(house: House, user_id: int) -> None:
    with house.database.write() as session:
        session.add(PermissionOverride(user_id=user_id, entity="users", action="write"))


def administrator(user_id: int) -> Identity:
    return replace(
        NOBODY,
        user_id=user_id,
        role=Role.ADMIN,
        scopes=ALL_SCOPES,
        own_scopes=ALL_SCOPES,
        via="basic",
    )


# What may be changed


def test_users_change_themselves(house: House) -> None:
    status, user = put(house, 2, ANN, username="Anna", email="Anna@X.org", ra_username="Anna")
    assert status == 200
    assert (user["username"], user["email"], user["ra_username"]) == ("anna", "anna@x.org", "Anna")


def test_json_is_taken_as_well(house: House) -> None:
    change = {"email": "a@x.org", "enabled": None, "ui_settings": {"theme": "dark"}, "extra": 1}
    answer = house.client().put("/api/users/2", json=change, auth=ANN)
    assert answer.status_code == 200
    assert answer.json()["email"] == "a@x.org"
    assert answer.json()["ui_settings"] == {"theme": "dark"}


def test_multipart_without_a_picture_is_taken(house: House) -> None:
    parts: Any = {"email": (None, "a@x.org")}
    answer = house.client().put("/api/users/2", files=parts, auth=ANN)
    assert answer.json()["email"] == "a@x.org"


@pytest.mark.parametrize("form", [{}, {"username": "ANN", "password": "", "role": " "}])
def test_what_stays_the_same_changes_nothing(house: House, form: dict[str, Any]) -> None:
    before = stored(house, 2)
    assert put(house, 2, **form)[0] == 200
    assert stored(house, 2) == before


def test_an_empty_address_clears_it(house: House) -> None:
    put(house, 2, ANN, email="ann@x.org")
    assert put(house, 2, ANN, email="")[1]["email"] is None


def test_an_empty_name_at_retroachievements_clears_it_and_its_progress(house: House) -> None:
    with house.database.write() as session:
        values = {"ra_username": "Ann", "ra_progression": {"total": 1, "results": []}}
        session.execute(update(USERS).where(USERS.c.id == 2).values(**values))
    assert put(house, 2, ANN, ra_username="Ann")[1]["ra_progression"]["total"] == 1
    user = put(house, 2, ANN, ra_username="")[1]
    assert (user["ra_username"], user["ra_progression"]) == ("", {})


def test_pages_that_send_what_they_leave_alone_as_empty_text_clear_nothing(house: House) -> None:
    put(house, 2, ANN, email="ann@x.org", ra_username="Ann")
    fields = ("username", "password", "email", "enabled", "role", "ra_username")
    empty: dict[str, Any] = dict.fromkeys(fields, "")
    status, user = put(house, 2, ANN, **empty, ui_settings='{"a": 1}')
    assert status == 200
    assert (user["email"], user["ra_username"]) == ("ann@x.org", "Ann")
    assert user["ui_settings"] == {"a": 1}


def test_settings_of_pages_are_replaced_as_a_whole(house: House) -> None:
    put(house, 2, ANN, ui_settings='{"a": 1, "b": {"c": [null, "é"]}}')
    assert put(house, 2, ANN, ui_settings='{"d": 2}')[1]["ui_settings"] == {"d": 2}


@pytest.mark.parametrize(
    "text",
    ["{", "[]", "null", "3", '{"a": NaN}', '{"a": "\\ud800"}', '{"a":' * 33 + "1" + "}" * 33,
     '{"a": "' + "x" * 300_000 + '"}', '{"a":' * 2000 + "1" + "}" * 2000],
)  # fmt: skip
def test_settings_of_pages_must_be_an_object_of_some_size(house: House, text: str) -> None:
    before = stored(house, 2)
    status, told = put(house, 2, ANN, ui_settings=text)
    assert status == 400
    assert told["detail"].startswith("Invalid ui_settings JSON: ")
    assert stored(house, 2) == before


def test_numbers_past_64_bits_in_settings_are_no_fault(house: House) -> None:
    text = '{"a": 18446744073709551615, "b": 18446744073709551616, "c": "\\u0000"}'
    assert put(house, 2, ANN, ui_settings=text)[0] == 200
    deep = '{"a":' * 32 + "{}" + "}" * 32
    assert put(house, 2, ANN, ui_settings=deep)[0] == 400
    assert put(house, 2, ANN, ui_settings=deep[5:-1])[0] == 200


@pytest.mark.parametrize(
    ("form", "told"),
    [
        ({"username": "  "}, "Username cannot be empty"),
        ({"username": "an"}, "Username must be at least 3 characters long"),
        (
            {"username": "ann b"},
            "Username can only contain letters, numbers, underscores, and hyphens",
        ),
        ({"username": "jürgen"}, "Username must contain only ASCII characters"),
        ({"username": "a" * 256}, "Username must be no more than 255 characters long"),
        ({"password": " "}, "Password cannot be empty"),
        ({"password": "12345"}, "Password must be at least 6 characters long"),
        ({"password": "pässword"}, "Password must contain only ASCII characters"),
        ({"password": "x" * 256}, "Password must be no more than 255 characters long"),
        ({"email": "ann"}, "Invalid email format"),
        ({"email": "änn@x.org"}, "Email must contain only ASCII characters"),
        (
            {"ra_username": "a" * 256},
            "RetroAchievements username must be no more than 255 characters long",
        ),
        ({"username": "ROOT"}, "Username ROOT already exists"),
        ({"email": "Root@x.org"}, "User with email Root@x.org already exists"),
        ({"username": "fine", "email": "wrong"}, "Invalid email format"),
    ],
)
def test_a_broken_rule_is_told_and_nothing_changes(
    house: House, form: dict[str, str], told: str
) -> None:
    put(house, 1, email="root@x.org")
    before = stored(house, 2)
    assert put(house, 2, ANN, **form) == (400, {"detail": told})
    assert stored(house, 2) == before


@pytest.mark.parametrize(
    "change",
    [
        {"enabled": "perhaps"},
        {"username": 5},
        {"email": ["a@x.org"]},
        {"ui_settings": 3},
        {"ra_username": "a\0"},
        {"username": "\ud800"},
        [],
    ],
)
def test_values_of_another_kind_are_422(house: House, change: Any) -> None:
    kind = {"content-type": "application/json"}
    answer = house.client().put(
        "/api/users/2", content=json.dumps(change).encode(), headers=kind, auth=ANN
    )
    assert answer.status_code == 422


# Who may change whom


def test_somebody_who_does_not_exist_is_told_first(house: House) -> None:
    assert put(house, 99, ANN) == (404, {"detail": "Username with id 99 not found"})
    assert put(house, 0) == (404, {"detail": "Username with id 0 not found"})
    assert house.client().put("/api/users/x", auth=ROOT).status_code == 422


def test_others_are_for_administrators(house: House) -> None:
    let_manage_users(house, 2)
    bob = house.add("bob")
    for other in (1, bob):
        assert put(house, other, ANN, email="x@x.org") == (403, {"detail": "Forbidden"})
    assert put(house, bob, email="x@x.org")[0] == 200


def test_strangers_change_nobody(house: House) -> None:
    client = house.client()
    answer = client.put("/api/users/2", data={"email": "x@x.org"}, headers=csrf(client))
    assert (answer.status_code, answer.json()) == (401, {"detail": "Not authenticated"})


def test_a_token_of_an_administrator_for_themselves_is_not_for_others(house: House) -> None:
    narrow = bearer(house.tokens("root", "me.read me.write")["access_token"])
    wide = bearer(house.tokens("root", "me.write users.write")["access_token"])
    client = house.client()
    form = {"email": "x@x.org"}
    assert client.put("/api/users/2", data=form, headers=narrow).status_code == 403
    assert client.put("/api/users/2", data=form, headers=wide).status_code == 200
    assert client.put("/api/users/1", data={"email": "r@x.org"}, headers=narrow).status_code == 200


@pytest.mark.parametrize(
    "form", [{"username": "anna"}, {"password": "secret!"}, {"email": "a@x.org"}]
)
def test_a_client_token_cannot_change_how_its_user_logs_in(
    house: House, form: dict[str, str]
) -> None:
    header = give_token(house, 2, "me.write")
    answer = house.client().put("/api/users/2", data=form, headers=header)
    told = {"detail": "A client token cannot change a username, password or email"}
    assert (answer.status_code, answer.json()) == (403, told)


def test_a_client_token_changes_settings_and_may_repeat_the_rest(house: House) -> None:
    header = give_token(house, 2, "me.write")
    form = {"username": "ann", "email": "", "ra_username": "Ann", "ui_settings": "{}"}
    answer = house.client().put("/api/users/2", data=form, headers=header)
    assert (answer.status_code, answer.json()["ra_username"]) == (200, "Ann")


def test_nobody_changes_their_own_role_or_state(house: House) -> None:
    status, user = put(house, 1, role="user", enabled="false", email="r@x.org")
    assert (status, user["role"], user["enabled"], user["email"]) == (200, "admin", True, "r@x.org")
    assert put(house, 2, ANN, role="admin", enabled="false")[1]["role"] == "user"


# Roles and states


def test_an_administrator_promotes_and_demotes(house: House, bus: Bus) -> None:
    heard: list[RightsChanged] = []
    bus.subscribe(RightsChanged, heard.append)
    assert put(house, 2, role=" Admin ")[1]["role"] == "admin"
    user = put(house, 2, role="viewer")[1]
    assert (user["role"], user["permission_group_id"]) == ("user", 1)
    user = put(house, 2, role="editor")[1]
    assert (user["role"], user["permission_group_id"]) == ("user", 2)
    assert put(house, 2, role="user")[1]["permission_group_id"] == 2
    assert heard == [RightsChanged((2,))] * 3


def test_a_group_that_is_gone_is_not_given(house: House) -> None:
    with house.database.write() as session:
        name = PERMISSION_GROUPS.c.name == "Editor (legacy)"
        session.execute(update(PERMISSION_GROUPS).where(name).values(name="Editors"))
    status, user = put(house, 2, role="editor")
    assert (status, user["permission_group_id"]) == (200, None)


def test_the_last_administrator_is_neither_demoted_nor_disabled(house: House) -> None:
    second = house.add("second", Role.ADMIN, enabled=False)
    by = administrator(second)
    for change, word in (
        (UserChange(role="user"), "demote"),
        (UserChange(enabled=False), "disable"),
    ):
        with pytest.raises(RequestError, match=f"You cannot {word} the last admin user") as told:
            users.change_user(house.accounts, 1, change, by)
        assert told.value.status == 400
    assert (stored(house, 1)["role"], stored(house, 1)["enabled"]) == ("admin", True)
    put(house, second, enabled="true")
    assert put(house, second, role="user")[1]["role"] == "user"


def test_a_disabled_user_is_out_at_once(house: House) -> None:
    client = house.login()
    tokens = house.tokens()
    assert put(house, 2, enabled="false")[1]["enabled"] is False
    assert client.get("/api/users/me").status_code == 401
    assert client.get("/api/probe", headers=bearer(tokens["access_token"])).status_code == 401
    assert put(house, 2, enabled="true")[1]["enabled"] is True
    assert client.get("/api/users/me").status_code == 401
    assert house.login().get("/api/users/me").status_code == 200


# What a change ends


@pytest.mark.parametrize("form", [{"password": "something new"}, {"username": "anna"}])
def test_a_new_password_or_name_ends_all_sessions_and_tokens_of_logging_in(
    house: House, form: dict[str, str]
) -> None:
    here, elsewhere, tokens = house.login(), house.login(), house.tokens()
    answer = here.put("/api/users/2", data=form, headers=csrf(here))
    assert answer.status_code == 200
    for client in (here, elsewhere):
        assert client.get("/api/users/me").status_code == 401
    access = bearer(tokens["access_token"])
    assert house.client().get("/api/probe", headers=access).status_code == 401
    again = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    assert house.client().post("/api/token", data=again).status_code == 401
    name, word = form.get("username", "ann"), form.get("password", PASSWORD)
    assert house.client().post("/api/login", auth=(name, word)).status_code == 200


@pytest.mark.parametrize(
    "form", [{"email": "a@x.org"}, {"ra_username": "A"}, {"ui_settings": "{}"}]
)
def test_other_changes_end_nothing(house: House, form: dict[str, str]) -> None:
    client = house.login()
    assert client.put("/api/users/2", data=form, headers=csrf(client)).status_code == 200
    assert client.get("/api/users/me").status_code == 200


def test_a_new_role_ends_sessions(house: House) -> None:
    client = house.login()
    put(house, 2, role="admin")
    assert client.get("/api/users/me").status_code == 401


def test_paired_devices_stay_when_users_change_their_own_password(house: House) -> None:
    header = give_token(house, 2, "me.read")
    put(house, 2, ANN, password="something new")
    assert house.client().get("/api/users/me", headers=header).status_code == 200


def test_paired_devices_go_when_an_administrator_sets_the_password(house: House) -> None:
    header = give_token(house, 2, "me.read")
    assert put(house, 2, password="something new")[0] == 200
    assert house.client().get("/api/users/me", headers=header).status_code == 401
    with house.database.read() as session:
        assert session.scalars(select(CLIENT_TOKENS.c.id)).all() == []


def test_an_old_name_is_of_no_use_to_its_next_owner(house: House) -> None:
    old = bearer(house.tokens("ann")["access_token"])
    put(house, 2, username="anna")
    house.add("ann")
    assert house.client().get("/api/probe", headers=old).status_code == 401


def test_users_without_a_password_get_one(house: House) -> None:
    with house.database.write() as session:
        session.execute(update(USERS).where(USERS.c.id == 2).values(hashed_password=None))
    assert put(house, 2, email="ann@x.org")[0] == 200
    assert house.client().post("/api/login", auth=ANN).status_code == 401
    put(house, 2, password=PASSWORD)
    assert house.client().post("/api/login", auth=ANN).status_code == 200


# Several at once


def at_once(*calls: Any) -> list[int]:
    """The statuses of calls made at the same time."""

    start = Barrier(len(calls))

    def run(call: Any) -> int:
        start.wait()
        try:
            call()
        except RequestError as error:
            return error.status
        return 200

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


def admins(house: House) -> int:
    with house.database.read() as session:
        query = select(USERS.c.id).where(USERS.c.role == Role.ADMIN, USERS.c.enabled.is_(True))
        return len(session.scalars(query).all())


@pytest.mark.parametrize("change", [UserChange(role="user"), UserChange(enabled=False)])
def test_two_administrators_cannot_rid_themselves_of_each_other(
    every_build: Build, change: UserChange
) -> None:
    house = every_build()
    one, two = house.add("one", Role.ADMIN), house.add("two", Role.ADMIN)
    accounts = house.accounts
    statuses = at_once(
        lambda: users.change_user(accounts, two, change, administrator(one)),
        lambda: users.change_user(accounts, one, change, administrator(two)),
    )
    assert (sorted(statuses), admins(house)) == ([200, 400], 1)


def test_two_administrators_cannot_delete_each_other(every_build: Build) -> None:
    house = every_build()
    one, two = house.add("one", Role.ADMIN), house.add("two", Role.ADMIN)
    statuses = at_once(
        lambda: users.delete_user(house.accounts, two, administrator(one)),
        lambda: users.delete_user(house.accounts, one, administrator(two)),
    )
    assert (sorted(statuses), admins(house)) == ([200, 400], 1)


@pytest.mark.parametrize("change", [UserChange(username="new"), UserChange(email="new@x.org")])
def test_a_name_or_address_is_given_to_one_of_two(every_build: Build, change: UserChange) -> None:
    house = every_build()
    one, two = house.add("one"), house.add("two")
    by = administrator(house.add("root", Role.ADMIN))
    statuses = at_once(
        lambda: users.change_user(house.accounts, one, change, by),
        lambda: users.change_user(house.accounts, two, change, by),
    )
    assert sorted(statuses) == [200, 400]


# Deleting


def test_an_administrator_deletes_users(house: House, bus: Bus, places: Places) -> None:
    heard: list[UserDeleted] = []
    bus.subscribe(UserDeleted, heard.append)
    folder = places.assets / user_folder(2)
    for name in ("saves/nes/1/x.srm", "profile/avatar.png"):
        (folder / name).parent.mkdir(parents=True)
        (folder / name).write_bytes(b"bytes")
    client = house.login()
    assert delete(house, 2) == (200, None)
    assert house.client().get("/api/users/2", auth=ROOT).status_code == 404
    assert client.get("/api/users/me").status_code == 401
    assert not folder.exists()
    assert folder.parent.is_dir()
    assert heard == [UserDeleted(2)]


def test_all_rows_of_a_deleted_user_go(every_house: House) -> None:
    house = every_house
    bob = house.add("bob")
    let_manage_users(house, bob)
    give_token(house, bob, "me.read")
    with house.database.write() as session:
        session.add(Device(id="d" * 36, user_id=bob, name="handheld"))
    root = house.accounts.get_user_named("root")["id"]
    users.delete_user(house.accounts, bob, administrator(root))
    with house.database.read() as session:
        for table in (DEVICES, CLIENT_TOKENS, PERMISSION_OVERRIDES):
            assert session.execute(select(table).where(table.c.user_id == bob)).all() == []


def test_what_cannot_be_deleted_is_told(house: House) -> None:
    assert delete(house, 99) == (404, {"detail": "User not found"})
    assert delete(house, 1) == (400, {"detail": "You cannot delete yourself"})
    assert house.client().delete("/api/users/0", auth=ROOT).status_code == 422
    assert delete(house, 1, ANN) == (403, {"detail": "Forbidden"})


def test_only_administrators_delete_administrators(house: House) -> None:
    let_manage_users(house, 2)
    told = {"detail": "Only an administrator can delete admin users"}
    assert delete(house, 1, ANN) == (403, told)
    bob = house.add("bob")
    assert delete(house, bob, ANN) == (200, None)


def test_the_last_administrator_who_can_log_in_is_not_deleted(house: House) -> None:
    second = house.add("second", Role.ADMIN, enabled=False)
    with pytest.raises(RequestError, match="You cannot delete the last admin user"):
        users.delete_user(house.accounts, 1, administrator(second))
    assert delete(house, second) == (200, None)


def test_what_lay_in_the_folder_before_the_user_came_stays(
    house: House, places: Places, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = places.assets / user_folder(2)
    old, new = folder / "saves/nes/1/old.srm", folder / "saves/snes/2/new.srm"
    for path in (old, new):
        path.parent.mkdir(parents=True)
        path.write_bytes(b"bytes")
    os.utime(old, (1_700_000_000, 1_700_000_000))
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "kept").write_bytes(b"bytes")
    (folder / "link").symlink_to(elsewhere)
    assert delete(house, 2) == (200, None)
    assert [path for path in folder.rglob("*") if path.is_file()] == [old]
    assert [path.name for path in old.parents[1].parent.iterdir()] == ["nes"]
    assert (elsewhere / "kept").exists()
    assert "The folder of deleted user 2 stays, at least in part" in caplog.text


# Progress at RetroAchievements


def refresh(house: House, user_id: int, auth: tuple[str, str]) -> tuple[int, str]:
    answer = house.client().post(f"/api/users/{user_id}/ra/refresh", auth=auth)
    return answer.status_code, answer.json()["detail"]


def test_progress_is_fetched_for_oneself_or_by_an_administrator(house: House) -> None:
    unset = "User does not have a RetroAchievements username set"
    assert refresh(house, 2, ANN) == (404, unset)
    assert refresh(house, 1, ANN) == (403, "Forbidden")
    assert refresh(house, 99, ROOT) == (404, "User not found")
    put(house, 2, ANN, ra_username="Ann")
    assert refresh(house, 2, ROOT)[0] == 501
    body = {"incremental": True}
    answer = house.client().post("/api/users/2/ra/refresh", json=body, auth=ANN)
    assert answer.status_code == 501
