"""Uploading saves: names, slots, conflicts, duplicates, cleaning up, pictures."""

import hashlib
import io
import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile

import pytest

from tests.features.saves.conftest import SAVES, Shelf

TAGGED = re.compile(r"Game \(USA\) \[\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d\]\.srm")
NEWER = {"detail": "Slot has a newer save since your last sync"}


def pack(entries: dict[str, bytes], how: int = ZIP_STORED) -> bytes:
    stream = io.BytesIO()
    with ZipFile(stream, "w", how) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return stream.getvalue()


def test_a_save_in_a_slot_carries_one_time_whatever_it_was_called(every_shelf: Shelf) -> None:
    first = every_shelf.upload(b"one", "Game (USA).srm", slot="a")
    second = every_shelf.upload(b"two", first["file_name"], slot="a")
    assert TAGGED.fullmatch(first["file_name"]), first
    assert TAGGED.fullmatch(second["file_name"]), second
    assert second["file_name"] != first["file_name"]
    assert second["file_name_no_tags"] == "Game"


def test_saves_of_one_second_never_take_each_others_place(every_shelf: Shelf) -> None:
    saves = [every_shelf.upload(b"%d" % number, slot="a") for number in range(5)]
    assert len({save["id"] for save in saves}) == 5
    assert [every_shelf.read(save) for save in saves] == [b"0", b"1", b"2", b"3", b"4"]
    stamps = [save["updated_at"] for save in saves]
    assert stamps == sorted(set(stamps))


def test_the_same_content_is_one_save_and_marks_the_device(every_shelf: Shelf) -> None:
    device = every_shelf.device()
    first = every_shelf.upload(b"one", slot="a")
    every_shelf.post(f"/{first['id']}/downloaded", device_id=device)
    again = every_shelf.upload(b"one", slot="a", device_id=device)
    other = every_shelf.upload(b"one", slot="b")
    forced = every_shelf.upload(b"one", slot="a", device_id=device, overwrite=True)
    assert again["id"] == first["id"]
    assert again["device_syncs"][0]["is_current"]
    assert len({first["id"], other["id"], forced["id"]}) == 3
    assert len(every_shelf.list_contents()) == 1


def test_going_back_to_older_content_is_a_new_save(shelf: Shelf) -> None:
    first = shelf.upload(b"one", slot="a")
    shelf.upload(b"two", slot="a")
    again = shelf.upload(b"one", slot="a")
    assert again["id"] != first["id"]
    assert shelf.get("/summary", rom_id=shelf.rom)["slots"][0]["latest"]["id"] == again["id"]


def test_a_zip_packed_otherwise_is_the_same_save_and_both_are_kept(shelf: Shelf) -> None:
    entries = {"a": b"alpha" * 100}
    one, two = pack(entries), pack(entries, ZIP_DEFLATED)
    first = shelf.upload(one, "Game.zip", slot="a")
    assert shelf.upload(two, "Game.zip", slot="a")["id"] == first["id"]
    assert shelf.read(first) == one
    versions = shelf.get(f"/{first['id']}/versions")
    assert {each["sha256"] for each in versions} == {
        hashlib.sha256(content).hexdigest() for content in (one, two)
    }


@pytest.mark.parametrize(
    ("content", "digest"),
    [
        (pack({"save.bin": b"\x42" * 256}), "b3636b49ca5c3d807adee33e75d410ca"),
        (
            pack({"top.bin": b"\0\1\2", "inner/b.txt": b"beta", "inner/a.txt": b"alpha"}),
            "8cf6bb36a82a5ee4d7d15fc98599908d",
        ),
        (b"raw", hashlib.md5(b"raw", usedforsecurity=False).hexdigest()),
    ],
)
def test_content_hash(shelf: Shelf, content: bytes, digest: str) -> None:
    assert shelf.upload(content)["content_hash"] == digest


def test_a_zip_that_cannot_be_read_has_no_content_hash(shelf: Shelf) -> None:
    broken = bytearray(pack({"a": b"alpha" * 9}))
    broken[40] ^= 0xFF
    save = shelf.upload(bytes(broken))
    assert save["content_hash"] is None
    assert shelf.read(save) == bytes(broken)


