"""Saves, states and screenshots as a ROM shows them: one's own, and what others made public."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from sqlalchemy import RowMapping, Table, or_, select
from sqlmodel import Session

from romm_lite.features.library.view import View
from romm_lite.tables.assets import SAVES, SCREENSHOTS, STATES
from romm_lite.tables.users import USERS

OWNER = (
    USERS.c.username,
    USERS.c.avatar_path.label("user_avatar_path"),
    USERS.c.updated_at.label("user_updated_at"),
)
"""Whose something is, for ``Owner`` of the wire."""
_ALL = (
    *("id", "rom_id", "user_id", "file_name", "file_name_no_tags", "file_name_no_ext"),
    *("file_extension", "file_path", "file_size_bytes", "missing_from_fs"),
    *("created_at", "updated_at", "is_public"),
)
_MORE = {
    SAVES: ("emulator", "slot", "content_hash", "origin_device_id", "screenshot_id"),
    STATES: ("emulator", "screenshot_id"),
    SCREENSHOTS: ("is_gallery",),
}
Fields = dict[str, Any]


def read_assets(view: View, rom_id: int) -> dict[str, list[Fields]]:
    """The fields of ``DetailedRomSchema`` about saves, states and screenshots."""
    shots = _read(view, SCREENSHOTS, rom_id)
    saves = [illustrate(each, shots) for each in _read(view, SAVES, rom_id)]
    states = [illustrate(each, shots) for each in _read(view, STATES, rom_id)]
    by_age = sorted(shots, key=lambda each: (each["created_at"], each["id"]), reverse=True)
    return {
        "user_saves": _own(view, saves),
        "user_states": _own(view, states),
        "all_user_saves": saves,
        "all_user_states": states,
        "user_screenshots": _own(view, by_age),
        "all_user_screenshots": [each for each in by_age if each["is_gallery"]],
    }


def read_newest_pictures(
    session: Session, user_id: int | None, rom_ids: Sequence[int]
) -> dict[int, str]:
    """The screenshot of this user's newest save of each of these ROMs, where there is one."""
    saves = _read_own(session, user_id, SAVES, rom_ids)
    shots = _read_own(session, user_id, SCREENSHOTS, rom_ids)
    found = {}
    for rom_id, each in saves.items():
        newest = max(each, key=lambda save: (save["updated_at"], save["id"]))
        shot = _match(newest, shots.get(rom_id, ()))
        if shot is not None:
            found[rom_id] = shot["download_path"]
    return found


def _read(view: View, table: Table, rom_id: int) -> list[Fields]:
    """What this user may see of a ROM's rows, newest first, with their owners."""
    if view.user.user_id is None:
        return []
    query = (
        select(*(table.c[name] for name in (*_ALL, *_MORE[table])), *OWNER)
        .join(USERS, USERS.c.id == table.c.user_id)
        .where(table.c.rom_id == rom_id)
        .where(or_(table.c.user_id == view.user.user_id, table.c.is_public))
        .order_by(table.c.updated_at.desc(), table.c.id.desc())
    )
    return [render_asset(table, row) for row in view.session.execute(query).mappings()]


def _read_own(
    session: Session, user_id: int | None, table: Table, rom_ids: Sequence[int]
) -> Mapping[int, list[Fields]]:
    query = select(table).where(table.c.user_id == user_id, table.c.rom_id.in_(rom_ids))
    found: dict[int, list[Fields]] = defaultdict(list)
    for row in session.execute(query).mappings():
        found[row["rom_id"]].append(render_asset(table, row))
    return found


def render_asset(table: Table, row: RowMapping) -> Fields:
    """The fields of ``BaseAsset``, and what else the row has."""
    stamp = quote(str(row["updated_at"]), safe="")
    return {
        **row,
        "full_path": f"{row['file_path']}/{row['file_name']}",
        "download_path": f"/api/{table.name}/{row['id']}/content?timestamp={stamp}",
    }


def illustrate(asset: Fields, shots: Sequence[Fields]) -> Fields:
    """The fields of a save or state with its picture, which is among ``shots``."""
    return {**asset, "screenshot": _match(asset, shots), "device_syncs": []}


def _match(asset: Mapping[str, Any], shots: Iterable[Fields]) -> Fields | None:
    """The screenshot of a save or state: the one it came with. Where none is known, one of its
    name, ``X.state1.png`` before ``X.png`` for ``X.state1``."""
    key = asset["screenshot_id"]
    known = None if key is None else next((shot for shot in shots if shot["id"] == key), None)
    if known is not None:
        return known
    names = {asset["file_name"], asset["file_name_no_ext"]}
    fitting = [
        shot
        for shot in shots
        if shot["user_id"] == asset["user_id"]
        and names & {shot["file_name"], shot["file_name_no_ext"]}
    ]
    exact = asset["file_name"]
    return max(
        fitting, key=lambda shot: (shot["file_name_no_ext"] == exact, shot["id"]), default=None
    )


def _own(view: View, assets: Iterable[Fields]) -> list[Fields]:
    return [each for each in assets if each["user_id"] == view.user.user_id]
