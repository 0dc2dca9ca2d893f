"""What the accounts do by themselves."""

from romm_lite.db.entries import Entries
from romm_lite.kernel.jobs import JobKind, Priority, job


@job(
    "purge_entries",
    "Forget what has ended",
    "Removes sessions, codes and links that have ended",
    JobKind.CLEANUP,
    cron="15 * * * *",
    at_start=True,
    priority=Priority.LOW,
)
def purge_entries(entries: Entries) -> None:
    entries.purge()


JOBS = (purge_entries,)
