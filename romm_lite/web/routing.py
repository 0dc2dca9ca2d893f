"""Finding the operation of a path: a dict for fixed paths, a tree of segments for the others.

A fixed segment beats a parameter and a parameter beats a ``{name:path}`` tail, whatever the order
they were written in; so the only pattern that can hide another is one of the same shape, and
``Tree.add`` refuses that.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Generic, TypeVar

from starlette.types import Scope, Send

from romm_lite.kernel.errors import RequestError

T = TypeVar("T")
PARAMETER = re.compile(r"\{(\w+)(:path)?\}")
Values = tuple[str, ...]


class MethodNotAllowed(RequestError):
    """The path exists, but not for this method."""

    status = 405

    def __init__(self, allowed: Iterable[str]) -> None:
        super().__init__("Method Not Allowed", {"Allow": ", ".join(sorted(allowed))})


class _Node(Generic[T]):
    __slots__ = ("fixed", "here", "parameter", "tail")

    def __init__(self) -> None:
        self.fixed: dict[str, _Node[T]] = {}
        self.parameter: _Node[T] | None = None
        self.here: dict[str, T] = {}
        self.tail: dict[str, T] = {}

    def walk(
        self, parts: list[str], at: int, values: Values
    ) -> Iterator[tuple[dict[str, T], Values]]:
        """What the rest of a path leads to, the most particular first."""
        if at == len(parts):
            if self.here:
                yield self.here, values
            return
        part = parts[at]
        if (node := self.fixed.get(part)) is not None:
            yield from node.walk(parts, at + 1, values)
        if part and self.parameter is not None:
            yield from self.parameter.walk(parts, at + 1, (*values, part))
        if self.tail and (rest := "/".join(parts[at:])):
            yield self.tail, (*values, rest)


class Tree(Generic[T]):
    """Maps (method, path) to what was added under a pattern."""

    def __init__(self) -> None:
        self._fixed: dict[str, dict[str, T]] = {}
        self._root: _Node[T] = _Node()

    def add(self, method: str, pattern: str, item: T) -> None:
        """TypeError if an earlier pattern answers the same method on the same paths."""
        if not pattern.startswith("/") or (pattern.endswith("/") and pattern != "/"):
            raise TypeError(f"{pattern!r} must begin with a slash and not end with one")
        node = self._root
        methods = node.here
        for part in pattern.split("/")[1:] if pattern != "/" else ():
            match = PARAMETER.fullmatch(part)
            if match is None and ("{" in part or "}" in part):
                raise TypeError(f"{pattern!r}: a parameter must be a whole segment")
            if match is not None and match[2]:
                if not pattern.endswith(part):
                    raise TypeError(f"{pattern!r}: a path tail must come last")
                methods = node.tail
                break
            node = _descend(node, None if match else part)
            methods = node.here
        if method in methods:
            raise TypeError(f"{method} {pattern} is hidden by an earlier operation of this shape")
        methods[method] = item
        if "{" not in pattern:
            self._fixed[pattern] = methods

    def find(self, method: str, path: str) -> tuple[T, Values] | frozenset[str]:
        """The item and the values of its parameters, else the methods this path does have.

        One slash at the end of ``path`` makes no difference.
        """
        path = path[:-1] if path.endswith("/") and path != "/" else path or "/"
        methods = self._fixed.get(path)
        if methods is not None and method in methods:
            return methods[method], ()
        allowed: set[str] = set()
        for methods, values in self._root.walk(path.split("/")[1:] if path != "/" else [], 0, ()):
            if method in methods:
                return methods[method], values
            allowed.update(methods)
        return frozenset(allowed)


def _descend(node: _Node[T], part: str | None) -> _Node[T]:
    """The child for a fixed segment, or for a parameter if ``part`` is None; made when missing."""
    if part is not None:
        return node.fixed.setdefault(part, _Node())
    if node.parameter is None:
        node.parameter = _Node()
    return node.parameter


def route_path(scope: Scope) -> str:
    """The decoded path below the place the application is mounted at."""
    path: str = scope["path"]
    root: str = scope.get("root_path", "")
    if root and path.startswith(root) and path[len(root) : len(root) + 1] in ("", "/"):
        return path[len(root) :]
    return path


async def refuse_socket(send: Send) -> None:
    """Answer a WebSocket where there is none."""
    await send({"type": "websocket.close", "code": 1000, "reason": "Not Found"})
