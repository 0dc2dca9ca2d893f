"""The one object the routes of the library share."""

import logging
import re
import sys
from array import array
from dataclasses import dataclass, field
from pathlib import Path

from starlette.requests import Request

from romm_lite.db.engine import Database
from romm_lite.disk.config import ConfigFile
from romm_lite.disk.layout import Layout
from romm_lite.disk.patches.process import Patcher
from romm_lite.features.library import visibility
from romm_lite.features.library.caches import Cache
from romm_lite.features.library.groups import Groups
from romm_lite.features.library.rendering import Head
from romm_lite.kernel.errors import Forbidden, LibraryUnavailable, Unavailable
from romm_lite.kernel.paths import safe_join
from romm_lite.kernel.settings import Settings
from romm_lite.metadata.fetch import Fetcher
from romm_lite.web.static import Audience

log = logging.getLogger(__name__)
MEGABYTE = 2**20
FEWEST = 8
"""So many lists are kept of a library so large that the limit would keep but one."""
LARGEST_ID = 2**31 - 1
_ARTWORK = re.compile(r"roms/([0-9]+)/(?:([0-9]+)/)?")
"""The path of what lies beside a platform's ROMs, or in the folder of one."""


def _order_cache() -> "Cache[array[int]]":
    return Cache(8 * MEGABYTE, lambda ids: len(ids) * ids.itemsize, fewest=FEWEST)


def _sidecar_cache() -> Cache[bytes]:
    return Cache(6 * MEGABYTE, sys.getsizeof, fewest=FEWEST)


def _head_cache() -> Cache[Head]:
    return Cache(6 * MEGABYTE, lambda head: len(head.json) + 500 * len(head.siblings))


def _group_cache() -> Cache[Groups]:
    return Cache(2 * MEGABYTE, lambda groups: 8 * len(groups.members))


def _open_patcher(settings: Settings) -> Patcher:
    return Patcher(
        (settings.romm_tmp_path or settings.places.data / "tmp") / "patches",
        largest=settings.rom_patcher_max_file_size_bytes,
        seconds=settings.rom_patcher_timeout,
        at_once=settings.rom_patcher_max_concurrency,
    )


@dataclass(frozen=True)
class Library:
    """Where the library lies, how it is configured, and what was made of it before.

    ``orders`` are ids in the order of a list, ``sidecars`` the JSON of what goes with one,
    ``heads`` that of single ROMs, ``groups`` which ROMs are one game. Each keeps to its
    limit, but for a few lists of a very large library.
    """

    settings: Settings
    database: Database
    orders: "Cache[array[int]]" = field(default_factory=_order_cache)
    sidecars: Cache[bytes] = field(default_factory=_sidecar_cache)
    heads: Cache[Head] = field(default_factory=_head_cache)
    groups: Cache[Groups] = field(default_factory=_group_cache)
    fetcher: Fetcher = field(default_factory=Fetcher)
    config: ConfigFile = field(init=False)
    patcher: Patcher = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "config", ConfigFile(self.settings.places.config_file))
        object.__setattr__(self, "patcher", _open_patcher(self.settings))

    def layout(self) -> Layout:
        """The library on the disk as it is now."""
        return Layout(self.settings.places.library, self.config.read())

    def check_writable(self) -> None:
        """Forbidden where the library is for reading only; to be asked before anything changes."""
        if self.settings.romm_library_read_only:
            raise Forbidden("The library is read-only (ROMM_LIBRARY_READ_ONLY)")

    def check_there(self) -> None:
        """Unavailable where the library looks as if its drive were not mounted; to be asked before
        anything that is not found is taken to be gone."""
        try:
            if self.layout().platform_folders():
                return
        except LibraryUnavailable as error:
            log.warning("The library is not there: %s", error)
        raise Unavailable("The library is not there. Is its drive mounted?")

    def path(self, relative: str) -> Path:
        """A stored path on the disk; UnsafePath for one that leads out of the library."""
        if self.config.read().library:
            return self.layout().absolute(relative)
        return safe_join(self.settings.places.library, relative, found=True)

    def find_audience(self, request: Request, resource: str) -> Audience:
        """For whom a file of artwork is."""
        parts = [part for part in resource.lower().split("/") if part not in ("", ".")]
        found = _ARTWORK.match("/".join(parts))
        ids = [int(each) for each in found.groups() if each] if found else []
        if not ids or max(ids) > LARGEST_ID:
            return Audience.EVERYBODY
        with self.database.read() as session:
            return visibility.find_audience(session, request.user, *ids)
