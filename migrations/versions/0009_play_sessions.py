"""What a client called the ROM of a play session, so that a repeat of it is known again."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.add_column("play_sessions", sa.Column("asked_rom_id", sa.Integer(), nullable=True))
    op.create_index(
        "ix_play_sessions_user_id_start_time", "play_sessions", ["user_id", "start_time"]
    )
