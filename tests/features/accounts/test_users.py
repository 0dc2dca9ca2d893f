"""The rules on users."""

from typing import Any

import pytest
from sqlalchemy import update

from romm_lite.db.engine import Database
from romm_lite.db.entries import open_entries
from romm_lite.features.accounts.service import Accounts
from romm_lite.kernel.errors import Invalid, NotFound
from romm_lite.kernel.paths import Places
from romm_lite.kernel.scopes import Role
from romm_lite.kernel.settings import Settings
from romm_lite.tables.permissions import PermissionOverride
from romm_lite.tables.users import USERS
from romm_lite.wire.users import UserCreate
from tests.features.accounts.conftest import KEY, PASSWORD, House

ROOT = ("root", PASSWORD)
NEW = {"username": "bob", "email": "", "password": PASSWORD, "role": "user"}


def create(house: House, auth: tuple[str, str] = ROOT, **changes: Any) -> tuple[int, Any]:
    answer = house.client().post("/api/users", json=NEW | changes, auth=auth)
    return answer.status_code, answer.json()


def let_ann_manage_users(house: House) -> None:
    with house.database.write() as session:
        session.add(PermissionOverride(user_id=2, entity="users", action="write"))
        session.add(PermissionOverride(user_id=2, entity="users", action="read"))


def test_an_administrator_creates_users(house: House) -> None:
    status, user = create(house, username="Bob", email="Bob@Example.org")
    assert (status, user["username"], user["email"]) == (201, "bob", "bob@example.org")
    assert (user["role"], user["enabled"], user["permission_group_id"]) == ("user", True, None)
    assert house.login("bob").get("/api/users/me").status_code == 200


def test_no_answer_tells_a_password_hash(house: House) -> None:
    client = house.client()
    for path in ("/api/users", "/api/users/me", "/api/users/1"):
        text = client.get(path, auth=ROOT).text
        assert "hashed" not in text
        assert "$2b$" not in text
        assert "epoch" not in text


def test_creating_users_is_a_right(house: House) -> None:
    anonymous = house.client()
    refused = anonymous.post(
        "/api/users",
        json=NEW,
        headers={"x-csrftoken": anonymous.get("/api/probe/open").cookies["romm_csrftoken"]},
    )
    assert (refused.status_code, refused.json()) == (401, {"detail": "Not authenticated"})
    assert create(house, ("ann", PASSWORD)) == (403, {"detail": "Forbidden"})
    assert create(house, ("ann", "wrong")) == (401, {"detail": "Not authenticated"})


def test_only_administrators_make_administrators(house: House) -> None:
    let_ann_manage_users(house)
    told = {"detail": "Only an administrator can create admin users"}
    assert create(house, ("ann", PASSWORD), role=" Admin ", username="") == (403, told)
    assert create(house, ("ann", PASSWORD))[0] == 201
    assert create(house, username="second", role="ADMIN")[1]["role"] == "admin"


@pytest.mark.parametrize(
    ("role", "group"), [("viewer", 1), ("Editor", 2), ("user", None), ("captain", None), ("", None)]
)
def test_roles_of_older_clients_become_groups(house: House, role: str, group: int | None) -> None:
    _, user = create(house, role=role)
    assert (user["role"], user["permission_group_id"]) == ("user", group)
    assert ("roms.write" in user["oauth_scopes"]) == (role == "Editor")


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"username": ""}, "Username cannot be empty"),
        ({"username": "  "}, "Username cannot be empty"),
        ({"username": "jürgen"}, "Username must contain only ASCII characters"),
        ({"username": "bo"}, "Username must be at least 3 characters long"),
        ({"username": "b" * 256}, "Username must be no more than 255 characters long"),
        (
            {"username": "bob smith"},
            "Username can only contain letters, numbers, underscores, and hyphens",
        ),
        (
            {"username": "bob\n"},
            "Username can only contain letters, numbers, underscores, and hyphens",
        ),
        ({"password": " "}, "Password cannot be empty"),
        ({"password": "pässword"}, "Password must contain only ASCII characters"),
        ({"password": "12345"}, "Password must be at least 6 characters long"),
        ({"password": "x" * 256}, "Password must be no more than 255 characters long"),
        ({"email": "bøb@example.org"}, "Email must contain only ASCII characters"),
        ({"email": "bob"}, "Invalid email format"),
        ({"email": "bob@example"}, "Invalid email format"),
        ({"email": "bob@example.o"}, "Invalid email format"),
        ({"email": "b" * 250 + "@example.org"}, "Email must be no more than 255 characters long"),
        ({"username": "ROOT"}, "Username ROOT already exists"),
    ],
)
def test_a_broken_rule_is_told(house: House, changes: dict[str, Any], told: str) -> None:
    assert create(house, **changes) == (400, {"detail": told})


def test_addresses_are_used_once(house: House) -> None:
    create(house, email="bob@example.org")
    told = {"detail": "User with email BOB@example.org already exists"}
    assert create(house, username="rob", email="BOB@example.org") == (400, told)
    assert create(house, username="rob", email="")[0] == 201
    assert create(house, username="tob", email="")[0] == 201


