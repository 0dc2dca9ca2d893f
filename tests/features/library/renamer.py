"""One rename in a process of its own, killed at a moment of choice.

``python -m tests.features.library.renamer DATA_FOLDER URL ROM NEW_NAME MOMENT``. The moments are
``rename`` (all is written down, nothing is moved), ``renamed`` (it is moved, and not even that has
reached the disk), ``commit`` (all rows are changed, in no one's eyes but its own), ``committed``.
"""

import os
import sys
from pathlib import Path
from typing import Any

from sqlalchemy import event

from romm_lite.db.engine import Database, open_engine
from romm_lite.features.accounts.identity import NOBODY
from romm_lite.features.library.rom_changes import change_rom
from romm_lite.features.library.store import Library
from romm_lite.kernel.events import Bus
from romm_lite.kernel.settings import Settings
from romm_lite.wire.rom_changes import RomChanges, RomChangesQuery

MOMENTS = ("rename", "renamed", "commit", "committed")
KILLED = 9


def main() -> None:
    data, url, rom_id, name, moment = sys.argv[1:]
    settings = Settings.model_validate({"romm_base_path": Path(data)})
    database = Database(open_engine(url), Bus())
    seen = {"rename": False}

    def watch(happened: str, arguments: tuple[Any, ...]) -> None:
        if happened == "os.rename" and Path(arguments[1]).name == name:
            seen["rename"] = True
            if moment == "rename":
                os._exit(KILLED)
        elif happened == "open" and seen["rename"] and moment == "renamed":
            os._exit(KILLED)

    def on_commit(_connection: Any) -> None:
        if seen["rename"] and moment == "commit":
            os._exit(KILLED)

    sys.addaudithook(watch)
    event.listen(database.engine, "commit", on_commit)
    change_rom(
        Library(settings, database),
        NOBODY,
        int(rom_id),
        RomChangesQuery(),
        RomChanges(fs_name=name, summary="New"),
        None,
    )
    os._exit(KILLED)


if __name__ == "__main__":
    main()
