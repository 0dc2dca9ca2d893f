"""Rows of files: as ``RomFileSchema`` has them, and what it takes to send them."""

from typing import Any

from sqlalchemy import RowMapping, select
from sqlmodel import Session

from romm_lite.features.accounts.service import Identity
from romm_lite.features.library.rendering import FILE_COLUMNS, render_file
from romm_lite.features.library.visibility import Condition, see_roms
from romm_lite.kernel.errors import NotFound
from romm_lite.tables.files import ROM_FILES
from romm_lite.tables.roms import ROMS

TO_SEND = (
    *(ROM_FILES.c.id, ROM_FILES.c.rom_id, ROM_FILES.c.file_name, ROM_FILES.c.file_path),
    *(ROM_FILES.c.file_size_bytes, ROM_FILES.c.modified_ns, ROM_FILES.c.category),
    *(ROM_FILES.c.hashed, ROM_FILES.c.crc_hash),
)


def read_file(session: Session, user: Identity, file_id: int) -> dict[str, Any]:
    """One file of a ROM this user may see, or NotFound."""
    return render_file(_find(session, user, file_id, FILE_COLUMNS))


def find_file(session: Session, user: Identity, file_id: int) -> RowMapping:
    """The same with the columns ``TO_SEND``."""
    return _find(session, user, file_id, TO_SEND)


def find_files(session: Session, *conditions: Condition) -> list[RowMapping]:
    """Files with the columns ``TO_SEND``, by name."""
    query = select(*TO_SEND).where(*conditions)
    query = query.order_by(ROM_FILES.c.file_name, ROM_FILES.c.file_path, ROM_FILES.c.id)
    return list(session.execute(query).mappings())


def _find(session: Session, user: Identity, file_id: int, columns: Any) -> RowMapping:
    query = select(*columns).join(ROMS, ROMS.c.id == ROM_FILES.c.rom_id)
    query = query.where(ROM_FILES.c.id == file_id, *see_roms(user, few=True))
    row = session.execute(query).mappings().first()
    if row is None:
        raise NotFound("File not found")
    return row
