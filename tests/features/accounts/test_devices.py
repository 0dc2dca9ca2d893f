"""The devices of a user."""

import hashlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from threading import Barrier
from typing import Any

import pytest
from sqlalchemy import ColumnElement, func, select, update
from sqlmodel import Session
from starlette.testclient import TestClient

from romm_lite.features.accounts import devices
from romm_lite.kernel.scopes import Role
from romm_lite.kernel.times import now
from romm_lite.tables.assets import SAVES, Save
from romm_lite.tables.devices import (
    CLIENT_TOKENS,
    DEVICE_SAVE_SYNC,
    DEVICES,
    PLAY_SESSIONS,
    SYNC_SESSIONS,
    ClientToken,
    Device,
    DeviceSaveSync,
    PlaySession,
    SyncSession,
)
from romm_lite.tables.platforms import Platform
from romm_lite.tables.roms import Rom
from romm_lite.tables.users import USERS
from romm_lite.wire.devices import MASK
from tests.features.accounts.conftest import PASSWORD, Build, House, bearer

URL = "/api/devices"
LOGIN = ("ann", PASSWORD)
MAC = "AA:BB:CC:00:11:22"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
CONFIG = {"ssh_host": "deck.lan", "ssh_password": "hunter2", "ssh_key_path": "deck.pem"}
MASKED = {"ssh_host": "deck.lan", "ssh_password": MASK, "ssh_key_path": MASK}
ADMIN_ONLY = (403, {"detail": "Administrator privileges required"})


def handheld(
    house: House, username: str = "ann", scope: str = "devices.read devices.write"
) -> TestClient:
    """A client of this user."""
    client = house.client()
    client.headers.update(bearer(house.tokens(username, scope)["access_token"]))
    return client


def register(client: TestClient, /, **body: Any) -> str:
    """The id of a device that was made now."""
    answer = client.post(URL, json=body)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["device_id"])


def read(client: TestClient, device_id: str) -> dict[str, Any]:
    answer = client.get(f"{URL}/{device_id}")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def put(client: TestClient, device_id: str, /, **body: Any) -> tuple[int, Any]:
    answer = client.put(f"{URL}/{device_id}", json=body)
    return answer.status_code, answer.json()


def stored_config(house: House, device_id: str) -> Any:
    with house.database.read() as session:
        query = select(DEVICES.c.sync_config).where(DEVICES.c.id == device_id)
        return session.scalar(query)


def count(house: House, condition: ColumnElement[bool]) -> int:
    with house.database.read() as session:
        return int(session.scalar(select(func.count()).where(condition)) or 0)


def test_a_device_that_registers_is_kept_as_it_was_sent(every_house: House) -> None:
    client = handheld(every_house)
    sent = {
        "name": "Anns Löwe 🎮", "platform": "muOS", "client": "grout", "client_version": "5.1.0.0",
        "ip_address": "fe80::1", "mac_address": MAC, "hostname": "muos",
    }  # fmt: skip
    answer = client.post(URL, json=sent)
    assert answer.status_code == 201
    assert set(answer.json()) == {"device_id", "name", "created_at"}
    assert answer.json()["name"] == "Anns Löwe 🎮"
    (found,) = client.get(URL).json()
    assert {name: found[name] for name in sent} == sent
    assert found["id"] == answer.json()["device_id"]
    assert found["created_at"] == answer.json()["created_at"]
    assert (found["sync_mode"], found["sync_enabled"], found["sync_config"]) == ("api", True, None)
    assert found["client_device_identifier"] is None
    assert found["user_id"] == every_house.client().get("/api/users/me", auth=LOGIN).json()["id"]
    assert found["last_seen"] is not None
    assert read(client, found["id"]) == found


def test_nothing_has_to_be_told(house: House) -> None:
    answer = handheld(house).post(URL, json={})
    assert (answer.status_code, answer.json()["name"]) == (201, None)


def test_a_known_mac_address_is_the_same_device(every_house: House) -> None:
    client = handheld(every_house)
    first = client.post(URL, json={"name": "Deck", "mac_address": MAC})
    before = read(client, first.json()["device_id"])
    again = client.post(URL, json={"name": "New", "client_version": "2", "mac_address": MAC})
    assert (again.status_code, again.json()) == (200, first.json())
    after = read(client, first.json()["device_id"])
    assert (after["name"], after["client_version"]) == ("Deck", None)
    assert after["last_seen"] > before["last_seen"]
    assert len(client.get(URL).json()) == 1


