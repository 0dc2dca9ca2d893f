"""No question to the list makes SQLite read a table row by row: an index has what is asked."""

import re
from typing import Any

from sqlalchemy import event

from benchmarks.library_rows import fill
from romm_lite.features.library.filters import YES_OR_NO
from romm_lite.tables.collections import SmartCollection
from romm_lite.wire.roms import RomListQuery

from .conftest import Home, ids

LARGE = (
    *("roms", "rom_sources", "roms_metadata", "rom_facets", "facets", "rom_files"),
    *("saves", "states", "rom_user", "collections_roms"),
)
READ_WHOLE = re.compile(rf"SCAN (rated|excepted|({'|'.join(LARGE)})(_[0-9]+)?)")
LISTS = [word for word in RomListQuery.model_fields if f"{word}_logic" in RomListQuery.model_fields]
VALUES = {"metadata_providers": ["igdb", "ss"], "statuses": ["finished", "now_playing"]}
QUESTIONS: list[dict[str, Any]] = [
    {},
    {"order_by": "fs_size_bytes"},
    {"order_by": "created_at", "order_dir": "desc"},
    {"order_by": "updated_at"},
    {"order_by": "id"},
    {"platform_ids": [1]},
    {"platform_ids": [1, 2]},
    {"updated_after": "2026-01-01T00:00:00Z"},
    {"search_term": "dragon"},
    {"search_term": "0123456789abcdef" * 2},
    {"collection_id": 1},
    {"group_by_meta_id": True},
    *({word: answer} for word in YES_OR_NO for answer in (True, False)),
    *(
        {word: VALUES.get(word, ["Puzzle", "1", "USA"]), f"{word}_logic": logic}
        for word in LISTS
        for logic in ("any", "all", "none")
    ),
]
"""The list's own questions; those by release or rating read a row of metadata for each ROM."""


def read_plans(home: Home, question: dict[str, Any]) -> list[tuple[str, str]]:
    """Each statement of a fresh answer to this question with each step SQLite would take."""
    statements: list[tuple[str, Any]] = []

    def note(_c: object, _cursor: object, statement: str, values: Any, *_: object) -> None:
        statements.append((statement, values))

    client = home.client()
    event.listen(home.database.engine, "before_cursor_execute", note)
    ids(client.get("/api/roms", params=question))
    event.remove(home.database.engine, "before_cursor_execute", note)
    with home.database.read() as session:
        explain = session.connection().exec_driver_sql
        return [
            (statement, step.detail)
            for statement, values in statements
            if statement.startswith(("SELECT", "WITH"))
            for step in explain(f"EXPLAIN QUERY PLAN {statement}", values)
        ]


def test_every_question_is_answered_from_an_index(home: Home) -> None:
    fill(home.database, roms=50, platforms=2)
    criteria = {"matched": True, "genres": ["Puzzle"]}
    rule = SmartCollection(user_id=home.users["ann"], name="Rule", filter_criteria=criteria)
    rules = [{"smart_collection_id": home.add(rule)}]
    for question in [*QUESTIONS, *rules]:
        plans = read_plans(home, question)
        assert any(step.startswith(("SCAN", "SEARCH")) for _, step in plans)
        assert not [each for each in plans if READ_WHOLE.fullmatch(each[1])], question
