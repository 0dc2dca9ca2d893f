"""The named roots and the one ``safe_join`` that guards every path below them.

Stored paths are relative to a root and use ``/``, so a moved drive or a changed letter breaks
nothing. The data folder has RomM's own layout (``library``, ``resources``, ``assets``,
``config``, ``cache``); our files lie beside them.
"""

import os
import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Self

from romm_lite.kernel.errors import UnsafePath

NAME_LENGTH = 450
NAME_BYTES = 255
"""What file systems hold, in UTF-8; columns have room for names from more generous ones."""
PATH_LENGTH = 1000
_RESERVED = re.compile(
    r"(?:con|prn|aux|nul|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³])(?:\..*)?", re.I
)
_FORBIDDEN = re.compile(r'[\\:*?"<>|\x00-\x1f]')


@dataclass(frozen=True)
class Places:
    """Where everything of one installation lies."""

    data: Path
    library: Path

    @classmethod
    def at(cls, data: Path, library: Path | None = None) -> Self:
        """The places of a data folder; ``library`` may lie elsewhere."""
        data = Path(os.path.abspath(data))  # noqa: PTH100  a symlinked data folder stays as named
        return cls(data, Path(os.path.abspath(library)) if library else data / "library")  # noqa: PTH100

    @property
    def resources(self) -> Path:
        return self.data / "resources"

    @property
    def assets(self) -> Path:
        return self.data / "assets"

    @property
    def config(self) -> Path:
        return self.data / "config"

    @property
    def config_file(self) -> Path:
        return self.config / "config.yml"

    @property
    def database(self) -> Path:
        return self.data / "romm_lite.db"

    @property
    def queue(self) -> Path:
        """The SQLite file of tasks that wait for a worker."""
        return self.data / "queue.db"

    @property
    def snapshots(self) -> Path:
        """Copies of the SQLite file, one taken before each migration."""
        return self.data / "snapshots"

    @property
    def secret(self) -> Path:
        return self.data / "secret-key"

    @property
    def setup_token(self) -> Path:
        return self.data / "setup-token"

    @property
    def server_lock(self) -> Path:
        return self.data / "server.lock"

    @property
    def scan_lock(self) -> Path:
        return self.data / "scan.lock"

    @property
    def moves_lock(self) -> Path:
        """Held by who moves files of the library."""
        return self.data / "moves.lock"

    def create(self) -> None:
        """Make the folders of the data root; a library given elsewhere is never created."""
        for folder in (self.data, self.resources, self.assets, self.config):
            folder.mkdir(parents=True, exist_ok=True)
        if self.library.is_relative_to(self.data):
            # A file, or a link to a drive that is not there, is for the scan to tell of.
            with suppress(FileExistsError):
                self.library.mkdir(parents=True, exist_ok=True)


def safe_join(root: Path, relative: str, *, found: bool = False) -> Path:
    """``root / relative``, or ``UnsafePath`` if that could be anything but a file below the root.

    Refused on every system: an absolute path, a drive letter, ``..``, ``\\``, ``:``, NUL and
    control characters, names Windows reserves, names that end in a dot or a space.

    ``found=True`` is for a name that was read from the disk itself: whatever the disk could hold is
    let through, but never a way out of the root. Symbolic links are followed: people link storage
    into their library.
    """
    if relative.startswith("/") or "\0" in relative or Path(relative).is_absolute():
        raise UnsafePath(f"{relative!r} is not a path below the library")
    parts = [part for part in relative.split("/") if part not in ("", ".")]
    for part in parts:
        if part == ".." or (os.sep == "\\" and _FORBIDDEN.search(part)):
            raise UnsafePath(f"{relative!r} leads out of its folder")
        if not found:
            check_name(part)
    return root.joinpath(*parts)


def check_name(name: str) -> str:
    """``name`` itself if it can be a file's name on every system, else ``UnsafePath``."""
    if not name or name in (".", "..") or "/" in name or _FORBIDDEN.search(name):
        raise UnsafePath(f"{name!r} has characters that a file name cannot have everywhere")
    if _RESERVED.fullmatch(name) or name[-1] in ". ":
        raise UnsafePath(f"{name!r} is a name that Windows cannot use")
    if len(name.encode(errors="surrogatepass")) > NAME_BYTES:
        raise UnsafePath(f"a file name can have {NAME_BYTES} bytes at most")
    return name


def user_folder(user_id: int) -> str:
    """The folder of what belongs to a user, below ``Places.assets``; named as RomM names it."""
    return f"users/{f'User:{user_id}'.encode().hex()}"


def write_private(path: Path, text: str) -> None:
    """Write a secret so that only its owner may read it, whole or not at all."""
    write_whole(path, text.encode(), mode=0o600)


def write_whole(path: Path, content: bytes, mode: int = 0o644) -> None:
    """Write a file, whole or not at all; one process writes it from one thread at a time."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_BINARY", 0)
    with os.fdopen(os.open(temporary, flags, mode), "wb") as file:
        file.write(content)
        sync(file)
    temporary.replace(path)
    sync_folder(path.parent)


def sync(file: IO[str] | IO[bytes]) -> None:
    """Flush a file all the way to the disk."""
    file.flush()
    os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Make a rename in this folder survive a power cut, where the system can."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