@pytest.mark.parametrize("written", ["aa:bb:cc:00:11:22", "AA-BB-CC-00-11-22", "aabbcc001122"])
def test_a_mac_address_may_be_written_in_other_ways(house: House, written: str) -> None:
    client = handheld(house)
    device_id = register(client, mac_address=MAC)
    assert client.post(URL, json={"mac_address": written}).json()["device_id"] == device_id
    assert read(client, device_id)["mac_address"] == MAC


def test_host_name_and_platform_together_are_the_same_device(every_house: House) -> None:
    client = handheld(every_house)
    device_id = register(client, hostname="deck", platform="linux")
    again = client.post(URL, json={"hostname": "deck", "platform": "linux"})
    assert (again.status_code, again.json()["device_id"]) == (200, device_id)
    empty = {"hostname": "deck", "platform": "linux", "mac_address": ""}
    assert client.post(URL, json=empty).json()["device_id"] == device_id


@pytest.mark.parametrize(
    "body",
    [
        {"hostname": "deck"},
        {"platform": "linux"},
        {"hostname": "deck", "platform": "windows"},
        {"hostname": "deck", "platform": ""},
        {"name": "Deck"},
        {"hostname": "deck", "platform": "linux", "mac_address": "00:00:00:00:00:01"},
    ],
)
def test_less_than_that_is_another_device(house: House, body: dict[str, str]) -> None:
    client = handheld(house)
    first = register(client, name="Deck", hostname="deck", platform="linux", mac_address=MAC)
    assert register(client, **body) != first


def test_one_machine_is_a_device_of_each_of_its_users(house: House) -> None:
    register(handheld(house, "ann"), mac_address=MAC)
    register(handheld(house, "root"), mac_address=MAC)


def test_a_known_device_can_be_asked_to_be_a_conflict(house: House) -> None:
    client = handheld(house)
    device_id = register(client, mac_address=MAC)
    answer = client.post(URL, json={"mac_address": MAC, "allow_existing": False})
    assert answer.status_code == 409
    assert answer.json() == {
        "detail": {
            "error": "device_exists",
            "message": "A device with this fingerprint already exists",
            "device_id": device_id,
        }
    }
    register(client, mac_address="00:00:00:00:00:01", allow_existing=False)


@pytest.mark.parametrize("allow_existing", [True, False])
def test_a_duplicate_is_made_when_it_is_asked_for(house: House, allow_existing: bool) -> None:
    client = handheld(house)
    first = register(client, mac_address=MAC)
    body = {"mac_address": MAC, "allow_duplicate": True, "allow_existing": allow_existing}
    assert register(client, **body) != first
    assert client.post(URL, json={"mac_address": MAC}).json()["device_id"] == first


def test_of_two_that_register_at_once_one_makes_the_device(every_house: House) -> None:
    clients = [handheld(every_house) for _ in range(4)]
    for number in range(3):
        start = Barrier(len(clients))

        def ask(
            client: TestClient, start: Barrier = start, number: int = number
        ) -> tuple[int, str]:
            start.wait()
            answer = client.post(URL, json={"mac_address": f"00:00:00:00:00:0{number}"})
            return answer.status_code, answer.json()["device_id"]

        with ThreadPoolExecutor(len(clients)) as pool:
            answers = list(pool.map(ask, clients))
        assert sorted(status for status, _ in answers) == [200, 200, 200, 201]
        assert len({device_id for _, device_id in answers}) == 1
    assert len(clients[0].get(URL).json()) == 3


LIMITS = {
    "name": 255, "platform": 50, "client": 50, "client_version": 50, "ip_address": 45,
    "mac_address": 17, "hostname": 255,
}  # fmt: skip


def test_texts_may_be_as_long_as_their_columns(every_house: House) -> None:
    client = handheld(every_house)
    sent = {name: "é" * longest for name, longest in LIMITS.items()}
    found = read(client, register(client, **sent))
    assert {name: found[name] for name in sent} == sent


