"""Finding ROMs by parts of their texts, by whatever index the database has for that.

SQLite has full-text tables of its own beside ``roms``, PostgreSQL an index of trigrams if the
extension could be added; elsewhere, and for words of one or two characters, the texts are read.
All find the same.
"""

from collections.abc import Iterable, Sequence
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import ColumnElement, Select, column, select, table, text
from sqlmodel import Session

from romm_lite.tables.roms import ROMS

Condition = ColumnElement[bool]
SHORTEST = 3
"""Characters of a word that an index of trigrams can look for."""
PAGE = 2000
"""Texts that are fetched at once."""

_TEXTS = table("roms_text", column("rowid"), column("roms_text"))
_BESIDE = ROMS.alias()
"""So that an index on the text alone is read, not the rows; making one takes a millisecond."""
_full_text: WeakKeyDictionary[Any, bool] = WeakKeyDictionary()
"""By engine whether its database has the tables for it, which a migration makes or not."""


def find_words(session: Session, words: Sequence[str]) -> Select[tuple[int]]:
    """The ids of ROMs whose ``search_text`` has each of these, which are folded as it is."""
    roms = _BESIDE.c
    found = select(roms.id)
    long = [word for word in words if len(word) >= SHORTEST]
    if not long or not _has_full_text(session):
        return found.where(*_contain(roms.search_text, words))
    question = " AND ".join('"' + word.replace('"', '""') + '"' for word in long)
    indexed = select(_TEXTS.c.rowid).where(_TEXTS.c.roms_text.op("MATCH")(question))
    if len(long) == len(words):
        return indexed
    rest = [word for word in words if len(word) < SHORTEST]
    return found.where(roms.id.in_(indexed), *_contain(roms.search_text, rest))


def read_vocabulary(session: Session) -> set[str]:
    """The words of all texts."""
    if _has_full_text(session):
        return set(session.scalars(text("SELECT term FROM roms_vocabulary")))
    texts = select(ROMS.c.search_text).execution_options(yield_per=PAGE)
    return {word for each in session.scalars(texts) for word in each.split()}


def _contain(texts: ColumnElement[str], words: Iterable[str]) -> list[Condition]:
    return [texts.contains(word, autoescape=True) for word in words]


def _has_full_text(session: Session) -> bool:
    engine = session.get_bind()
    if engine.dialect.name != "sqlite":
        return False
    if engine not in _full_text:
        made = text("SELECT 1 FROM sqlite_schema WHERE name = 'roms_text'")
        _full_text[engine] = session.scalar(made) is not None
    return _full_text[engine]
