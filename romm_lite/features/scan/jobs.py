"""Scans on a schedule."""

from romm_lite.db.engine import Database
from romm_lite.features.scan import service
from romm_lite.features.scan.kinds import ScanRequest
from romm_lite.kernel.jobs import JobKind, Priority, Work, job
from romm_lite.kernel.settings import Settings


@job(
    "scan_library",
    "Scheduled rescan",
    "Rescans the entire library",
    JobKind.SCAN,
    switch="enable_scheduled_rescan",
    cron="scheduled_rescan_cron",
    is_manual=False,
    priority=Priority.HIGH,
)
def scan_library(work: Work, database: Database, settings: Settings) -> None:
    """Only asks for the scan, which is a run of its own, waits for others, and is listed itself."""
    run = service.request_scan(database, settings, ScanRequest())
    work.message = f"Scan {run.id} was asked for."


JOBS = (scan_library,)