def test_a_stale_device_conflicts_and_nothing_is_written(every_shelf: Shelf) -> None:
    one, two = every_shelf.device("one"), every_shelf.device("two")
    first = every_shelf.upload(b"one", slot="a", device_id=one)
    refused = every_shelf.send(b"two", slot="a", device_id=two)
    assert (refused.status_code, refused.json()) == (409, NEWER)
    assert len(every_shelf.get()) == len(every_shelf.list_contents()) == 1
    every_shelf.read(first, device_id=two)
    every_shelf.upload(b"two", slot="a", device_id=two)
    assert every_shelf.send(b"three", slot="a", device_id=one).status_code == 409
    every_shelf.upload(b"three", slot="a", device_id=one, overwrite=True)
    every_shelf.upload(b"web", slot="a")
    assert every_shelf.send(b"four", slot="a", device_id=one).status_code == 409
    assert every_shelf.sync_of(first, one)["is_current"]


def test_outside_of_slots_only_a_device_that_had_the_save_conflicts(shelf: Shelf) -> None:
    one, two = shelf.device("one"), shelf.device("two")
    first = shelf.upload(b"one", device_id=one)
    second = shelf.upload(b"two", device_id=two)
    assert (second["id"], second["file_name"]) == (first["id"], "Game.srm")
    assert second["origin_device_id"] == one
    refused = shelf.send(b"three", device_id=one)
    assert refused.json() == {"detail": "Save has been updated since your last sync"}


def test_what_is_overwritten_can_be_read(every_shelf: Shelf) -> None:
    first = every_shelf.upload(b"one", emulator="a")
    every_shelf.upload(b"two", emulator="b")
    versions = every_shelf.get(f"/{first['id']}/versions")
    assert [(each["reason"], each["emulator"]) for each in versions] == [
        (None, "b"),
        ("overwritten", "a"),
    ]
    got = every_shelf.client.get(versions[1]["download_path"])
    assert got.content == b"one"


def test_the_same_content_under_a_name_changes_no_moment(shelf: Shelf) -> None:
    one = shelf.device()
    first = shelf.upload(b"one", device_id=one)
    again = shelf.upload(b"one", device_id=shelf.device("two"))
    assert again["updated_at"] == first["updated_at"]
    assert shelf.sync_of(first, one)["is_current"]


def test_cleaning_up_keeps_the_newest_and_loses_nothing(every_shelf: Shelf) -> None:
    for number in range(5):
        every_shelf.upload(b"%d" % number, slot="a", shot=("a.png", b"%d.png" % number))
    query: dict[str, Any] = {"autocleanup": True, "autocleanup_limit": 0}
    every_shelf.upload(b"last", slot="a", **query)
    (left,) = every_shelf.get(slot="a")
    assert every_shelf.read(left) == b"last"
    reasons = [each["reason"] for each in every_shelf.get("/versions", slot="a")]
    assert reasons == [None, *["cleaned_up"] * 5]
    assert len(every_shelf.list_contents()) == 11


def test_each_save_keeps_its_own_picture(shelf: Shelf) -> None:
    saves = [
        shelf.upload(b"%d" % number, slot="a", shot=("Game.png", b"picture %d" % number))
        for number in range(2)
    ]
    shots = [save["screenshot"]["id"] for save in saves]
    assert len(set(shots)) == 2
    rom: Any = shelf.client.get(f"/api/roms/{shelf.rom}").json()
    shown = {save["id"]: save["screenshot"]["id"] for save in rom["user_saves"]}
    assert shown == dict(zip([save["id"] for save in saves], shots, strict=True))
    shelf.post("/delete", saves=[saves[0]["id"]])
    assert shelf.get(f"/{saves[1]['id']}")["screenshot"]["id"] == shots[1]


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("../../etc/passwd", "passwd"),
        ("a\\b:c|d.srm", "a-b-c-d.srm"),
        ("what?*<>+.srm", "what.srm"),
        ("  Mário ★.srm ", "Mário ★.srm"),
        ("x.v2.srm", "x.v2.srm"),
    ],
)
def test_names_are_cleaned(shelf: Shelf, name: str, kept: str) -> None:
    assert shelf.upload(b"one", name)["file_name"] == kept


