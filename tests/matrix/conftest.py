import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from romm_lite.db.engine import Database, open_engine
from romm_lite.kernel.events import Bus
from romm_lite.kernel.paths import Places
from romm_lite.kernel.settings import Settings
from tests.matrix.requests import Ordinary
from tests.matrix.world import KEY, World, open_world


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, migrated_file: Path) -> Iterator[World]:
    """The installation all tests of a module ask; each adds to it what it asks for."""
    settings = Settings.model_validate(
        {
            "romm_base_path": tmp_path_factory.mktemp("matrix") / "data",
            "romm_auth_secret_key": KEY,
        }
    )
    places: Places = settings.places
    places.create()
    shutil.copyfile(migrated_file, places.database)
    database = Database(open_engine(settings.database_url), Bus())
    with open_world(database, settings) as world:
        yield world
    database.close()


@pytest.fixture(scope="module")
def ordinary(world: World) -> Ordinary:
    """Paths of operations, filled with what everybody may ask for."""
    return Ordinary(world)
