"""The words of a scan: what kind, how it stands, what it has counted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self

from romm_lite.kernel.errors import Invalid


class ScanKind(StrEnum):
    """What a scan does; the values are those of the wire."""

    NEW_PLATFORMS = "new_platforms"
    QUICK = "quick"
    UPDATE = "update"
    UNMATCHED = "unmatched"
    COMPLETE = "complete"
    HASHES = "hashes"
    FILES = "files"
    """Named files alone, which have just arrived; this program asks for it itself."""


OFFERED = tuple(kind for kind in ScanKind if kind is not ScanKind.FILES)
"""What anybody can ask for."""
BUILT = frozenset({ScanKind.QUICK, ScanKind.COMPLETE})


class Status(StrEnum):
    """How a run stands."""

    WAITING = "waiting"
    """To be begun as soon as no other scan runs, by whichever server."""
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
    """What is asked for; ``platforms`` are names of folders, None means all of them.

    ``files`` are names of ROMs by the folder of their platform, where they alone are meant.
    """

    kind: ScanKind = ScanKind.QUICK
    platforms: tuple[str, ...] | None = None
    files: Mapping[str, Sequence[str]] | None = None

    def __post_init__(self) -> None:
        if self.kind not in BUILT and self.files is None:
            raise Invalid(f"A scan of type {self.kind} is not available yet")

    @classmethod
    def of_files(cls, files: Mapping[str, Sequence[str]]) -> Self:
        """A scan of these alone."""
        return cls(ScanKind.FILES, tuple(sorted(files)), files)

    @property
    def scope(self) -> dict[str, Any] | None:
        """What the row of a run says of it."""
        if self.files is not None:
            return {"platforms": sorted(self.files), "files": self.files}
        return None if self.platforms is None else {"platforms": list(self.platforms)}


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