@pytest.mark.parametrize(
    ("code", "name", "query"),
    [
        (400, "??", {}),
        (400, "..", {}),
        (400, "x" * 451, {}),
        (400, "x" * 445 + ".srm", {"slot": "a"}),
        (400, "a.srm", {"emulator": "../../x"}),
        (400, "a.srm", {"emulator": "/x"}),
        (422, "a.srm", {"emulator": "x" * 51}),
        (422, "a.srm", {"slot": "x" * 256}),
        (422, "a.srm", {"rom_id": "x"}),
        (404, "a.srm", {"rom_id": 4711}),
        (404, "a.srm", {"device_id": "nobody's"}),
    ],
)
def test_what_cannot_be_is_refused(
    shelf: Shelf, code: int, name: str, query: dict[str, Any]
) -> None:
    answer = shelf.send(b"one", name, **query)
    assert answer.status_code == code, answer.text
    assert (shelf.get(), shelf.list_contents()) == ([], set())


def test_an_empty_slot_is_none(shelf: Shelf) -> None:
    save = shelf.upload(b"one", slot="")
    assert (save["slot"], save["file_name"]) == (None, "Game.srm")


def test_too_large_a_file_is_refused(shelf: Shelf) -> None:
    small = shelf.with_settings(max_asset_upload_size_bytes=1000)
    answer = small.send(b"x" * 1001)
    assert (answer.status_code, answer.json()["detail"][:17]) == (413, "Save file exceeds")
    assert small.send(b"x", shot=("a.png", b"x" * 1001)).status_code == 413
    small.upload(b"x" * 1000)


def test_a_quota_counts_what_is_kept_once(shelf: Shelf) -> None:
    small = shelf.with_settings(romm_asset_quota_bytes=1000)
    small.upload(b"x" * 600, slot="a")
    answer = small.send(b"y" * 500, slot="a")
    assert answer.status_code == 507
    assert "600 of 1000 bytes" in answer.json()["detail"]
    assert len(small.list_contents()) == 1
    small.upload(b"y" * 400, slot="a")


def test_uploads_at_the_same_time_are_all_kept(every_shelf: Shelf) -> None:
    def send(number: int) -> int:
        return int(every_shelf.as_user("ann").upload(b"%d" % number, slot="a")["id"])

    with ThreadPoolExecutor(4) as pool:
        ids = set(pool.map(send, range(12)))
    assert len(ids) == 12
    found = {every_shelf.read({"id": each}) for each in ids}
    assert found == {b"%d" % number for number in range(12)}


def test_two_devices_at_once_do_not_both_pass(every_shelf: Shelf) -> None:
    devices = [every_shelf.device(str(number)) for number in range(4)]

    def send(device: str) -> int:
        sender = every_shelf.as_user("ann")
        return int(sender.send(device.encode(), slot="a", device_id=device).status_code)

    with ThreadPoolExecutor(4) as pool:
        codes = sorted(pool.map(send, devices))
    assert codes == [200, 409, 409, 409]


def test_a_token_bound_to_a_device_marks_it_and_is_never_refused(shelf: Shelf) -> None:
    device = shelf.device()
    answer: Any = shelf.client.post(
        "/api/client-tokens", json={"name": "handheld", "scopes": ["assets.read", "assets.write"]}
    )
    token = answer.json()
    shelf.home.bind(token["id"], device)
    shelf.upload(b"web", slot="a")
    bound = shelf.as_user("ann")
    bound.client.headers["authorization"] = f"Bearer {token['raw_token']}"
    save = bound.upload(b"one", slot="a")
    assert (save["origin_device_id"], save["device_syncs"]) == (device, [])
    assert shelf.sync_of(save, device)["is_current"]


def test_clients_that_may_not_read_devices_name_none(shelf: Shelf) -> None:
    device = shelf.device()
    answer: Any = shelf.client.post(
        "/api/client-tokens", json={"name": "x", "scopes": ["assets.read", "assets.write"]}
    )
    bare = shelf.as_user("ann")
    bare.client.headers["authorization"] = f"Bearer {answer.json()['raw_token']}"
    save = bare.upload(b"one")
    assert bare.send(b"two", device_id=device).status_code == 403
    for path in ("", f"/{save['id']}", f"/{save['id']}/content"):
        got: Any = bare.client.get(SAVES + path, params={"device_id": device})
        assert (got.status_code, got.json()) == (403, {"detail": "Forbidden"})
