"""The table of jobs: what the program does beside answering requests.

A job is one function under ``@job(...)``, beside the feature it belongs to, and a name in ``JOBS``
of the composition root. The page of tasks, the schedules and the command line all read that table.

The function's positional parameters are things of the program by name (``work``, ``library``,
``database`` …), those after ``*`` are its arguments, which are checked by their types before it is
asked for. It looks at its stop token (``work.check()``, ``work.report(...)``) between files, for no
thread can be stopped from outside. Whatever ends it in the middle, run again it must go on with
what is left.
"""

import inspect
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import Any

from pydantic import ConfigDict, ValidationError, create_model

from romm_lite.kernel.errors import Invalid
from romm_lite.kernel.settings import Settings


class JobKind(StrEnum):
    """What a job is about; decides what it counts."""

    SCAN = "scan"
    CONVERSION = "conversion"
    CLEANUP = "cleanup"
    UPDATE = "update"
    SYNC = "sync"
    WATCHER = "watcher"
    GENERIC = "generic"


class Priority(IntEnum):
    """Of those that wait the highest is begun first."""

    LOW = 0
    DEFAULT = 1
    HIGH = 2


class JobStopped(Exception):
    """Somebody or the clock wants a job to stop."""


class Work:
    """One run of a job as it goes: what it counts, and whether it is to stop."""

    def __init__(self, seconds: int | None = None) -> None:
        self.stats: dict[str, Any] = {}
        """What it has counted, by the names of the wire."""
        self.message: str | None = None
        """What there is to say of it, for a person."""
        self.why_stopped = "The task was stopped."
        self.is_late = False
        """Whether it took longer than it may."""
        self.is_cut_short = False
        """Whether its process is ending."""
        self._seconds = seconds
        self._deadline = None if seconds is None else time.monotonic() + seconds
        self._stopping = threading.Event()

    def report(self, **stats: Any) -> None:
        """Show what is counted by now; a place to stop."""
        self.stats = {**self.stats, **stats}
        self.check()

    def check(self) -> None:
        """Raise ``JobStopped`` if this is to stop."""
        if self._deadline is not None and time.monotonic() > self._deadline:
            self.is_late = True
            raise JobStopped(f"It took longer than {self._seconds} seconds.")
        if self._stopping.is_set():
            raise JobStopped(self.why_stopped)

    def stop(self, *, is_ending: bool = False) -> None:
        """Have it stop at the next place where it looks, from any thread."""
        self.is_cut_short = is_ending
        self._stopping.set()


@dataclass(frozen=True)
class Job:
    """One job. ``run`` is None for one whose subject is not built yet; nobody can run it."""

    name: str
    title: str
    description: str
    kind: JobKind
    run: Callable[..., None] | None
    switch: str = ""
    """The setting that enables it; none means that it always is."""
    cron: str = ""
    """Its schedule, or the setting that has it; none means that it has none."""
    is_manual: bool = True
    """Whether people may run it."""
    at_start: bool = False
    """Whether it runs when the server starts as well."""
    goes_on: bool = False
    """Whether it is begun again by itself when its process died."""
    priority: Priority = Priority.DEFAULT
    seconds: int | None = None
    """How long it may take; None means TASK_TIMEOUT."""

    def is_enabled(self, settings: Settings) -> bool:
        """Whether there is something to run, and the settings want it."""
        is_wanted = not self.switch or bool(getattr(settings, self.switch))
        return self.run is not None and is_wanted

    def schedule(self, settings: Settings) -> str:
        """Five words of cron, "" for none."""
        return str(getattr(settings, self.cron)) if self.cron.isidentifier() else self.cron

    def timeout(self, settings: Settings) -> int:
        """How many seconds it may take."""
        return settings.task_timeout if self.seconds is None else self.seconds

    def read_arguments(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Arguments as the function takes them; Invalid for others. Those not given stay away."""
        parameters = inspect.signature(self.run).parameters.values() if self.run else ()
        fields: dict[str, Any] = {
            each.name: (each.annotation, each.default)
            for each in parameters
            if each.kind is inspect.Parameter.KEYWORD_ONLY
        }
        model = create_model("Arguments", __config__=ConfigDict(extra="forbid"), **fields)
        try:
            read = model.model_validate(dict(given))
        except ValidationError as error:
            problem = error.errors(include_url=False)[0]
            where = ".".join(map(str, problem["loc"]))
            raise Invalid(f"{self.name}: {where}: {problem['msg']}") from error
        return read.model_dump(mode="json", exclude_unset=True)

    def needs(self) -> list[str]:
        """The names of the things of the program it asks for."""
        parameters = inspect.signature(self.run).parameters.values() if self.run else ()
        return [each.name for each in parameters if each.kind is not each.KEYWORD_ONLY]


def job(
    name: str, title: str, description: str, kind: JobKind, **options: Any
) -> Callable[[Callable[..., None]], Job]:
    """Make a job of a function; ``options`` are those of ``Job``."""
    return lambda run: Job(name, title, description, kind, run, **options)
