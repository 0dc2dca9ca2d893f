"""What grants amount to: the fine rule, and the rights of visitors of a kiosk."""

from dataclasses import replace
from typing import Any

import pytest

from romm_lite.features.accounts.identity import NOBODY, Identity
from romm_lite.features.accounts.service import require
from romm_lite.kernel.errors import Forbidden
from romm_lite.kernel.events import Bus
from romm_lite.kernel.scopes import ALL_SCOPES, READ_SCOPES, Action, Entity, Role

from .conftest import PASSWORD, Build, House, furnish
from .desk import EDITOR, VIEWER, VIEWS, Desk

# The fine rule


def someone(house: House, user_id: int | None, **values: Any) -> Identity:
    return replace(NOBODY, user_id=user_id, group_id=VIEWER, via="basic", **values)


def may(
    house: House, user: Identity, entity: Entity, action: Action, owner_id: int | None = None
) -> bool:
    with house.database.read() as session:
        try:
            require(session, user, entity, action, owner_id)
        except Forbidden:
            return False
    return True


def test_an_administrator_may(house: House) -> None:
    root = someone(house, 1, role=Role.ADMIN)
    assert may(house, root, Entity.LOGS, Action.DELETE)


def test_an_owner_may_and_others_need_the_whole_right(every_house: House) -> None:
    ann = someone(every_house, 2)
    delete_collection = Entity.COLLECTIONS, Action.DELETE
    assert may(every_house, ann, *delete_collection, owner_id=2)
    assert not may(every_house, ann, *delete_collection, owner_id=1)
    assert not may(every_house, ann, *delete_collection)
    editor = replace(ann, group_id=EDITOR)
    assert may(every_house, editor, Entity.ROMS, Action.DELETE)
    assert not may(every_house, ann, Entity.ROMS, Action.DELETE)


def test_the_refusal_says_what_is_missing(house: House) -> None:
    with (
        house.database.read() as session,
        pytest.raises(Forbidden, match=r"^Insufficient permissions$"),
    ):
        require(session, someone(house, 2), Entity.ROMS, Action.DELETE)


def test_an_override_decides_before_the_group(desk: Desk, house: House) -> None:
    whole = {"entity": "collections", "action": "delete", "granted": True}
    ann = someone(house, 2)
    desk.put("/users/2", overrides=[whole])
    assert may(house, ann, Entity.COLLECTIONS, Action.DELETE, owner_id=1)
    desk.put("/users/2", overrides=[{**whole, "own_only": True}])
    assert not may(house, ann, Entity.COLLECTIONS, Action.DELETE, owner_id=1)
    theft = {"entity": "roms", "action": "delete", "granted": False}
    desk.put("/users/2", overrides=[theft])
    editor = replace(ann, group_id=EDITOR)
    assert not may(house, editor, Entity.ROMS, Action.DELETE)


def test_strangers_and_kiosk_visitors_change_nothing(desk: Desk, house: House) -> None:
    whole = [{"entity": "roms", "action": action} for action in Action]
    desk.put(f"/groups/{VIEWER}", grants=whole)
    kiosk = replace(someone(house, -1), via="kiosk")
    assert may(house, kiosk, Entity.ROMS, Action.READ)
    assert not may(house, kiosk, Entity.ROMS, Action.DELETE)
    assert not may(house, NOBODY, Entity.ROMS, Action.READ)
    assert not may(house, NOBODY, Entity.ROMS, Action.READ, owner_id=None)


# Kiosk


@pytest.fixture
def kiosk(build: Build, bus: Bus) -> Desk:
    house = furnish(build(kiosk_mode=True))
    return Desk(house.client(), house.database, bus)


def test_kiosk_visitors_read_what_the_default_group_reads(kiosk: Desk) -> None:
    client = kiosk.client
    found = client.get("/api/permissions/me").json()
    assert found["is_admin"] is False
    assert [grant["action"] for grant in found["grants"]] == [*VIEWS[:5], "collection.view"]
    assert client.get("/api/users/me").json()["oauth_scopes"] == list(READ_SCOPES)
    assert client.get("/api/permissions/groups").status_code == 403


def test_kiosk_visitors_lose_what_the_default_group_loses(kiosk: Desk) -> None:
    kiosk.put(
        f"/groups/{VIEWER}",
        grants=[
            {"entity": "platforms", "action": "read"},
            {"entity": "users", "action": "read"},
            {"entity": "platforms", "action": "write"},
        ],
    )
    client = kiosk.client
    scopes = client.get("/api/users/me").json()["oauth_scopes"]
    assert scopes == ["me.read", "platforms.read", "roms.user.read"]
    assert client.get("/api/probe").status_code == 403
    found = client.get("/api/permissions/me").json()
    assert [grant["action"] for grant in found["grants"]] == ["platform.view", "user.view"]


def test_rules_of_the_default_group_hold_for_kiosk_visitors(kiosk: Desk) -> None:
    platform, _ = kiosk.shelve()
    kiosk.hide("platforms", platform, group_id=VIEWER)
    kiosk.put(f"/groups/{VIEWER}", max_age=12, hide_unrated=True)
    client = kiosk.client
    assert client.get("/api/permissions/me").json()["hidden"]["platforms"] == [platform]
    seen = client.get("/api/probe").json()
    assert (seen["hidden"], seen["max_age"], seen["hide_unrated"]) == (True, 12, True)


def test_scopes_of_administrators_are_not_narrowed(desk: Desk) -> None:
    desk.put("/users/1", overrides=[{"entity": "roms", "action": "read", "granted": False}])
    seen = desk.client.get("/api/probe", auth=("root", PASSWORD)).json()
    assert seen["scopes"] == list(ALL_SCOPES)
