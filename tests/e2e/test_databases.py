"""The server on PostgreSQL and MariaDB answers as it does on SQLite."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from sqlalchemy.engine import make_url

from tests.conftest import MARIADB, POSTGRES, create_database, drop_database
from tests.e2e.conftest import WHO, Served, Server, make_home
from tests.e2e.library import write_library

CHANGING = {"created_at", "updated_at", "last_modified", "rom_user", "emitted_at"}
"""Times differ from run to run."""


@pytest.fixture(scope="module", params=["postgresql", "mariadb"])
def elsewhere(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """A server on a database of its own whose library was scanned."""
    url = create_database(POSTGRES if request.param == "postgresql" else MARIADB)
    try:
        plain = make_url(url).set(drivername=request.param)
        written = plain.render_as_string(hide_password=False)
        home = make_home(tmp_path_factory.mktemp(request.param), ROMM_DB_URL=written)
        write_library(home.library)
        with home.serve() as server:
            create_first_account(server)
            server.wait_for_scan(server.start_scan(), lambda scan: scan["status"] == "done")
            yield server
        assert "Traceback" not in server.log.read_text()
        assert not (home.data / "romm_lite.db").exists()
    finally:
        drop_database(url)


def create_first_account(server: Server) -> None:
    with httpx.Client(base_url=server.url) as client:
        client.get("/api/heartbeat")
        client.headers["x-csrftoken"] = client.cookies["romm_csrftoken"]
        first = {"username": WHO[0], "email": "", "password": WHO[1], "role": "admin"}
        client.post("/api/users", json=first).raise_for_status()


def settle(answer: Any) -> Any:
    """An answer without what differs from run to run."""
    if isinstance(answer, dict):
        return {key: settle(each) for key, each in answer.items() if key not in CHANGING}
    return [settle(each) for each in answer] if isinstance(answer, list) else answer


@pytest.mark.parametrize("served", ["A"], indirect=True)
@pytest.mark.parametrize(
    "path",
    [
        "/api/platforms",
        "/api/roms?with_files=true&limit=100",
        "/api/roms?order_by=fs_size_bytes&order_dir=desc",
        "/api/roms?search_term=etoile",
        "/api/roms?search_term=MOSS%20runner",
        "/api/roms?regions=USA&regions=Europe&regions_logic=all",
        "/api/roms?regions=USA&regions_logic=none",
        "/api/roms?tags=Beta&languages=French&tags_logic=none",
        "/api/roms?limit=3&offset=4",
        "/api/roms?group_by_meta_id=true",
        "/api/roms/filters",
        "/api/roms/identifiers",
        "/api/roms/1",
        "/api/firmware",
        "/api/stats?include_platform_stats=true",
        "/api/heartbeat",
        "/api/setup/library",
    ],
)
def test_it_answers_as_on_sqlite(elsewhere: Server, served: Served, path: str) -> None:
    assert settle(elsewhere.get(path)) == settle(served.server.get(path))
