"""Covers: taking them from an upload or an address, and where they lie.

A cover lies below ``Places.resources`` in ``<folder>/cover`` as ``big`` and ``small``, where folder
is ``roms/<platform>/<rom>`` or ``collections/<collection>``.
"""

import shutil
from collections.abc import Collection
from contextlib import suppress
from io import BytesIO
from typing import NamedTuple

from starlette.datastructures import UploadFile

from romm_lite.disk.images import Cover, make_cover
from romm_lite.kernel.errors import Invalid, TooLarge
from romm_lite.kernel.paths import Places, safe_join, write_whole
from romm_lite.metadata.fetch import Fetcher, NotFetched

LARGEST = 32 * 2**20
"""Bytes of a cover."""
KINDS = ("image/",)


class CoverPaths(NamedTuple):
    """Where the two sizes of a cover lie, below the resources."""

    path_cover_s: str
    path_cover_l: str


def read_cover(upload: UploadFile) -> Cover:
    """The cover in an upload; Invalid or TooLarge say what is wrong with it."""
    if (upload.size or 0) > LARGEST:
        raise TooLarge(f"Artwork exceeds the maximum allowed size of {LARGEST} bytes")
    return make_cover(upload.file.read(), "Artwork")


def fetch_cover(fetcher: Fetcher, url: str) -> Cover:
    """The cover at an address; Invalid says why there is none."""
    found = BytesIO()
    try:
        fetcher.download(url, found, most=LARGEST, kinds=KINDS)
    except NotFetched as error:
        raise Invalid(f"The cover was not fetched. {error}") from error
    return make_cover(found.getvalue(), "Artwork")


def keep_cover(places: Places, folder: str, cover: Cover) -> CoverPaths:
    """Put a cover in place of the one before."""
    paths = write_cover(places, folder, cover)
    drop_others(places, f"{folder}/cover", paths)
    return paths


def write_cover(places: Places, folder: str, cover: Cover) -> CoverPaths:
    """Write a cover, and leave one of another format beside it for ``drop_others``."""
    there = safe_join(places.resources, f"{folder}/cover")
    there.mkdir(parents=True, exist_ok=True)
    for size, content in (("small", cover.small), ("big", cover.big)):
        write_whole(there / f"{size}.{cover.extension}", content)
    small, big = (f"{folder}/cover/{size}.{cover.extension}" for size in ("small", "big"))
    return CoverPaths(small, big)


def drop_others(places: Places, folder: str, named: Collection[str]) -> None:
    """Remove all files directly in a folder of the resources but for those of these paths, and the
    folder with them if none is left."""
    there = safe_join(places.resources, folder)
    if not there.is_dir():
        return
    for file in there.iterdir():
        if f"{folder}/{file.name}" not in named:
            file.unlink(missing_ok=True)
    with suppress(OSError):
        there.rmdir()


def drop_cover(places: Places, folder: str) -> None:
    """Remove a cover, if there is one."""
    shutil.rmtree(safe_join(places.resources, f"{folder}/cover"), ignore_errors=True)
