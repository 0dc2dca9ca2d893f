"""The one object the routes of the library share."""

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
from romm_lite.kernel.errors import Forbidden
from romm_lite.kernel.paths import safe_join
from romm_lite.kernel.settings import Settings
from romm_lite.metadata.fetch import Fetcher

MEGABYTE = 2**20


def _order_cache() -> "Cache[array[int]]":
    return Cache(8 * MEGABYTE, lambda ids: len(ids) * ids.itemsize)


def _sidecar_cache() -> Cache[bytes]:
    return Cache(6 * MEGABYTE, sys.getsizeof)


def _head_cache() -> Cache[Head]:
    return Cache(6 * MEGABYTE, lambda head: len(head.json) + 500 * len(head.siblings))


def _group_cache() -> Cache[Groups]:
    return Cache(8 * MEGABYTE, lambda groups: 150 * len(groups))


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
    limit whatever the size of the library.
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

    def path(self, relative: str) -> Path:
        """A stored path on the disk; UnsafePath for one that leads out of the library."""
        if self.config.read().library:
            return self.layout().absolute(relative)
        return safe_join(self.settings.places.library, relative, found=True)

    def may_see(self, request: Request, resource: str) -> bool:
        """Whether artwork may be sent: anybody's, except of what is hidden from somebody."""
        parts = [part for part in resource.lower().split("/") if part not in ("", ".")]
        if parts[:1] != ["roms"] or not all(part.isdecimal() for part in parts[1:3]):
            return True
        with self.database.read() as session:
            return visibility.may_see_artwork(session, request.user, *map(int, parts[1:3]))
