import re

import pytest
from starlette.testclient import TestClient

from romm_lite.features.system import pending
from romm_lite.kernel.errors import NotBuilt
from romm_lite.web.operations import Operation
from tests.features.system.conftest import Start, login, make_user

UNBUILT = [op for op in pending.router.operations if "not_built" in op.handler.__qualname__]
EMPTY = [op for op in pending.router.operations if op not in UNBUILT]


def path_of(operation: Operation) -> str:
    return re.sub(r"\{[^}]*\}", "1", operation.path)


def test_each_answers_501_to_who_may_call_it(client: TestClient) -> None:
    for operation in UNBUILT:
        answer = client.request(operation.method, path_of(operation), auth=login())
        assert answer.status_code == 501, operation.label
        assert answer.json() == {"detail": str(NotBuilt())}


def test_each_refuses_strangers_unless_it_is_public(client: TestClient) -> None:
    for operation in UNBUILT:
        answer = client.request(operation.method, path_of(operation))
        assert answer.status_code == (501 if operation.public else 401), operation.label


def test_each_refuses_whom_it_is_not_for(client: TestClient) -> None:
    make_user(client, "visitor", "viewer", auth=login())
    allowed = set(client.get("/api/users/me", auth=login("visitor")).json()["oauth_scopes"])
    for operation in UNBUILT:
        answer = client.request(operation.method, path_of(operation), auth=login("visitor"))
        expected = 501 if allowed.issuperset(operation.scopes) else 403
        assert answer.status_code == expected, operation.label


@pytest.mark.parametrize(
    "path",
    ["collections", "collections/smart", "collections/virtual?type=all", "collections/identifiers",
     "collections/smart/identifiers", "collections/virtual/identifiers", "saves",
     "saves/identifiers", "states", "states/identifiers", "tasks/status"],
)  # fmt: skip
def test_what_clients_ask_at_every_start_is_empty(path: str, client: TestClient) -> None:
    answer = client.get(f"/api/{path}", auth=login())
    assert (answer.status_code, answer.json()) == (200, [])


def test_feeds_are_open_when_downloads_are(start: Start) -> None:
    client = start(disable_download_endpoint_auth=True)
    make_user(client, "keeper", "admin")
    assert client.get("/api/feeds/tinfoil").status_code == 501
    assert client.get("/api/logs").status_code == 401
