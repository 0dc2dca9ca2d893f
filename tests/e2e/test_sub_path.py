"""The whole program under a sub-path, as behind a proxy that shows it at ``/romm``."""

import re
from collections.abc import Iterator

import httpx
import pytest

from tests.e2e.conftest import WHO, NewHome, Server
from tests.e2e.library import make_bytes, write

COVER = "roms/1/1/cover/big.png"


@pytest.fixture(scope="module")
def below(new_home: NewHome) -> Iterator[Server]:
    home = new_home(ROMM_ROOT_PATH="/romm")
    write(home.library / "roms" / "nes" / "Moss.nes", b"moss")
    write(home.data / "resources" / COVER, make_bytes(COVER, 300))
    with home.serve() as server:
        assert server.url.endswith("/romm")
        server.wait_for_scan(server.start_scan(), lambda scan: scan["status"] == "done")
        yield server


def test_the_api_works_below_it(below: Server) -> None:
    (rom,) = below.roms().values()
    assert below.client.get(f"/api/roms/{rom['id']}/content/Moss.nes").content == b"moss"
    assert below.client.get("/api/roms/").status_code == 200


@pytest.mark.parametrize(
    "path", ["/api/heartbeat", "/api/docs", "/openapi.json", "/assets/romm/resources/" + COVER, "/"]
)
def test_everything_is_below_it_and_nothing_outside(below: Server, path: str) -> None:
    assert below.client.get(path).status_code == 200
    outside = httpx.get(below.url.removesuffix("/romm") + path)
    assert outside.status_code == 404


def test_the_page_of_the_api_finds_its_parts(below: Server) -> None:
    parts = re.findall(r'(?:src|href)="([^"]+)"', below.client.get("/api/docs").text)
    assert parts
    for part in parts:
        assert part.startswith("/romm/")
        assert below.client.get(part.removeprefix("/romm")).status_code == 200
    assert below.client.get("/openapi.json").json()["servers"] == [{"url": "/romm"}]


def test_resources_are_served(below: Server) -> None:
    answer = below.client.get(f"/assets/romm/resources/{COVER}")
    assert answer.content == make_bytes(COVER, 300)
    assert answer.headers["content-type"] == "image/png"


def test_cookies_belong_to_the_sub_path(below: Server) -> None:
    with httpx.Client(base_url=below.url) as client:
        client.get("/api/heartbeat")
        client.headers["x-csrftoken"] = client.cookies["romm_csrftoken"]
        client.post("/api/login", auth=WHO).raise_for_status()
        paths = {cookie.name: cookie.path for cookie in client.cookies.jar}
        assert {"romm_csrftoken", "romm_session"} <= paths.keys()
        assert set(paths.values()) == {"/romm"}
        assert client.get("/api/users/me").status_code == 200