def test_the_form_is_checked_before_names_are_compared(house: House) -> None:
    _, told = create(house, username="root", password="x")
    assert told == {"detail": "Password must be at least 6 characters long"}


def test_what_is_left_out_is_422(house: House) -> None:
    answer = house.client().post("/api/users", json={"username": "bob"}, auth=ROOT)
    assert answer.status_code == 422
    assert ["body", "email"] in [error["loc"] for error in answer.json()["detail"]]


def test_users_are_listed_by_id(house: House) -> None:
    house.add("zed")
    client = house.client()
    assert [u["username"] for u in client.get("/api/users", auth=ROOT).json()] == [
        "root",
        "ann",
        "zed",
    ]
    assert client.get("/api/users/identifiers", auth=ROOT).json() == [1, 2, 3]
    assert client.get("/api/users/", auth=ROOT).status_code == 200


@pytest.mark.parametrize("path", ["", "/identifiers", "/1"])
def test_seeing_users_is_a_right(house: House, path: str) -> None:
    assert house.client().get("/api/users" + path).status_code == 401
    assert house.client().get("/api/users" + path, auth=("ann", PASSWORD)).status_code == 403


def test_who_may_see_users_sees_the_same_as_an_administrator(house: House) -> None:
    let_ann_manage_users(house)
    client = house.client()
    for auth in (ROOT, ("ann", PASSWORD)):  # who is first seen now is marked as seen
        client.get("/api/probe", auth=auth)
    for path in ("", "/identifiers", "/1"):
        answer = client.get("/api/users" + path, auth=("ann", PASSWORD))
        assert answer.status_code == 200
        assert answer.json() == client.get("/api/users" + path, auth=ROOT).json()


def test_lists_tell_no_device_and_each_user_s_own_group(house: House) -> None:
    house.add("zed", permission_group_id=2)
    house.login("ann")
    users = house.client().get("/api/users", auth=ROOT).json()
    assert [user["current_device_id"] for user in users] == [None, None, None]
    assert [user["permission_group_id"] for user in users] == [None, None, 2]


def test_one_user_is_shown_or_not_found(house: House) -> None:
    client = house.client()
    assert client.get("/api/users/2", auth=ROOT).json()["username"] == "ann"
    for absent in (99, 0, -1):
        answer = client.get(f"/api/users/{absent}", auth=ROOT)
        assert (answer.status_code, answer.json()) == (404, {"detail": "User not found"})
    assert client.get("/api/users/abc", auth=ROOT).status_code == 422
    assert client.get(f"/api/users/{2**40}", auth=ROOT).status_code == 422


def test_the_first_user_of_the_command_line_is_an_administrator(
    every_database: Database, places: Places
) -> None:
    settings = Settings.model_validate({"romm_base_path": places.data, "romm_auth_secret_key": KEY})
    accounts = Accounts.open(settings, every_database, open_entries(every_database, None))
    first = accounts.create_user(
        UserCreate(username="Owner", email="", password=PASSWORD, role="user")
    )
    other = accounts.create_user(
        UserCreate(username="other", email="o@x.org", password=PASSWORD, role="editor")
    )
    assert (first["role"], other["role"]) == ("admin", "user")
    assert "roms.write" in other["oauth_scopes"]
    assert [user["username"] for user in accounts.list_users()] == ["owner", "other"]
    assert accounts.get_user_named("OWNER")["id"] == first["id"]
    with pytest.raises(Invalid, match="Username owner already exists"):
        accounts.create_user(UserCreate(username="owner", email="", password=PASSWORD, role=""))


def test_passwords_obey_the_rules_everywhere(house: House) -> None:
    with pytest.raises(Invalid, match="at least 6"):
        house.accounts.set_password(2, "x")
    with pytest.raises(NotFound, match="User not found"):
        house.accounts.set_password(99, "long enough")


def test_the_last_administrator_cannot_be_disabled(house: House) -> None:
    with pytest.raises(Invalid, match="last admin"):
        house.accounts.set_enabled(1, False)
    second = house.add("second", Role.ADMIN)
    house.accounts.set_enabled(1, False)
    with pytest.raises(Invalid, match="last admin"):
        house.accounts.set_enabled(second, False)


def test_a_disabled_administrator_does_not_count_as_another(house: House) -> None:
    house.add("second", Role.ADMIN, enabled=False)
    with pytest.raises(Invalid, match="last admin"):
        house.accounts.set_enabled(1, False)


def test_without_any_administrator_plain_users_can_be_disabled(house: House) -> None:
    with house.database.write() as session:
        session.execute(update(USERS).values(role=Role.USER))
    house.accounts.set_enabled(2, False)
    assert house.accounts.get_user(2)["enabled"] is False


@pytest.mark.parametrize("enabled", [True, False])
def test_disabling_nobody_is_told(house: House, enabled: bool) -> None:
    with pytest.raises(NotFound, match="User not found"):
        house.accounts.set_enabled(99, enabled)
