from typing import Annotated, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field
from starlette.testclient import TestClient

from romm_lite.web.inputs import LARGEST, Upload, find_unstorable
from romm_lite.web.operations import Router
from tests.web.support import client_of


class Search(BaseModel):
    search_term: str | None = None
    platform_ids: list[int] | None = None
    matched: bool | None = None
    limit: Annotated[int, Field(ge=1, le=100)] = 50
    order: str = Field("name", alias="order_by")


class Chunk(BaseModel):
    index: Annotated[int, Field(ge=0)] = Field(alias="x-chunk-index")
    label: str | None = Field(None, alias="x-label")


class Wish(BaseModel):
    name: str
    count: int = 1
    blob: dict[str, Any] = {}


class SaveForm(BaseModel):
    save_file: Upload = Field(alias="saveFile")
    screenshot: Upload | None = None
    note: str | None = None
    count: int | None = None


class AnyForm(BaseModel):
    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, Upload]

    note: str | None = None


class TextForm(BaseModel):
    grant_type: str = "password"
    username: str | None = None


class EitherForm(TextForm):
    picture: Upload | None = None


@pytest.fixture(scope="module")
def client() -> TestClient:  # noqa: C901  a list of routes
    router = Router("/api")

    @router.get("/path/{id}/{word}", public=True)
    def get_path(id: Annotated[int, Field(ge=1)], word: str) -> Any:  # noqa: A002
        return [id, word]

    @router.get("/query", public=True)
    def get_query(query: Search) -> Any:
        return query.model_dump(exclude_unset=True)

    @router.put("/headers", public=True)
    def put_headers(headers: Chunk) -> Any:
        return headers.model_dump()

    @router.post("/body", public=True)
    def post_body(body: Wish) -> Any:
        return body.model_dump()

    @router.post("/list", public=True)
    def post_list(body: list[int]) -> Any:
        return body

    @router.post("/optional", public=True)
    def post_optional(body: Wish | None = None) -> Any:
        return body and body.name

    @router.post("/file", public=True)
    def post_file(form: SaveForm) -> Any:
        content = form.save_file.file.read().decode()
        return [form.save_file.filename, content, sorted(form.model_fields_set)]

    @router.post("/any-file", public=True)
    def post_any_file(form: AnyForm) -> Any:
        files = form.model_extra or {}
        return [form.note, {name: each.file.read().decode() for name, each in files.items()}]

    @router.post("/text", public=True)
    def post_text(form: TextForm) -> Any:
        return form.model_dump(exclude_unset=True)

    @router.post("/either", public=True)
    def post_either(form: EitherForm, body: TextForm | None = None) -> Any:
        picture = form.picture.file.read().decode() if form.picture else None
        return [form.username, picture, body and body.username]

    @router.post("/both/{id}", public=True)
    def post_both(id: int, query: Search, body: Wish) -> None: ...  # noqa: A002

    return client_of(router, body_limit=2000, upload_limit=5000)


def errors(answer: Any) -> Any:
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/json"
    return answer.json()["detail"]


def test_path_values_have_their_types(client: TestClient) -> None:
    assert client.get("/api/path/5/a%20b%C3%A9").json() == [5, "a bé"]


def test_path_value_that_is_no_number(client: TestClient) -> None:
    assert errors(client.get("/api/path/x/a")) == [
        {
            "type": "int_parsing",
            "loc": ["path", "id"],
            "msg": "Input should be a valid integer, unable to parse string as an integer",
            "input": "x",
        }
    ]


def test_path_value_out_of_range(client: TestClient) -> None:
    assert errors(client.get("/api/path/0/a")) == [
        {
            "type": "greater_than_equal",
            "loc": ["path", "id"],
            "msg": "Input should be greater than or equal to 1",
            "input": "0",
            "ctx": {"ge": 1},
        }
    ]


def test_id_larger_than_any_database_holds(client: TestClient) -> None:
    assert client.get(f"/api/path/{LARGEST}/a").status_code == 200
    (error,) = errors(client.get(f"/api/path/{LARGEST + 1}/a"))
    assert (error["type"], error["loc"]) == ("less_than_equal", ["path", "id"])
    assert error["ctx"] == {"le": LARGEST}


def test_nul_in_the_path(client: TestClient) -> None:
    (error,) = errors(client.get("/api/path/1/a%00b"))
    assert error["loc"] == ["path", "word"]


