"""Play sessions over HTTP."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from romm_lite.kernel.scopes import Entity
from romm_lite.kernel.times import now
from romm_lite.tables.devices import DEVICES
from romm_lite.tables.rom_users import ROM_USER, RomUser
from tests.features.saves.conftest import Shelf

PLAYS = "/api/play-sessions"
UNKNOWN = 999_999


def entry(start: str = "10:00:00", end: str = "11:00:00", **values: Any) -> dict[str, Any]:
    day = "2026-01-01T"
    return {
        "start_time": f"{day}{start}+00:00",
        "end_time": f"{day}{end}+00:00",
        "duration_ms": 1000,
        **values,
    }


def send(shelf: Shelf, *sessions: Any, device: str | None = None, code: int = 201) -> Any:
    answer: Any = shelf.client.post(PLAYS, json={"device_id": device, "sessions": sessions})
    assert answer.status_code == code, answer.text
    return answer.json()


def fetch(shelf: Shelf, path: str = "", **query: Any) -> Any:
    answer: Any = shelf.client.get(PLAYS + path, params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


def statuses(answer: Any) -> list[str]:
    assert [each["index"] for each in answer["results"]] == list(range(len(answer["results"])))
    return [each["status"] for each in answer["results"]]


def props(shelf: Shelf) -> Any:
    with shelf.home.database.read() as session:
        return session.execute(select(ROM_USER).where(ROM_USER.c.rom_id == shelf.rom)).one()


def test_a_session_is_told_as_it_was_sent(every_shelf: Shelf) -> None:
    device = every_shelf.device()
    sent = entry("10:00:00.75", "10:00:01.25", rom_id=every_shelf.rom, save_slot="one")
    answer = send(every_shelf, {**sent, "duration_ms": 0}, device=device)
    assert (answer["created_count"], answer["skipped_count"]) == (1, 0)
    (told,) = fetch(every_shelf)
    assert answer["results"] == [
        {"index": 0, "status": "created", "id": told["id"], "detail": None}
    ]
    assert told == {
        "id": told["id"],
        "user_id": every_shelf.home.users["ann"],
        "device_id": device,
        "rom_id": every_shelf.rom,
        "sync_session_id": None,
        "save_slot": "one",
        "start_time": "2026-01-01T10:00:00+00:00",
        "end_time": "2026-01-01T10:00:01+00:00",
        "duration_ms": 0,
        "created_at": told["created_at"],
        "updated_at": told["updated_at"],
    }
    with every_shelf.home.database.read() as session:
        assert session.scalar(select(DEVICES.c.last_seen)) is not None


def test_what_is_sent_again_is_kept_once(every_shelf: Shelf) -> None:
    rom = every_shelf.rom
    batch = [entry(rom_id=rom), entry(), entry(rom_id=UNKNOWN), entry(rom_id=UNKNOWN + 1), entry()]
    first = send(every_shelf, *batch)
    assert statuses(first) == [*["created"] * 4, "duplicate"]
    again = send(every_shelf, *batch)
    assert statuses(again) == ["duplicate"] * 5
    assert (again["created_count"], again["skipped_count"]) == (0, 5)
    ids = [each["id"] for each in first["results"]]
    assert [each["id"] for each in again["results"]] == ids
    assert ids[4] == ids[1]
    assert len(fetch(every_shelf)) == 4


def test_batches_sent_at_once_are_kept_once(every_shelf: Shelf) -> None:
    batch = [entry(f"10:00:{each:02}", rom_id=every_shelf.rom) for each in range(20)]
    batch += [{**each, "rom_id": None} for each in batch]
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: send(every_shelf, *batch), range(4)))
    assert sum(each["created_count"] for each in answers) == 40
    assert len(fetch(every_shelf)) == 40


def test_users_and_devices_play_at_the_same_time(shelf: Shelf) -> None:
    device = shelf.device()
    send(shelf, entry())
    assert statuses(send(shelf, entry(), device=device)) == ["created"]
    bob = shelf.as_user("bob")
    assert statuses(send(bob, entry(), device=device)) == ["created"]
    (told,) = fetch(bob)
    assert told["device_id"] is None


def test_moments_without_an_offset_are_in_utc(shelf: Shelf) -> None:
    naive = {"start_time": "2026-01-01T10:00:00", "end_time": "2026-01-01T11:00:00"}
    send(shelf, entry(**naive))
    assert statuses(send(shelf, entry())) == ["duplicate"]


def test_a_session_from_the_future_is_an_error_of_its_own(shelf: Shelf) -> None:
    late = (now() + timedelta(minutes=6)).isoformat()
    soon = (now() + timedelta(minutes=4)).isoformat()
    answer = send(shelf, entry(end_time=late), entry(), entry("09:00:00", end_time=soon))
    assert statuses(answer) == ["error", "created", "created"]
    assert answer["results"][0]["detail"] == "end_time is too far in the future"
    assert answer["skipped_count"] == 1


def test_a_batch_has_a_hundred_sessions_at_most(shelf: Shelf) -> None:
    assert send(shelf, code=400)["detail"] == "Payload must contain at least one session"
    many = [entry()] * 101
    assert send(shelf, *many, code=400)["detail"] == "Batch size exceeds maximum of 100"
    assert statuses(send(shelf, *many[1:])).count("duplicate") == 99


@pytest.mark.parametrize(
    "values",
    [
        {"end_time": "2026-01-01T10:00:00.9Z"},
        {"duration_ms": -1},
        {"duration_ms": 10**18},
        {"start_time": "0001-01-01T00:00:00+14:00"},
        {"save_slot": "x" * 256},
    ],
)
def test_a_session_that_cannot_be_is_refused(shelf: Shelf, values: dict[str, Any]) -> None:
    detail = send(shelf, entry(**values), code=422)["detail"]
    if "end_time" in values:
        assert detail[0]["msg"] == "Value error, end_time must be after start_time"
    assert fetch(shelf) == []


def test_the_newest_session_says_what_is_being_played(every_shelf: Shelf) -> None:
    rom = every_shelf.rom
    send(every_shelf, entry(rom_id=rom), entry("12:00:00", "13:00:00", rom_id=rom))
    row = props(every_shelf)
    assert row.last_played.isoformat() == "2026-01-01T13:00:00+00:00"
    assert (row.now_playing, row.status) == (True, "incomplete")
    with every_shelf.home.database.write() as session:
        session.execute(update(ROM_USER).values(now_playing=False, status="finished"))
    send(every_shelf, entry("08:00:00", rom_id=rom))
    row = props(every_shelf)
    assert row.last_played.isoformat() == "2026-01-01T13:00:00+00:00"
    assert (row.now_playing, row.status) == (False, "finished")
    send(every_shelf, entry("14:00:00", "15:00:00", rom_id=rom))
    assert (props(every_shelf).now_playing, props(every_shelf).status) == (True, "incomplete")


def test_a_status_that_says_more_stays(shelf: Shelf) -> None:
    shelf.home.add(
        RomUser(rom_id=shelf.rom, user_id=shelf.home.users["ann"], status="completed_100")
    )
    send(shelf, entry(rom_id=shelf.rom))
    assert (props(shelf).now_playing, props(shelf).status) == (True, "completed_100")


def test_a_list_is_narrowed(every_shelf: Shelf) -> None:
    device, rom = every_shelf.device(), every_shelf.rom
    send(every_shelf, *(entry(f"0{each}:00:00") for each in range(5)))
    send(every_shelf, entry("05:00:00", rom_id=rom), device=device)

    def hours(**query: Any) -> list[int]:
        return [int(each["start_time"][11:13]) for each in fetch(every_shelf, **query)]

    assert hours(limit=2, offset=1) == [4, 3]
    assert hours(rom_id=rom) == hours(device_id=device) == [5]
    assert hours(device_id="*") == [5, 4, 3, 2, 1, 0]
    times = {"start_after": "2026-01-01T01:00:00Z", "end_before": "2026-01-01T03:00:00Z"}
    assert hours(limit=1, offset=1, **times) == [3, 2, 1]
    assert every_shelf.client.get(PLAYS, params={"limit": -1}).status_code == 422


def test_totals_are_of_each_rom(every_shelf: Shelf) -> None:
    home, rom = every_shelf.home, every_shelf.rom
    other = home.rom("Fern.sfc", home.platform("nes"))
    send(every_shelf, entry(rom_id=rom), entry("12:00:00", "13:00:00", rom_id=rom), entry())
    send(every_shelf, entry(rom_id=other, duration_ms=5000))
    send(every_shelf.as_user("bob"), entry(rom_id=rom))
    both = fetch(every_shelf, "/totals")
    assert [each["rom_id"] for each in both] == [other, rom]
    assert fetch(every_shelf, "/totals", rom_id=rom) == [
        {
            "rom_id": rom,
            "duration_ms": 2000,
            "session_count": 2,
            "last_played": "2026-01-01T13:00:00+00:00",
        }
    ]


def test_a_hidden_rom_was_never_played(shelf: Shelf) -> None:
    send(shelf, entry(rom_id=shelf.rom))
    (told,) = fetch(shelf)
    shelf.home.hide(Entity.ROMS, shelf.rom, "ann")
    assert fetch(shelf) == fetch(shelf, "/totals") == []
    assert shelf.client.delete(f"{PLAYS}/{told['id']}").status_code == 404
    send(shelf, entry("12:00:00", "13:00:00", rom_id=shelf.rom))
    assert [each["rom_id"] for each in fetch(shelf)] == [None]
    assert props(shelf).last_played.isoformat() == "2026-01-01T11:00:00+00:00"


def test_a_session_is_forgotten_by_whose_it_is(shelf: Shelf) -> None:
    send(shelf, entry())
    path = f"{PLAYS}/{fetch(shelf)[0]['id']}"
    assert shelf.as_user("bob").client.delete(path).status_code == 404
    assert shelf.client.delete(path).status_code == 204
    answer: Any = shelf.client.delete(path)
    assert answer.status_code == 404
    assert answer.json()["detail"] == f"Play session {path.rpartition('/')[2]} not found"


def test_a_token_of_a_device_needs_no_name_of_it(shelf: Shelf) -> None:
    device = shelf.device()
    send(shelf, entry())
    made: Any = shelf.client.post(
        "/api/client-tokens",
        json={"name": "t", "scopes": ["roms.user.read", "roms.user.write"]},
    )
    shelf.home.bind(made.json()["id"], device)
    shelf.client.headers["Authorization"] = f"Bearer {made.json()['raw_token']}"
    assert statuses(send(shelf, entry())) == ["created"]
    assert [each["device_id"] for each in fetch(shelf)] == [device]
    assert len(fetch(shelf, device_id="*")) == 2
