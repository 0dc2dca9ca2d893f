"""A slash at the end of a path makes no difference, and nobody is sent elsewhere because of it."""

from collections.abc import Callable

import pytest

from romm_lite.web.operations import Operation
from tests.matrix.requests import PLAIN, Ordinary
from tests.matrix.test_callers import break_body
from tests.matrix.world import Headers, World

ASKING: dict[str, Callable[[World], Headers]] = {
    "a stranger": lambda world: world.browser(None),
    "an administrator": lambda world: world.bearer("root"),
}


def name_nothing(operation: Operation) -> dict[str, str]:
    """Ids of nothing, so that the second request finds what the first found."""
    return {name: PLAIN.get(name, "999999") for name in operation.inputs.path.adapters}


@pytest.mark.parametrize("who", ASKING)
def test_every_path_answers_with_and_without_a_slash(
    who: str, world: World, ordinary: Ordinary
) -> None:
    headers, wrong = ASKING[who](world), []
    for operation in world.operations:
        path = ordinary.fill(operation, **name_nothing(operation))
        sent = break_body(operation)
        sent["headers"] = {**headers, **sent.get("headers", {})}
        first, second = (world.ask(operation.method, path + s, **sent) for s in ("", "/"))
        if first.status_code != second.status_code or first.is_redirect:
            wrong.append(f"{operation.label}: {first.status_code}, {second.status_code}")
    assert wrong == []
