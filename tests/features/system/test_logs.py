"""The last lines of the log over HTTP."""

import logging
import time

from starlette.testclient import TestClient

from tests.features.system.conftest import Start, login, make_user

log = logging.getLogger("romm_lite.features.Scan")


def test_lines_are_told_oldest_first(client: TestClient) -> None:
    before = int(time.time() * 1000)
    log.warning("first %s", "line")
    log.error("Authorization: Bearer eyJhbGciOi.eyJzdWIiOi.c2ln")
    first, second = client.get("/api/logs", auth=login()).json()[-2:]
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
    message = client.get("/api/logs", auth=login()).json()[-1]["message"]
    assert message.startswith("It failed\nTraceback")
    assert message.endswith("ZeroDivisionError: division by zero")


def test_a_thousand_lines_are_kept(client: TestClient) -> None:
    for number in range(1010):
        log.warning("line %d", number)
    told = client.get("/api/logs", params={"limit": 5000}, auth=login()).json()
    assert [told[0]["message"], told[-1]["message"], len(told)] == ["line 10", "line 1009", 1000]
    few = client.get("/api/logs", params={"limit": 2}, auth=login()).json()
    assert [line["message"] for line in few] == ["line 1008", "line 1009"]
    assert len(client.get("/api/logs", params={"limit": 0}, auth=login()).json()) == 1


def test_they_can_be_switched_off(start: Start) -> None:
    client = start(disable_logs_viewer=True)
    make_user(client, "keeper", "admin")
    answer = client.get("/api/logs", auth=login())
    assert (answer.status_code, answer.json()) == (404, {"detail": "Logs viewer is disabled"})
