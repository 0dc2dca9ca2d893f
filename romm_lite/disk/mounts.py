"""Which file systems tell of changes; of what others change on a network share none does."""

from collections.abc import Iterable
from pathlib import Path

SILENT = (
    *("9p", "afs", "ceph", "cifs", "drvfs", "glusterfs", "lustre", "ncpfs", "nfs", "nfs4"),
    *("prl_fs", "smb3", "smbfs", "vboxsf", "virtiofs", "vmhgfs"),
)
_FUSE = "fuse."
_MOUNTS = Path("/proc/self/mounts")


def find_silent(path: Path) -> str | None:
    """The file system a folder lies on, if it does not tell of all changes."""
    try:
        lines = _MOUNTS.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
        kind = find_kind(path.resolve(), lines)
    except OSError:
        return None
    return kind if kind in SILENT or kind.startswith(_FUSE) else None


def find_kind(path: Path, lines: Iterable[str]) -> str:
    """The kind of the file system that is mounted where a path lies; "" if none is known."""
    best, kind = -1, ""
    for line in lines:
        words = line.split(" ")
        if len(words) < 3:
            continue
        point = Path(_unescape(words[1]))
        if path.is_relative_to(point) and len(point.parts) >= best:
            best, kind = len(point.parts), words[2]
    return kind


def _unescape(word: str) -> str:
    for code, sign in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")):
        word = word.replace(code, sign)
    return word