def test_query_defaults_and_unknown_names(client: TestClient) -> None:
    assert client.get("/api/query?nothing=1").json() == {}


def test_repeated_names_make_a_list_or_the_last_wins(client: TestClient) -> None:
    answer = client.get("/api/query?platform_ids=1&limit=3&platform_ids=2&limit=4&order_by=id")
    assert answer.json() == {"platform_ids": [1, 2], "limit": 4, "order": "id"}


@pytest.mark.parametrize(
    ("text", "value"), [("true", True), ("1", True), ("on", True), ("No", False)]
)
def test_booleans(client: TestClient, text: str, value: bool) -> None:
    assert client.get(f"/api/query?matched={text}").json() == {"matched": value}


def test_empty_text_stays_empty(client: TestClient) -> None:
    assert client.get("/api/query?search_term=").json() == {"search_term": ""}


def test_empty_text_is_no_number_and_no_boolean(client: TestClient) -> None:
    found = errors(client.get("/api/query?limit=&matched="))
    assert {error["type"] for error in found} == {"int_parsing", "bool_parsing"}


def test_query_out_of_range(client: TestClient) -> None:
    (error,) = errors(client.get("/api/query?limit=101"))
    assert (error["type"], error["loc"], error["input"]) == (
        "less_than_equal",
        ["query", "limit"],
        "101",
    )


def test_bad_element_of_a_list(client: TestClient) -> None:
    (error,) = errors(client.get("/api/query?platform_ids=1&platform_ids=b"))
    assert error["loc"] == ["query", "platform_ids", 1]


def test_alias_is_the_name_in_errors_and_the_only_name(client: TestClient) -> None:
    assert client.get("/api/query?order=x").json() == {}


@pytest.mark.parametrize("text", ["a%00", "%00"])
def test_nul_in_the_query(client: TestClient, text: str) -> None:
    (error,) = errors(client.get(f"/api/query?search_term={text}"))
    assert error["loc"] == ["query", "search_term"]


def test_bytes_that_are_not_utf8_are_replaced(client: TestClient) -> None:
    assert client.get("/api/query?search_term=%ff").json() == {"search_term": "\ufffd"}


def test_headers(client: TestClient) -> None:
    answer = client.put("/api/headers", headers={"X-Chunk-Index": "3", "X-Label": "a"})
    assert answer.json() == {"index": 3, "label": "a"}


def test_missing_header(client: TestClient) -> None:
    assert errors(client.put("/api/headers")) == [
        {
            "type": "missing",
            "loc": ["header", "x-chunk-index"],
            "msg": "Field required",
            "input": None,
        }
    ]


def test_body(client: TestClient) -> None:
    answer = client.post("/api/body", json={"name": "a", "count": "3", "more": 1})
    assert answer.json() == {"name": "a", "count": 3, "blob": {}}


def test_body_of_any_json_type(client: TestClient) -> None:
    kind = {"content-type": "application/vnd.api+json; charset=utf-8"}
    assert client.post("/api/list", content="[1,2]", headers=kind).json() == [1, 2]


@pytest.mark.parametrize("content", [b"", b"null"])
def test_missing_body(client: TestClient, content: bytes) -> None:
    found = errors(client.post("/api/body", content=content))
    assert found == [{"type": "missing", "loc": ["body"], "msg": "Field required", "input": None}]


@pytest.mark.parametrize("content", [b"", b"null", b'{"name":"a"}'])
def test_body_that_may_be_missing(client: TestClient, content: bytes) -> None:
    answer = client.post("/api/optional", content=content)
    assert answer.json() == ("a" if b"name" in content else None)


def test_missing_field_of_a_body_quotes_the_body(client: TestClient) -> None:
    assert errors(client.post("/api/body", json={"count": 1})) == [
        {
            "type": "missing",
            "loc": ["body", "name"],
            "msg": "Field required",
            "input": {"count": 1},
        }
    ]


def test_broken_json(client: TestClient) -> None:
    assert errors(client.post("/api/body", content=b'{"name": }')) == [
        {
            "type": "json_invalid",
            "loc": ["body", 9],
            "msg": "JSON decode error",
            "input": {},
            "ctx": {"error": "Expecting value"},
        }
    ]


