"""One scan in a process of its own: ``python -m tests.features.scan.child DATA_FOLDER URL``.

Prints ``started`` once it runs and its status when it ended.
"""

import sys
from pathlib import Path

from romm_lite.db.engine import Database, open_engine
from romm_lite.features.scan import service
from romm_lite.features.scan.kinds import ScanRequest
from romm_lite.kernel.events import Bus
from romm_lite.kernel.settings import Settings


def say(word: str) -> None:
    sys.stdout.write(f"{word}\n")
    sys.stdout.flush()


def main() -> None:
    settings = Settings.model_validate({"romm_base_path": Path(sys.argv[1]), "scan_workers": 2})
    database = Database(open_engine(sys.argv[2]), Bus())
    outcome = service.run(database, settings, ScanRequest(), started=lambda _run: say("started"))
    say(outcome.status)
    database.close()


if __name__ == "__main__":
    main()