@pytest.mark.parametrize(
    "body",
    [
        *({name: "x" * (longest + 1)} for name, longest in LIMITS.items()),
        {"name": "with\0nul"},
        {"name": 5},
        {"sync_mode": "telepathy"},
        {"sync_config": "text"},
        {"sync_config": {"ssh_key_path": "/etc/passwd"}},
        {"sync_config": {"port": 2**64 - 1}},
        {"sync_config": {"x": "y" * 20_000}},
    ],
)
def test_what_cannot_be_kept_is_refused_and_changes_nothing(
    house: House, body: dict[str, Any]
) -> None:
    client = handheld(house, "root")
    device_id = register(client, name="Deck")
    before = read(client, device_id)
    assert client.post(URL, json=body).status_code == 422
    assert put(client, device_id, **body)[0] == 422
    assert client.get(URL).json() == [before]


@pytest.mark.parametrize(
    "config", [b'{"a":"\\ud800"}', b'{"\\ud800":1}', b'{"a":' * 900 + b"1" + b"}" * 900]
)
def test_odd_json_is_refused(house: House, config: bytes) -> None:
    client = handheld(house, "root")
    answer = client.post(URL, content=b'{"sync_config":' + config + b"}")
    assert answer.status_code == 422
    assert client.get(URL).json() == []


def test_a_refusal_does_not_quote_secrets(house: House) -> None:
    client = handheld(house, "root")
    config = {"ssh_password": "hunter2", "ssh_key_path": "../secret-key"}
    assert "hunter2" not in client.post(URL, json={"sync_config": config}).text


def test_no_mode_is_api(house: House) -> None:
    client = handheld(house)
    device_id = register(client, sync_mode=None)
    assert read(client, device_id)["sync_mode"] == "api"
    other = register(client, sync_mode="file_transfer")
    assert read(client, other)["sync_mode"] == "file_transfer"


def find_user(session: Session, username: str = "ann") -> int:
    return int(session.scalars(select(USERS.c.id).where(USERS.c.username == username)).one())


def sync_rows(house: House, *device_ids: str) -> None:
    """A save of ann's each of these devices has, was the first to send, and played with."""
    with house.database.write() as session:
        user_id = find_user(session)
        platform = Platform(slug="snes", fs_slug="snes", name="SNES")
        session.add(platform)
        session.flush()
        assert platform.id is not None
        rom = Rom(
            platform_id=platform.id, fs_name="a.sfc", fs_name_no_tags="a", fs_name_no_ext="a",
            fs_extension="sfc", fs_path="roms/snes", name="a", name_sort_key="a",
        )  # fmt: skip
        session.add(rom)
        session.flush()
        assert rom.id is not None
        for number, device_id in enumerate(device_ids):
            save = Save(
                rom_id=rom.id, user_id=user_id, file_name=f"{number}.sav", file_name_no_tags="a",
                file_name_no_ext="a", file_path="x", origin_device_id=device_id,
            )  # fmt: skip
            round_ = SyncSession(
                device_id=device_id, user_id=user_id, status="COMPLETED", initiated_at=now()
            )
            session.add_all([save, round_])
            session.flush()
            assert save.id is not None
            play = PlaySession(
                user_id=user_id, device_id=device_id, rom_id=rom.id, sync_session_id=round_.id,
                start_time=now(), end_time=now(), duration_ms=5,
            )  # fmt: skip
            sync = DeviceSaveSync(device_id=device_id, save_id=save.id, last_synced_at=now())
            session.add_all([sync, play])