@pytest.mark.parametrize("levels", [101, 1000, 100_000])
def test_json_that_is_nested_too_deeply(client: TestClient, levels: int) -> None:
    content = b'{"name": ' + b"[" * levels + b"]" * levels + b"}"
    (error,) = errors(client.post("/api/body", content=content[:1900]))
    assert error["ctx"] == {"error": "Nested too deeply"}


def test_brackets_in_text_nest_nothing(client: TestClient) -> None:
    content = b'{"name": "' + b'\\"[{' * 200 + b'", "more": [' + b"[]," * 199 + b"[]]}"
    assert client.post("/api/body", content=content).status_code == 200


@pytest.mark.parametrize("content", [b'{"name": NaN}', b"[" * 100_000])
def test_json_that_only_looks_like_it(client: TestClient, content: bytes) -> None:
    (error,) = errors(client.post("/api/list", content=content[:1900]))
    assert error["type"] == "json_invalid"


def test_body_that_is_not_text(client: TestClient) -> None:
    answer = client.post("/api/body", content=b'{"name": "\xff"}')
    assert (answer.status_code, answer.json()) == (
        400,
        {"detail": "There was an error parsing the body"},
    )


def test_body_that_is_not_said_to_be_json(client: TestClient) -> None:
    kind = {"content-type": "text/plain"}
    assert errors(client.post("/api/body", content=b'{"name":"a"}', headers=kind)) == [
        {
            "type": "model_attributes_type",
            "loc": ["body"],
            "msg": "Input should be a valid dictionary or object to extract fields from",
            "input": '{"name":"a"}',
        }
    ]


@pytest.mark.parametrize(
    ("content", "loc"),
    [
        (rb'{"name": "a\u0000"}', ["body", "name"]),
        (rb'{"name": "\ud800"}', ["body", "name"]),
        (b'{"name": "a", "count": 9223372036854775808}', ["body", "count"]),
        (b'{"name": "a", "count": -9223372036854775809}', ["body", "count"]),
        (rb'{"name": "a", "blob": {"x": ["\u0000"]}}', ["body", "blob", "x", 0]),
        (rb'{"name": "a", "blob": {"\u0000": 1}}', ["body", "blob", "[key]"]),
    ],
)
def test_what_no_database_can_hold(client: TestClient, content: bytes, loc: list[Any]) -> None:
    (error,) = errors(client.post("/api/body", content=content))
    assert error["loc"] == loc


def test_everything_wrong_is_told_at_once(client: TestClient) -> None:
    found = errors(client.post("/api/both/x?limit=0", json={}))
    assert [error["loc"] for error in found] == [
        ["path", "id"],
        ["query", "limit"],
        ["body", "name"],
    ]


def test_form_with_a_file(client: TestClient) -> None:
    answer = client.post(
        "/api/file", data={"note": ""}, files={"saveFile": ("a b.srm", b"bytes", "text/plain")}
    )
    assert answer.json() == ["a b.srm", "bytes", ["note", "save_file"]]


def test_empty_form_fields_count_only_where_text_is_taken(client: TestClient) -> None:
    files = {"saveFile": ("a", b"b"), "screenshot": ("", b"")}
    answer = client.post("/api/file", data={"count": "", "note": ""}, files=files)
    assert answer.json()[2] == ["note", "save_file"]


def test_files_under_names_that_nobody_knows_before(client: TestClient) -> None:
    files = {"Pokémon.pdf": ("x", b"one"), "model_dump": ("y", b"two"), "unset": ("", b"")}
    answer = client.post("/api/any-file", data={"note": "n", "more": "text"}, files=files)
    assert answer.json() == ["n", {"Pokémon.pdf": "one", "model_dump": "two"}]


def test_of_two_files_of_a_name_the_last_wins(client: TestClient) -> None:
    files = [("a", ("x", b"one")), ("a", ("y", b"two"))]
    assert client.post("/api/any-file", files=files).json() == [None, {"a": "two"}]


def test_no_form_at_all_has_no_files(client: TestClient) -> None:
    assert client.post("/api/any-file").json() == [None, {}]


def test_missing_file(client: TestClient) -> None:
    assert errors(client.post("/api/file", data={"note": "x"})) == [
        {"type": "missing", "loc": ["body", "saveFile"], "msg": "Field required", "input": None}
    ]


