"""What happened, told after it was committed.

An event is a frozen dataclass. A unit of work collects events and releases them once its
transaction is in the database, so that nobody hears of rows that never came to be.
"""

import logging
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

log = logging.getLogger(__name__)
Event = TypeVar("Event")


@dataclass(frozen=True)
class LibraryChanged:
    """Platforms, ROMs, files or firmware changed, by a scan or an edit."""


@dataclass(frozen=True)
class FilesArrived:
    """Files or folders that no scan has seen lie where a platform's ROMs do."""

    fs_slug: str
    names: tuple[str, ...]


@dataclass(frozen=True)
class ScanAsked:
    """A scan waits for its turn."""


@dataclass(frozen=True)
class UserDeleted:
    """A user and all rows of theirs are gone; files of theirs may go too."""

    user_id: int


@dataclass(frozen=True)
class RightsChanged:
    """What these users may do or see is no longer what it was."""

    user_ids: tuple[int, ...]


@dataclass(frozen=True)
class SessionsEnded:
    """A user logged out somewhere, or sessions of theirs were ended."""

    user_id: int


@dataclass(frozen=True)
class ScanCounted:
    """What a scan has counted so far, by the names of the wire; the first has the totals alone."""

    stats: Mapping[str, int]


@dataclass(frozen=True)
class PlatformScanned:
    """A scan has been through the names and the firmware of a platform."""

    platform_id: int
    new_firmware: int


@dataclass(frozen=True)
class RomsBegun:
    """A scan begins with these ROMs, or knows more of them and is not done."""

    rom_ids: tuple[int, ...]


@dataclass(frozen=True)
class RomsFinished:
    """A scan is done with these ROMs, or found them again."""

    rom_ids: tuple[int, ...]


@dataclass(frozen=True)
class ScanEnded:
    """A scan is over; ``failure`` is for a person, None if it was not one."""

    stats: Mapping[str, int]
    failure: str | None


SCAN_EVENTS = (ScanCounted, PlatformScanned, RomsBegun, RomsFinished, ScanEnded)
"""What a scan tells while it goes, in whichever process."""


class Bus:
    """Hands each event to whoever asked for its class."""

    def __init__(self) -> None:
        self._listeners: dict[type, list[Callable[[Any], None]]] = defaultdict(list)

    def subscribe(self, kind: type[Event], listener: Callable[[Event], None]) -> None:
        """Call ``listener`` with every published event of exactly this class."""
        self._listeners[kind].append(listener)

    def publish(self, event: object) -> None:
        """Tell all listeners; one that fails is logged and does not stop the others."""
        for listener in self._listeners[type(event)]:
            try:
                listener(event)
            except Exception:
                log.exception("A listener of %s failed", type(event).__name__)
