"""RetroAchievements' hash of a ROM: which rule for which system, and which file of the ROM."""

import hashlib
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from romm_lite.disk.exotic import cartridges, discs
from romm_lite.disk.exotic.cartridges import RomHash
from romm_lite.disk.exotic.sources import FileSource, Unreadable
from romm_lite.disk.exotic.tracks import find_beside, open_track
from romm_lite.disk.members import Stopped, told_plainly
from romm_lite.kernel.errors import RommError

log = logging.getLogger(__name__)

_LISTS = (".cue", ".gdi", ".m3u")
_LARGEST_LIST = 1 << 16


@dataclass(frozen=True)
class System:
    """One rule; a system of neither kind goes by the file's name."""

    cartridge: cartridges.Rule | None = None
    disc: discs.Rule | None = None


_WHOLE = System(cartridges.whole)
_NES = System(cartridges.after_header(b"NES\x1a", 0, 16))
_SNES = System(cartridges.after_copier_header(0x2000))
_PC_ENGINE = System(cartridges.after_copier_header(0x20000))
_SYSTEMS: Mapping[str, System] = {
    **dict.fromkeys(["gb", "gbc", "gba", "genesis", "sms", "gamegear"], _WHOLE),
    **dict.fromkeys(["atari2600", "colecovision", "jaguar", "virtualboy"], _WHOLE),
    **dict.fromkeys(["wonderswan", "wonderswan-color"], _WHOLE),
    **dict.fromkeys(["neo-geo-pocket", "neo-geo-pocket-color"], _WHOLE),
    **dict.fromkeys(["msx", "msx2", "supervision"], _WHOLE),
    **dict.fromkeys(["nes", "famicom"], _NES),
    **dict.fromkeys(["snes", "sfam"], _SNES),
    **dict.fromkeys(["tg16", "supergrafx"], _PC_ENGINE),
    "fds": System(cartridges.after_header(b"FDS\x1a", 0, 16)),
    "lynx": System(cartridges.after_header(b"LYNX", 0, 64)),
    "atari7800": System(cartridges.after_header(b"ATARI7800", 1, 128)),
    "n64": System(cartridges.n64),
    "nds": System(cartridges.nds),
    "arcade": System(),
    "psx": System(disc=discs.psx),
    "ps2": System(disc=discs.ps2),
    "psp": System(disc=discs.psp),
    "segacd": System(disc=discs.first_bytes(b"SEGADISCSYSTEM  ")),
    "saturn": System(disc=discs.first_bytes(b"SEGA SEGASATURN ")),
}
"""By slug of the platform. Only what was compared with the reference hasher is here."""


def find_system(slug: str) -> System | None:
    """The rule for a platform, None if there is none."""
    return _SYSTEMS.get(slug)


def choose_file(
    files: Sequence[tuple[str, int]], system: System, archives: tuple[str, ...]
) -> int | None:
    """Which of (name, size) stands for a ROM that is a folder; ``archives`` are their endings."""

    def largest(*endings: str) -> int | None:
        fitting = [n for n, (name, _) in enumerate(files) if name.lower().endswith(endings)]
        return max(fitting, key=lambda n: (files[n][1], files[n][0]), default=None)

    if (chd := largest(".chd")) is not None:
        return chd
    if (archive := largest(*archives)) is not None:
        return None if system.disc else archive
    lists = (found for ending in _LISTS if (found := largest(ending)) is not None)
    return next(lists, largest(""))


def start(path: Path, system: System) -> RomHash | None:
    """What takes a file as it is read, if that is how its hash is made."""
    if system.cartridge is None or path.name.lower().endswith((*_LISTS, ".chd")):
        return None
    return RomHash(system.cartridge)


def finish(path: Path, rom: RomHash, md5: str) -> str | None:
    """The hash of what was taken, of which ``md5`` is known; None if it has none."""
    return _try(path, lambda: rom.finish(md5)) if md5 else None


def hash_at_rest(path: Path, system: System, stop: Callable[[], bool]) -> str | None:
    """The hash of a file that ``start`` does not take; None, and the log tells why, if none."""
    return _try(path, lambda: _hash_at_rest(path, system, stop))


def _hash_at_rest(path: Path, system: System, stop: Callable[[], bool]) -> str | None:
    if path.suffix.lower() == ".m3u":
        path = _read_list(path)
    if system.disc:
        with open_track(path, stop) as track:
            return system.disc(track)
    if system.cartridge is None:
        return hashlib.md5(path.stem.encode(), usedforsecurity=False).hexdigest()
    return None


def _read_list(path: Path) -> Path:
    """The first file that a playlist names."""
    with FileSource(path) as file:
        text = file.read(0, min(file.size, _LARGEST_LIST)).decode("utf-8-sig", "replace")
    lines = (line.strip() for line in text.splitlines())
    named = next((line for line in lines if line and not line.startswith("#")), None)
    if named is None:
        raise Unreadable("it names no file")
    return find_beside(path, named)


def _try(path: Path, make: Callable[[], str | None]) -> str | None:
    try:
        with told_plainly():
            return make()
    except Stopped:
        raise
    except (RommError, OSError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        log.info("%s has no hash of RetroAchievements: %s", path, reason)
        return None
