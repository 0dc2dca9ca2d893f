from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from romm_lite import app
from romm_lite.kernel import settings

Start = Callable[..., TestClient]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts the whole application on a data folder of its own; settings by their field names."""
    with ExitStack() as stack:

        def begin(**given: Any) -> TestClient:
            loaded = settings.load(
                {
                    "romm_base_path": tmp_path / "data",
                    "romm_auth_secret_key": "k" * 40,
                    "romm_setup_token": "none",
                    "disable_csrf_protection": True,
                    **given,
                }
            )
            application = stack.enter_context(app.open_application(loaded))
            client = TestClient(application.asgi, raise_server_exceptions=False)
            stack.callback(client.close)
            return client

        yield begin


@pytest.fixture
def client(start: Start) -> TestClient:
    """The application with an administrator, ``keeper``, who is not logged in."""
    client = start()
    make_user(client, "keeper", "admin")
    return client


def make_user(client: TestClient, name: str, role: str, **options: Any) -> None:
    body = {"username": name, "password": "correct-horse", "email": "", "role": role}
    assert client.post("/api/users", json=body, **options).status_code == 201


def login(name: str = "keeper") -> tuple[str, str]:
    """What to give as ``auth``."""
    return name, "correct-horse"
