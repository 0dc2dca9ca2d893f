"""Requests made from the table of operations alone."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from romm_lite.features.system import pending
from romm_lite.web.operations import Operation
from romm_lite.web.routing import PARAMETER
from tests.matrix.rows import ROWS, Free, Row
from tests.matrix.things import ORDINARY
from tests.matrix.world import World

PLAIN: Mapping[str, str] = {
    "code": "ABCDEFGH",
    "exclusion_type": "EXCLUDED_PLATFORMS",
    "exclusion_value": "snes",
    "file_name": "moss.sfc",
    "fs_slug": "snes",
    "name": "docs.js",
    "source": "igdb",
    "user_code": "ABCDEFGH",
}
"""Parameters of paths that name no row, each with a value that makes sense."""
UNBUILT = frozenset(operation.label for operation in pending.router.operations)
"""Operations that do nothing yet; whoever builds one takes it from there."""
NO_ROWS = frozenset({"client_id", "group_by_meta_id"})
"""Names that look like ids: OAuth's name of a program, which counts for nothing, and a switch."""
SAFE = frozenset({"GET", "HEAD"})
_ID = re.compile(r"(?:.*_)?ids?")


def is_id(name: str) -> bool:
    return _ID.fullmatch(name) is not None and name not in NO_ROWS


def list_ids(operation: Operation) -> Iterator[str]:
    """The places of ids in a request, as ``ROWS`` has them."""
    inputs = operation.inputs
    yield from (name for name in inputs.path.adapters if name not in PLAIN)
    for flat in (inputs.query, inputs.form, inputs.headers):
        if flat is not None:
            schema = flat.model.model_json_schema()
            yield from (name for name, _ in _properties(schema) if is_id(name))
    if inputs.body is not None:
        for name, schema in _properties(inputs.body.adapter.json_schema()):
            if is_id(name) or schema.get("items", {}).get("type") == "integer":
                yield name


def _properties(schema: Any) -> Iterator[tuple[str, Any]]:
    """All properties of a JSON schema, at whatever depth."""
    if isinstance(schema, dict):
        properties = schema.get("properties")
        yield from properties.items() if isinstance(properties, dict) else ()
    parts = schema.values() if isinstance(schema, dict) else schema
    if isinstance(schema, dict | list):
        for part in parts:
            yield from _properties(part)


class Ordinary:
    """Values for the parameters of paths: ids of rows that everybody may ask for."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._made: dict[Any, Any] = {}

    def fill(self, operation: Operation, **values: Any) -> str:
        """The path of an operation; ``values`` are those that are known already."""
        found = {**self.find(operation, *values), **values}
        return PARAMETER.sub(lambda match: str(found[match[1]]), operation.path)

    def find(self, operation: Operation, *but: str) -> dict[str, Any]:
        """A value for each parameter of the path, but for some."""
        found: dict[str, Any] = {}
        for name in operation.inputs.path.adapters:
            if name not in found and name not in but:
                made = self._find(operation, name)
                found |= made if isinstance(made, dict) else {name: made}
        return found

    def _find(self, operation: Operation, name: str) -> Any:
        make = _make_of(ROWS.get(f"{operation.label} {name}"))
        if make is None:
            return PLAIN.get(name, "1")
        if operation.method == "DELETE":
            return make(self._world)
        if make not in self._made:
            self._made[make] = make(self._world)
        return self._made[make]


def _make_of(row: Row | Free | Sequence[Row] | None) -> Any:
    if isinstance(row, Sequence):
        row = row[0]
    if isinstance(row, Row):
        return ORDINARY[row.make]
    return None if row is None else row.make
