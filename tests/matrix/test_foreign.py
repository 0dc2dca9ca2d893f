"""What is hidden from somebody, or is another's, is not there for them, whatever names it."""

from collections.abc import Mapping
from typing import Any

import pytest
from httpx import Response

from tests.matrix.requests import UNBUILT, Ordinary, list_ids
from tests.matrix.rows import ID, ROWS, Free, Row
from tests.matrix.world import SECRET, World

TRIED = [
    (place, each)
    for place, row in ROWS.items()
    if not isinstance(row, Free)
    for each in ([row] if isinstance(row, Row) else row)
]


def put_id(template: Any, thing: Any) -> Any:
    """The template with the id of the thing where it belongs."""
    if isinstance(template, Mapping):
        return {key: put_id(value, thing) for key, value in template.items()}
    if isinstance(template, list):
        return [put_id(value, thing) for value in template]
    if isinstance(template, str) and template != ID:
        return template.replace(ID, str(thing))
    return thing if template == ID else template


def tells(answer: Response) -> bool:
    """Whether an answer tells of something by its name, by what a collection holds, or by what
    was done to it."""
    is_json = answer.headers.get("content-type", "").startswith("application/json")
    document = answer.json() if is_json and answer.content else None
    counts = ("rom_ids", "successful_items")
    done = isinstance(document, dict) and any(document.get(name) for name in counts)
    return done or SECRET in answer.text


@pytest.mark.parametrize(("place", "row"), TRIED, ids=[place for place, _ in TRIED])
def test_what_is_not_mine_is_kept_from_me(
    place: str, row: Row, world: World, ordinary: Ordinary
) -> None:
    label, _, name = place.rpartition(" ")
    (operation,) = (each for each in world.operations if each.label == label)
    for made in row.make(world):
        values = made if isinstance(made, dict) else {name: made}
        path = ordinary.fill(operation, **values)
        options = put_id(row.options, values[name])
        more = {header: str(value) for header, value in options.pop("headers", {}).items()}
        refused = world.ask(operation.method, path, {**world.bearer("ann"), **more}, **options)
        assert refused.status_code == row.code, refused.text
        assert not tells(refused)
        if row.owner is not None:
            mine = {**world.bearer(row.owner), **more}
            given = world.ask(operation.method, path, mine, **options)
            assert given.status_code < 300, given.text
            assert row.code != 200 or tells(given)


def test_every_id_is_tried(world: World) -> None:
    """Whoever builds an operation says in ``rows`` how its ids are tried."""
    needed = {
        f"{operation.label} {name}"
        for operation in world.operations
        if operation.label not in UNBUILT
        for name in list_ids(operation)
    }
    untried = sorted(needed - ROWS.keys())
    assert not untried, "not in rows.py:\n" + "\n".join(untried)


def test_every_row_is_of_an_operation(world: World) -> None:
    labels = {operation.label for operation in world.operations}
    assert sorted(place for place in ROWS if place.rpartition(" ")[0] not in labels) == []
