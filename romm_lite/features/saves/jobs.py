"""What the store does by itself."""

from romm_lite.features.saves import history
from romm_lite.features.saves.store import Store
from romm_lite.kernel.jobs import JobKind, Priority, Work, job

HOUR = 3600


@job(
    "purge_save_history",
    "Let go of old versions of saves",
    "Removes versions of saves that are as old as the settings say",
    JobKind.CLEANUP,
    cron="50 4 * * *",
    at_start=True,
    priority=Priority.LOW,
    goes_on=True,
    seconds=HOUR,
)
def purge_save_history(work: Work, store: Store) -> None:
    """Locked versions, and the newest ones of each slot, stay."""
    history.remove_unfinished(store, alone=False)
    removed = history.purge(store, lambda _removed: work.check())
    work.message = f"{removed} removed" if removed else None


JOBS = (purge_save_history,)
