"""Reading what a handler declared from a request, and FastAPI's 422 where it does not fit.

Bytes are taken in on the event loop, never more than the limit; parsing and validating is plain
synchronous code that runs where the handler runs.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, get_args, get_origin

import orjson
from pydantic import (
    BaseModel,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    TypeAdapter,
    ValidationError,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema
from starlette.datastructures import FormData, Headers, ImmutableMultiDict, UploadFile
from starlette.formparsers import MultiPartException
from starlette.requests import Request
from starlette.types import Message, Receive

from romm_lite.kernel.errors import Invalid, TooLarge, Unprocessable

Error = dict[str, Any]
Place = tuple[str | int, ...]
Test = Callable[[Any], bool]

LARGEST = 2**63 - 1
TEXT_LIMIT = 16 * 2**20
"""Bytes of one text field of a form, whatever its files may have."""

_UNSTORABLE = re.compile("[\0\ud800-\udfff]")
_NESTING = re.compile(rb'"(?:[^"\\]|\\.)*"|[\[\]{}]', re.S)
DEEPEST = 100
"""Levels of a JSON body; what is quoted back to its sender has to be written by recursion."""
_OTHER_JSON = re.compile(r"application/.+\+json")
_LISTS = (list, set, frozenset, tuple, Sequence)
_BROKEN_BODY = "There was an error parsing the body"


class _UploadSchema:
    """Lets a model have a field that is an uploaded file."""

    @staticmethod
    def _check(value: Any) -> UploadFile:
        if not isinstance(value, UploadFile):
            raise ValueError(f"Expected UploadFile, received: {type(value)}")
        return value

    def __get_pydantic_core_schema__(
        self, _source: Any, _handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(self._check)

    def __get_pydantic_json_schema__(
        self, _schema: CoreSchema, _handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return {"type": "string", "contentMediaType": "application/octet-stream"}


Upload = Annotated[UploadFile, _UploadSchema()]
"""A file field of a form model."""


def _mentions(annotation: Any, test: Test) -> bool:
    return test(annotation) or any(_mentions(part, test) for part in get_args(annotation))


def _is_list(annotation: Any) -> bool:
    return (get_origin(annotation) or annotation) in _LISTS


def _is_file(annotation: Any) -> bool:
    return annotation is UploadFile


def _is_text(annotation: Any) -> bool:
    return annotation is str or annotation is Any


def missing(*place: str) -> Error:
    return {"type": "missing", "loc": place, "msg": "Field required", "input": None}


def find_unstorable(place: Place, value: Any) -> Iterator[Error]:
    """Errors about what no database can hold: NUL, half a surrogate pair, integers past 64 bits."""
    stack = [(place, value)]
    while stack:
        place, value = stack.pop()
        if isinstance(value, str):
            if _UNSTORABLE.search(value):
                message = "Value error, text cannot have NUL characters or lone surrogates"
                yield {"type": "value_error", "loc": place, "msg": message, "input": value}
        elif isinstance(value, int):
            if value > LARGEST:
                yield _bound_error("less_than_equal", "less", {"le": LARGEST}, place, value)
            elif value < -LARGEST - 1:
                bound = {"ge": -LARGEST - 1}
                yield _bound_error("greater_than_equal", "greater", bound, place, value)
        else:
            stack.extend(((*place, key), part) for key, part in _parts(value))


def _bound_error(kind: str, word: str, bound: dict[str, int], place: Place, value: int) -> Error:
    (limit,) = bound.values()
    message = f"Input should be {word} than or equal to {limit}"
    return {"type": kind, "loc": place, "msg": message, "input": value, "ctx": bound}


def _parts(value: Any) -> Iterator[tuple[str | int, Any]]:
    if isinstance(value, BaseModel):
        fields = type(value).model_fields
        for name, part in (*value.__dict__.items(), *(value.__pydantic_extra__ or {}).items()):
            yield (fields[name].alias if name in fields else None) or name, part
    elif isinstance(value, dict):
        for key, part in value.items():
            yield "[key]", key
            yield str(key), part
    elif isinstance(value, list | tuple | set | frozenset):
        yield from enumerate(value)


@dataclass(frozen=True)
class _Field:
    key: str
    is_list: bool
    keeps_empty: bool


class Flat:
    """A model read from names and texts: the query, the headers or a form.

    A repeated name counts with its last value, except where the field is a list. An empty form
    value counts as absent unless the field can be text, as browsers send every field of a form.
    A form model that allows extra fields is given the files of all fields, whatever their names.
    """

    def __init__(self, place: str, model: type[BaseModel]) -> None:
        self.place = place
        self.model = model
        self.takes_any_file = model.model_config.get("extra") == "allow"
        self.has_files = self.takes_any_file
        self.is_required = False
        self.fields: list[_Field] = []
        for name, info in model.model_fields.items():
            alias = info.validation_alias
            key = alias if isinstance(alias, str) else name
            if place == "header" and "_" in key:
                raise TypeError(f"{model.__name__}.{name} needs the header's name as its alias")
            hint = info.annotation
            self.fields.append(_Field(key, _mentions(hint, _is_list), _mentions(hint, _is_text)))
            self.has_files = self.has_files or _mentions(hint, _is_file)
            self.is_required = self.is_required or info.is_required()

    def parse(self, values: "ImmutableMultiDict[str, Any] | Headers", errors: list[Error]) -> Any:
        """The model; None with ``errors`` extended if the values do not fit."""
        found: dict[str, Any] = {}
        if self.takes_any_file:
            found |= {key: each for key, each in values.items() if _is_sent_file(each)}
        for field in self.fields:
            if field.key in values:
                every = values.getlist(field.key)
                if self.place == "body":
                    every = [value for value in every if _counts(value, field.keeps_empty)]
                if every:
                    found[field.key] = every if field.is_list else every[-1]
        try:
            parsed = self.model.model_validate(found)
        except ValidationError as exc:
            errors.extend(_locate(exc, self.place, flat=True))
            return None
        errors.extend(find_unstorable((self.place,), parsed))
        return parsed


def _is_sent_file(value: Any) -> bool:
    return isinstance(value, UploadFile) and _counts(value, keeps_empty=False)


def _counts(value: Any, keeps_empty: bool) -> bool:
    if isinstance(value, UploadFile):
        return bool(value.filename or value.size)
    return keeps_empty or value != ""


class Body:
    """The JSON body. Optional when the handler's parameter has a default."""

    def __init__(self, hint: Any, default: Any, *, is_required: bool) -> None:
        self.adapter: TypeAdapter[Any] = TypeAdapter(hint)
        self.default = default
        self.is_required = is_required

    def parse(self, raw: bytes, content_type: str, errors: list[Error]) -> Any:
        payload = _load(raw, content_type) if raw else None
        if payload is None:
            if self.is_required:
                errors.append(missing("body"))
            return self.default
        try:
            parsed = self.adapter.validate_python(payload, from_attributes=True)
        except ValidationError as exc:
            errors.extend(_locate(exc, "body", flat=False))
            return None
        errors.extend(find_unstorable(("body",), parsed))
        return parsed


