"""Covers of PICO-8 cartridges: the file of the game is the picture of it."""

import logging
from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Row, and_, func, or_, select
from sqlalchemy import false as sql_false

from romm_lite.disk.exotic.pico8 import ENDING, SLUG, read_picture
from romm_lite.disk.images import make_cover
from romm_lite.features.library.service import change_roms, keep_cover
from romm_lite.features.scan.scan import Scan, differences
from romm_lite.kernel.errors import RommError
from romm_lite.kernel.paths import safe_join
from romm_lite.tables.roms import ROMS

log = logging.getLogger(__name__)

PAGE = 200
_COLUMNS = (
    ROMS.c.id,
    ROMS.c.platform_id,
    ROMS.c.fs_path,
    ROMS.c.fs_name,
    ROMS.c.url_cover,
    ROMS.c.path_cover_s,
    ROMS.c.path_cover_l,
)


def keep_cartridge_covers(scan: Scan) -> None:
    """Give cartridges without a cover theirs; on a complete scan, anew where theirs changed."""
    for page in _find_pages(scan):
        found = ((rom, _keep(scan, rom)) for rom in page)
        rows = [{"id": rom.id, **new} for rom, new in found if differences(rom, new)]
        if rows:
            with scan.write() as session:
                change_roms(session, rows)


def _find_pages(scan: Scan) -> Iterator[Sequence[Row[Any]]]:
    platforms = [each.id for each in scan.platforms.values() if each.slug == SLUG]
    if not platforms:
        return iter(())
    bare = and_(
        func.coalesce(ROMS.c.path_cover_s, "") == "", func.coalesce(ROMS.c.url_cover, "") == ""
    )
    its_own = ROMS.c.url_cover == "file://" + ROMS.c.fs_path + "/" + ROMS.c.fs_name
    query = (
        select(*_COLUMNS)
        .where(ROMS.c.platform_id.in_(platforms), ROMS.c.missing_from_fs == sql_false())
        .where(func.lower(ROMS.c.fs_name).like(f"%{ENDING}"), ROMS.c.nested_files == 0)
        .where(or_(bare, its_own) if scan.run.is_complete else bare)
    )
    return scan.read_pages(query, ROMS.c.id, PAGE)


def _keep(scan: Scan, rom: Row[Any]) -> dict[str, str | None]:
    """What is new about a cartridge, its picture being in its place; nothing if it has none."""
    path = f"{rom.fs_path}/{rom.fs_name}"
    try:
        content = read_picture(scan.layout.absolute(path))
        if _is_kept(scan, rom, content):
            return {}
        cover = make_cover(content, "A cartridge")
    except (OSError, RommError) as error:
        log.info("%s has no cover: %s", path, error)
        return {}
    paths = keep_cover(scan.places, f"roms/{rom.platform_id}/{rom.id}", cover)
    return {"url_cover": f"file://{path}", **paths._asdict()}


def _is_kept(scan: Scan, rom: Row[Any], content: bytes) -> bool:
    if not rom.path_cover_l:
        return False
    kept = safe_join(scan.places.resources, rom.path_cover_l)
    return kept.is_file() and kept.read_bytes() == content
