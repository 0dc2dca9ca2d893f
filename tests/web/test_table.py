import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import anyio
import pytest
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.testclient import TestClient
from starlette.types import Message, Receive, Scope, Send
from starlette.websockets import WebSocketDisconnect

from romm_lite.kernel.errors import Conflict, NotFound, Unauthenticated
from romm_lite.web.operations import Router
from romm_lite.web.table import Lane, OperationTable, Work
from tests.web.support import client_of


class Wish(BaseModel):
    name: str


class Store:
    """A unit of work that tells what became of it."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.threads: set[int] = set()

    @contextmanager
    def open(self, request: Request) -> Iterator[list[str]]:
        self.threads.add(threading.get_ident())
        self.told.append("opened")
        try:
            yield self.told
        except BaseException:
            self.told.append("rolled back")
            raise
        self.told.append("committed")


def test_anonymous_is_401_and_a_challenge() -> None:
    router = Router("/api")

    @router.get("/x", "roms.read")
    def get_x() -> None: ...

    answer = client_of(router).get("/api/x")
    assert answer.status_code == 401
    assert answer.json() == {"detail": "Not authenticated"}
    assert answer.headers["www-authenticate"] == "Bearer"


def test_missing_scope_is_403() -> None:
    router = Router("/api")

    @router.get("/x", "assets.read", "devices.read")
    def get_x() -> None: ...

    client = client_of(router)
    answer = client.get("/api/x", headers={"x-scopes": "assets.read"})
    assert (answer.status_code, answer.json()) == (403, {"detail": "Forbidden"})
    both = {"x-scopes": "assets.read devices.read"}
    assert client.get("/api/x", headers=both).status_code == 200


def test_without_authentication_middleware_everything_scoped_is_closed() -> None:
    router = Router("/api")

    @router.get("/x", "roms.read")
    def get_x() -> None: ...

    assert TestClient(OperationTable(router.operations, {})).get("/api/x").status_code == 401


def test_wrong_credentials_are_told_on_scoped_routes_only() -> None:
    router = Router("/api")

    @router.get("/closed", "roms.read")
    def get_closed() -> None: ...

    @router.get("/open", public=True)
    def get_open() -> None: ...

    table = OperationTable(router.operations, {})

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        error = Unauthenticated("Could not validate credentials")
        await table({**scope, "auth_error": error}, receive, send)

    client = TestClient(app)
    answer = client.get("/api/closed")
    assert (answer.status_code, answer.json()["detail"]) == (401, "Could not validate credentials")
    assert client.get("/api/open").status_code == 200


def test_downloads_can_be_opened() -> None:
    router = Router("/api")

    @router.get("/file", "roms.read", download=True)
    def get_file() -> None: ...

    @router.get("/list", "roms.read")
    def get_list() -> None: ...

    assert client_of(router).get("/api/file").status_code == 401
    client = client_of(router, open_downloads=True)
    assert client.get("/api/file").status_code == 200
    assert client.get("/api/list").status_code == 401


def test_scope_is_checked_before_a_byte_is_read() -> None:
    router = Router("/api")

    @router.post("/x", "roms.write")
    def post_x(body: Wish) -> None: ...

    sent: list[Message] = []

    async def receive() -> Message:
        raise AssertionError("the body was read")

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": "/api/x", "headers": []}
    anyio.run(OperationTable(router.operations, {}), scope, receive, send)
    assert sent[0]["status"] == 401


def test_no_route_no_method() -> None:
    router = Router("/api")

    @router.get("/x", public=True)
    def get_x() -> None: ...

    @router.put("/x", public=True)
    def put_x() -> None: ...

    client = client_of(router)
    assert client.get("/api/y").json() == {"detail": "Not Found"}
    answer = client.post("/api/x")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, PUT")
    assert answer.json() == {"detail": "Method Not Allowed"}
    assert client.head("/api/x").status_code == 405


def test_trailing_slash_is_answered_without_redirect() -> None:
    router = Router("/api")

    @router.post("/x", public=True)
    def post_x(body: Wish) -> Wish:
        return body

    answer = client_of(router).post("/api/x/", json={"name": "a"}, follow_redirects=False)
    assert (answer.status_code, answer.json()) == (200, {"name": "a"})


def test_table_below_a_mount() -> None:
    router = Router("/api")

    @router.get("/x", public=True)
    def get_x() -> int:
        return 1

    table = OperationTable(router.operations, {})

    async def mounted(scope: Scope, receive: Receive, send: Send) -> None:
        await table({**scope, "root_path": "/sub"}, receive, send)

    assert TestClient(mounted).get("/sub/api/x").json() == 1


def test_other_paths_can_go_elsewhere() -> None:
    router = Router("/api")

    @router.get("/x", public=True)
    def get_x() -> int:
        return 1

    client = client_of(router, otherwise=PlainTextResponse("the web interface"))
    assert client.get("/").text == "the web interface"
    assert client.post("/api/x").status_code == 405


def test_commit_comes_after_rendering_and_before_the_answer() -> None:
    router, store = Router("/api"), Store()

    class Lazy:
        @property
        def name(self) -> str:
            store.told.append("rendered")
            return "a"

    @router.get("/x", public=True)
    def get_x(db: list[str]) -> Wish:
        db.append("ran")
        return Lazy()  # type: ignore[return-value]

    table = OperationTable(router.operations, {"db": store.open})

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        async def note(message: Message) -> None:
            store.told.append(message["type"])
            await send(message)

        await table(scope, receive, note)

    assert TestClient(app).get("/api/x").json() == {"name": "a"}
    sent = ["http.response.start", "http.response.body"]
    assert store.told == ["opened", "ran", "rendered", "committed", *sent]
    assert threading.get_ident() not in store.threads


def test_what_cannot_be_rendered_is_not_committed() -> None:
    router, store = Router("/api"), Store()

    @router.get("/x", public=True)
    def get_x(db: list[str]) -> Wish:
        return object()  # type: ignore[return-value]

    answer = client_of(router, {"db": store.open}).get("/api/x")
    assert answer.status_code == 500
    assert store.told == ["opened", "rolled back"]


def test_failing_handler_rolls_back() -> None:
    router, store = Router("/api"), Store()

    @router.get("/x", public=True)
    def get_x(db: list[str]) -> None:
        raise Conflict("taken")

    answer = client_of(router, {"db": store.open}).get("/api/x")
    assert (answer.status_code, answer.json()) == (409, {"detail": "taken"})
    assert store.told == ["opened", "rolled back"]


def test_failing_commit_is_the_answer() -> None:
    router = Router("/api")

    @contextmanager
    def failing(request: Request) -> Iterator[int]:
        yield 1
        raise Conflict("lost the race")

    @router.get("/x", public=True)
    def get_x(db: int) -> int:
        return db

    assert client_of(router, {"db": failing}).get("/api/x").status_code == 409


def test_nothing_is_opened_for_an_invalid_request() -> None:
    router, store = Router("/api"), Store()

    @router.get("/{number}", public=True)
    def get_x(number: int, db: list[str]) -> None: ...

    assert client_of(router, {"db": store.open}).get("/api/none").status_code == 422
    assert store.told == []


def test_resources_open_in_the_order_they_are_provided() -> None:
    router = Router("/api")
    order: list[str] = []

    def opener(name: str) -> Any:
        @contextmanager
        def opened(request: Request) -> Iterator[str]:
            order.append(name)
            yield name
            order.append("-" + name)

        return opened

    @router.get("/x", public=True)
    def get_x(user: str, db: str) -> str:
        return db + user

    client = client_of(router, {"db": opener("db"), "user": opener("user"), "no": opener("no")})
    assert client.get("/api/x").json() == "dbuser"
    assert order == ["db", "user", "-user", "-db"]


def test_resource_nobody_provides_is_refused() -> None:
    router = Router("/api")

    @router.get("/x", public=True)
    def get_x(db: Any) -> None: ...

    with pytest.raises(TypeError, match="nothing provides"):
        OperationTable(router.operations, {})


def test_two_operations_of_one_shape_are_refused() -> None:
    router = Router("/api")

    @router.get("/{a}", public=True)
    def get_a(a: str) -> None: ...

    @router.get("/{b}", public=True)
    def get_b(b: str) -> None: ...

    with pytest.raises(TypeError, match="hidden"):
        OperationTable(router.operations, {})


def test_async_handler_does_its_work_in_a_unit_of_work() -> None:
    router, store = Router("/api"), Store()

    def save(number: int, db: list[str]) -> int:
        db.append(f"saved {number}")
        return number + 1

    @router.put("/{number}", public=True)
    async def put_x(number: int, request: Request, work: Work) -> int:
        read = b"".join([piece async for piece in request.stream()])
        saved = await work(save, number)
        store.told.append("still running")
        return saved + len(read)

    answer = client_of(router, {"db": store.open}).put("/api/5", content=b"abc")
    assert answer.json() == 9
    assert store.told == ["opened", "saved 5", "committed", "still running"]


def test_async_handler_is_given_no_resources() -> None:
    router = Router("/api")

    @router.get("/x", public=True)
    async def get_x(db: Any) -> None: ...

    with pytest.raises(TypeError, match="async"):
        OperationTable(router.operations, {"db": Store().open})


def test_a_lane_runs_no_more_at_once_than_it_has_threads() -> None:
    lane = Lane(2)
    lock = threading.Lock()
    running, most = 0, 0

    def work() -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        threading.Event().wait(0.01)
        with lock:
            running -= 1

    async def run_six() -> None:
        async with anyio.create_task_group() as tasks:
            for _ in range(6):
                tasks.start_soon(lane.run, work)

    anyio.run(run_six)
    anyio.run(run_six)  # a second event loop
    assert most == 2


def test_websocket_is_closed() -> None:
    client = TestClient(OperationTable([], {}))
    with pytest.raises(WebSocketDisconnect), client.websocket_connect("/api/x"):
        pass


def test_error_of_a_response_that_has_not_begun_is_an_answer() -> None:
    router = Router("/api")

    class Late(Response):
        async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
            raise NotFound("gone")

    @router.get("/x", public=True)
    def get_x() -> Response:
        return Late()

    assert client_of(router).get("/api/x").json() == {"detail": "gone"}
