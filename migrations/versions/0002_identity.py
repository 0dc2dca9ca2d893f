"""OpenID identities, age limits with their exceptions, the age a game is rated for."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0002"
down_revision = "0001"

OPTIONS: dict[str, Any] = {
    "mysql_engine": "InnoDB",
    "mysql_charset": "utf8mb4",
    "mysql_collate": "utf8mb4_0900_bin",
    "mariadb_engine": "InnoDB",
    "mariadb_charset": "utf8mb4",
    "mariadb_collate": "utf8mb4_nopad_bin",
    "sqlite_autoincrement": True,
}


def upgrade() -> None:
    add_identities()
    add_exceptions()
    for table in ("users", "permission_groups"):
        op.add_column(table, sa.Column("max_age", sa.Integer(), nullable=True))
        op.add_column(table, sa.Column("hide_unrated", sa.Boolean(), nullable=True))
    op.add_column("roms_metadata", sa.Column("minimum_age", sa.Integer(), nullable=True))
    op.create_index("ix_roms_metadata_minimum_age", "roms_metadata", ["minimum_age"])


def add_identities() -> None:
    op.create_table(
        "user_identities",
        sa.Column("id", sa.Integer(), nullable=False),
        parent("user_identities", "user_id", "users.id", nullable=False),
        sa.Column("issuer", sa.String(255), nullable=False),
        sa.Column("subject", sa.String(255), nullable=False),
        *stamps(),
        sa.PrimaryKeyConstraint("id", name="pk_user_identities"),
        sa.UniqueConstraint("issuer", "subject", name="uq_user_identities_issuer_subject"),
        **OPTIONS,
    )
    op.create_index("ix_user_identities_user_id", "user_identities", ["user_id"])


def add_exceptions() -> None:
    op.create_table(
        "age_exceptions",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("entity", sa.String(20), nullable=False),
        sa.Column("entity_id", sa.Integer(), nullable=False),
        parent("age_exceptions", "user_id", "users.id"),
        parent("age_exceptions", "group_id", "permission_groups.id"),
        *stamps(),
        sa.PrimaryKeyConstraint("id", name="pk_age_exceptions"),
        *(
            sa.UniqueConstraint(
                who, "entity", "entity_id", name=f"uq_age_exceptions_{who}_entity_entity_id"
            )
            for who in ("user_id", "group_id")
        ),
        **OPTIONS,
    )


def parent(table: str, name: str, target: str, *, nullable: bool = True) -> sa.Column[Any]:
    reference = sa.ForeignKey(target, ondelete="CASCADE", name=f"fk_{table}_{name}")
    return sa.Column(name, sa.Integer(), reference, nullable=nullable)


def stamps() -> tuple[sa.Column[Any], sa.Column[Any]]:
    exact = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")
    return (
        sa.Column("created_at", exact, nullable=False),
        sa.Column("updated_at", exact, nullable=False),
    )
