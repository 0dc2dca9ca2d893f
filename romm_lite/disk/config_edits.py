"""Changing config.yml: what was asked for changes, all else stays, comments and unknown keys too.

A file that is no YAML is never written: its owner has to mend it first. The version before each
change is kept beside it as ``config.yml.bak``.
"""

import errno
import os
import shutil
import threading
from collections.abc import Callable, Sequence
from io import StringIO
from pathlib import Path
from typing import Any

from romm_lite.disk.config import KEYS, ConfigFile
from romm_lite.kernel.errors import Conflict, Forbidden
from romm_lite.kernel.paths import sync, sync_folder

Change = Callable[[dict[str, Any]], bool]
"""Changes the parsed file in place; False if there was nothing to change."""

NOT_WRITABLE = "Config file is not writable. Check config.yml permissions"
CHANGED = "config.yml was changed meanwhile. Load it again and repeat the change"
_AMBIGUOUS = frozenset({"yes", "no", "on", "off", "y", "n", "true", "false", "null"})
"""Words that are no text to a parser of YAML 1.1, which RomM uses."""
_one_at_a_time = threading.Lock()


def edit(config: ConfigFile, change: Change, expected: str | None = None) -> bool:
    """Apply one change; False if the file had it already and was not written.

    ``expected`` is the version (``ConfigState.version``) the change was decided on. Conflict if the
    file has another one by now, cannot be understood, or has something else at that place;
    Forbidden if it cannot be written.
    """
    with _one_at_a_time:
        state = config.state()
        if not state.mounted:
            raise Forbidden(NOT_WRITABLE)
        if expected is not None and expected != state.version:
            raise Conflict(CHANGED)
        text = _read(config.path)
        changed = _apply(text, change)
        if changed is None:
            return False
        if config.state().version != state.version:
            raise Conflict(CHANGED)
        _write(config.path, changed)
        return True


def list_value(document: dict[str, Any], attribute: str) -> list[Any]:
    """The list behind an attribute of ``LibraryConfig``, made if it is not there."""
    key = KEYS[attribute][0]
    *sections, last = key.split(".")
    found = section(document, sections)
    if found.get(last) is None:
        found[last] = []
    if not isinstance(found[last], list):
        raise Conflict(f"{key} in config.yml must be a list. Mend it, then repeat the change")
    values: list[Any] = found[last]
    return values


def section(document: dict[str, Any], names: Sequence[str]) -> dict[str, Any]:
    """The mapping below these keys, made if it is not there."""
    found = document
    for depth, name in enumerate(names, 1):
        if found.get(name) is None:
            found[name] = {}
        found = found[name]
        if not isinstance(found, dict):
            key = ".".join(names[:depth])
            raise Conflict(f"{key} in config.yml must hold keys. Mend it, then repeat the change")
    return found


def quote(words: Sequence[str]) -> list[str]:
    """The words, in quotes where they would be read as something else."""
    from ruamel.yaml.scalarstring import DoubleQuotedScalarString

    return [DoubleQuotedScalarString(w) if w.lower() in _AMBIGUOUS else w for w in words]


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise Conflict("config.yml is not UTF-8. Mend it, then repeat the change") from error
    except OSError as error:
        raise Forbidden(NOT_WRITABLE) from error


def _apply(text: str, change: Change) -> str | None:
    """The text with the change in it; None if it makes no difference."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError
    from ruamel.yaml.util import load_yaml_guess_indent

    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = 4096
    try:
        document = yaml.load(text)
        _, indent, offset = load_yaml_guess_indent(text) if document else (None, None, None)
    except YAMLError as error:
        raise Conflict(f"config.yml cannot be understood; mend it first: {error}") from error
    kept = ""
    if document is None:
        document, kept = {}, text
    if not isinstance(document, dict):
        raise Conflict("config.yml must hold keys. Mend it, then repeat the change")
    if not change(document):
        return None
    yaml.indent(mapping=2, sequence=indent or 2, offset=offset or 0)
    written = StringIO()
    yaml.dump(document, written)
    if kept and not kept.endswith("\n"):
        kept += "\n"
    return kept + written.getvalue()


def _write(path: Path, text: str) -> None:
    path = path.resolve()
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        if not os.access(path, os.W_OK):
            raise Forbidden(NOT_WRITABLE)
        shutil.copy2(path, path.with_name(f"{path.name}.bak"))
        with temporary.open("w", encoding="utf-8") as file:
            file.write(text)
            sync(file)
        shutil.copymode(path, temporary)
        _replace(temporary, path, text)
        sync_folder(path.parent)
    except OSError as error:
        raise Forbidden(NOT_WRITABLE) from error
    finally:
        temporary.unlink(missing_ok=True)


def _replace(temporary: Path, path: Path, text: str) -> None:
    """Rename; a file that is a mount of its own cannot be renamed over and is written in place."""
    try:
        temporary.replace(path)
    except OSError as error:
        if error.errno not in (errno.EBUSY, errno.EXDEV):
            raise
        with path.open("w", encoding="utf-8") as file:
            file.write(text)
            sync(file)
