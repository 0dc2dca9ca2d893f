"""What a device's ``sync_config`` may hold: where and how the server reaches it by SSH.

Its secrets never leave the server, so a client that reads a device and writes it back sends masks;
and the key it names is one of those the administrator put into the folder for keys.
"""

from itertools import zip_longest
from typing import Any

import orjson

from romm_lite.kernel.errors import Unprocessable, UnsafePath
from romm_lite.kernel.paths import check_name
from romm_lite.wire.devices import MASK, SECRETS

KEY = "ssh_key_path"
MOST_BYTES = 16 * 1024
DEEPEST = 16
"""Objects and lists inside each other."""


def accept_config(
    config: dict[str, Any] | None, kept: dict[str, Any] | None
) -> dict[str, Any] | None:
    """``config`` as it is to be kept, where ``kept`` is what was kept so far; Unprocessable if it
    is too large or too deep or names a key by more than a file name."""
    if config is None:
        return None
    _check(config)
    whole: dict[str, Any] = restore_secrets(config, kept)
    if len(orjson.dumps(whole)) > MOST_BYTES:
        raise _refuse(f"sync_config can have {MOST_BYTES} bytes at most")
    return whole


def restore_secrets(config: Any, kept: Any) -> Any:
    """``config`` with each masked secret as ``kept`` has it, and without it where that has none."""
    if isinstance(config, dict):
        kept = kept if isinstance(kept, dict) else {}
        return {
            name: kept[name] if _is_masked(name, part) else restore_secrets(part, kept.get(name))
            for name, part in config.items()
            if name in kept or not _is_masked(name, part)
        }
    if isinstance(config, list):
        kept = kept[: len(config)] if isinstance(kept, list) else []
        return [restore_secrets(part, before) for part, before in zip_longest(config, kept)]
    return config


def _is_masked(name: str, part: Any) -> bool:
    return name in SECRETS and part == MASK


def _check(part: Any, depth: int = 1) -> None:
    if not isinstance(part, dict | list):
        return
    if depth > DEEPEST:
        raise _refuse(f"sync_config can be {DEEPEST} levels deep at most")
    if isinstance(part, dict):
        _check_key(part.get(KEY))
    for each in part.values() if isinstance(part, dict) else part:
        _check(each, depth + 1)


def _check_key(name: Any) -> None:
    """A key is named within the folder for keys, else anybody's file could be used as one."""
    if name is None or name == MASK:
        return
    message = f"{KEY} must be the name of a file in the server's folder for SSH keys"
    if not isinstance(name, str):
        raise _refuse(message)
    try:
        check_name(name)
    except UnsafePath as error:
        raise _refuse(message) from error


def _refuse(message: str) -> Unprocessable:
    """Does not quote the input, which has secrets."""
    return Unprocessable.field("body", "sync_config", f"Value error, {message}")
