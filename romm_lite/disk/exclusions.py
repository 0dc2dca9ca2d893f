"""Names that are not part of the library: what systems leave behind, what the user left out."""

import re
from collections.abc import Callable, Iterable
from fnmatch import translate
from functools import lru_cache

DEFAULT_EXTENSIONS = ("db", "ini", "tmp", "bak", "lock", "log", "cache", "crdownload")
DEFAULT_FILES = (
    ".DS_Store",
    ".localized",
    ".Trashes",
    ".stfolder",
    "@SynoResource",
    "*:Zone.Identifier",
    "gamelist.xml",
    "metadata.pegasus.txt",
)
DEFAULT_DIRS = (
    "@eaDir",
    "assets",
    "__MACOSX",
    "#recycle",
    "$RECYCLE.BIN",
    ".Trash-*",
    ".stfolder",
    ".Spotlight-V100",
    ".fseventsd",
    ".DocumentRevisions-V100",
    "System Volume Information",
)
TRASH = ".romm_lite_trash"
"""The folder of what was deleted, and how names begin of what is on its way there."""
TEMPORARY = ".romm_tmp_"
"""How names begin of files that are being written."""
OWN = (TRASH, TEMPORARY)
"""Names that begin so are this program's and never part of the library."""
_WILDCARD = re.compile(r"[*?\[]")

Rule = Callable[[str], bool]


@lru_cache(maxsize=64)
def compile_names(patterns: tuple[str, ...], extensions: tuple[str, ...] = ()) -> Rule:
    """A test whether a name is left out: listed, matched by a shell pattern, or by extension.

    Names and patterns are compared with case, extensions without; ``hash.txt`` is an extension.
    """
    exact = frozenset(patterns)
    pattern = _join(patterns)
    endings = tuple(f".{ending}" for each in extensions if (ending := each.lower().lstrip(".")))

    def is_excluded(name: str) -> bool:
        return (
            name in exact
            or name.lower().endswith(endings)
            or (pattern is not None and pattern.match(name) is not None)
        )

    return is_excluded


@lru_cache(maxsize=16)
def compile_folders(patterns: tuple[str, ...]) -> Rule:
    """As ``compile_names``, comparing both sides trimmed and without case."""
    is_excluded = compile_names(tuple(pattern.strip().lower() for pattern in patterns))
    return lambda name: is_excluded(name.strip().lower())


def _join(patterns: Iterable[str]) -> re.Pattern[str] | None:
    wild = [translate(pattern) for pattern in patterns if _WILDCARD.search(pattern)]
    return re.compile("|".join(wild)) if wild else None
