"""The application that answers every operation: match, credentials, parse, run, render, send.

One unit of work a request: resources are opened, the handler runs and its result is rendered in one
worker thread, then the resources are closed (which commits), and only then is the answer sent. If
anything fails before that, they are closed by the exception and nothing is committed.
"""

import asyncio
import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from functools import lru_cache, partial
from typing import Any, ParamSpec, TypeVar
from weakref import WeakKeyDictionary

from anyio import CapacityLimiter, to_thread
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from romm_lite.kernel.errors import Forbidden, NotFound, Unauthenticated
from romm_lite.web.inputs import cap_body
from romm_lite.web.operations import Operation
from romm_lite.web.render import Shield, Translate, translate_nothing
from romm_lite.web.routing import MethodNotAllowed, Tree, Values, refuse_socket, route_path

T = TypeVar("T")
P = ParamSpec("P")
Resource = Callable[[Request], AbstractContextManager[Any]]
BODY_LIMIT = 16 * 2**20
UPLOAD_LIMIT = 512 * 2**20


class Lane:
    """Worker threads of one kind; each event loop has a limit of its own."""

    def __init__(self, threads: int) -> None:
        self._threads = threads
        self._limiters: WeakKeyDictionary[asyncio.AbstractEventLoop, CapacityLimiter]
        self._limiters = WeakKeyDictionary()

    async def run(self, function: Callable[[], T]) -> T:
        loop = asyncio.get_running_loop()
        limiter = self._limiters.get(loop)
        if limiter is None:
            limiter = self._limiters[loop] = CapacityLimiter(self._threads)
        return await to_thread.run_sync(function, limiter=limiter)


class Work:
    """Lets an async handler do domain work: a unit of work of its own in a worker thread."""

    def __init__(self, lane: Lane, provide: Mapping[str, Resource], request: Request) -> None:
        self._lane = lane
        self._provide = provide
        self._request = request

    async def __call__(self, function: Callable[..., T], /, *args: Any, **kwargs: Any) -> T:
        """``function(*args, **kwargs)``, given the resources it has parameters of that name for.

        They are closed, and so committed, when this returns.
        """
        return await self._lane.run(partial(self._run, function, args, kwargs))

    def _run(self, function: Callable[..., T], args: tuple[Any, ...], kwargs: dict[str, Any]) -> T:
        names = [n for n in self._provide if n in _parameters(function) and n not in kwargs]
        with ExitStack() as stack:
            opened = {n: stack.enter_context(self._provide[n](self._request)) for n in names}
            return function(*args, **kwargs, **opened)


@lru_cache(maxsize=256)
def _parameters(function: Callable[..., Any]) -> frozenset[str]:
    return frozenset(inspect.signature(function).parameters)


class OperationTable:
    """The ASGI application of a list of operations.

    ``provide`` maps a resource's name to what opens it; they are opened in this order.
    ``open_downloads`` drops the scopes of operations marked ``download=True``. ``body_limit`` and
    ``upload_limit`` (forms with files) are bytes, 0 for none. ``otherwise`` answers paths no
    operation has, instead of 404. Raises TypeError on anything that cannot work.
    """

    def __init__(
        self,
        operations: Iterable[Operation],
        provide: Mapping[str, Resource],
        *,
        open_downloads: bool = False,
        body_limit: int = BODY_LIMIT,
        upload_limit: int = UPLOAD_LIMIT,
        database_threads: int = 2,
        heavy_threads: int = 4,
        translate: Translate = translate_nothing,
        otherwise: ASGIApp | None = None,
    ) -> None:
        self.operations = tuple(operations)
        self._provide = dict(provide)
        self._open_downloads = open_downloads
        self._body_limit = body_limit
        self._upload_limit = upload_limit
        self._lanes = {False: Lane(database_threads), True: Lane(heavy_threads)}
        self._otherwise = otherwise
        self._shielded = Shield(self._serve, translate)
        self._tree: Tree[Operation] = Tree()
        self._wanted: dict[Operation, Sequence[str]] = {}
        for operation in self.operations:
            self._tree.add(operation.method, operation.path, operation)
            self._wanted[operation] = self._check_wants(operation)

    def _check_wants(self, operation: Operation) -> Sequence[str]:
        """The resources to open, in order."""
        own = {"request", "work"} if operation.is_async else {"request"}
        wants = operation.wants - own
        if unknown := wants - set(self._provide):
            raise TypeError(f"{operation.label}: nothing provides {sorted(unknown)}")
        if operation.is_async and wants:
            raise TypeError(f"{operation.label}: an async handler takes work, not {sorted(wants)}")
        return [name for name in self._provide if name in wants]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self._shielded(scope, receive, send)
        elif scope["type"] == "websocket":
            await refuse_socket(send)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        found = self._tree.find(scope["method"], route_path(scope))
        if isinstance(found, frozenset):
            if found:
                raise MethodNotAllowed(found)
            if self._otherwise is None:
                raise NotFound
            await self._otherwise(scope, receive, send)
            return
        operation, values = found
        scope.setdefault("state", {})["operation"] = operation.label
        self._authorize(operation, scope)
        response = await self._answer(operation, values, scope, receive)
        await response(scope, receive, send)

    def _authorize(self, operation: Operation, scope: Scope) -> None:
        """Who may call this, from what the authentication middleware left in the scope."""
        if operation.public or (self._open_downloads and operation.download):
            return
        if (error := scope.get("auth_error")) is not None:
            raise error
        granted = scope["auth"].scopes if "auth" in scope else ()
        if all(needed in granted for needed in operation.scopes):
            return
        if "user" in scope and scope["user"].is_authenticated:
            raise Forbidden
        raise Unauthenticated

    async def _answer(
        self, operation: Operation, values: Values, scope: Scope, receive: Receive
    ) -> Response:
        request = Request(scope, receive)
        inputs = operation.inputs
        if inputs.body is not None or inputs.form is not None:
            has_files = inputs.takes_files(request.headers)
            limit = self._upload_limit if has_files else self._body_limit
            request = Request(scope, cap_body(receive, request.headers, limit))
        taken = await inputs.take(request)
        lane = self._lanes[operation.heavy]
        try:
            if not operation.is_async:
                return await lane.run(partial(self._run, operation, request, values, taken))
            arguments = inputs.parse(request, values, taken)
            own = {"request": request, "work": Work(lane, self._provide, request)}
            arguments |= {name: own[name] for name in operation.wants}
            return operation.render(await operation.handler(**arguments))
        finally:
            if isinstance(taken, FormData):
                await taken.close()

    def _run(
        self,
        operation: Operation,
        request: Request,
        values: Values,
        taken: bytes | FormData | None,
    ) -> Response:
        """All that is synchronous, in one worker thread."""
        arguments = operation.inputs.parse(request, values, taken)
        if "request" in operation.wants:
            arguments["request"] = request
        with ExitStack() as stack:
            for name in self._wanted[operation]:
                arguments[name] = stack.enter_context(self._provide[name](request))
            return operation.render(operation.handler(**arguments))