def _load(raw: bytes, content_type: str) -> Any:
    """A JSON document; what is said to be anything else is one piece of text, as in FastAPI."""
    if content_type and not _is_json(content_type):
        return raw.decode("utf-8", "replace")
    if _is_deep(raw):
        raise _broken("Nested too deeply", 0)
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError:
        return _load_loosely(raw)


def _is_deep(raw: bytes) -> bool:
    """Whether lists and objects lie in each other more than ``DEEPEST`` times."""
    if raw.count(b"[") + raw.count(b"{") <= DEEPEST:
        return False
    depth = 0
    for token in _NESTING.finditer(raw):
        depth += {b"[": 1, b"{": 1, b"]": -1, b"}": -1}.get(token.group(), 0)
        if depth > DEEPEST:
            return True
    return False


def _is_json(content_type: str) -> bool:
    kind = content_type.partition(";")[0].strip().lower()
    return kind == "application/json" or _OTHER_JSON.fullmatch(kind) is not None


def _load_loosely(raw: bytes) -> Any:
    """What the strict parser refused: either fine by the standard library, or said in its words."""
    try:
        return json.loads(raw, parse_constant=_refuse_constant)
    except json.JSONDecodeError as exc:
        problem, at = exc.msg, exc.pos
    except ValueError as exc:
        raise Invalid(_BROKEN_BODY) from exc
    raise _broken(problem, at)


