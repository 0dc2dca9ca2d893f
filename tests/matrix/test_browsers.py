"""What a foreign page could make somebody's browser send is refused."""

from romm_lite.web.operations import Operation
from tests.matrix.requests import SAFE, Ordinary
from tests.matrix.world import CSRF_HEADER, World

REFUSAL = (403, "CSRF token verification failed")
EXEMPT = frozenset(
    {
        "POST /api/token",
        "POST /api/client-tokens/exchange",
        "POST /api/auth/device/init",
        "POST /api/auth/device/token",
    }
)
"""Programs call these; nothing in them is done by the session."""


def list_unsafe(world: World) -> list[Operation]:
    return [operation for operation in world.operations if operation.method not in SAFE]


def find_unguarded(world: World, ordinary: Ordinary, headers: dict[str, str]) -> set[str]:
    """The unsafe operations that do something for a browser that sends this."""
    found = set()
    for operation in list_unsafe(world):
        for slash in ("", "/"):
            answer = world.ask(operation.method, ordinary.fill(operation) + slash, headers)
            if (answer.status_code, answer.text) != REFUSAL:
                found.add(operation.label)
    return found


def test_a_session_alone_changes_nothing(world: World, ordinary: Ordinary) -> None:
    page = world.browser("root")
    assert find_unguarded(world, ordinary, {"cookie": page["cookie"]}) == EXEMPT


def test_a_session_with_the_word_of_another_changes_nothing(
    world: World, ordinary: Ordinary
) -> None:
    page, other = world.browser("root"), world.browser("plain")
    assert find_unguarded(world, ordinary, {**page, CSRF_HEADER: other[CSRF_HEADER]}) == EXEMPT


def test_the_word_of_a_stranger_is_not_that_of_somebody_known(
    world: World, ordinary: Ordinary
) -> None:
    stranger, session = world.browser(None), world.session("root")
    cookie = f"{stranger['cookie']}; romm_session={session}"
    assert find_unguarded(world, ordinary, {**stranger, "cookie": cookie}) == EXEMPT
