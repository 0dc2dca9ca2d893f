"""How Alembic runs the migrations: on the connection that ``romm_lite.db.migrate`` opened.

To change the schema:

1. Change ``romm_lite/tables``.
2. Add ``versions/NNNN_what_it_does.py`` with the next number: ``revision = "NNNN"``,
   ``down_revision`` = the number before, and an ``upgrade()``. There is no ``downgrade()``: the
   way back is the snapshot that is taken before each migration.
3. Run ``pytest tests/db``. It migrates real databases and names every difference from the tables.

``upgrade()`` works with ``op`` on SQLite, PostgreSQL, MariaDB and MySQL alike, spells its own
types (``0001_first`` shows how) and imports nothing of the package, so that it means the same for
ever; one that was released is never edited. It must not commit. SQLite cannot alter a column in
place: use ``with op.batch_alter_table("roms") as roms: roms.add_column(…)``, which rebuilds the
table there; references are not enforced meanwhile and checked afterwards. A rebuilt table loses
what reflection does not see: give ``table_kwargs={"sqlite_autoincrement": True}``, or for the
tables made so ``{"sqlite_with_rowid": False}``. A new column that may not be NULL needs a
``server_default`` to fill the rows that are there.

On SQLite and PostgreSQL all pending migrations are one transaction; MariaDB and MySQL commit each
statement that changes the schema, so keep a migration to one purpose.
"""

from alembic import context

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=context.config.attributes["metadata"],
    transaction_per_migration=True,
)
with context.begin_transaction():
    context.run_migrations()