def _broken(problem: str, at: int) -> Unprocessable:
    error = {"type": "json_invalid", "loc": ("body", at), "msg": "JSON decode error", "input": {}}
    return Unprocessable([{**error, "ctx": {"error": problem}}])


def _refuse_constant(name: str) -> Any:
    raise json.JSONDecodeError(f"{name} is not JSON", name, 0)


def _locate(exc: ValidationError, place: str, *, flat: bool) -> Iterator[Error]:
    for error in exc.errors(include_url=False):
        located: Error = {**error, "loc": (place, *error["loc"])}
        if flat and error["type"] == "missing" and len(error["loc"]) == 1:
            located["input"] = None
        yield located


class PathValues:
    """The parameters of the path, each of its own type."""

    def __init__(self, hints: Mapping[str, Any]) -> None:
        self.adapters: dict[str, TypeAdapter[Any]] = {n: TypeAdapter(h) for n, h in hints.items()}

    def parse(self, values: Sequence[str], errors: list[Error]) -> dict[str, Any]:
        parsed: dict[str, Any] = {}
        for (name, adapter), value in zip(self.adapters.items(), values, strict=True):
            try:
                parsed[name] = adapter.validate_python(value)
            except ValidationError as exc:
                for error in exc.errors(include_url=False):
                    errors.append({**error, "loc": ("path", name, *error["loc"])})
            else:
                errors.extend(find_unstorable(("path", name), parsed[name]))
        return parsed


@dataclass(frozen=True)
class Inputs:
    """Everything one handler reads. With a form and a body, the content type says which came."""

    path: PathValues
    query: Flat | None = None
    headers: Flat | None = None
    form: Flat | None = None
    body: Body | None = None

    def takes_body(self, headers: Headers) -> bool:
        """Whether what comes with these headers is read as ``body``."""
        if self.form is None:
            return self.body is not None
        return self.body is not None and _is_json(headers.get("content-type", ""))

    def takes_files(self, headers: Headers) -> bool:
        """Whether what comes with these headers may be a form with files."""
        return self.form is not None and self.form.has_files and not self.takes_body(headers)

    async def take(self, request: Request) -> bytes | FormData | None:
        """The body as it came; ``request`` must stand on a ``cap_body`` receive."""
        if self.takes_body(request.headers):
            return await request.body()
        if self.form is None:
            return None
        try:
            return await request.form(max_part_size=TEXT_LIMIT)
        except MultiPartException as exc:
            raise Invalid(exc.message) from exc
        except (ValueError, LookupError) as exc:
            raise Invalid(_BROKEN_BODY) from exc

    def parse(
        self, request: Request, values: Sequence[str], taken: bytes | FormData | None
    ) -> dict[str, Any]:
        """The handler's arguments by name; Unprocessable names everything that is wrong at once."""
        errors: list[Error] = []
        arguments = self.path.parse(values, errors)
        if self.query is not None:
            arguments["query"] = self.query.parse(request.query_params, errors)
        if self.headers is not None:
            arguments["headers"] = self.headers.parse(request.headers, errors)
        if self.form is not None:
            values_sent = taken if isinstance(taken, FormData) else FormData()
            arguments["form"] = self.form.parse(values_sent, errors)
        if self.body is not None:
            raw = taken if isinstance(taken, bytes) else b""
            kind = request.headers.get("content-type", "")
            arguments["body"] = self.body.parse(raw, kind, errors)
        if errors:
            raise Unprocessable(errors)
        return arguments


def cap_body(receive: Receive, headers: Headers, limit: int) -> Receive:
    """``receive`` that raises TooLarge past ``limit`` bytes; 0 is no limit.

    Raises at once when the announced length is too large or no number.
    """
    announced = headers.get("content-length")
    if announced is not None:
        if not (announced.isascii() and announced.isdigit()):
            raise Invalid("Invalid Content-Length header")
        _check_size(int(announced[:20]), limit)
    taken = 0

    async def receive_capped() -> Message:
        nonlocal taken
        message = await receive()
        taken += len(message.get("body", b""))
        _check_size(taken, limit)
        return message

    return receive_capped


def _check_size(size: int, limit: int) -> None:
    if limit and size > limit:
        raise TooLarge(f"Request body exceeds the maximum allowed size of {limit} bytes")
