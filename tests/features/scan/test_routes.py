"""Scans over HTTP."""

from collections.abc import Iterator
from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any

import pytest
from starlette.testclient import TestClient
from starlette.types import Receive, Scope, Send

from romm_lite.features.scan.follow_up import FollowUps
from romm_lite.features.scan.routes import router
from romm_lite.web.table import OperationTable
from tests.features.scan.conftest import Shelf, wait_for


@pytest.fixture
def client(shelf: Shelf) -> Iterator[TestClient]:
    """A client that may do what the header ``scopes`` says."""
    table = OperationTable(
        router.operations,
        {
            "database": lambda _request: nullcontext(shelf.database),
            "settings": lambda _request: nullcontext(shelf.settings),
        },
    )

    async def identified(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            scopes = dict(scope["headers"]).get(b"scopes", b"").decode().split()
            scope["auth"] = SimpleNamespace(scopes=scopes)
            scope["user"] = SimpleNamespace(is_authenticated=True)
        await table(scope, receive, send)

    with FollowUps(shelf.settings, shelf.database):
        yield TestClient(identified, headers={"scopes": "tasks.run"})


def read(client: TestClient, path: str) -> Any:
    answer = client.get(path)
    assert answer.status_code == 200
    return answer.json()


def test_a_scan_is_started_watched_and_listed(shelf: Shelf, client: TestClient) -> None:
    shelf.put("roms/snes/Moss.sfc")
    answer = client.post("/api/scans", json={"type": "Complete", "platforms": ["snes"]})
    assert answer.status_code == 202
    started = answer.json()
    assert (started["type"], started["platforms"]) == ("complete", ["snes"])
    assert (started["status"], started["ended_at"]) == ("waiting", None)
    path = f"/api/scans/{started['id']}"
    wait_for(lambda: read(client, path)["status"] == "done")
    (run,) = read(client, "/api/scans")
    assert run == read(client, path)
    assert (run["stats"]["new_roms"], run["problems"], run["message"]) == (1, [], None)
    assert run["progress"] == {"files": 1, "files_total": 1, "bytes": 7, "bytes_total": 7}
    assert next(iter(run["stats"])) == "total_platforms"
    assert run["ended_at"].endswith("+00:00")


def test_a_scan_is_stopped_and_a_second_waits_for_it(shelf: Shelf, client: TestClient) -> None:
    shelf.put_huge("roms/snes/huge.sfc")
    started = client.post("/api/scans", json={}).json()
    assert started["type"] == "quick"
    path = f"/api/scans/{started['id']}"
    wait_for(lambda: read(client, path)["phase"] == "hashes")
    second = client.post("/api/scans", json={}).json()
    assert second["status"] == "waiting"
    other = f"/api/scans/{second['id']}"
    assert client.post(f"{other}/stop").json()["status"] == "stopped"
    assert client.post(f"{path}/stop").json()["status"] == "stopping"
    wait_for(lambda: read(client, path)["status"] == "stopped")


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"type": "everything"}, "Invalid scan type: everything"),
        ({"type": "files"}, "Invalid scan type: files"),
        ({"platform_ids": [4711]}, "no platform with one of these ids"),
        ({"platforms": ["nse"]}, "nse"),
    ],
)
def test_nonsense_is_refused(
    shelf: Shelf, client: TestClient, body: dict[str, Any], said: str
) -> None:
    shelf.put("roms/snes/Moss.sfc")
    answer = client.post("/api/scans", json=body)
    assert answer.status_code == 400
    assert said in answer.json()["detail"]


def test_platforms_and_games_are_named_by_ids(shelf: Shelf, client: TestClient) -> None:
    shelf.put("roms/snes/Moss.sfc")
    shelf.put("roms/nes/Fern.nes")
    shelf.scan_well()
    platform, rom = shelf.platforms()["nes"].id, shelf.roms()["Moss.sfc"].id
    body = {"type": "hashes", "platform_ids": [platform], "platforms": ["snes"]}
    started = client.post("/api/scans", json=body).json()
    assert (started["platforms"], started["rom_ids"]) == (["nes", "snes"], None)
    chosen = client.post("/api/scans", json={"rom_ids": [rom, rom]}).json()
    assert (chosen["platforms"], chosen["rom_ids"]) == (None, [rom])
    path = f"/api/scans/{chosen['id']}"
    wait_for(lambda: read(client, path)["status"] == "done")
    assert read(client, path)["stats"]["scanned_roms"] == 1


def test_an_unknown_scan_is_404(client: TestClient) -> None:
    assert client.get("/api/scans/7").status_code == 404
    assert client.post("/api/scans/7/stop").status_code == 404


def test_the_scope_is_needed(client: TestClient) -> None:
    for method, path in [("GET", ""), ("POST", ""), ("GET", "/1"), ("POST", "/1/stop")]:
        answer = client.request(method, f"/api/scans{path}", headers={"scopes": "roms.read"})
        assert answer.status_code == 403
