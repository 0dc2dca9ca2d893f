"""Where the files that ship with the program are: a checkout, a wheel or a frozen build."""

import json
import sys
from functools import cache
from pathlib import Path
from typing import Any

_PACKAGE = Path(__file__).resolve().parent.parent


@cache
def shipped(name: str) -> Path:
    """The folder ``assets`` or ``migrations`` as shipped."""
    frozen = getattr(sys, "_MEIPASS", None)
    homes = (Path(frozen),) if frozen else (_PACKAGE, _PACKAGE.parent)
    return next((home / name for home in homes if (home / name).is_dir()), homes[-1] / name)


@cache
def facts(name: str) -> Any:
    """A table of facts from ``assets/data``, read once; callers must not change it."""
    return json.loads((shipped("assets") / "data" / f"{name}.json").read_bytes())


@cache
def commit() -> str:
    """The commit this program was built from, "" where that is not known."""
    head = shipped("assets").parent / ".git" / "HEAD"
    try:
        said = head.read_text(encoding="ascii").strip()
        reference = said.removeprefix("ref: ")
        return said if reference == said else (head.parent / reference).read_text("ascii").strip()
    except OSError:
        return ""
