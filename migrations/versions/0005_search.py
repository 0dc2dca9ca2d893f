"""Indexes for searching in names: full text on SQLite, trigrams on PostgreSQL.

Where the database has neither, a search reads the texts themselves and finds the same.
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

# Rows are indexed by these triggers; who rebuilds the table roms has to make them again.
FULL_TEXT = """
CREATE VIRTUAL TABLE roms_text USING fts5
    (search_text, content='roms', content_rowid='id', tokenize='trigram');
CREATE VIRTUAL TABLE roms_words USING fts5
    (search_text, content='roms', content_rowid='id', tokenize='unicode61', detail=none);
CREATE VIRTUAL TABLE roms_vocabulary USING fts5vocab('roms_words', 'row');
CREATE TRIGGER roms_text_insert AFTER INSERT ON roms BEGIN
    INSERT INTO roms_text (rowid, search_text) VALUES (new.id, new.search_text);
    INSERT INTO roms_words (rowid, search_text) VALUES (new.id, new.search_text);
END;
CREATE TRIGGER roms_text_delete AFTER DELETE ON roms BEGIN
    INSERT INTO roms_text (roms_text, rowid, search_text)
        VALUES ('delete', old.id, old.search_text);
    INSERT INTO roms_words (roms_words, rowid, search_text)
        VALUES ('delete', old.id, old.search_text);
END;
CREATE TRIGGER roms_text_update AFTER UPDATE OF search_text ON roms
WHEN old.search_text IS NOT new.search_text BEGIN
    INSERT INTO roms_text (roms_text, rowid, search_text)
        VALUES ('delete', old.id, old.search_text);
    INSERT INTO roms_words (roms_words, rowid, search_text)
        VALUES ('delete', old.id, old.search_text);
    INSERT INTO roms_text (rowid, search_text) VALUES (new.id, new.search_text);
    INSERT INTO roms_words (rowid, search_text) VALUES (new.id, new.search_text);
END;
INSERT INTO roms_text (roms_text) VALUES ('rebuild');
INSERT INTO roms_words (roms_words) VALUES ('rebuild');
"""


def upgrade() -> None:
    connection = op.get_bind()
    if connection.dialect.name == "sqlite":
        index_on_sqlite(connection)
    elif connection.dialect.name == "postgresql":
        index_on_postgresql(connection)


def index_on_sqlite(connection: sa.Connection) -> None:
    options = set(connection.scalars(sa.text("PRAGMA compile_options")))
    if "ENABLE_FTS5" in options:
        for statement in split(FULL_TEXT):
            connection.exec_driver_sql(statement)


def split(script: str) -> list[str]:
    """The statements of a script; those of a trigger belong to it."""
    found, left = [], ""
    for line in script.strip().splitlines():
        left += line + "\n"
        inside = "BEGIN" in left and not line.startswith("END;")
        if line.endswith(";") and not inside:
            found.append(left.strip().removesuffix(";"))
            left = ""
    return found


def index_on_postgresql(connection: sa.Connection) -> None:
    try:
        with connection.begin_nested():
            connection.execute(sa.text("CREATE EXTENSION IF NOT EXISTS pg_trgm"))
    except sa.exc.DBAPIError:
        return  # it is not installed, or not for this user to add
    columns = {"search_text": "gin_trgm_ops"}
    op.create_index(
        "ix_roms_search_text_trigrams",
        "roms",
        ["search_text"],
        postgresql_using="gin",
        postgresql_ops=columns,
    )
