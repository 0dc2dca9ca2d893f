"""What clients call a file they keep: cleaned, tagged with the time in a slot, taken apart.

These are names on the wire. No file on the disk has them.
"""

import re
from collections.abc import Container
from datetime import datetime, timedelta
from pathlib import PurePosixPath

from romm_lite.disk.names import split_name
from romm_lite.kernel.errors import Invalid
from romm_lite.kernel.paths import NAME_LENGTH, PATH_LENGTH, user_folder

EXTENSION_LENGTH = 100
_REPLACED = str.maketrans({**dict.fromkeys("\\/:|", "-"), **dict.fromkeys('*?"<>+\0')})
_TAG = re.compile(r" ?\[\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d\]")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def clean_name(name: str | None, word: str) -> str:
    """The name of an upload as it is kept; ``word`` (``Save``, ``State``) is for what Invalid says
    of one that cannot be."""
    if not name:
        raise Invalid(f"{word} file has no filename")
    cleaned = _CONTROL.sub("", name.rpartition("/")[2].translate(_REPLACED)).strip()
    wrong = f"Invalid {word.lower()} filename: "
    if cleaned in ("", ".", ".."):
        raise Invalid(f"{wrong}Filename cannot be empty after sanitization")
    if any("\ud800" <= each <= "\udfff" for each in cleaned):
        raise Invalid(f"{wrong}It is not valid text")
    return check_length(cleaned, word)


def check_length(name: str, word: str) -> str:
    """The same name, or Invalid for one that is longer than can be kept."""
    if len(name) > NAME_LENGTH:
        raise Invalid(f"Invalid {word.lower()} filename: It has more than {NAME_LENGTH} characters")
    return name


def tag_name(name: str, moment: datetime, taken: Container[str]) -> str:
    """The name with the time in place of any it carried.

    Where that is taken the next second is used: clients know how to strip a time and nothing else,
    and so neither of two saves of one second takes the other's place.
    """
    stem, dot, extension = _TAG.sub("", name).rpartition(".")
    if not stem:
        stem, dot, extension = _TAG.sub("", name), "", ""
    moment = moment.replace(microsecond=0)
    while True:
        tagged = f"{stem} [{moment:%Y-%m-%d_%H-%M-%S}]{dot}{extension}"
        if tagged not in taken:
            return check_length(tagged, "Save")
        moment += timedelta(seconds=1)


def strip_tag(name: str) -> str:
    """The name without the time it was given in a slot."""
    return _TAG.sub("", name)


def describe_name(name: str) -> dict[str, str]:
    """The columns that a name decides."""
    parts = split_name(name)
    return {
        "file_name": name,
        "file_name_no_tags": parts.no_tags,
        "file_name_no_ext": parts.no_ext,
        "file_extension": parts.extension[:EXTENSION_LENGTH],
    }


def make_folder(
    user_id: int, kind: str, platform: str, rom_id: int, emulator: str | None = None
) -> str:
    """The folder where RomM would keep the file, below the assets; Invalid for an emulator that
    leads out of it."""
    parts = [user_folder(user_id), kind, platform, str(rom_id)]
    if emulator:
        pure = PurePosixPath(emulator)
        if (
            pure.is_absolute()
            or ".." in pure.parts
            or "\\" in emulator
            or _CONTROL.search(emulator)
        ):
            raise Invalid("Invalid emulator: It leads out of its folder")
        parts.append(emulator.strip("/"))
    folder = "/".join(parts)
    if len(folder) > PATH_LENGTH - NAME_LENGTH:
        raise Invalid("The path of the file would be too long")
    return folder
