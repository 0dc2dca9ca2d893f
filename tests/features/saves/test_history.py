"""Versions: bringing back, locking, letting go; looking whether everything is there."""

import io
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import delete, update

from romm_lite.features.saves import command, history
from romm_lite.kernel.errors import NotFound
from romm_lite.kernel.times import now
from romm_lite.tables.assets import ASSET_VERSIONS
from romm_lite.tables.roms import ROMS
from tests.features.saves.conftest import SAVES, Shelf


def age(shelf: Shelf, days: int) -> None:
    """Have all old versions ended so many days ago."""
    old = ASSET_VERSIONS.c.ended_at.is_not(None)
    ended = {"ended_at": now() - timedelta(days=days)}
    with shelf.home.database.write() as session:
        session.execute(update(ASSET_VERSIONS).where(old).values(**ended))


def overwrite(shelf: Shelf, number: int) -> None:
    for each in range(number):
        shelf.upload(b"%d" % each)


def test_a_version_brought_back_is_the_newest_and_nothing_goes(every_shelf: Shelf) -> None:
    first = every_shelf.upload(b"one")
    every_shelf.upload(b"two")
    old = every_shelf.get(f"/{first['id']}/versions")[1]
    back = every_shelf.post(f"/versions/{old['id']}/restore")
    assert back["id"] == first["id"]
    assert every_shelf.read(back) == b"one"
    contents = [
        every_shelf.client.get(each["download_path"]).content
        for each in every_shelf.get(f"/{first['id']}/versions")
    ]
    assert contents == [b"one", b"two", b"one"]


def test_in_a_slot_devices_see_what_came_back(every_shelf: Shelf) -> None:
    device = every_shelf.device()
    old = every_shelf.upload(b"one", slot="a", device_id=device)
    newer = every_shelf.upload(b"two", slot="a", device_id=device)
    (version,) = every_shelf.get(f"/{old['id']}/versions")
    back = every_shelf.post(f"/versions/{version['id']}/restore")
    assert back["updated_at"] > newer["updated_at"]
    assert every_shelf.send(b"three", slot="a", device_id=device).status_code == 409
    again = every_shelf.post(f"/versions/{version['id']}/restore")
    assert again["id"] == back["id"]


def test_old_versions_go_but_not_the_newest_ones_or_locked_ones(every_shelf: Shelf) -> None:
    shelf = every_shelf.with_settings(romm_history_count=2, romm_history_days=30)
    overwrite(shelf, 6)
    versions = shelf.get("/versions")
    locked = versions[-1]["id"]
    answer: Any = shelf.client.put(f"{SAVES}/versions/{locked}/lock", json={"locked": True})
    assert answer.json()["locked"]
    assert history.purge(shelf.store) == 0
    age(shelf, 31)
    assert history.purge(shelf.store) == 2
    left = [each["id"] for each in shelf.get("/versions")]
    assert left == [each["id"] for each in (*versions[:3], versions[-1])]
    assert len(shelf.list_contents()) == 4
    assert shelf.client.delete(f"{SAVES}/versions/{locked}").status_code == 409


def test_no_limit_of_days_keeps_all(shelf: Shelf) -> None:
    forever = shelf.with_settings(romm_history_count=0, romm_history_days=0)
    overwrite(forever, 3)
    age(forever, 9999)
    assert history.purge(forever.store) == 0


def test_one_version_can_be_let_go(every_shelf: Shelf) -> None:
    overwrite(every_shelf, 2)
    current, old = every_shelf.get("/versions")
    path = f"{SAVES}/versions"
    assert every_shelf.client.delete(f"{path}/{current['id']}").status_code == 409
    assert every_shelf.client.delete(f"{path}/{old['id']}").status_code == 204
    assert every_shelf.client.get(f"{path}/{old['id']}/content").status_code == 404
    assert every_shelf.list_contents() == {current["sha256"]}


def test_a_content_that_another_has_stays(shelf: Shelf) -> None:
    overwrite(shelf, 2)
    shelf.as_user("bob").upload(b"0")
    old = shelf.get("/versions")[1]
    assert shelf.client.delete(f"{SAVES}/versions/{old['id']}").status_code == 204
    assert old["sha256"] in shelf.list_contents()


def test_saves_outlive_their_game(every_shelf: Shelf) -> None:
    save = every_shelf.upload(b"one", slot="a")
    shelf = every_shelf.with_settings(romm_history_count=0, romm_history_days=1)
    with shelf.home.database.write() as session:
        session.execute(delete(ROMS).where(ROMS.c.id == shelf.rom))
    age(shelf, 99)
    history.purge(shelf.store)
    assert history.verify(shelf.store).is_sound
    assert shelf.get() == []
    (version,) = shelf.get(f"/{save['id']}/versions")
    assert (version["rom_name"], version["reason"]) == ("Game (USA).sfc", None)
    assert shelf.client.get(version["download_path"]).content == b"one"
    refused: Any = shelf.client.post(f"{SAVES}/versions/{version['id']}/restore")
    assert refused.status_code == 404


def test_a_game_from_the_trash_has_its_saves(every_shelf: Shelf) -> None:
    save = every_shelf.upload(b"one", slot="a", shot=("a.png", b"png"))
    root = every_shelf.as_user("root")
    assert root.client.post("/api/roms/delete", json={"roms": [every_shelf.rom]}).status_code == 200
    age(every_shelf, 99)
    history.purge(every_shelf.store)
    (item,) = root.client.get("/api/trash").json()["items"]
    assert root.client.post(f"/api/trash/{item['id']}/restore").status_code == 200
    (back,) = every_shelf.get()
    assert (back["id"], back["screenshot"]["id"]) == (save["id"], save["screenshot"]["id"])
    assert every_shelf.read(back) == b"one"


def test_a_look_at_everything_finds_what_is_wrong(every_shelf: Shelf) -> None:
    store = every_shelf.store
    shas = []
    for content in (b"sound", b"damaged", b"missing"):
        every_shelf.upload(content, slot="a")
        shas.append(every_shelf.get("/versions")[0]["sha256"])
    store.blobs.locate(shas[1]).write_bytes(b"other")
    store.blobs.locate(shas[2]).unlink()
    with store.stage(io.BytesIO(b"never acknowledged")) as staged:
        store.blobs.put(staged)
    (store.blobs.folder / ".romm_tmp_left").write_bytes(b"half")
    found, lost = command.check_contents(store)
    assert (found.checked, found.damaged, found.missing) == (3, [shas[1]], [shas[2]])
    assert (found.unreferenced, found.is_sound) == (1, False)
    assert {each["sha256"] for each in lost} == set(shas[1:])
    assert every_shelf.list_contents() == set(shas[:2])


def test_the_same_content_mends_what_was_damaged(shelf: Shelf) -> None:
    save = shelf.upload(b"one", slot="a")
    (sha,) = shelf.list_contents()
    shelf.store.blobs.locate(sha).write_bytes(b"bad")
    shelf.upload(b"one", slot="b")
    assert shelf.read(save) == b"one"
    assert history.verify(shelf.store).is_sound


def test_the_command_line_acts_for_the_owner(shelf: Shelf) -> None:
    overwrite(shelf, 2)
    listed = command.list_history(shelf.store, username="Ann", game="game")
    assert [each["reason"] for each in listed] == [None, "overwritten"]
    save = command.restore_version(shelf.store, listed[1]["id"])
    assert shelf.read({"id": save}) == b"0"
    assert command.list_history(shelf.store, username="bob") == []
    with pytest.raises(NotFound):
        command.restore_version(shelf.store, 4711)
