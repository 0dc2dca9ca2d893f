"""Reading the tags of soundtracks that have changed since they were last read.

It is apart from hashing: a few blocks of a file tell its tags, so that they are read on platforms
whose files are never hashed as well, and before hours of hashing begin.
"""

from collections.abc import Iterator, Sequence
from contextlib import closing
from functools import partial
from typing import Any

from sqlalchemy import Row, select
from sqlalchemy import false as sql_false

from romm_lite.disk.members import Stopped
from romm_lite.disk.tracks import describe_track, draw_cover, is_track, keep_cover, read_tags
from romm_lite.features.library.service import change_same_files
from romm_lite.features.scan.reading import Stop, run_in_threads
from romm_lite.features.scan.scan import Scan, differences
from romm_lite.tables.files import ROM_FILES
from romm_lite.tables.roms import ROMS

PAGE = 200
_COLUMNS = (
    ROM_FILES.c.id,
    ROM_FILES.c.rom_id,
    ROM_FILES.c.file_name,
    ROM_FILES.c.file_path,
    ROM_FILES.c.file_size_bytes,
    ROM_FILES.c.modified_ns,
    ROM_FILES.c.track_meta,
    ROMS.c.platform_id,
)


def read_tracks(scan: Scan) -> None:
    """Read the tags that are not known, on a complete scan all, and store them."""
    read = partial(_read, scan)
    for page in _find_pages(scan):
        rows: list[dict[str, Any]] = []
        tracks = [file for file in page if is_track(file.file_name)]
        stop = scan.run.stopping.is_set
        with closing(run_in_threads(read, tracks, workers=scan.workers, stop=stop)) as reading:
            for done in reading:
                rows += [columns for _, columns in done if columns]
        if rows:
            with scan.write() as session:
                change_same_files(session, rows)


def _find_pages(scan: Scan) -> Iterator[Sequence[Row[Any]]]:
    """Files of soundtracks whose tags nobody has read, by id."""
    query = (
        select(*_COLUMNS)
        .join(ROMS, ROMS.c.id == ROM_FILES.c.rom_id)
        .where(ROM_FILES.c.category == "soundtrack", ROM_FILES.c.missing_from_fs == sql_false())
        .where(ROMS.c.platform_id.in_(scan.platforms))
    )
    if not scan.run.is_complete:
        query = query.where(ROM_FILES.c.track_meta.is_(None))
    return scan.read_pages(query, ROM_FILES.c.id, PAGE)


def _read(scan: Scan, file: Row[Any], stop: Stop) -> dict[str, Any] | None:
    """What is new about a track, in a thread; the next scan tries again what could not be read."""
    if stop():
        raise Stopped("the scan was stopped")
    path = f"{file.file_path}/{file.file_name}"
    folder = f"roms/{file.platform_id}/{file.rom_id}"
    try:
        tags = read_tags(scan.layout.absolute(path))
        cover_path = keep_cover(scan.resources, folder, file.id, draw_cover(tags))
    except OSError as error:
        scan.run.report(f"{path}: its tags cannot be read or kept: {error.strerror}.")
        return None
    new = {"track_meta": describe_track(tags, cover_path)}
    if not differences(file, new):
        return None
    stamp = {"file_size_bytes": file.file_size_bytes, "modified_ns": file.modified_ns}
    return {"id": file.id, **stamp, **new}
