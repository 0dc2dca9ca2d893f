"""The words of a scan: what kind, how it stands, what it has counted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
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
READ_ALL = frozenset({ScanKind.COMPLETE, ScanKind.HASHES})
"""Every file is read, not only those that changed."""
KNOWN_ONLY = frozenset({ScanKind.UPDATE, ScanKind.UNMATCHED})
"""Nothing is added: they are about games the library has."""
MOST_ROMS = 10_000
FIRST_DELAY, LONGEST_DELAY = 30, 600
"""Seconds until files are looked at again that were still being written."""


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

    ``roms`` are ids, where these ROMs alone are meant: they are read anew whatever the kind.
    ``sources`` are the providers to ask, None means all there are. ``files`` are names of ROMs by
    the folder of their platform; ``delay`` is how many seconds they were waited for because they
    were still being written, 0 for those that are whole.
    """

    kind: ScanKind = ScanKind.QUICK
    platforms: tuple[str, ...] | None = None
    files: Mapping[str, Sequence[str]] | None = None
    roms: tuple[int, ...] | None = None
    sources: tuple[str, ...] | None = None
    delay: int = 0

    def __post_init__(self) -> None:
        if (self.files is None) is (self.kind is ScanKind.FILES):
            raise Invalid(f"Invalid scan type: {self.kind}")
        if self.roms is not None and len(self.roms) > MOST_ROMS:
            raise Invalid(f"At most {MOST_ROMS:,} games: scan their platforms instead")

    @classmethod
    def of_files(cls, files: Mapping[str, Sequence[str]], delay: int = 0) -> Self:
        """A scan of these alone."""
        return cls(ScanKind.FILES, tuple(sorted(files)), files, delay=delay)

    def join(self, other: "ScanRequest") -> "ScanRequest | None":
        """One that does what both do, if there is such."""
        alike = (self.kind, self.sources) == (other.kind, other.sources)
        if not alike or self.files is not None or other.files is not None:
            return None
        if self.roms is not None and other.roms is not None:
            roms = tuple(sorted({*self.roms, *other.roms}))
            return None if len(roms) > MOST_ROMS else replace(self, roms=roms)
        if self.roms is not None or other.roms is not None:
            return None
        if self.platforms is None or other.platforms is None:
            return replace(self, platforms=None)
        return replace(self, platforms=tuple(sorted({*self.platforms, *other.platforms})))

    @property
    def scope(self) -> dict[str, Any] | None:
        """What the row of a run says of it; None is the whole library."""
        if self.files is not None:
            delay = {"delay": self.delay} if self.delay else {}
            return {"platforms": sorted(self.files), "files": self.files, **delay}
        named = {"platforms": self.platforms, "roms": self.roms, "sources": self.sources}
        return {word: list(each) for word, each in named.items() if each is not None} or None

    @classmethod
    def of_scope(cls, kind: ScanKind, scope: Mapping[str, Any] | None) -> Self:
        """What a row of a run asks for."""
        named = scope or {}
        platforms, roms, sources = (
            None if (found := named.get(word)) is None else tuple(found)
            for word in ("platforms", "roms", "sources")
        )
        return cls(kind, platforms, named.get("files"), roms, sources, named.get("delay", 0))


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
