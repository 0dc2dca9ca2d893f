import re
from typing import Any

import pytest
from pydantic import BaseModel
from starlette.testclient import TestClient

from romm_lite.web.docs import describe_docs, lower_version
from romm_lite.web.openapi import Description
from romm_lite.web.operations import Router
from romm_lite.web.table import OperationTable


class Rom(BaseModel):
    id: int
    other: "Rom | None" = None


def client_of(prefix: str = "") -> TestClient:
    router = Router("/api/roms")

    @router.get("", public=True)
    def get_roms() -> list[Rom]:
        return []

    description = Description(
        router.operations, title="T", version="1", token_url="/api/token", server=prefix
    )
    operations = [*router.operations, *describe_docs(description, "romm_lite <API>", prefix)]
    return TestClient(OperationTable(operations, {}))


@pytest.fixture(scope="module")
def client() -> TestClient:
    return client_of()


def test_document(client: TestClient) -> None:
    document = client.get("/openapi.json").json()
    assert document["openapi"] == "3.1.0"
    assert list(document["paths"]) == ["/api/roms"]


@pytest.mark.parametrize("path", ["/api/docs", "/api/redoc", "/api/docs/"])
def test_page_and_all_it_needs_come_from_here(client: TestClient, path: str) -> None:
    page = client.get(path)
    assert page.headers["content-type"].startswith("text/html")
    assert "script-src 'self';" in page.headers["content-security-policy"]
    assert "romm_lite &lt;API&gt;" in page.text
    links = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert len(links) == 4
    for link in links:
        assert link.startswith("/api/docs/static/")
        answer = client.get(link)
        assert answer.status_code == 200
        assert answer.headers["cache-control"]
    assert "<script>" not in page.text


def test_viewer_reads_our_document(client: TestClient) -> None:
    script = client.get("/api/docs/static/docs.js")
    assert script.headers["content-type"].startswith("text/javascript")
    assert '"url": "/api/docs/static/openapi.json"' in script.text
    assert "supportedSubmitMethods" not in script.text
    assert client.get("/api/docs/static/openapi.json").json()["openapi"] == "3.0.3"


def test_redoc_sends_no_requests(client: TestClient) -> None:
    script = client.get("/api/docs/static/redoc.js").text
    assert '"supportedSubmitMethods": []' in script


@pytest.mark.parametrize("name", ["index.html", "..%2f__init__.py", "swagger-ui.js.map"])
def test_nothing_else_of_the_package_is_served(client: TestClient, name: str) -> None:
    assert client.get(f"/api/docs/static/{name}").status_code == 404


def test_below_a_prefix() -> None:
    assert 'src="/romm/api/docs/static/docs.js"' in client_of("/romm").get("/api/docs").text


@pytest.mark.parametrize(
    ("newer", "older"),
    [
        (
            {"anyOf": [{"type": "string"}, {"type": "null"}], "title": "A"},
            {"type": "string", "title": "A", "nullable": True},
        ),
        (
            {"anyOf": [{"$ref": "#/x"}, {"type": "null"}]},
            {"allOf": [{"$ref": "#/x"}], "nullable": True},
        ),
        (
            {"anyOf": [{"type": "string"}, {"type": "integer"}, {"type": "null"}]},
            {"anyOf": [{"type": "string"}, {"type": "integer"}], "nullable": True},
        ),
        ({"const": "a"}, {"enum": ["a"]}),
        (
            {"type": "string", "contentMediaType": "application/octet-stream"},
            {"type": "string", "format": "binary"},
        ),
        (
            {"properties": {"const": {"type": "string"}}},
            {"properties": {"const": {"type": "string"}}},
        ),
    ],
)
def test_schemas_of_the_older_version(newer: Any, older: Any) -> None:
    assert lower_version(newer) == older
