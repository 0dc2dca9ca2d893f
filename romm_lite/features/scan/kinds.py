"""The words of a scan: what kind, how it stands, what it has counted."""

from dataclasses import dataclass
from enum import StrEnum

from romm_lite.kernel.errors import Invalid


class ScanKind(StrEnum):
    """What a scan does; the values are those of the wire."""

    NEW_PLATFORMS = "new_platforms"
    QUICK = "quick"
    UPDATE = "update"
    UNMATCHED = "unmatched"
    COMPLETE = "complete"
    HASHES = "hashes"


BUILT = frozenset({ScanKind.QUICK, ScanKind.COMPLETE})


class Status(StrEnum):
    """How a run stands."""

    QUEUED = "queued"
    RUNNING = "running"
    STOPPING = "stopping"
    DONE = "done"
    FAILED = "failed"
    STOPPED = "stopped"
    INTERRUPTED = "interrupted"
    """Its process died."""


ACTIVE = (Status.QUEUED, Status.RUNNING, Status.STOPPING)


@dataclass(frozen=True)
class ScanRequest:
    """What is asked for; ``platforms`` are names of folders, None means all of them."""

    kind: ScanKind = ScanKind.QUICK
    platforms: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        if self.kind not in BUILT:
            raise Invalid(f"A scan of type {self.kind} is not available yet")


@dataclass
class Stats:
    """What a scan has counted, in the order of the wire."""

    total_platforms: int = 0
    total_roms: int = 0
    scanned_platforms: int = 0
    new_platforms: int = 0
    identified_platforms: int = 0
    scanned_roms: int = 0
    new_roms: int = 0
    identified_roms: int = 0
    scanned_firmware: int = 0
    new_firmware: int = 0


@dataclass
class Progress:
    """How far reading has come, in files and bytes."""

    files: int = 0
    files_total: int = 0
    bytes: int = 0
    bytes_total: int = 0
