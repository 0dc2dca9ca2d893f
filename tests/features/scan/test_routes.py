"""Scans over HTTP."""

from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any

import pytest
from starlette.testclient import TestClient
from starlette.types import Receive, Scope, Send

from romm_lite.features.scan.routes import router
from romm_lite.web.table import OperationTable
from tests.features.scan.conftest import Shelf, wait_for


@pytest.fixture
def client(shelf: Shelf) -> TestClient:
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

    return TestClient(identified, headers={"scopes": "tasks.run"})


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
    assert (started["status"], started["ended_at"]) == ("queued", None)
    path = f"/api/scans/{started['id']}"
    wait_for(lambda: read(client, path)["status"] == "done")
    (run,) = read(client, "/api/scans")
    assert run == read(client, path)
    assert (run["stats"]["new_roms"], run["problems"], run["message"]) == (1, [], None)
    assert run["progress"] == {"files": 1, "files_total": 1, "bytes": 7, "bytes_total": 7}
    assert next(iter(run["stats"])) == "total_platforms"
    assert run["ended_at"].endswith("+00:00")


def test_a_scan_is_stopped_and_a_second_refused(shelf: Shelf, client: TestClient) -> None:
    shelf.put_huge("roms/snes/huge.sfc")
    started = client.post("/api/scans", json={}).json()
    assert started["type"] == "quick"
    path = f"/api/scans/{started['id']}"
    wait_for(lambda: read(client, path)["phase"] == "hashes")
    second = client.post("/api/scans", json={})
    assert second.status_code == 409
    assert "already running" in second.json()["detail"]
    assert client.post(f"{path}/stop").json()["status"] == "stopping"
    wait_for(lambda: read(client, path)["status"] == "stopped")


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"type": "everything"}, "Invalid scan type: everything"),
        ({"type": "hashes"}, "not available yet"),
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


def test_an_unknown_scan_is_404(client: TestClient) -> None:
    assert client.get("/api/scans/7").status_code == 404
    assert client.post("/api/scans/7/stop").status_code == 404


def test_the_scope_is_needed(client: TestClient) -> None:
    for method, path in [("GET", ""), ("POST", ""), ("GET", "/1"), ("POST", "/1/stop")]:
        answer = client.request(method, f"/api/scans{path}", headers={"scopes": "roms.read"})
        assert answer.status_code == 403