def test_text_where_a_file_is_wanted(client: TestClient) -> None:
    assert errors(client.post("/api/file", data={"saveFile": "x"})) == [
        {
            "type": "value_error",
            "loc": ["body", "saveFile"],
            "msg": "Value error, Expected UploadFile, received: <class 'str'>",
            "input": "x",
            "ctx": {"error": {}},
        }
    ]


def test_form_is_taken_in_either_coding(client: TestClient) -> None:
    text = {"username": "a", "grant_type": "b"}
    assert client.post("/api/text", data=text).json() == text
    parts: Any = {"username": (None, "a"), "grant_type": (None, "b")}
    assert client.post("/api/text", files=parts).json() == text


def test_json_is_no_form(client: TestClient) -> None:
    assert client.post("/api/text", json={"username": "a"}).json() == {}


def test_form_or_json_is_told_by_the_content_type(client: TestClient) -> None:
    ann = {"username": "ann"}
    files = {"picture": ("p", b"bytes")}
    assert client.post("/api/either", data=ann).json() == ["ann", None, None]
    assert client.post("/api/either", data=ann, files=files).json() == ["ann", "bytes", None]
    assert client.post("/api/either", json=ann).json() == [None, None, "ann"]
    kind = {"content-type": "Application/Vnd.romm+JSON; charset=utf-8"}
    sent = client.post("/api/either", content=b'{"username": "ann"}', headers=kind)
    assert sent.json() == [None, None, "ann"]
    assert client.post("/api/either").json() == [None, None, None]


def test_wrong_json_in_place_of_a_form(client: TestClient) -> None:
    (error,) = errors(client.post("/api/either", json={"username": 5}))
    assert error["loc"] == ["body", "username"]
    kind = {"content-type": "application/json"}
    (error,) = errors(client.post("/api/either", content=b"{", headers=kind))
    assert error["type"] == "json_invalid"


def test_json_in_place_of_a_form_with_files_has_the_limit_of_json(client: TestClient) -> None:
    def post(size: int) -> int:
        return client.post("/api/either", json={"username": "x" * size}).status_code

    assert post(1000) == 200
    assert post(2000) == 413
    assert client.post("/api/either", files={"picture": ("p", b"x" * 3000)}).status_code == 200


def test_broken_multipart(client: TestClient) -> None:
    kind = {"content-type": "multipart/form-data"}
    answer = client.post("/api/file", content=b"x", headers=kind)
    assert (answer.status_code, answer.json()) == (
        400,
        {"detail": "Missing boundary in multipart."},
    )


def test_body_over_the_limit(client: TestClient) -> None:
    answer = client.post("/api/body", content=b" " * 2001)
    assert (answer.status_code, answer.json()) == (
        413,
        {"detail": "Request body exceeds the maximum allowed size of 2000 bytes"},
    )


def test_body_over_the_limit_without_a_length(client: TestClient) -> None:
    pieces = (b" " * 500 for _ in range(5))
    assert client.post("/api/body", content=pieces).status_code == 413


def test_forms_with_files_have_a_limit_of_their_own(client: TestClient) -> None:
    def post(size: int) -> int:
        return client.post("/api/file", files={"saveFile": ("a", b"x" * size)}).status_code

    assert post(4000) == 200
    assert post(5000) == 413
    assert client.post("/api/any-file", files={"any": ("a", b"x" * 4000)}).status_code == 200


def test_length_that_is_no_number(client: TestClient) -> None:
    answer = client.post("/api/body", content=b"{}", headers={"content-length": "two"})
    assert (answer.status_code, answer.json()) == (
        400,
        {"detail": "Invalid Content-Length header"},
    )


STORABLE = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-LARGEST - 1, LARGEST)
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
    lambda inner: st.lists(inner) | st.dictionaries(st.just("key"), inner),
    max_leaves=10,
)


@given(STORABLE)
def test_what_can_be_stored_is_not_refused(value: Any) -> None:
    assert not list(find_unstorable(("body",), value))


@given(STORABLE, st.sampled_from(["\0", "a\ud800", LARGEST + 1]))
def test_what_cannot_be_stored_is_found_at_any_depth(value: Any, wrong: Any) -> None:
    (error,) = find_unstorable(("body",), {"a": [value, {"b": wrong}]})
    assert error["loc"] == ("body", "a", 1, "b")
