"""Tasks: what there is, how it fares, running and stopping it."""

from typing import Any

from romm_lite.features.system import tasks
from romm_lite.features.system.queue import Queue
from romm_lite.kernel.scopes import Scope
from romm_lite.web.operations import Router
from romm_lite.wire.tasks import TaskExecutionResponse, TaskInfo, TaskStatusResponse

router = Router("/api/tasks", tags=["tasks"])


@router.get("", Scope.TASKS_RUN)
def get_tasks(queue: Queue) -> dict[str, list[TaskInfo]]:
    """Tasks in three groups: scheduled, manual and watcher."""
    return tasks.list_tasks(queue)


@router.get("/status", Scope.TASKS_RUN)
def get_tasks_status(queue: Queue) -> list[TaskStatusResponse]:
    """What waits, runs, or ended within TASK_RESULT_TTL, the newest first."""
    return tasks.list_status(queue)


@router.get("/{task_id}", Scope.TASKS_RUN, responses={404: "No such task"})
def get_task(queue: Queue, task_id: str) -> TaskStatusResponse:
    """How a task stands."""
    return tasks.get_status(queue, task_id)


@router.post(
    "/run/{task_name}",
    Scope.TASKS_RUN,
    responses={400: "It cannot be run, or not with these arguments", 404: "No such task"},
)
def run_task(
    queue: Queue, task_name: str, body: dict[str, Any] | None = None
) -> TaskExecutionResponse:
    """Have a task run; the body has its arguments."""
    return tasks.run_task(queue, task_name, body or {})


@router.post("/{task_id}/cancel", Scope.TASKS_RUN, responses={404: "No such task"})
def cancel_task(queue: Queue, task_id: str) -> TaskStatusResponse:
    """Call a task off, or ask it to stop; what it did by then stays done."""
    return tasks.cancel(queue, task_id)
