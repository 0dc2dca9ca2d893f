"""Platforms as ``PlatformSchema`` has them: rows, and what the table of platforms knows besides."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from sqlalchemy import and_, func, select
from sqlmodel import Session

from romm_lite.features.accounts.service import Identity
from romm_lite.features.library.firmware import read_firmware
from romm_lite.features.library.visibility import Condition, list_roms, see_platforms
from romm_lite.kernel.times import now
from romm_lite.metadata.catalogue import describe, is_identified, known
from romm_lite.tables.firmware import FIRMWARE
from romm_lite.tables.platforms import PLATFORMS
from romm_lite.tables.roms import ROMS

Fields = dict[str, Any]
NO_ROW = -1
"""The id of a platform that is only a folder or an entry of the table."""


def read_platforms(session: Session, user: Identity, *conditions: Condition) -> list[Fields]:
    """What this user may see, by name.

    ROMs are counted as in the list of a platform's ROMs: clients take either for the other.
    """
    query = (
        select(PLATFORMS)
        .where(*conditions, *see_platforms(user, PLATFORMS.c.id))
        .order_by(PLATFORMS.c.name, PLATFORMS.c.id)
    )
    rows = list(session.execute(query).mappings())
    ids = [row["id"] for row in rows]
    counts = _count_roms(session, user, ids)
    firmware: dict[int, list[Fields]] = defaultdict(list)
    for each in read_firmware(session, user, FIRMWARE.c.platform_id.in_(ids)):
        firmware[each["platform_id"]].append(each)
    return [_render(row, counts.get(row["id"], (0, 0)), firmware[row["id"]]) for row in rows]


def _count_roms(session: Session, user: Identity, ids: Iterable[int]) -> dict[int, tuple[int, int]]:
    """Number and bytes of the ROMs of platforms."""
    query = (
        select(ROMS.c.platform_id, func.count(), func.sum(ROMS.c.fs_size_bytes))
        .where(ROMS.c.platform_id.in_(ids), *list_roms(user))
        .group_by(ROMS.c.platform_id)
    )
    return {
        platform_id: (number, int(size)) for platform_id, number, size in session.execute(query)
    }


def _render(row: Any, counted: tuple[int, int], firmware: list[Fields]) -> Fields:
    is_known = is_identified(row)
    return {
        **row,
        "rom_count": counted[0],
        "fs_size_bytes": counted[1],
        "firmware": firmware,
        "is_identified": is_known,
        "is_unidentified": not is_known,
    }


def imagine_platform(slug: str, fs_slug: str) -> Fields:
    """A platform that has no row."""
    columns = describe(slug).columns()
    moment = now()
    stub = {
        **columns,
        "id": NO_ROW,
        "fs_slug": fs_slug,
        "custom_name": None,
        "description": None,
        "sgdb_id": None,
        "created_at": moment,
        "updated_at": moment,
        "missing_from_fs": False,
    }
    return _render(stub, (0, 0), [])


def list_supported(session: Session, user: Identity) -> list[Fields]:
    """One platform for each slug of the table, in its order: the row of the library if it has one.

    Where several folders are one platform, the one called like the slug counts, else the first.
    """
    rows: dict[str, Fields] = {}
    for row in read_platforms(session, user):
        if row["fs_slug"] == row["slug"] or row["slug"] not in rows:
            rows[row["slug"]] = row
    return [rows.get(slug) or imagine_platform(slug, slug) for slug in known()]


def list_hidden_folders(session: Session, user: Identity) -> list[str]:
    """The folders of the platforms that this user may not see."""
    seen = see_platforms(user, PLATFORMS.c.id)
    return list(session.scalars(select(PLATFORMS.c.fs_slug).where(~and_(*seen)))) if seen else []


def list_unknown_folders(session: Session, folders: Iterable[str]) -> list[str]:
    """Those folders that no row stands for, hidden ones included."""
    stored = set(session.scalars(select(PLATFORMS.c.fs_slug)))
    return [folder for folder in folders if folder not in stored]
