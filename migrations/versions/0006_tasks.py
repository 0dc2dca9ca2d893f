"""The runs of jobs."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0006"
down_revision = "0005"

OPTIONS: dict[str, Any] = {
    "mysql_engine": "InnoDB",
    "mysql_charset": "utf8mb4",
    "mysql_collate": "utf8mb4_0900_bin",
    "mariadb_engine": "InnoDB",
    "mariadb_charset": "utf8mb4",
    "mariadb_collate": "utf8mb4_nopad_bin",
    "sqlite_autoincrement": True,
}
LONG = sa.Text().with_variant(mysql.LONGTEXT(), "mysql", "mariadb")
EXACT = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")


def upgrade() -> None:
    schema = sa.MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    sa.Table(
        "task_runs",
        schema,
        sa.Column("id", sa.String(36), primary_key=True),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("arguments", LONG, nullable=True),
        sa.Column("status", sa.String(20), nullable=False),
        sa.Column("stats", LONG, nullable=True),
        sa.Column("message", LONG, nullable=True),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("worker", sa.String(450), nullable=True),
        sa.Column("alone", sa.String(100), nullable=True, unique=True),
        sa.Column("occasion", sa.String(150), nullable=True, unique=True),
        sa.Column("enqueued_at", EXACT, nullable=False),
        sa.Column("started_at", EXACT, nullable=True),
        sa.Column("ended_at", EXACT, nullable=True),
        sa.Column("created_at", EXACT, nullable=False),
        sa.Column("updated_at", EXACT, nullable=False),
        sa.Index(None, "status"),
        sa.Index(None, "name", "enqueued_at"),
        **OPTIONS,
    )
    schema.create_all(op.get_bind(), checkfirst=False)
