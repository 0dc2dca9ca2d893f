"""The store of what users keep: contents by hash, and every version there was of anything."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0008"
down_revision = "0007"

OPTIONS: dict[str, Any] = {
    "mysql_engine": "InnoDB",
    "mysql_charset": "utf8mb4",
    "mysql_collate": "utf8mb4_0900_bin",
    "mariadb_engine": "InnoDB",
    "mariadb_charset": "utf8mb4",
    "mariadb_collate": "utf8mb4_nopad_bin",
    "sqlite_autoincrement": True,
}
EXACT = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")


def upgrade() -> None:
    for table in ("saves", "states", "screenshots"):
        op.add_column(table, sa.Column("sha256", sa.String(64), nullable=True))
    for table in ("saves", "states"):
        op.add_column(table, sa.Column("screenshot_id", sa.Integer(), nullable=True))
    schema = sa.MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    users = sa.Table("users", schema, sa.Column("id", sa.Integer(), primary_key=True))
    blobs = sa.Table(
        "blobs",
        schema,
        sa.Column("sha256", sa.String(64), primary_key=True),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("created_at", EXACT, nullable=False),
        sa.Column("updated_at", EXACT, nullable=False),
        **OPTIONS,
    )
    versions = sa.Table(
        "asset_versions",
        schema,
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("asset_id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.ForeignKey(users.c.id, ondelete="CASCADE"), nullable=False),
        sa.Column("rom_id", sa.Integer(), nullable=True),
        sa.Column("rom_name", sa.String(450), nullable=False),
        sa.Column("platform_slug", sa.String(450), nullable=False),
        sa.Column("slot", sa.String(255), nullable=True),
        sa.Column("emulator", sa.String(50), nullable=True),
        sa.Column("file_name", sa.String(450), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("content_hash", sa.String(32), nullable=True),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("device_id", sa.String(255), nullable=True),
        sa.Column("locked", sa.Boolean(), nullable=False),
        sa.Column("ended_at", EXACT, nullable=True),
        sa.Column("reason", sa.String(20), nullable=True),
        sa.Column("created_at", EXACT, nullable=False),
        sa.Column("updated_at", EXACT, nullable=False),
        sa.Index(None, "kind", "asset_id"),
        sa.Index(None, "user_id", "rom_id"),
        sa.Index(None, "sha256"),
        sa.Index(None, "ended_at"),
        **OPTIONS,
    )
    for new in (blobs, versions):
        new.create(op.get_bind(), checkfirst=False)
