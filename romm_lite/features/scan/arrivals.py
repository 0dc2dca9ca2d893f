"""What is stored to be scanned as named files: those that have just arrived, those left for later.

It is a run that waits, and takes more names as long as it does.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Row, select, update

from romm_lite.db.engine import Database
from romm_lite.features.library.service import BATCH
from romm_lite.features.scan import runs
from romm_lite.features.scan.kinds import (
    FIRST_DELAY,
    LONGEST_DELAY,
    ScanKind,
    ScanRequest,
    Status,
)
from romm_lite.kernel.times import now
from romm_lite.tables.system import SCAN_RUNS

_WAITING = (SCAN_RUNS.c.kind == ScanKind.FILES, SCAN_RUNS.c.status == Status.WAITING)


def store(
    database: Database, fs_slug: str, names: Sequence[str], machine: str, *, delay: int = 0
) -> None:
    """Have files scanned together with others that wait; in ``delay`` seconds, if there is one."""
    query = select(SCAN_RUNS.c.id, SCAN_RUNS.c.scope).where(*_WAITING)
    query = query.order_by(SCAN_RUNS.c.id.desc()).with_for_update()
    with database.write() as session:
        for row in session.execute(query).all():
            joined = _join(row, fs_slug, names, delay)
            if joined is not None:
                here = SCAN_RUNS.c.id == row.id
                session.execute(update(SCAN_RUNS).where(here).values(scope=joined))
                return
        request = ScanRequest.of_files({fs_slug: list(names)}, delay)
        added = runs.add(session, request, Status.WAITING, machine)
        if delay:
            scope = {**(request.scope or {}), "not_before": now().timestamp() + delay}
            here = SCAN_RUNS.c.id == added
            session.execute(update(SCAN_RUNS).where(here).values(scope=scope))


def store_late(
    database: Database, late: Mapping[str, set[str]], machine: str, *, waited: int
) -> None:
    """Have files scanned later that are still being written; each time it is longer until then."""
    delay = min(waited * 2, LONGEST_DELAY) or FIRST_DELAY
    for fs_slug, names in sorted(late.items()):
        store(database, fs_slug, sorted(names), machine, delay=delay)


def _join(row: Row[Any], fs_slug: str, names: Sequence[str], delay: int) -> dict[str, Any] | None:
    """The scope of a run that waits and takes more names; None if they need one of their own."""
    if bool(row.scope.get("delay")) is not bool(delay):
        return None
    files = {each: list(known) for each, known in row.scope["files"].items()}
    files[fs_slug] = sorted({*files.get(fs_slug, ()), *names})
    if sum(map(len, files.values())) > BATCH:
        return None
    return {**row.scope, **(ScanRequest.of_files(files).scope or {})}
