"""What a collection by rule found last is kept no more: it is asked for when it is read."""

from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    kept = {"sqlite_autoincrement": True}
    with op.batch_alter_table("smart_collections", table_kwargs=kept) as smart_collections:
        smart_collections.drop_column("rom_ids")
        smart_collections.drop_column("rom_count")
