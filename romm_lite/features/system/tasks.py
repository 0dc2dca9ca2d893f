"""Tasks as the protocol has them: lists of jobs, and how runs stand, scans among them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter

from romm_lite.features.scan import service as scans
from romm_lite.features.system import task_rows as rows
from romm_lite.features.system.queue import Queue
from romm_lite.features.system.task_rows import TaskStatus
from romm_lite.kernel.errors import Invalid, NotFound
from romm_lite.kernel.jobs import Job, JobKind
from romm_lite.kernel.settings import Settings
from romm_lite.kernel.times import now
from romm_lite.tables.system import ScanRun
from romm_lite.tables.tasks import TaskRun
from romm_lite.wire.tasks import (
    JobStatus,
    TaskExecutionResponse,
    TaskInfo,
    TaskStatusResponse,
    TaskType,
)

LISTED: Mapping[str, Sequence[str]] = {
    "scheduled": (
        "scan_library",
        "update_launchbox_metadata",
        "update_switch_titledb",
        "convert_images_to_webp",
        "cleanup_zip_cache",
        "cleanup_orphaned_resources",
    ),
    "manual": ("cleanup_missing_roms", "sync_folder_scan", "recompute_save_content_hashes"),
}
"""The jobs that clients are told of, in the order of the wire."""
METAS = {
    JobKind.SCAN: "scan_stats",
    JobKind.CONVERSION: "conversion_stats",
    JobKind.UPDATE: "update_stats",
    JobKind.CLEANUP: "cleanup_stats",
}
"""Under which name the wire has what jobs counted; others tell nothing."""
WORDS = {
    TaskStatus.QUEUED: JobStatus.QUEUED,
    TaskStatus.STARTED: JobStatus.STARTED,
    TaskStatus.STOPPING: JobStatus.STARTED,
    TaskStatus.FINISHED: JobStatus.FINISHED,
    TaskStatus.FAILED: JobStatus.FAILED,
    TaskStatus.STOPPED: JobStatus.STOPPED,
    TaskStatus.CANCELED: JobStatus.CANCELED,
    TaskStatus.INTERRUPTED: JobStatus.FAILED,
}
SCAN = "scan-"
"""Begins the ids of scans among those of tasks."""
SCAN_WORDS = {
    "waiting": JobStatus.QUEUED,
    "queued": JobStatus.QUEUED,
    "running": JobStatus.STARTED,
    "stopping": JobStatus.STARTED,
    "done": JobStatus.FINISHED,
    "failed": JobStatus.FAILED,
    "stopped": JobStatus.STOPPED,
    "interrupted": JobStatus.FAILED,
}
OWN_SCANS = "files"
"""The kind of scans that nobody asked for."""
_STATUS: TypeAdapter[TaskStatusResponse] = TypeAdapter(TaskStatusResponse)


def list_tasks(queue: Queue) -> dict[str, list[TaskInfo]]:
    """What can be run or is scheduled, in the groups of the wire."""
    settings = queue.settings
    groups = {
        group: [describe(queue.jobs[name], settings) for name in names]
        for group, names in LISTED.items()
    }
    return {**groups, "watcher": [_describe_watcher(settings)]}


def describe(job: Job, settings: Settings) -> TaskInfo:
    """A job as clients are told of it."""
    is_enabled = job.is_enabled(settings)
    return TaskInfo(
        name=job.name,
        type=TaskType(job.kind.value),
        manual_run=job.is_manual and is_enabled,
        title=job.title,
        description=job.description,
        enabled=is_enabled,
        cron_string=job.schedule(settings),
    )


def _describe_watcher(settings: Settings) -> TaskInfo:
    minutes = settings.rescan_on_filesystem_change_delay
    return TaskInfo(
        name="filesystem_watcher",
        type=TaskType.WATCHER,
        manual_run=False,
        title="Rescan on filesystem change",
        description="Runs a scan when a change is detected in the library path, "
        f"with a {minutes} minute delay",
        enabled=settings.enable_rescan_on_filesystem_change,
        cron_string="",
    )


def run_task(queue: Queue, name: str, arguments: Mapping[str, Any]) -> TaskExecutionResponse:
    """Have a job run that people may run."""
    names = [*LISTED["manual"], *LISTED["scheduled"]]
    if name not in names:
        raise NotFound(f"Task '{name}' not found, available tasks are {', '.join(names)}")
    job = queue.jobs[name]
    if not (job.is_manual and job.is_enabled(queue.settings)):
        raise Invalid(f"Task '{name}' cannot be run")
    run = queue.ask(name, arguments)
    if run is None:
        raise RuntimeError("only schedules are served by another's run")
    return TaskExecutionResponse(
        task_name=job.title,
        task_id=run.id,
        status=WORDS[TaskStatus(run.status)],
        created_at=run.created_at,
        enqueued_at=run.enqueued_at,
    )


def list_status(queue: Queue) -> list[TaskStatusResponse]:
    """What waits, runs, or ended not long ago, the newest first."""
    seconds = queue.settings.task_result_ttl
    runs = [
        show_task(queue.jobs[run.name], run)
        for run in rows.find_listed(queue.database, seconds)
        if run.name in queue.jobs and not _is_mere_routine(run)
    ]
    oldest = now().timestamp() - seconds
    shown = [
        show_scan(run)
        for run in scans.find(queue.database)
        if run.kind != OWN_SCANS and (not run.ended_at or run.ended_at.timestamp() > oldest)
    ]
    return sorted([*runs, *shown], key=_read_moment, reverse=True)


def _is_mere_routine(run: TaskRun) -> bool:
    """Whether nobody asked for it, and nobody needs to know of it."""
    is_listed = any(run.name in names for names in LISTED.values())
    return not is_listed and run.status == TaskStatus.FINISHED


def get_status(queue: Queue, task_id: str) -> TaskStatusResponse:
    """How a task stands; NotFound if there is none."""
    number = _read_scan_id(task_id)
    if number is not None:
        try:
            return show_scan(scans.get(queue.database, number))
        except NotFound:
            raise _unknown(task_id) from None
    return _show(queue, task_id, rows.get(queue.database, task_id))


def cancel(queue: Queue, task_id: str) -> TaskStatusResponse:
    """Call a task off, or ask it to stop; one that ended stays as it is."""
    number = _read_scan_id(task_id)
    if number is not None:
        try:
            return show_scan(scans.stop(queue.database, number))
        except NotFound:
            raise _unknown(task_id) from None
    return _show(queue, task_id, rows.request_stop(queue.database, task_id))


def _show(queue: Queue, task_id: str, run: TaskRun | None) -> TaskStatusResponse:
    if run is None or run.name not in queue.jobs:
        raise _unknown(task_id)
    return show_task(queue.jobs[run.name], run)


def _unknown(task_id: str) -> NotFound:
    return NotFound(f"Task with ID '{task_id}' not found")


def _read_scan_id(task_id: str) -> int | None:
    number = task_id.removeprefix(SCAN)
    is_scan = number != task_id and number.isascii() and number.isdecimal() and len(number) < 10
    return int(number) if is_scan else None


def show_task(job: Job, run: TaskRun) -> TaskStatusResponse:
    """A run of a job as the wire has it."""
    meta = METAS.get(job.kind)
    return _STATUS.validate_python(
        {
            "task_name": job.title,
            "task_id": run.id,
            "status": WORDS[TaskStatus(run.status)],
            "created_at": run.created_at,
            "enqueued_at": run.enqueued_at,
            "started_at": run.started_at,
            "ended_at": run.ended_at,
            "message": run.message,
            "interrupted": run.status == TaskStatus.INTERRUPTED,
            "task_type": job.kind.value,
            "meta": {meta: run.stats} if meta else {},
        }
    )


def show_scan(run: ScanRun) -> TaskStatusResponse:
    """A scan as the wire has it among the tasks."""
    has_begun = run.status not in ("waiting", "queued")
    return _STATUS.validate_python(
        {
            "task_name": f"{run.kind.replace('_', ' ').capitalize()} scan",
            "task_id": f"{SCAN}{run.id}",
            "status": SCAN_WORDS[run.status],
            "created_at": run.created_at,
            "enqueued_at": run.created_at,
            "started_at": run.started_at if has_begun else None,
            "ended_at": run.ended_at,
            "message": run.message,
            "interrupted": run.status == "interrupted",
            "task_type": "scan",
            "meta": {"scan_stats": run.stats},
        }
    )


def _read_moment(task: TaskStatusResponse) -> datetime:
    moment = task.started_at or task.enqueued_at or task.created_at
    return moment or datetime.min
