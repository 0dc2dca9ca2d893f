"""Figures for Prometheus, and the ping."""

from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.testclient import TestClient

from tests.features.system.conftest import Start, login

HERE: dict[str, Any] = {"base_url": "http://localhost:8080", "client": ("127.0.0.1", 50000)}
"""How this machine itself asks."""


def scrape(client: TestClient, **options: Any) -> dict[tuple[str, frozenset[Any]], float]:
    """Every figure by its name and labels."""
    answer = client.get("/metrics", **options)
    assert answer.status_code == 200, answer.text
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def of(figures: dict[tuple[str, frozenset[Any]], float], name: str, **labels: str) -> float:
    return figures[name, frozenset(labels.items())]


@pytest.fixture
def here(client: TestClient) -> TestClient:
    return TestClient(client.app, **HERE)


def test_answers_are_counted_by_operation(client: TestClient, here: TestClient) -> None:
    for _ in range(3):
        client.get("/api/platforms", auth=login())
    client.get("/api/platforms")
    client.get("/api/roms/7", auth=login())
    client.get("/api/roms/8/", auth=login())
    client.get("/wp-login.php")
    figures = scrape(here)
    count = "romm_lite_http_requests_total"
    assert of(figures, count, operation="GET /api/platforms", status="200") == 3
    assert of(figures, count, operation="GET /api/platforms", status="401") == 1
    assert of(figures, count, operation="GET /api/roms/{id}", status="404") == 2
    assert of(figures, count, operation="other", status="404") == 1
    seconds = "romm_lite_http_request_seconds_count"
    assert of(figures, seconds, operation="GET /api/platforms") == 4


def test_the_library_is_counted(client: TestClient, here: TestClient) -> None:
    assert client.post("/api/platforms", json={"fs_slug": "snes"}, auth=login()).is_success
    figures = scrape(here)
    assert of(figures, "romm_lite_platforms") == 1
    assert of(figures, "romm_lite_roms") == 0
    assert of(figures, "romm_lite_users") == 1
    assert of(figures, "romm_lite_scans_running") == 0
    assert any(name == "romm_lite_info" for name, _ in figures)


def test_nobody_else_gets_them(client: TestClient, here: TestClient) -> None:
    assert client.get("/metrics", auth=login()).status_code == 403
    assert here.get("/metrics", headers={"X-Forwarded-For": "192.0.2.1"}).status_code == 403
    assert here.get("/metrics", headers={"Host": "romm.example"}).status_code == 403
    far = TestClient(client.app, base_url="http://localhost", client=("192.0.2.1", 50000))
    assert far.get("/metrics").status_code == 403


def test_a_token_opens_them(start: Start) -> None:
    client = start(romm_metrics_token="sesame-street")
    right = scrape(client, headers={"Authorization": "Bearer sesame-street"})
    assert of(right, "romm_lite_users") == 0
    for wrong in ("Bearer sesame", "Bearer ", "sesame street", ""):
        answer = client.get("/metrics", headers={"Authorization": wrong})
        assert answer.status_code == 403


def test_the_ping_is_answered(client: TestClient) -> None:
    answer = client.get("/ping")
    assert (answer.status_code, answer.text) == (200, "pong")
    assert client.get("/ping/").text == "pong"
