"""The last lines of the log over HTTP."""

import logging
import time
from typing import Any

from starlette.testclient import TestClient

from tests.features.system.conftest import Start, login, make_user

log = logging.getLogger("romm_lite.features.Scan")


def ask(client: TestClient, **query: int) -> list[dict[str, Any]]:
    lines: list[dict[str, Any]] = client.get("/api/logs", params=query, auth=login()).json()
    return lines


def ask_own(client: TestClient) -> list[dict[str, Any]]:
    """The lines that these tests have logged, for other threads of the server log as well."""
    return [line for line in ask(client) if line["module"] == "features.scan"]


def test_lines_are_told_oldest_first(client: TestClient) -> None:
    before = int(time.time() * 1000)
    log.warning("first %s", "line")
    log.error("Authorization: Bearer eyJhbGciOi.eyJzdWIiOi.c2ln")
    first, second = ask_own(client)
    assert list(first) == ["ts", "level", "module", "message"]
    assert first | {"ts": 0} == {
        "ts": 0,
        "level": "WARNING",
        "module": "features.scan",
        "message": "first line",
    }
    assert before <= first["ts"] <= second["ts"]
    assert second["message"] == "Authorization: Bearer ***"


def test_what_went_wrong_is_told_whole(client: TestClient) -> None:
    try:
        _ = 1 / 0
    except ZeroDivisionError:
        log.exception("It failed")
    message = ask_own(client)[-1]["message"]
    assert message.startswith("It failed\nTraceback")
    assert message.endswith("ZeroDivisionError: division by zero")


def test_a_thousand_lines_are_kept(client: TestClient) -> None:
    for number in range(1010):
        log.warning("line %d", number)
    told = ask(client, limit=5000)
    own = [line["message"] for line in ask_own(client)]
    assert len(told) == 1000
    assert (own[-1], "line 0" in own, "line 500" in own) == ("line 1009", False, True)
    assert len(ask(client, limit=2)) == 2
    assert len(ask(client, limit=0)) == 1


def test_they_can_be_switched_off(start: Start) -> None:
    client = start(disable_logs_viewer=True)
    make_user(client, "keeper", "admin")
    answer = client.get("/api/logs", auth=login())
    assert (answer.status_code, answer.json()) == (404, {"detail": "Logs viewer is disabled"})
