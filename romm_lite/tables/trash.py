"""What was deleted from the library and can still be brought back."""

from typing import Any

from sqlalchemy import BigInteger, Index
from sqlmodel import Field

from romm_lite.kernel.paths import NAME_LENGTH
from romm_lite.tables.base import Stamped, arranged, file_path, key, optional_json, parent, table_of


class TrashItem(Stamped, table=True):
    """A file or folder in the trash, and the rows that went with it.

    ``created_at`` is when it was deleted.
    """

    __tablename__ = "trash"
    __table_args__ = arranged(Index(None, "created_at"), Index(None, "user_id"))

    id: int | None = key()
    user_id: int | None = parent("users.id", on_delete="SET NULL")
    """Who deleted it."""
    name: str = Field(max_length=NAME_LENGTH)
    library_path: str = file_path()
    """Where it lay, relative to the library's root."""
    trash_path: str = file_path()
    """Where it lies, relative to the trash folder."""
    size_bytes: int = Field(default=0, sa_type=BigInteger)
    kept_rows: dict[str, Any] | None = optional_json()
    """Table → rows, as they were."""


TRASH = table_of(TrashItem)
