from datetime import datetime
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response

from romm_lite.web.operations import Reply, Router
from tests.web.support import client_of


class Rom(BaseModel):
    id: int
    name: str
    created_at: datetime | None = None


class Row:
    id = 7
    name = "Moss"
    created_at = datetime(2026, 3, 1, 12, 0)


def test_an_operation_must_say_who_may_call_it() -> None:
    router = Router("/api")
    with pytest.raises(TypeError, match="public=True"):

        @router.get("/x")
        def get_x() -> None: ...


def test_scopes_and_public_exclude_each_other() -> None:
    router = Router("/api")
    with pytest.raises(TypeError, match="public=True"):

        @router.get("/x", "roms.read", public=True)
        def get_x() -> None: ...


def test_path_parameter_the_handler_does_not_take_is_refused() -> None:
    router = Router("/api")
    with pytest.raises(TypeError, match="id"):

        @router.get("/{id}", public=True)
        def get_x() -> None: ...


def test_missing_return_annotation_is_refused() -> None:
    def get_x():  # type: ignore[no-untyped-def]
        return 1

    with pytest.raises(TypeError, match="return"):
        Router("/api").get("/x", public=True)(get_x)


def test_form_and_body_beside_each_other_must_be_optional() -> None:
    class Wish(BaseModel):
        name: str = ""

    def post_form(form: Rom, body: Wish | None = None) -> None: ...

    def post_body(form: Wish, body: Wish) -> None: ...

    for handler in (post_form, post_body):
        with pytest.raises(TypeError, match="must be optional"):
            Router("/api").post("/x", public=True)(handler)


def test_header_field_without_alias_is_refused() -> None:
    class Named(BaseModel):
        x_chunk_index: int

    def put_x(headers: Named) -> None: ...

    with pytest.raises(TypeError, match="alias"):
        Router("/api").put("/x", public=True)(put_x)


def test_row_is_rendered_through_the_wire_model() -> None:
    router = Router("/api/roms")

    @router.get("/{id}", public=True)
    def get_rom(id: int) -> Rom:  # noqa: A002
        return Row()  # type: ignore[return-value]

    answer = client_of(router).get("/api/roms/7")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.text == '{"id":7,"name":"Moss","created_at":"2026-03-01T12:00:00+00:00"}'


def test_nothing_is_null() -> None:
    router = Router("/api")

    @router.post("/x", public=True, status=201)
    def post_x() -> None: ...

    answer = client_of(router).post("/api/x")
    assert (answer.status_code, answer.text) == (201, "null")


def test_204_has_no_body() -> None:
    router = Router("/api")

    @router.delete("/x", public=True, status=204)
    def delete_x() -> None: ...

    answer = client_of(router).delete("/api/x")
    assert (answer.status_code, answer.content) == (204, b"")
    assert "content-length" not in answer.headers


def test_reply_sets_status_and_headers() -> None:
    router = Router("/api")

    @router.post("/x", public=True)
    def post_x() -> Reply[Rom]:
        return Reply(Rom(id=1, name="a"), 201, {"x-made": "yes"})

    answer = client_of(router).post("/api/x")
    assert (answer.status_code, answer.headers["x-made"]) == (201, "yes")
    assert answer.json()["name"] == "a"


def test_response_goes_out_as_it_is() -> None:
    router = Router("/api")

    @router.get("/x", public=True, returns=list[Rom])
    def get_x(request: Request) -> Response:
        return Response(request.headers["x-word"], 202)

    answer = client_of(router).get("/api/x", headers={"x-word": "hi"})
    assert (answer.status_code, answer.text) == (202, "hi")


def test_result_that_is_not_the_wire_model_is_a_fault() -> None:
    router = Router("/api")

    @router.get("/x", public=True)
    def get_x() -> Rom:
        return {"id": "none"}  # type: ignore[return-value]

    answer = client_of(router).get("/api/x")
    assert answer.status_code == 500
    assert answer.json()["detail"] == "Internal Server Error"


def test_values_without_a_json_word() -> None:
    router = Router("/api")

    @router.get("/x", public=True)
    def get_x() -> dict[str, Any]:
        return {"set": {1}, "huge": 2**70, "not a number": float("nan")}

    answer = client_of(router).get("/api/x")
    assert answer.json()["set"] == [1]
    assert answer.json()["huge"] == 2**70


def test_every_method_can_be_declared() -> None:
    router = Router("/api")

    def answer(id: Annotated[int, Field(ge=1)]) -> int:  # noqa: A002
        return id

    for declare in (router.get, router.post, router.put, router.patch, router.delete, router.head):
        declare("/{id}", public=True)(answer)
    client = client_of(router)
    for method in ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"):
        assert client.request(method, "/api/3").status_code == 200
