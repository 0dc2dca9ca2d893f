import json
from datetime import datetime
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, Field
from starlette.responses import Response

from romm_lite.web.inputs import Upload
from romm_lite.web.openapi import Description
from romm_lite.web.operations import Reply, Router
from romm_lite.web.paging import Paging


class File(BaseModel):
    size: int


class Rom(BaseModel):
    id: int
    files: list[File]
    seen: datetime | None = None


class Search(Paging):
    term: str | None = None
    platform_ids: list[int] | None = None


class Start(BaseModel):
    size: Annotated[int, Field(ge=1)] = Field(alias="x-upload-total-size")


class CoverForm(BaseModel):
    name: str | None = None
    artwork: Upload | None = None


class TokenForm(BaseModel):
    username: str


def describe() -> dict[str, Any]:
    router = Router("/api/roms", tags=["roms"])

    @router.get("", "roms.read")
    def get_roms(query: Search) -> list[Rom]:
        """Every ROM."""
        return []

    @router.get("/{id}", "roms.read", "me.read", responses={404: "No such ROM"})
    def get_rom(id: Annotated[int, Field(ge=1)]) -> Rom:  # noqa: A002
        raise NotImplementedError

    @router.put("/{id}", "roms.write")
    def update(id: int, form: CoverForm) -> Rom:  # noqa: A002
        raise NotImplementedError

    @router.put("/{id}/cover", "roms.write")
    def put_cover(id: int, form: CoverForm, body: File | None = None) -> Rom:  # noqa: A002
        raise NotImplementedError

    @router.post("/start", "roms.write", status=201)
    def update_start(headers: Start) -> Reply[Rom]:
        raise NotImplementedError

    @router.post("/token", public=True)
    def update_token(form: TokenForm) -> Response:
        raise NotImplementedError

    @router.post("/list", public=True, returns=Rom)
    def post(body: list[Rom]) -> Response:
        raise NotImplementedError

    @router.post("/raw/{path:path}", public=True, status=204)
    def post_raw(path: str) -> None: ...

    @router.get("/secret", public=True, hidden=True)
    def get_secret() -> None: ...

    second = Router("/api/other")
    second.put("/{id}", public=True)(update)

    every = [*router.operations, *second.operations]
    description = Description(every, title="T", version="5.2.0", token_url="/api/token")
    assert description.rendered is description.rendered
    return json.loads(description.rendered)  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return describe()


def test_head(document: dict[str, Any]) -> None:
    assert document["openapi"] == "3.1.0"
    assert document["info"] == {"title": "T", "version": "5.2.0"}
    assert document["servers"] == [{"url": "/"}]


def test_query_parameters(document: dict[str, Any]) -> None:
    entry = document["paths"]["/api/roms"]["get"]
    found = {p["name"]: p for p in entry["parameters"]}
    assert list(found) == ["limit", "offset", "term", "platform_ids"]
    assert found["limit"]["in"] == "query"
    assert not found["limit"]["required"]
    assert found["limit"]["schema"]["maximum"] == 10_000
    assert "default" not in found["term"]["schema"]
    assert entry["description"] == "Every ROM."
    assert entry["tags"] == ["roms"]


def test_models_of_parameters_are_not_components(document: dict[str, Any]) -> None:
    names = set(document["components"]["schemas"])
    assert {"Rom", "File", "HTTPValidationError", "ValidationError", "CoverForm"} <= names
    assert not {"Search", "Start"} & names


def test_path_parameter_scopes_and_responses(document: dict[str, Any]) -> None:
    entry = document["paths"]["/api/roms/{id}"]["get"]
    (parameter,) = entry["parameters"]
    assert (parameter["in"], parameter["required"]) == ("path", True)
    assert parameter["schema"]["minimum"] == 1
    assert entry["security"] == [
        {"OAuth2PasswordBearer": ["roms.read", "me.read"]},
        {"HTTPBasic": []},
    ]
    assert set(entry["responses"]) == {"200", "404", "422"}


def test_header_parameter(document: dict[str, Any]) -> None:
    entry = document["paths"]["/api/roms/start"]["post"]
    (parameter,) = entry["parameters"]
    assert (parameter["name"], parameter["in"]) == ("x-upload-total-size", "header")
    assert parameter["required"]
    schema = entry["responses"]["201"]["content"]["application/json"]["schema"]
    assert schema == {"$ref": "#/components/schemas/Rom"}


def test_request_bodies(document: dict[str, Any]) -> None:
    def body(path: str, method: str) -> Any:
        return document["paths"][path][method]["requestBody"]

    assert list(body("/api/roms/{id}", "put")["content"]) == ["multipart/form-data"]
    assert not body("/api/roms/{id}", "put")["required"]
    either = body("/api/roms/{id}/cover", "put")
    assert list(either["content"]) == ["multipart/form-data", "application/json"]
    assert not either["required"]
    assert list(body("/api/roms/token", "post")["content"]) == ["application/x-www-form-urlencoded"]
    assert body("/api/roms/token", "post")["required"]
    assert (
        body("/api/roms/list", "post")["content"]["application/json"]["schema"]["type"] == "array"
    )
    file = document["components"]["schemas"]["CoverForm"]["properties"]["artwork"]["anyOf"][0]
    assert file == {"type": "string", "contentMediaType": "application/octet-stream"}


def test_handler_that_renders_itself_is_described_by_returns(document: dict[str, Any]) -> None:
    responses = document["paths"]["/api/roms/list"]["post"]["responses"]
    assert "Rom" in responses["200"]["content"]["application/json"]["schema"]["$ref"]


def test_204_and_path_tail(document: dict[str, Any]) -> None:
    responses = document["paths"]["/api/roms/raw/{path}"]["post"]["responses"]
    assert responses["204"] == {"description": "Successful Response"}


def test_hidden_operation_is_left_out(document: dict[str, Any]) -> None:
    assert "/api/roms/secret" not in document["paths"]


def test_operation_ids_are_unique(document: dict[str, Any]) -> None:
    ids = [o["operationId"] for item in document["paths"].values() for o in item.values()]
    assert len(ids) == len(set(ids))
    assert "get_rom" in ids
    assert "update_api_roms__id_put" in ids


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    text = json.dumps(document)
    for part in text.split('"$ref": "')[1:]:
        name = part.partition('"')[0].removeprefix("#/components/schemas/")
        assert name in document["components"]["schemas"]


def test_the_order_is_always_the_same() -> None:
    assert json.dumps(describe()) == json.dumps(describe())
