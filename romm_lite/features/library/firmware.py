"""Firmware rows as ``FirmwareSchema`` has them."""

from typing import Any

from sqlalchemy import select
from sqlmodel import Session

from romm_lite.features.accounts.service import Identity
from romm_lite.features.library.visibility import Condition, see_platforms
from romm_lite.tables.firmware import FIRMWARE

_COLUMNS = tuple(column for column in FIRMWARE.c if column.name != "modified_ns")


def read_firmware(session: Session, user: Identity, *conditions: Condition) -> list[dict[str, Any]]:
    """What this user may see, by file name; with ``platform_id``, which is not on the wire."""
    query = (
        select(*_COLUMNS)
        .where(*conditions, *see_platforms(user, FIRMWARE.c.platform_id))
        .order_by(FIRMWARE.c.file_name, FIRMWARE.c.id)
    )
    return [
        {**row, "full_path": f"{row['file_path']}/{row['file_name']}"}
        for row in session.execute(query).mappings()
    ]
