"""Values that have broken programs, and requests that differ from a plain one by one of them."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote, urlencode

from requests import PreparedRequest, Request

from romm_lite.web.inputs import Body, Flat
from romm_lite.web.operations import Operation
from romm_lite.web.routing import PARAMETER
from tests.fuzz.target import BASE

Json = Any
FORM = "application/x-www-form-urlencoded"

TEXTS = (
    "",
    "\0",
    "x" * 5_000,
    "é" * 300,
    "\U0001f3ae" * 200,
    "\u202e%s{}<'\";--",
    "../../etc/passwd",
    "..",
    "con",
    "a/b\\c",
    "-1",
    str(2**31),
    str(2**63),
    str(2**64 + 1),
    "9" * 5_000,
    "1e400",
    "nan",
    "٣",
    "[]",
    "0001-01-01T00:00:00+23:59",
    "9999-12-31T23:59:59-23:59",
)
"""For places that hold text, whatever it is to mean."""

OTHERS: tuple[Json, ...] = (
    None, True, -1, 0, 2**31, 2**63, 2**64 + 1, -(2**70), 1e308, 0.5, [], {}, [[]], [None],
    {"": None}, ["x" * 5_000], "\ud800",
)  # fmt: skip
"""For JSON alone."""

BODIES = (
    b"",
    b"null",
    b"1e400",
    b"NaN",
    b"{",
    b'"\xff"',
    b'"\\ud800"',
    b"[" * 50_000,
    b'{"a":' * 50_000,
    b"9" * 5_000,
    b'{"":{"":[]}}',
)
"""For where a document is expected."""


GOOD: Mapping[str, str] = {
    "email": "somebody@example.org",
    "entity": "roms",
    "exclusion_type": "EXCLUDED_PLATFORMS",
    "expires_in": "30d",
    "filter_criteria": "{}",
    "fs_slug": "snes",
    "requested_scopes": "me.read",
    "role": "user",
    "rom_ids": "[]",
    "scopes": "me.read",
    "slug": "snes",
    "ui_settings": "{}",
}
"""Texts that mean something to the fields of these names, so that the others get their turn."""
MOST_FIELDS = 6
"""A query of more fields is sent a part of the texts in each."""


def vary(operation: Operation, known: Mapping[str, Any]) -> Iterator[PreparedRequest]:
    """Requests to an operation; ``known`` are values for the parameters of its path."""
    inputs, url = operation.inputs, BASE + _fill(operation, known)
    for name in known:
        for text in filter(None, TEXTS):
            yield _prepare(operation, BASE + _fill(operation, {**known, name: text}))
    for key, text in _pair(inputs.query):
        yield _prepare(operation, f"{url}?{urlencode({**_require(inputs.query), key: text})}")
    for key, text in _pair(inputs.headers):
        if re.fullmatch(r"[!-~]*", text):
            yield _prepare(operation, url, headers={key: text})
    if inputs.form is not None:
        yield from _vary_form(operation, url, inputs.form)
    if inputs.body is not None:
        yield from _vary_body(operation, url, inputs.body)


def _vary_form(operation: Operation, url: str, form: Flat) -> Iterator[PreparedRequest]:
    for key, text in _pair(form):
        files = {each.key: (text, text) for each in form.fields if form.has_files}
        data = {**_require(form), key: text}
        yield _prepare(operation, url, data=data, files=files)
    for body in BODIES:
        for kind in ("multipart/form-data; boundary=x", "multipart/form-data", FORM):
            yield _prepare(operation, url, data=body, headers={"content-type": kind})


def _vary_body(operation: Operation, url: str, body: Body) -> Iterator[PreparedRequest]:
    varied = replace_each(build(body.adapter.json_schema()))
    for document in (*BODIES, *(json.dumps(each).encode() for each in varied)):
        yield _prepare(operation, url, data=document, headers={"content-type": "application/json"})


def _fill(operation: Operation, values: Mapping[str, Any]) -> str:
    return PARAMETER.sub(lambda match: quote(str(values[match[1]]), safe=""), operation.path)


def _pair(flat: Flat | None) -> Iterator[tuple[str, str]]:
    """Every field with every text, or with some of them where there are many fields."""
    fields = [] if flat is None else flat.fields
    step = 1 + len(fields) // MOST_FIELDS
    for number, each in enumerate(fields):
        for text in TEXTS[number % step :: step]:
            yield each.key, text


def _require(flat: Flat | None) -> dict[str, str]:
    """The fields that must be there."""
    if flat is None:
        return {}
    required = (name for name, info in flat.model.model_fields.items() if info.is_required())
    return {name: GOOD.get(name, "1") for name in required}


def _prepare(operation: Operation, url: str, **options: Any) -> PreparedRequest:
    request = Request(operation.method, url, **options).prepare()
    request.url = url  # as it is: two dots would have taken a part of it away
    return request


def build(schema: Json, name: str = "", models: Json = None) -> Json:
    """A plain value of a JSON schema, every property filled in."""
    models = schema.get("$defs", {}) if models is None else models
    if "$ref" in schema:
        return build(models[schema["$ref"].rpartition("/")[2]], name, models)
    if choices := schema.get("anyOf") or schema.get("oneOf") or schema.get("allOf"):
        return build(choices[0], name, models)
    kind = schema.get("type")
    if kind == "object":
        found = schema.get("properties", {}).items()
        return {key: build(part, key, models) for key, part in found}
    if kind == "array":
        return [build(schema.get("items", {}), name, models)]
    if name in GOOD and kind == "string":
        return GOOD[name]
    plain = {"integer": schema.get("minimum", 1), "number": 1.5, "boolean": False}
    first = schema.get("enum", [plain.get(kind, "a" * schema.get("minLength", 8))])[0]
    return schema.get("const", first)


def replace_each(value: Json) -> Iterator[Json]:
    """The value itself, and with each part of it replaced in turn by each of the others."""
    yield value
    yield from TEXTS
    yield from OTHERS
    if isinstance(value, dict):
        for key, part in value.items():
            yield {name: each for name, each in value.items() if name != key}
            yield from ({**value, key: other} for other in replace_each(part))
    if isinstance(value, list):
        yield from ([other] for part in value for other in replace_each(part))
