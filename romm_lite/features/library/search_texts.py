"""The text of a ROM that searches look in: a line each for its name, its file name, and for all
other names that sources know it by."""

from collections.abc import Iterable

from romm_lite.kernel.text import fold

LONGEST = 2000
"""Characters of all other names together."""


def make_text(name: str, fs_name: str) -> str:
    """The text of a ROM without other names."""
    return f"{_line(name)}\n{_line(fs_name)}"


def retitle(text: str, name: str, fs_name: str) -> str:
    """The same text under another name; the other names stay."""
    return "\n".join((make_text(name, fs_name), *text.split("\n")[2:]))


def change_others(text: str, names: Iterable[str]) -> str:
    """The same text with these other names and no more."""
    own = text.split("\n")[:2]
    lines = dict.fromkeys(map(_line, names))
    others = "\n".join(line for line in lines if line and line not in own)
    return "\n".join((*own, *([others[:LONGEST]] if others else [])))


def _line(name: str) -> str:
    return fold(" ".join(name.splitlines()))
