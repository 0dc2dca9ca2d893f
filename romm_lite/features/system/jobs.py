"""What the system does by itself, and tasks of the protocol whose subject is not built yet.

Those can neither be run nor are they enabled, whatever the settings say; each goes from here when
it is built, beside its feature.
"""

from romm_lite.db.engine import Database
from romm_lite.features.system import task_rows
from romm_lite.kernel.jobs import Job, JobKind, Priority, Work, job

NOT_YET = " (not available yet)"
NOT_BUILT = (
    Job(
        "update_launchbox_metadata",
        "Scheduled LaunchBox metadata update",
        "Updates the LaunchBox metadata store" + NOT_YET,
        JobKind.UPDATE,
        None,
        cron="scheduled_update_launchbox_metadata_cron",
    ),
    Job(
        "update_switch_titledb",
        "Scheduled Switch TitleDB update",
        "Updates the Nintendo Switch TitleDB file" + NOT_YET,
        JobKind.UPDATE,
        None,
        cron="scheduled_update_switch_titledb_cron",
    ),
    Job(
        "sync_folder_scan",
        "Sync Folder Scan",
        "Scan device sync folders for new save files" + NOT_YET,
        JobKind.SYNC,
        None,
    ),
    Job(
        "recompute_save_content_hashes",
        "Recompute save content hashes",
        "Rewrites the content_hash of every save" + NOT_YET,
        JobKind.CLEANUP,
        None,
    ),
    Job(
        "sync_retroachievements_progress",
        "Scheduled RetroAchievements progress sync",
        "Fetches users' progress from RetroAchievements" + NOT_YET,
        JobKind.UPDATE,
        None,
        cron="scheduled_retroachievements_progress_sync_cron",
    ),
)


@job(
    "cleanup_zip_cache",
    "Scheduled ZIP cache cleanup",
    "Removes stale cached ZIP files; this program keeps none, so there is nothing to do",
    JobKind.CLEANUP,
    cron="0 4 * * *",
    is_manual=False,
    priority=Priority.LOW,
)
def cleanup_zip_cache(work: Work) -> None:
    work.message = "There is nothing to do: ZIP files are made as they are sent."


@job(
    "purge_task_runs",
    "Forget old tasks",
    "Removes tasks that ended 30 days ago from the history",
    JobKind.CLEANUP,
    cron="45 4 * * *",
    priority=Priority.LOW,
)
def purge_task_runs(work: Work, database: Database) -> None:
    removed = task_rows.purge(database)
    work.message = f"{removed} removed" if removed else None


JOBS = (*NOT_BUILT, cleanup_zip_cache, purge_task_runs)
