"""Pictures of users: what may be one, how it is kept, where it lies.

What is uploaded is decoded, made upright and small, and encoded again, so that what others'
browsers get was written by this program: no place or camera of a photograph, no foreign bytes. Of
an animation the first picture is kept.
"""

import logging
import re
from dataclasses import dataclass
from pathlib import PurePosixPath

from starlette.datastructures import UploadFile

from romm_lite.disk.images import FORMATS, recognize, redraw
from romm_lite.kernel.errors import NotFound, TooLarge
from romm_lite.kernel.paths import Places, safe_join, user_folder, write_whole
from romm_lite.web.downloads import Download, file_response

log = logging.getLogger(__name__)
LARGEST = 10 * 2**20
"""Bytes of an upload."""
BOX = (512, 512)
"""Pixels across and down that a kept picture has at most."""
MEDIA_TYPES = {each.extension: each.media_type for each in FORMATS.values()}
_PATH = re.compile(r"users/[0-9a-f]+/profile/avatar\.(?:png|jpg|webp|gif)")


@dataclass(frozen=True)
class Picture:
    """A picture ready to be kept."""

    content: bytes
    extension: str


def read_upload(upload: UploadFile) -> Picture:
    """The picture in an upload, as it will be kept; Invalid or TooLarge say what is wrong."""
    if (upload.size or 0) > LARGEST:
        raise TooLarge(f"Avatar exceeds the maximum allowed size of {LARGEST} bytes")
    content = upload.file.read()
    form = recognize(content, "Avatar")
    return Picture(redraw(content, form, BOX, "Avatar"), form.extension)


def keep(places: Places, user_id: int, picture: Picture) -> str:
    """Put a user's picture in place; returns its path below the assets."""
    path = f"{user_folder(user_id)}/profile/avatar.{picture.extension}"
    there = safe_join(places.assets, path)
    there.parent.mkdir(parents=True, exist_ok=True)
    write_whole(there, picture.content)
    return path


def sweep(places: Places, user_id: int, current: str) -> None:
    """Remove pictures a user had before, and what a crash left; ``current`` stays."""
    folder = places.assets / user_folder(user_id) / "profile"
    try:
        for path in (*folder.glob("avatar.*"), *folder.glob(".avatar.*")):
            if path.name != PurePosixPath(current).name:
                path.unlink(missing_ok=True)
    except OSError as error:
        log.warning("An old avatar of user %d could not be removed: %s", user_id, error)


def is_avatar(path: str) -> bool:
    """Whether a path below the assets is one that a picture can have."""
    return _PATH.fullmatch(path) is not None


def send(places: Places, path: str | None, missing: str) -> Download:
    """The picture at a path of the database, to be shown; NotFound with ``missing`` for none."""
    if not path or not is_avatar(path):
        raise NotFound(missing)
    return file_response(
        safe_join(places.assets, path),
        inline=True,
        media_type=MEDIA_TYPES[path.rpartition(".")[2]],
        missing=missing,
    )
