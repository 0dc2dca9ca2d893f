"""What lists and searches asked for and no index had."""

from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.create_index("ix_rom_files_ra_hash", "rom_files", ["ra_hash"])
    for table in ("saves", "states"):
        op.create_index(f"ix_{table}_is_public_rom_id", table, ["is_public", "rom_id"])