def add_token(house: House, device_id: str | None, word: str) -> str:
    """A client token of ann, bound to a device or to none."""
    raw = "rmm_" + word * (64 // len(word))
    hashed = hashlib.sha256(raw.encode()).hexdigest()
    with house.database.write() as session:
        token = ClientToken(
            user_id=find_user(session), device_id=device_id, name=word, hashed_token=hashed,
            scopes="devices.read devices.write roms.read",
        )  # fmt: skip
        session.add(token)
    return raw


def test_what_a_device_has_of_saves_is_forgotten_when_it_asks(every_house: House) -> None:
    client = handheld(every_house)
    mine = register(client, mac_address=MAC)
    other = register(client)
    sync_rows(every_house, mine, other)
    client.post(URL, json={"mac_address": MAC})
    assert count(every_house, DEVICE_SAVE_SYNC.c.device_id == mine) == 1
    assert client.post(URL, json={"mac_address": MAC, "reset_syncs": True}).status_code == 200
    assert count(every_house, DEVICE_SAVE_SYNC.c.device_id == mine) == 0
    assert count(every_house, DEVICE_SAVE_SYNC.c.device_id == other) == 1
    assert count(every_house, SYNC_SESSIONS.c.device_id == mine) == 1


def test_there_are_at_most_so_many_devices(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "MOST_DEVICES", 2)
    house.login(client=house.client(agent=FIREFOX))
    client = handheld(house)
    first = register(client, mac_address=MAC)
    second = register(client)
    answer = client.post(URL, json={"name": "third"})
    assert answer.status_code == 400
    assert answer.json() == {"detail": "Maximum of 2 devices per user reached"}
    assert client.post(URL, json={"mac_address": MAC}).json()["device_id"] == first
    register(handheld(house, "root"))
    client.delete(f"{URL}/{second}")
    register(client, name="third")


def test_browsers_are_devices_too(house: House) -> None:
    house.login(client=house.client(agent=FIREFOX))
    (found,) = handheld(house).get(URL).json()
    assert (found["name"], found["platform"]) == ("Firefox on Linux", "Web")
    assert found["client_device_identifier"] is not None


def test_a_list_has_the_oldest_first_and_nobody_elses(house: House) -> None:
    client = handheld(house)
    register(handheld(house, "root"))
    ids = [register(client, name=name) for name in ("b", "a", "c")]
    assert [found["id"] for found in client.get(URL).json()] == ids


@pytest.mark.parametrize("device_id", ["nothing", "é 1", "0", "x" * 300])
def test_an_unknown_device_is_named_as_it_was_asked_for(house: House, device_id: str) -> None:
    client = handheld(house)
    unknown = {"detail": f"Device with ID {device_id} not found"}
    for answer in (
        client.get(f"{URL}/{device_id}"),
        client.put(f"{URL}/{device_id}", json={"name": "x"}),
        client.delete(f"{URL}/{device_id}"),
    ):
        assert (answer.status_code, answer.json()) == (404, unknown)


def test_devices_of_others_do_not_exist(house: House) -> None:
    theirs = register(handheld(house, "ann"), name="Deck")
    admin = handheld(house, "root")
    unknown = {"detail": f"Device with ID {theirs} not found"}
    assert admin.get(f"{URL}/{theirs}").json() == unknown
    assert put(admin, theirs, name="mine now") == (404, unknown)
    assert admin.delete(f"{URL}/{theirs}").json() == unknown
    assert read(handheld(house, "ann"), theirs)["name"] == "Deck"


def test_only_what_is_given_changes(every_house: House) -> None:
    client = handheld(every_house)
    device_id = register(client, name="Deck", platform="linux", mac_address=MAC)
    before = read(client, device_id)
    status, after = put(client, device_id, name="Desk", sync_enabled=False, sync_mode="api")
    assert status == 200
    assert {name for name in after if after[name] != before[name]} == {
        "name", "sync_enabled", "updated_at"
    }  # fmt: skip
    assert (after["name"], after["sync_enabled"]) == ("Desk", False)
    assert datetime.fromisoformat(after["updated_at"]) > datetime.fromisoformat(
        before["updated_at"]
    )
    assert read(client, device_id) == after


def test_nothing_given_changes_nothing(house: House) -> None:
    client = handheld(house)
    before = read(client, register(client, name="Deck"))
    assert put(client, before["id"]) == (200, before)


def test_every_text_can_be_changed_and_cleared(house: House) -> None:
    client = handheld(house)
    device_id = register(client)
    for name in LIMITS:
        assert put(client, device_id, **{name: "new"})[1][name] == "new"
        assert put(client, device_id, **{name: None})[1][name] is None


def test_a_config_can_be_cleared(every_house: House) -> None:
    client = handheld(every_house, "root")
    device_id = register(client, sync_config=CONFIG)
    assert put(client, device_id, sync_config=None)[1]["sync_config"] is None
    assert stored_config(every_house, device_id) is None


@pytest.mark.parametrize("name", ["sync_mode", "sync_enabled"])
def test_null_is_refused_where_something_must_be(house: House, name: str) -> None:
    client = handheld(house)
    before = read(client, register(client, name="Deck"))
    status, answer = put(client, before["id"], **{name: None}, hostname="deck")
    assert status == 422
    assert answer["detail"][0]["loc"] == ["body", name]
    assert read(client, before["id"]) == before


def test_secrets_are_told_to_nobody(every_house: House) -> None:
    client = handheld(every_house, "root")
    device_id = register(client, sync_mode="push_pull", sync_config=CONFIG)
    assert read(client, device_id)["sync_config"] == MASKED
    assert client.get(URL).json()[0]["sync_config"] == MASKED
    assert put(client, device_id, name="Deck")[1]["sync_config"] == MASKED
    assert stored_config(every_house, device_id) == CONFIG


def test_a_device_can_be_read_changed_and_written_back(every_house: House) -> None:
    client = handheld(every_house, "root")
    device_id = register(client, sync_mode="push_pull", sync_config=CONFIG)
    found = read(client, device_id)
    found["sync_config"]["ssh_host"] = "other.lan"
    status, after = put(client, device_id, **found)
    assert (status, after["sync_config"]) == (200, {**MASKED, "ssh_host": "other.lan"})
    assert stored_config(every_house, device_id) == {**CONFIG, "ssh_host": "other.lan"}


def test_only_administrators_have_the_server_call_a_device(house: House) -> None:
    client = handheld(house)
    device_id = register(client)
    for body in ({"sync_mode": "push_pull"}, {"sync_config": {"ssh_host": "victim"}}):
        answer = client.post(URL, json=body)
        assert (answer.status_code, answer.json()) == ADMIN_ONLY
        assert put(client, device_id, name="x", **body) == ADMIN_ONLY
    (found,) = client.get(URL).json()
    assert (found["name"], found["sync_mode"], found["sync_config"]) == (None, "api", None)


@pytest.fixture
def former(house: House) -> tuple[TestClient, str]:
    """Somebody who set up SSH as an administrator and is none any more, and their device."""
    house.add("former", Role.ADMIN)
    client = handheld(house, "former")
    body = {"sync_mode": "push_pull", "sync_config": CONFIG, "mac_address": MAC}
    device_id = register(client, **body)
    with house.database.write() as session:
        named = USERS.c.username == "former"
        session.execute(update(USERS).where(named).values(role=Role.USER, permission_group_id=1))
    return client, device_id


def test_what_an_administrator_set_up_may_be_sent_again(former: tuple[TestClient, str]) -> None:
    client, device_id = former
    found = read(client, device_id)
    assert put(client, device_id, **{**found, "name": "Deck"})[0] == 200
    assert put(client, device_id, sync_config=CONFIG)[0] == 200
    known = {"mac_address": MAC, "sync_mode": "push_pull", "sync_config": CONFIG}
    assert client.post(URL, json=known).status_code == 200


@pytest.mark.parametrize(
    "config",
    [{**MASKED, "ssh_host": "victim"}, {"ssh_host": "deck.lan"}, {**MASKED, "ssh_key_path": "x"}],
)
def test_what_an_administrator_set_up_may_not_be_changed(
    former: tuple[TestClient, str], house: House, config: dict[str, str]
) -> None:
    client, device_id = former
    assert put(client, device_id, sync_config=config) == ADMIN_ONLY
    assert stored_config(house, device_id) == CONFIG


def test_anybody_may_have_it_stopped_but_not_begun_again(former: tuple[TestClient, str]) -> None:
    client, device_id = former
    assert put(client, device_id, sync_mode="api", sync_config=None)[0] == 200
    assert put(client, device_id, sync_mode="push_pull") == ADMIN_ONLY
    assert put(client, device_id, sync_config=CONFIG) == ADMIN_ONLY


def test_a_removed_device_takes_its_syncing_along_and_leaves_the_rest(every_house: House) -> None:
    house = every_house
    client = handheld(house)
    gone, kept = register(client), register(client)
    sync_rows(house, gone, kept)
    bound = add_token(house, gone, "a")
    for device_id, word in ((kept, "b"), (None, "c")):
        add_token(house, device_id, word)
    answer = client.delete(f"{URL}/{gone}")
    assert (answer.status_code, answer.content) == (204, b"")
    assert [found["id"] for found in client.get(URL).json()] == [kept]
    for column in (DEVICE_SAVE_SYNC.c.device_id, SYNC_SESSIONS.c.device_id):
        assert (count(house, column == gone), count(house, column == kept)) == (0, 1)
    with house.database.read() as session:
        origins = session.scalars(select(SAVES.c.origin_device_id).order_by(SAVES.c.id)).all()
        query = select(PLAY_SESSIONS.c.device_id, PLAY_SESSIONS.c.sync_session_id)
        played = session.execute(query.order_by(PLAY_SESSIONS.c.id)).all()
        names = session.scalars(select(CLIENT_TOKENS.c.name).order_by(CLIENT_TOKENS.c.name)).all()
    assert origins == [None, kept]
    assert played[0] == (None, None)
    assert (played[1].device_id, played[1].sync_session_id is None) == (kept, False)
    assert names == ["b", "c"]
    assert house.client().get(URL, headers=bearer(bound)).status_code == 401


def test_a_device_can_remove_itself_once(house: House) -> None:
    device_id = register(handheld(house))
    client = house.client(headers=bearer(add_token(house, device_id, "a")))
    assert client.delete(f"{URL}/{device_id}").status_code == 204
    assert client.delete(f"{URL}/{device_id}").status_code == 401
    assert handheld(house).delete(f"{URL}/{device_id}").status_code == 404


def test_removing_a_browser_logs_it_out(house: House) -> None:
    one = house.login(client=house.client(agent=FIREFOX))
    two = house.login(client=house.client(agent=FIREFOX))
    device_id = one.get("/api/users/me").json()["current_device_id"]
    assert handheld(house).delete(f"{URL}/{device_id}").status_code == 204
    assert one.get("/api/users/me").status_code == 401
    assert two.get("/api/users/me").status_code == 200
    again = house.login(client=one).get("/api/users/me").json()["current_device_id"]
    assert again in [found["id"] for found in handheld(house).get(URL).json()]


def test_each_operation_needs_its_scope(house: House) -> None:
    device_id = register(handheld(house))
    asks: list[tuple[str, Callable[[TestClient], Any]]] = [
        ("devices.read", lambda client: client.get(URL)),
        ("devices.read", lambda client: client.get(f"{URL}/{device_id}")),
        ("devices.write", lambda client: client.post(URL, json={})),
        ("devices.write", lambda client: client.put(f"{URL}/{device_id}", json={})),
        ("devices.write", lambda client: client.delete(f"{URL}/{device_id}")),
    ]
    for needed, ask in asks:
        other = "devices.read" if needed == "devices.write" else "devices.write"
        assert ask(handheld(house, scope=other)).status_code == 403
        assert ask(house.client(headers=bearer("nonsense"))).status_code == 401
        assert ask(handheld(house, scope=needed)).status_code < 300


def test_a_visitor_has_no_devices(build: Build) -> None:
    house = build(kiosk_mode=True)
    house.add("ann")
    register(handheld(house))
    assert house.client().get(URL).json() == []
    assert house.client().post(URL, json={}, headers={}).status_code == 403


def test_devices_and_what_they_did_go_with_their_user(every_house: House) -> None:
    sync_rows(every_house, register(handheld(every_house)))
    with every_house.database.read() as session:
        user_id = find_user(session)
    answer = every_house.client().delete(f"/api/users/{user_id}", auth=("root", PASSWORD))
    assert answer.status_code == 200, answer.text
    with every_house.database.read() as session:
        for table in (DEVICES, DEVICE_SAVE_SYNC, SYNC_SESSIONS, PLAY_SESSIONS, SAVES):
            assert session.scalar(select(func.count()).select_from(table)) == 0


def test_a_device_says_nothing_of_its_secrets_when_it_is_printed() -> None:
    assert "hunter2" not in repr(Device(id="1", user_id=1, sync_config=CONFIG))
