import shutil
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from anyio.from_thread import start_blocking_portal

from romm_lite import app
from romm_lite.db.engine import Database, open_engine
from romm_lite.features.accounts import passwords
from romm_lite.kernel.events import Bus
from romm_lite.kernel.settings import Settings
from tests.fuzz.target import Target, Template, fill_template
from tests.matrix.world import HASH, KEY, open_world


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory, migrated_file: Path) -> Template:
    """The data folder every test gets a copy of."""
    settings = settings_at(tmp_path_factory.mktemp("fuzz") / "data")
    settings.places.create()
    shutil.copyfile(migrated_file, settings.places.database)
    database = Database(open_engine(settings.database_url), Bus())
    with open_world(database, settings) as world:
        template = fill_template(world, settings.places.data)
    database.close()
    return template


@pytest.fixture
def target(template: Template, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Target]:
    """A whole application of the test's own, which can be spoiled."""
    monkeypatch.setattr(passwords, "ROUNDS", 4)
    monkeypatch.setattr(passwords, "_STAND_IN", HASH)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    shutil.copytree(template.folder, tmp_path / "data")
    settings = settings_at(tmp_path / "data")
    with app.open_application(settings) as application, start_blocking_portal() as portal:
        yield Target(application.asgi, portal, template)


def refuse(*_arguments: Any, **_named: Any) -> Any:
    """Nothing here may ask the network."""
    raise OSError("The network is out of bounds")


def settings_at(data: Path) -> Settings:
    return Settings.model_validate({"romm_base_path": data, "romm_auth_secret_key": KEY})
