"""Playlists, favourite tracks, and the trash of the library."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0003"
down_revision = "0002"

OPTIONS: dict[str, Any] = {
    "mysql_engine": "InnoDB",
    "mysql_charset": "utf8mb4",
    "mysql_collate": "utf8mb4_0900_bin",
    "mariadb_engine": "InnoDB",
    "mariadb_charset": "utf8mb4",
    "mariadb_collate": "utf8mb4_nopad_bin",
    "sqlite_autoincrement": True,
}
NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}
LONG = sa.Text().with_variant(mysql.LONGTEXT(), "mysql", "mariadb")
EXACT = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")


def upgrade() -> None:
    schema = sa.MetaData(naming_convention=NAMES)
    for name in ("users", "rom_files"):
        sa.Table(name, schema, sa.Column("id", sa.Integer(), primary_key=True))
    new = [*music(schema), trash(schema)]
    schema.create_all(op.get_bind(), new, checkfirst=False)


def music(schema: sa.MetaData) -> list[sa.Table]:
    playlists = sa.Table(
        "playlists",
        schema,
        sa.Column("id", sa.Integer(), primary_key=True),
        parent("user_id", "users.id"),
        sa.Column("name", sa.String(400), nullable=False),
        sa.Column("description", LONG, nullable=False),
        sa.Column("is_public", sa.Boolean(), nullable=False),
        *stamps(),
        sa.UniqueConstraint("user_id", "name"),
        sa.Index(None, "is_public", "name"),
        **OPTIONS,
    )
    tracks = sa.Table(
        "playlist_tracks",
        schema,
        parent("playlist_id", "playlists.id", primary_key=True),
        parent("rom_file_id", "rom_files.id", primary_key=True),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Index(None, "rom_file_id"),
        sa.Index(None, "playlist_id", "position"),
        **OPTIONS,
        sqlite_with_rowid=False,
    )
    favorites = sa.Table(
        "music_favorites",
        schema,
        parent("user_id", "users.id", primary_key=True),
        parent("rom_file_id", "rom_files.id", primary_key=True),
        *stamps(),
        sa.Index(None, "rom_file_id"),
        **OPTIONS,
        sqlite_with_rowid=False,
    )
    return [playlists, tracks, favorites]


def trash(schema: sa.MetaData) -> sa.Table:
    return sa.Table(
        "trash",
        schema,
        sa.Column("id", sa.Integer(), primary_key=True),
        parent("user_id", "users.id", on_delete="SET NULL", nullable=True),
        sa.Column("name", sa.String(450), nullable=False),
        sa.Column("library_path", sa.String(1000), nullable=False),
        sa.Column("trash_path", sa.String(1000), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("kept_rows", LONG, nullable=True),
        *stamps(),
        sa.Index(None, "created_at"),
        sa.Index(None, "user_id"),
        **OPTIONS,
    )


def parent(name: str, target: str, *, on_delete: str = "CASCADE", **options: Any) -> sa.Column[Any]:
    options.setdefault("nullable", False)
    return sa.Column(name, sa.Integer(), sa.ForeignKey(target, ondelete=on_delete), **options)


def stamps() -> tuple[sa.Column[Any], sa.Column[Any]]:
    return (
        sa.Column("created_at", EXACT, nullable=False),
        sa.Column("updated_at", EXACT, nullable=False),
    )
