"""The pages in a real browser: they work offline, without an error on the console."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Route

from tests.e2e.conftest import Home, Server, create_admin, make_home


@dataclass
class Visit:
    """A page as a browser saw it: complaints on its console, and requests to other hosts."""

    page: Page
    complaints: list[str] = field(default_factory=list)
    abroad: list[str] = field(default_factory=list)


@pytest.fixture(scope="module", params=["", "/romm"], ids=["root", "sub-path"])
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    home: Home = make_home(tmp_path_factory.mktemp("pages"), ROMM_ROOT_PATH=request.param)
    create_admin(home)
    with home.serve() as running:
        yield running


def open_page(browser: Browser, server: Server, path: str) -> Visit:
    visit = Visit(browser.new_page())
    visit.page.on(
        "console", lambda said: visit.complaints.append(said.text) if said.type == "error" else None
    )
    visit.page.on("pageerror", lambda error: visit.complaints.append(str(error)))
    host = server.url.split("/")[2]

    def look(route: Route) -> None:
        if host in route.request.url or route.request.url.startswith("data:"):
            route.continue_()
        else:
            visit.abroad.append(route.request.url)
            route.abort()

    visit.page.route("**/*", look)
    visit.page.goto(server.url + path, wait_until="networkidle")
    return visit


def keep_picture(page: Page, name: str) -> None:
    """A screenshot where TEST_SCREENSHOTS says, to be looked at."""
    if folder := os.environ.get("TEST_SCREENSHOTS"):
        page.screenshot(path=Path(folder) / f"{name}.png")


def test_the_root_leads_to_the_description(browser: Browser, server: Server) -> None:
    visit = open_page(browser, server, "/")
    keep_picture(visit.page, "root")
    visit.page.get_by_role("link", name="The API, described").click()
    visit.page.locator("#operations-system-get_heartbeat").wait_for()
    assert (visit.complaints, visit.abroad) == ([], [])


@pytest.mark.parametrize("path", ["/api/docs", "/api/redoc"])
def test_the_description_works_offline(path: str, browser: Browser, server: Server) -> None:
    visit = open_page(browser, server, path)
    visit.page.locator("#operations-roms-get_roms").wait_for()
    keep_picture(visit.page, path.rpartition("/")[2])
    assert (visit.complaints, visit.abroad) == ([], [])


def test_an_operation_can_be_tried_from_the_description(browser: Browser, server: Server) -> None:
    visit = open_page(browser, server, "/api/docs")
    operation = visit.page.locator("#operations-system-get_heartbeat")
    operation.locator(".opblock-summary").click()
    operation.get_by_role("button", name="Try it out").click()
    operation.get_by_role("button", name="Execute").click()
    answer = operation.locator(".live-responses-table .response .microlight").first
    answer.wait_for()
    assert "5.2.0" in answer.inner_text()
    assert (visit.complaints, visit.abroad) == ([], [])
