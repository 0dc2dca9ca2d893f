"""Files named by the SHA-256 of what is in them, below the assets. Knows no database.

A file is written under another name beside them, brought to the disk, and only then given its name;
after that nothing changes it. Who removes one must know that nobody is adding it.
"""

import hashlib
import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from romm_lite.disk import staging
from romm_lite.disk.exclusions import TEMPORARY
from romm_lite.features.saves.hashes import hash_content
from romm_lite.kernel.paths import sync_folder

log = logging.getLogger(__name__)
PIECE = 2**20
FOLDERS = 256
_NAME = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Content:
    """What is in a file. ``content_hash`` is the one clients compare, None where it has none."""

    sha256: str
    size: int
    content_hash: str | None = None


@dataclass(frozen=True)
class Staged(Content):
    """A content that is on the disk and has no name yet."""

    path: Path = Path()


class _Hashing:
    """A file that is hashed while it is read."""

    def __init__(self, content: IO[bytes]) -> None:
        self._content = content
        self.size = 0
        self.sha256 = hashlib.sha256()
        self.md5 = hashlib.md5(usedforsecurity=False)

    def read(self, limit: int = -1) -> bytes:
        piece = self._content.read(min(limit, PIECE) if limit >= 0 else PIECE)
        self.size += len(piece)
        self.sha256.update(piece)
        self.md5.update(piece)
        return piece


class Blobs:
    """The folder of all contents."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def locate(self, sha256: str) -> Path:
        """Where a content lies, if it is there."""
        return self.folder / sha256[:2] / sha256

    @contextmanager
    def stage(self, content: IO[bytes]) -> Iterator[Staged]:
        """A copy of ``content`` on the disk; gone in the end, unless it was put in its place."""
        self._prepare()
        content.seek(0)
        reader = _Hashing(content)
        with staging.stage(self.folder, "", reader) as path:  # type: ignore[arg-type]
            agreed = hash_content(path, reader.md5.hexdigest())
            yield Staged(reader.sha256.hexdigest(), reader.size, agreed, path)

    def _prepare(self) -> None:
        """Make all folders at once, so that no upload waits for the disk because of its own."""
        if (self.folder / f"{FOLDERS - 1:02x}").is_dir():
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        for number in range(FOLDERS):
            (self.folder / f"{number:02x}").mkdir(exist_ok=True)
        sync_folder(self.folder)
        sync_folder(self.folder.parent)

    def put(self, staged: Staged) -> None:
        """Give a staged content its name, for good. What has it already stays, if it is sound."""
        target = self.locate(staged.sha256)
        if target.exists():
            if self.is_sound(staged.sha256):
                # Whoever put it there may not have come to this.
                sync_folder(target.parent)
                return
            log.warning("%s was damaged on the disk and is mended by the same content", target)
        staging.put(staged.path, target)

    def is_sound(self, sha256: str) -> bool:
        """Whether a file's content is still what its name says; OSError if it cannot be read."""
        with self.locate(sha256).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == sha256

    def remove(self, sha256: str) -> None:
        """Remove a content nobody refers to."""
        self.locate(sha256).unlink(missing_ok=True)

    def list_all(self) -> Iterator[str]:
        """All contents that are there."""
        for folder in sorted(self.folder.glob("[0-9a-f][0-9a-f]")):
            yield from sorted(each.name for each in folder.iterdir() if _NAME.fullmatch(each.name))

    def list_unfinished(self) -> list[Path]:
        """Files that were being written, now or when the program ended."""
        return list(self.folder.glob(f"{TEMPORARY}*"))
