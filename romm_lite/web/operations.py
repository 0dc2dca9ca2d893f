"""Typed routes: one function and one line above it say everything about an operation.

::

    router = Router("/api/roms", tags=["roms"])

    @router.get("/{id}", Scope.ROMS_READ, responses={404: "No such ROM"})
    def get_rom(db: Session, id: RowId) -> DetailedRom: ...

The *names* of a handler's parameters are the protocol:

- the parameters of its path; ``{name:path}`` at the end takes the rest of the path;
- ``query``, ``headers``, ``form``: Pydantic models; a header's field has its name as alias;
- ``body``: the JSON body, of any type; optional when the parameter has a default. Beside a form
  both must be optional: the content type tells which was sent, the other comes empty;
- ``request``: the Starlette request;
- any resource the application provides (``db``, ``user`` …), opened around this call.

The return annotation is the wire model: ``None`` gives the body ``null``, ``Reply[Model]`` also
sets status and headers, a ``Response`` goes out as it is (``returns=Model`` documents its body).

A handler is synchronous and runs in a worker thread together with parsing, resources and rendering.
An ``async`` one runs on the event loop and is given no resources; it does its domain work by
``await work(function, …)`` with the parameter ``work: Work``.
"""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import (
    Any,
    Generic,
    TypedDict,
    TypeVar,
    Unpack,
    get_args,
    get_origin,
    get_type_hints,
)

from pydantic import BaseModel, TypeAdapter
from starlette.responses import Response

from romm_lite.web.inputs import Body, Flat, Inputs, PathValues
from romm_lite.web.render import json_response
from romm_lite.web.routing import PARAMETER

T = TypeVar("T")
H = TypeVar("H", bound=Callable[..., Any])


@dataclass(frozen=True)
class Reply(Generic[T]):
    """A wire model with a status or headers of its own."""

    content: T
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


class Options(TypedDict, total=False):
    """What else an operation can say about itself."""

    status: int
    """Of a successful answer; 200 unless said otherwise, 204 has no body."""
    responses: Mapping[int, str]
    """Other answers, for the description: status to text."""
    public: bool
    """Anybody may call it; must be written out where no scope is."""
    download: bool
    """Public too when downloads are open to everybody."""
    heavy: bool
    """Copies or hashes files: runs among the threads for that, not the database's."""
    hidden: bool
    """Left out of the description."""
    returns: Any
    """The wire model of a handler that renders its own ``Response``."""


class Operation:
    """One method on one path."""

    def __init__(
        self,
        method: str,
        path: str,
        handler: Callable[..., Any],
        scopes: Sequence[str] = (),
        tags: Sequence[str] = (),
        **options: Unpack[Options],
    ) -> None:
        self.method = method
        self.path = path
        self.handler = handler
        self.scopes = tuple(scopes)
        self.tags = tuple(tags)
        self.status = options.get("status", 200)
        self.responses = options.get("responses", {})
        self.public = options.get("public", False)
        self.download = options.get("download", False)
        self.heavy = options.get("heavy", False)
        self.hidden = options.get("hidden", False)
        self.label = f"{method} {path}"
        if self.public == bool(self.scopes):
            raise TypeError(f"{self.label}: needs either scopes or public=True")
        self.is_async = inspect.iscoroutinefunction(handler)
        hints = get_type_hints(handler, include_extras=True)
        if "return" not in hints:
            raise TypeError(f"{self.label}: the handler has no return annotation")
        self.output = self._read_output(hints.pop("return"), options.get("returns"))
        self.inputs, self.wants = self._read_inputs(hints)

    def _read_output(self, hint: Any, returns: Any) -> TypeAdapter[Any] | None:
        if inspect.isclass(hint) and issubclass(hint, Response):
            return None if returns is None else TypeAdapter(returns)
        if returns is not None:
            raise TypeError(f"{self.label}: returns= is for a handler that returns a Response")
        if get_origin(hint) is Reply:
            (hint,) = get_args(hint)
        return TypeAdapter(hint)

    def _read_inputs(self, hints: dict[str, Any]) -> tuple[Inputs, frozenset[str]]:
        names = [match[1] for match in PARAMETER.finditer(self.path)]
        if absent := [name for name in names if name not in hints]:
            raise TypeError(f"{self.label}: the handler does not take {absent}")
        path = PathValues({name: hints.pop(name) for name in names})
        flat: dict[str, Flat] = {}
        for name, place in (("query", "query"), ("headers", "header"), ("form", "body")):
            if name in hints:
                flat[name] = Flat(place, self._model(name, hints.pop(name)))
        body = None
        if "body" in hints:
            default = inspect.signature(self.handler).parameters["body"].default
            required = default is inspect.Parameter.empty
            body = Body(hints.pop("body"), None if required else default, is_required=required)
        if body is not None and "form" in flat and (body.is_required or flat["form"].is_required):
            raise TypeError(f"{self.label}: beside each other, form and body must be optional")
        inputs = Inputs(path, flat.get("query"), flat.get("headers"), flat.get("form"), body)
        return inputs, frozenset(hints)

    def _model(self, name: str, hint: Any) -> type[BaseModel]:
        if not (inspect.isclass(hint) and issubclass(hint, BaseModel)):
            raise TypeError(f"{self.label}: {name} must be a Pydantic model")
        return hint

    def render(self, result: Any) -> Response:
        """The handler's result as a response; it is checked against the wire model."""
        if isinstance(result, Response):
            return result
        if self.output is None:
            raise TypeError(f"{self.label}: the handler returned no Response")
        status, headers = self.status, None
        if isinstance(result, Reply):
            status, headers = result.status or status, result.headers
            result = result.content
        if status == 204:
            return Response(None, status, headers)
        valid = self.output.validate_python(result, from_attributes=True)
        return json_response(self.output.dump_python(valid, by_alias=True), status, headers)


class Router:
    """Collects the operations of one feature; ``prefix`` (``/api/roms``) and tags hold for all."""

    def __init__(self, prefix: str, tags: Sequence[str] = ()) -> None:
        self.prefix = prefix
        self.tags = tags
        self.operations: list[Operation] = []

    def _add(
        self, method: str, path: str, scopes: Sequence[str], options: Options
    ) -> Callable[[H], H]:
        def register(handler: H) -> H:
            self.operations.append(
                Operation(method, self.prefix + path, handler, scopes, self.tags, **options)
            )
            return handler

        return register

    def get(self, path: str, *scopes: str, **options: Unpack[Options]) -> Callable[[H], H]:
        return self._add("GET", path, scopes, options)

    def head(self, path: str, *scopes: str, **options: Unpack[Options]) -> Callable[[H], H]:
        return self._add("HEAD", path, scopes, options)

    def post(self, path: str, *scopes: str, **options: Unpack[Options]) -> Callable[[H], H]:
        return self._add("POST", path, scopes, options)

    def put(self, path: str, *scopes: str, **options: Unpack[Options]) -> Callable[[H], H]:
        return self._add("PUT", path, scopes, options)

    def patch(self, path: str, *scopes: str, **options: Unpack[Options]) -> Callable[[H], H]:
        return self._add("PATCH", path, scopes, options)

    def delete(self, path: str, *scopes: str, **options: Unpack[Options]) -> Callable[[H], H]:
        return self._add("DELETE", path, scopes, options)
