"""The OpenAPI 3.1 description of a list of operations, built once and in one order."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from typing import Any

from pydantic import TypeAdapter
from pydantic.json_schema import JsonSchemaMode

from romm_lite.web.operations import Operation
from romm_lite.web.render import to_json
from romm_lite.web.routing import PARAMETER

Json = dict[str, Any]
Slot = tuple[int, str]
_REF = "#/components/schemas/"
_VALIDATION_ERROR: Json = {
    "title": "ValidationError",
    "type": "object",
    "required": ["loc", "msg", "type"],
    "properties": {
        "loc": {
            "title": "Location",
            "type": "array",
            "items": {"anyOf": [{"type": "string"}, {"type": "integer"}]},
        },
        "msg": {"title": "Message", "type": "string"},
        "type": {"title": "Error Type", "type": "string"},
        "input": {"title": "Input"},
        "ctx": {"title": "Context", "type": "object"},
    },
}
_INVALID: Json = {
    "title": "HTTPValidationError",
    "type": "object",
    "properties": {
        "detail": {
            "title": "Detail",
            "type": "array",
            "items": {"$ref": _REF + "ValidationError"},
        }
    },
}
_ERRORS = {"HTTPValidationError": _INVALID, "ValidationError": _VALIDATION_ERROR}


class Description:
    """The description of those operations that are not hidden.

    ``token_url`` is where a password is exchanged for a token; ``server`` the path everything lies
    under.
    """

    def __init__(
        self,
        operations: Iterable[Operation],
        *,
        title: str,
        version: str,
        token_url: str,
        server: str = "",
    ) -> None:
        self.operations = [operation for operation in operations if not operation.hidden]
        self._info = {"title": title, "version": version}
        self._token_url = token_url
        self._server = server

    @cached_property
    def rendered(self) -> bytes:
        """The document as JSON."""
        return to_json(self.document)

    @cached_property
    def document(self) -> Json:
        schemas, models = _schemas(self.operations)
        twice = Counter(operation.handler.__name__ for operation in self.operations)
        paths: dict[str, Json] = {}
        for number, operation in enumerate(self.operations):
            entry = _Entry(operation, number, schemas, models).render()
            entry["operationId"] = operation.handler.__name__
            if twice[operation.handler.__name__] > 1:
                entry["operationId"] += f"_{_flatten(operation.path)}_{operation.method.lower()}"
            path = PARAMETER.sub(r"{\1}", operation.path)
            paths.setdefault(path, {})[operation.method.lower()] = entry
        named = models | _ERRORS
        used = _reachable(paths, named)
        return {
            "openapi": "3.1.0",
            "info": self._info,
            "servers": [{"url": self._server or "/"}],
            "tags": [{"name": tag} for tag in self._tags()],
            "paths": dict(sorted(paths.items())),
            "components": {
                "schemas": {name: named[name] for name in sorted(used)},
                "securitySchemes": self._security_schemes(),
            },
        }

    def _tags(self) -> list[str]:
        """In the order of the operations, which is how readers find them grouped."""
        return list(dict.fromkeys(tag for op in self.operations for tag in op.tags))

    def _security_schemes(self) -> Json:
        scopes = {str(scope): str(scope) for op in self.operations for scope in op.scopes}
        password = {"tokenUrl": self._token_url, "scopes": dict(sorted(scopes.items()))}
        return {
            "HTTPBasic": {"type": "http", "scheme": "basic"},
            "OAuth2PasswordBearer": {"type": "oauth2", "flows": {"password": password}},
        }


def _flatten(path: str) -> str:
    return "".join(char if char.isalnum() else "_" for char in path).strip("_")


def _schemas(operations: Sequence[Operation]) -> tuple[dict[Slot, Json], dict[str, Json]]:
    """The schema of everything each operation reads and answers, and of the models these name."""
    asked: list[tuple[Slot, JsonSchemaMode, TypeAdapter[Any]]] = []
    for number, operation in enumerate(operations):
        inputs = operation.inputs
        for name, adapter in inputs.path.adapters.items():
            asked.append(((number, f"path {name}"), "validation", adapter))
        for place in ("query", "headers", "form"):
            if (flat := getattr(inputs, place)) is not None:
                asked.append(((number, place), "validation", TypeAdapter(flat.model)))
        if inputs.body is not None:
            asked.append(((number, "body"), "validation", inputs.body.adapter))
        if operation.output is not None:
            asked.append(((number, "output"), "serialization", operation.output))
    schemas, shared = TypeAdapter.json_schemas(asked, ref_template=_REF + "{model}")
    return {slot: schema for (slot, _), schema in schemas.items()}, shared.get("$defs", {})


class _Entry:
    """What one operation has in the document."""

    def __init__(
        self, operation: Operation, number: int, schemas: dict[Slot, Json], models: dict[str, Json]
    ) -> None:
        self._operation = operation
        self._number = number
        self._schemas = schemas
        self._models = models

    def render(self) -> Json:
        operation = self._operation
        entry: Json = {"tags": list(operation.tags)} if operation.tags else {}
        entry["summary"] = operation.handler.__name__.replace("_", " ").capitalize()
        if operation.handler.__doc__:
            entry["description"] = operation.handler.__doc__.strip()
        if parameters := list(self._parameters()):
            entry["parameters"] = parameters
        if body := self._request_body():
            entry["requestBody"] = body
        entry["responses"] = self._responses(takes=bool(parameters or body))
        if operation.scopes:
            scopes = [str(scope) for scope in operation.scopes]
            entry["security"] = [{"OAuth2PasswordBearer": scopes}, {"HTTPBasic": []}]
        return entry

    def _schema(self, place: str) -> Json | None:
        return self._schemas.get((self._number, place))

    def _parameters(self) -> Iterator[Json]:
        for name in self._operation.inputs.path.adapters:
            schema = self._schema(f"path {name}")
            yield {"name": name, "in": "path", "required": True, "schema": schema}
        for place, word in (("query", "query"), ("headers", "header")):
            model = self._schema(place) or {}
            model = self._models.get(model.get("$ref", "").removeprefix(_REF), model)
            for name, schema in model.get("properties", {}).items():
                schema = {k: v for k, v in schema.items() if (k, v) != ("default", None)}
                required = name in model.get("required", ())
                yield {"name": name, "in": word, "required": required, "schema": schema}

    def _request_body(self) -> Json | None:
        inputs = self._operation.inputs
        content: Json = {}
        if inputs.form is not None:
            word = "multipart/form-data" if inputs.form.has_files else _URLENCODED
            content[word] = {"schema": self._schema("form")}
        if inputs.body is not None:
            content["application/json"] = {"schema": self._schema("body")}
        read = (inputs.form, inputs.body)
        required = any(each is not None and each.is_required for each in read)
        return {"content": content, "required": required} if content else None

    def _responses(self, *, takes: bool) -> Json:
        operation = self._operation
        success: Json = {"description": "Successful Response"}
        if operation.output is not None and operation.status != 204:
            success["content"] = {"application/json": {"schema": self._schema("output")}}
        responses: Json = {str(operation.status): success}
        for status, text in operation.responses.items():
            responses[str(status)] = {"description": text}
        if takes:
            schema = {"$ref": _REF + "HTTPValidationError"}
            content = {"application/json": {"schema": schema}}
            responses.setdefault("422", {"description": "Validation Error", "content": content})
        return responses


_URLENCODED = "application/x-www-form-urlencoded"


def _reachable(root: Any, named: dict[str, Json]) -> set[str]:
    """Names of the models that ``root`` refers to, at whatever depth."""
    found: set[str] = set()
    stack = [root]
    while stack:
        node = stack.pop()
        if isinstance(node, dict):
            reference = node.get("$ref")
            name = reference.removeprefix(_REF) if isinstance(reference, str) else ""
            if name in named and name not in found:
                found.add(name)
                stack.append(named[name])
            stack.extend(node.values())
        elif isinstance(node, list):
            stack.extend(node)
    return found
