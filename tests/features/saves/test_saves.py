"""Reading, replacing, deleting and showing saves, and what devices have of them."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import select
from starlette.types import Message

from romm_lite.kernel.events import UserDeleted
from romm_lite.kernel.scopes import Entity
from romm_lite.kernel.times import now
from romm_lite.tables.assets import ASSET_VERSIONS, BLOBS, Save
from romm_lite.tables.devices import SYNC_SESSIONS, SyncSession
from romm_lite.wire.saves import SaveSchema, SaveSummarySchema
from tests.features.library.conftest import as_modelled
from tests.features.saves.conftest import SAVES, Shelf


def test_answers_are_what_their_models_say(shelf: Shelf) -> None:
    shelf.upload(b"one", slot="a", shot=("a.png", b"png"))
    params: dict[str, Any] = {"device_id": shelf.device(), "rom_id": shelf.rom}
    as_modelled(list[SaveSchema], shelf.client.get(SAVES, params=params))
    summary = shelf.client.get(f"{SAVES}/summary", params=params)
    as_modelled(SaveSummarySchema, summary)


def test_lists_are_narrowed(every_shelf: Shelf) -> None:
    home = every_shelf.home
    first = every_shelf.upload(b"one", slot="a")["id"]
    second = every_shelf.upload(b"two")["id"]
    other = home.rom("Other.nes", home.platform("nes"))
    third = every_shelf.upload(b"three", rom_id=other)["id"]
    platform = home.platform("gb")

    def ids(**query: Any) -> list[int]:
        return [save["id"] for save in every_shelf.get(**query)]

    assert ids() == every_shelf.get("/identifiers") == [first, second, third]
    assert ids(rom_id=every_shelf.rom) == [first, second]
    assert ids(rom_id=every_shelf.rom, slot="a") == [first]
    assert ids(platform_id=platform) == []
    assert every_shelf.as_user("bob").get() == []


def test_the_summary_has_each_slot_and_its_newest(every_shelf: Shelf) -> None:
    for slot, content in (("a", b"1"), ("b", b"2"), ("", b"3"), ("a", b"4")):
        every_shelf.upload(content, slot=slot)
    summary = every_shelf.get("/summary", rom_id=every_shelf.rom)
    assert summary["total_count"] == 4
    assert [(each["slot"], each["count"]) for each in summary["slots"]] == [
        ("a", 2),
        (None, 1),
        ("b", 1),
    ]
    assert every_shelf.read(summary["slots"][0]["latest"]) == b"4"


def test_the_content_has_headers_that_clients_need(shelf: Shelf) -> None:
    save = shelf.upload(b"0123456789", "Märio.srm")
    path = f"{SAVES}/{save['id']}/content"
    whole: Any = shelf.client.get(path)
    assert whole.headers["content-disposition"] == "attachment; filename*=utf-8''M%C3%A4rio.srm"
    assert whole.headers["content-type"] == "application/octet-stream"
    assert whole.headers["accept-ranges"] == "bytes"
    part: Any = shelf.client.get(path, headers={"range": "bytes=2-4"})
    assert (part.status_code, part.content) == (206, b"234")
    head: Any = shelf.client.head(path)
    assert (head.headers["content-length"], head.headers["etag"]) == ("10", whole.headers["etag"])
    page = shelf.upload(b"<script>", "x.html")
    got: Any = shelf.client.get(f"{SAVES}/{page['id']}/content")
    assert got.headers["content-type"] == "application/octet-stream"


def test_only_the_last_byte_marks_a_device(every_shelf: Shelf) -> None:
    device = every_shelf.device()
    save = every_shelf.upload(b"0123456789", slot="a")
    path, query = f"{SAVES}/{save['id']}/content", {"device_id": device}
    every_shelf.client.head(path, params=query)
    every_shelf.client.get(path, params=query, headers={"range": "bytes=0-3"})
    every_shelf.read(save, device_id=device, optimistic=False)
    assert not every_shelf.sync_of(save, device)["is_current"]
    every_shelf.read(save, device_id=device)
    assert every_shelf.sync_of(save, device)["is_current"]


def test_a_dropped_connection_marks_nothing(shelf: Shelf) -> None:
    device = shelf.device()
    save = shelf.upload(b"x" * 9_000_000, slot="a")
    sent = 0

    async def receive() -> Message:
        return {"type": "http.disconnect" if sent else "http.request"}

    async def send(message: Message) -> None:
        nonlocal sent
        sent += len(message.get("body", b""))

    scope = {
        "type": "http",
        "method": "GET",
        "path": f"{SAVES}/{save['id']}/content",
        "query_string": f"device_id={device}".encode(),
        "headers": [(b"authorization", shelf.client.headers["authorization"].encode())],
        "client": ("192.0.2.7", 1),
    }
    asyncio.run(shelf.client.app(scope, receive, send))  # type: ignore[arg-type]
    assert 0 < sent < 9_000_000
    assert not shelf.sync_of(save, device)["is_current"]


def test_devices_are_told_with_the_one_that_asks_first(every_shelf: Shelf) -> None:
    one, two = every_shelf.device("one"), every_shelf.device("two")
    save = every_shelf.upload(b"one", slot="a", device_id=one)
    (mine, other) = every_shelf.get(f"/{save['id']}", device_id=two)["device_syncs"]
    assert (mine["device_id"], mine["device_name"], mine["is_current"]) == (two, "two", False)
    assert (other["device_id"], other["is_current"]) == (one, True)
    assert every_shelf.get(f"/{save['id']}")["device_syncs"] == []


def test_untracking_makes_a_row_and_tracking_none(every_shelf: Shelf) -> None:
    device = every_shelf.device()
    save = every_shelf.upload(b"one", slot="a")
    path = f"/{save['id']}"
    tracked = every_shelf.post(f"{path}/track", device_id=device)["device_syncs"][0]
    assert not tracked["is_current"]
    assert every_shelf.post(f"{path}/untrack", device_id=device)["device_syncs"][0]["is_untracked"]
    assert not every_shelf.post(f"{path}/track", device_id=device)["device_syncs"][0][
        "is_untracked"
    ]
    every_shelf.post(f"{path}/untrack", device_id=device)
    confirmed = every_shelf.post(f"{path}/downloaded", device_id=device)["device_syncs"][0]
    assert (confirmed["is_untracked"], confirmed["is_current"]) == (False, True)


def test_own_sessions_count_what_is_done(every_shelf: Shelf) -> None:
    device, home = every_shelf.device(), every_shelf.home
    sessions = [
        home.add(
            SyncSession(
                device_id=device,
                user_id=home.users[user],
                status="IN_PROGRESS",
                initiated_at=now(),
            )
        )
        for user in ("ann", "bob")
    ]
    save = every_shelf.upload(b"one", slot="a", device_id=device, session_id=sessions[0])
    every_shelf.upload(b"one", slot="a", device_id=device, session_id=sessions[0])
    every_shelf.read(save, session_id=sessions[0])
    every_shelf.upload(b"two", slot="a", session_id=sessions[1])
    with home.database.read() as session:
        done = select(SYNC_SESSIONS.c.operations_completed).order_by(SYNC_SESSIONS.c.id)
        assert session.scalars(done).all() == [3, 0]


def test_replacing_keeps_the_name_and_what_was_there(every_shelf: Shelf) -> None:
    device = every_shelf.device()
    save = every_shelf.upload(b"one", slot="a")
    path = f"{SAVES}/{save['id']}"
    files = {"saveFile": ("other.srm", b"two"), "screenshotFile": ("a.png", b"png")}
    answer: Any = every_shelf.client.put(path, params={"device_id": device}, files=files)
    changed = answer.json()
    assert (changed["file_name"], changed["slot"]) == (save["file_name"], "a")
    assert changed["device_syncs"][0]["is_current"]
    assert changed["screenshot"]["file_name"] == "a.png"
    assert every_shelf.read(save) == b"two"
    assert len(every_shelf.get(f"/{save['id']}/versions")) == 2
    same: Any = every_shelf.client.put(path)
    assert (same.status_code, same.json()["updated_at"]) == (200, changed["updated_at"])


def test_deleting_is_all_or_nothing_and_can_be_undone(every_shelf: Shelf) -> None:
    one = every_shelf.upload(b"one", slot="a", shot=("a.png", b"png"))["id"]
    two = every_shelf.upload(b"two", slot="a")["id"]
    refused: Any = every_shelf.client.post(f"{SAVES}/delete", json={"saves": [one, 4711, two]})
    assert (refused.status_code, refused.json()["detail"]) == (404, "Save with ID 4711 not found")
    assert every_shelf.client.post(f"{SAVES}/delete", json={"saves": []}).status_code == 400
    assert every_shelf.get("/identifiers") == [one, two]
    assert every_shelf.post("/delete", saves=[two, one]) == [two, one]
    versions = every_shelf.get("/versions", rom_id=every_shelf.rom)
    assert {each["reason"] for each in versions} == {"deleted"}
    back = every_shelf.post(f"/versions/{versions[0]['id']}/restore")
    assert every_shelf.read(back) == b"two"


def test_showing_a_save_makes_no_device_stale(every_shelf: Shelf) -> None:
    device = every_shelf.device()
    save = every_shelf.upload(b"one", slot="a", device_id=device, shot=("a.png", b"png"))
    bob, path = every_shelf.as_user("bob"), f"{SAVES}/{save['id']}"
    assert bob.client.get(f"{path}/content").status_code == 404
    answer: Any = every_shelf.client.put(f"{path}/visibility", json={"is_public": True})
    shown = answer.json()
    assert (shown["is_public"], shown["screenshot"]["is_public"]) == (True, True)
    assert shown["updated_at"] == save["updated_at"]
    assert every_shelf.sync_of(save, device)["is_current"]
    assert bob.read(save) == b"one"
    assert bob.client.get(path).status_code == 404
    every_shelf.home.hide(Entity.ROMS, every_shelf.rom, "bob")
    assert every_shelf.as_user("bob").client.get(f"{path}/content").status_code == 404


def test_what_romm_left_is_taken_in_and_stays_where_it_is(every_shelf: Shelf) -> None:
    home = every_shelf.home
    folder = f"users/557365723a31/saves/snes/{every_shelf.rom}"
    there = home.settings.places.assets / folder / "Old.srm"
    there.parent.mkdir(parents=True)
    there.write_bytes(b"old")
    columns: dict[str, Any] = {
        "file_name": "Old.srm",
        "file_name_no_tags": "Old",
        "file_name_no_ext": "Old",
        "file_path": folder,
    }
    owner: dict[str, Any] = {"rom_id": every_shelf.rom, "user_id": home.users["ann"]}
    save = home.add(Save(**owner, **columns))
    lost = home.add(Save(**owner, **{**columns, "file_name": "Lost.srm"}))
    assert every_shelf.client.get(f"{SAVES}/{lost}/content").json() == {
        "detail": "Save file not found on disk"
    }
    every_shelf.upload(b"new", "Old.srm")
    assert every_shelf.read({"id": save}) == b"new"
    versions = every_shelf.get(f"/{save}/versions")
    assert [each["reason"] for each in versions] == [None, "overwritten"]
    assert every_shelf.client.get(versions[1]["download_path"]).content == b"old"
    assert there.read_bytes() == b"old"
    every_shelf.post("/delete", saves=[lost])


def test_a_save_was_played(shelf: Shelf) -> None:
    shelf.upload(b"one")
    rom: Any = shelf.client.get(f"/api/roms/{shelf.rom}").json()
    assert rom["rom_user"]["last_played"] is not None
    listed: Any = shelf.client.get("/api/roms", params={"has_saves": True}).json()
    assert [each["id"] for each in listed["items"]] == [shelf.rom]


def test_a_user_who_is_deleted_takes_their_contents_along(every_shelf: Shelf) -> None:
    bob, store = every_shelf.as_user("bob"), every_shelf.store
    bob.upload(b"bob's")
    bob.upload(b"both's", slot="a")
    every_shelf.upload(b"both's")
    number = every_shelf.home.users["bob"]
    every_shelf.home.database._bus.subscribe(UserDeleted, store.forget_user)
    root = every_shelf.as_user("root")
    assert root.client.delete(f"/api/users/{number}").status_code == 200
    assert len(every_shelf.list_contents()) == 1
    with every_shelf.home.database.read() as session:
        assert len(session.scalars(select(BLOBS.c.sha256)).all()) == 1
        owners = set(session.scalars(select(ASSET_VERSIONS.c.user_id)))
    assert owners == {every_shelf.home.users["ann"]}


@pytest.mark.parametrize("method", ["GET", "PUT"])
def test_ids_that_are_none(shelf: Shelf, method: str) -> None:
    answer: Any = shelf.client.request(method, f"{SAVES}/4711")
    assert (answer.status_code, answer.json()["detail"]) == (404, "Save with ID 4711 not found")
    assert shelf.client.request(method, f"{SAVES}/word").status_code == 422
