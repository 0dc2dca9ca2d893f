"""Background jobs and how they fare; what a job counted depends on its type."""

from enum import StrEnum
from typing import Literal

from romm_lite.wire.common import Schema, Timestamp


class JobStatus(StrEnum):
    """Where a job stands."""

    CREATED = "created"
    QUEUED = "queued"
    FINISHED = "finished"
    FAILED = "failed"
    STARTED = "started"
    DEFERRED = "deferred"
    SCHEDULED = "scheduled"
    STOPPED = "stopped"
    CANCELED = "canceled"


class ScanStats(Schema):
    """Progress of a scan; sent over the socket in this order too."""

    total_platforms: int
    total_roms: int
    scanned_platforms: int
    new_platforms: int
    identified_platforms: int
    scanned_roms: int
    new_roms: int
    identified_roms: int
    scanned_firmware: int
    new_firmware: int


class ConversionStats(Schema):
    """Progress of converting images."""

    processed: int
    errors: int
    total: int


class UpdateStats(Schema):
    """Progress of updating an index."""

    processed: int
    total: int


class OrphanedResourcesCleanupStats(Schema):
    """What cleaning up resource folders found and removed."""

    platforms_in_db: int
    roms_in_db: int
    platforms_in_fs: int
    roms_in_fs: int
    removed_fs_platforms: int
    removed_fs_roms: int


class MissingRomsCleanupStats(Schema):
    """What cleaning up missing ROMs found and removed; no platform means all of them."""

    platform_id: int | None
    roms_found: int
    roms_deleted: int
    errors: int


class ScanTaskMeta(Schema):
    """What a scan counted."""

    scan_stats: ScanStats | None


class ConversionTaskMeta(Schema):
    """What a conversion counted."""

    conversion_stats: ConversionStats | None


class UpdateTaskMeta(Schema):
    """What an update counted."""

    update_stats: UpdateStats | None


class CleanupTaskMeta(Schema):
    """What a cleanup counted."""

    cleanup_stats: OrphanedResourcesCleanupStats | MissingRomsCleanupStats | None


class SyncTaskMeta(Schema):
    """A sync counts nothing."""


class WatcherTaskMeta(Schema):
    """A watcher counts nothing."""


class GenericTaskMeta(Schema):
    """Any other job counts nothing."""


class TaskType(StrEnum):
    """What a task is about; what it counted depends on it."""

    SCAN = "scan"
    CONVERSION = "conversion"
    CLEANUP = "cleanup"
    UPDATE = "update"
    SYNC = "sync"
    WATCHER = "watcher"
    GENERIC = "generic"


class TaskInfo(Schema):
    """A task as the list has it; ``manual_run`` if it may be run now."""

    name: str
    type: TaskType
    manual_run: bool
    title: str
    description: str
    enabled: bool
    cron_string: str


class TaskExecutionResponse(Schema):
    """A task that was asked for; ``task_name`` is its title."""

    task_name: str
    task_id: str
    status: JobStatus
    created_at: Timestamp | None
    enqueued_at: Timestamp | None


class BaseTaskStatus(Schema):
    """What every job tells; ``task_name`` is its title.

    ``message`` and ``interrupted`` are this program's own: how it ended, for a person, and whether
    that was because its process died.
    """

    task_name: str
    task_id: str
    status: JobStatus
    created_at: Timestamp | None
    enqueued_at: Timestamp | None
    started_at: Timestamp | None
    ended_at: Timestamp | None
    message: str | None = None
    interrupted: bool = False


class ScanTaskStatusResponse(BaseTaskStatus):
    """A scan."""

    task_type: Literal["scan"]
    meta: ScanTaskMeta


class ConversionTaskStatusResponse(BaseTaskStatus):
    """A conversion of images."""

    task_type: Literal["conversion"]
    meta: ConversionTaskMeta


class UpdateTaskStatusResponse(BaseTaskStatus):
    """An update of an index."""

    task_type: Literal["update"]
    meta: UpdateTaskMeta


class CleanupTaskStatusResponse(BaseTaskStatus):
    """A cleanup."""

    task_type: Literal["cleanup"]
    meta: CleanupTaskMeta


class SyncTaskStatusResponse(BaseTaskStatus):
    """A sync of saves."""

    task_type: Literal["sync"]
    meta: SyncTaskMeta


class WatcherTaskStatusResponse(BaseTaskStatus):
    """A run of the folder watcher."""

    task_type: Literal["watcher"]
    meta: WatcherTaskMeta


class GenericTaskStatusResponse(BaseTaskStatus):
    """Any other job."""

    task_type: Literal["generic"]
    meta: GenericTaskMeta


TaskStatusResponse = (
    ScanTaskStatusResponse
    | ConversionTaskStatusResponse
    | UpdateTaskStatusResponse
    | CleanupTaskStatusResponse
    | SyncTaskStatusResponse
    | WatcherTaskStatusResponse
    | GenericTaskStatusResponse
)
