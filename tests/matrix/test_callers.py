"""Every operation, asked by everybody: who is let in, who must log in, who is refused.

What is expected comes from the table of operations and from what the protocol grants each caller.
Bodies are broken, so that nobody who is let in changes anything.
"""

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from romm_lite.web.operations import Operation
from tests.matrix.callers import CALLERS, WITH_PASSWORD, Caller
from tests.matrix.requests import UNBUILT, Ordinary
from tests.matrix.world import World

LEAST_CASES = 7_000
Judge = Callable[[Caller], int | None]


def needs(scope: str, of_strangers: int = 401) -> Judge:
    """As if the operation had this scope."""

    def judge(caller: Caller) -> int | None:
        if caller.scopes is None:
            return of_strangers
        return None if scope in caller.scopes else 403

    return judge


def only_with_password(caller: Caller) -> int | None:
    return None if caller == WITH_PASSWORD else 401


def only_administrators(caller: Caller) -> int | None:
    return None if caller.is_admin else 403


def only_the_owner(caller: Caller) -> int | None:
    return None if caller.user == "plain" else 403


def nobody_from_elsewhere(_caller: Caller) -> int:
    return 403


FINE: Mapping[str, Judge] = {
    # The name and the password are in the header.
    "POST /api/login": only_with_password,
    # Public only until there is an administrator.
    "POST /api/users": needs("users.write"),
    "GET /api/setup/library": needs("platforms.read", of_strangers=403),
    "POST /api/setup/platforms": needs("platforms.write", of_strangers=403),
    # The user is somebody else.
    "PUT /api/users/{id}": only_administrators,
    "DELETE /api/users/{id}/avatar": only_administrators,
    "POST /api/users/{id}/ra/refresh": only_administrators,
    # Whoever has such a link has the account.
    "POST /api/users/{id}/reset-link": only_administrators,
    # Who may do what is decided by administrators, whatever their scopes give to others.
    "GET /api/permissions/catalog": only_administrators,
    "GET /api/permissions/groups": only_administrators,
    "DELETE /api/permissions/groups/{id}": only_administrators,
    "GET /api/permissions/users/{user_id}": only_administrators,
    "GET /metrics": nobody_from_elsewhere,
    "GET /api/streaming/sessions": only_administrators,
    "DELETE /api/streaming/sessions": only_administrators,
    # Somebody else's, though everybody may see it.
    "DELETE /api/collections/{id}": only_the_owner,
    "DELETE /api/collections/{id}/roms/{rom_id}": only_the_owner,
    "PUT /api/collections/smart/{id}": only_the_owner,
    "DELETE /api/collections/smart/{id}": only_the_owner,
    "DELETE /api/music/playlists/{id}": only_the_owner,
}
"""Operations that ask for more than their scopes, and of whom: the code for those without it."""

BODIES: Mapping[str, Any] = {
    "POST /api/users": {"username": "", "password": "", "email": "", "role": ""},
    "POST /api/setup/platforms": [],
}
"""Where the check comes after the body: one that is understood and does nothing."""


def expect(operation: Operation, caller: Caller) -> int | None:
    """The code of the refusal, or None for who is let in."""
    is_open = caller.door == "open downloads" and operation.download
    if not (operation.public or is_open):
        if caller.scopes is None:
            return 401
        if not caller.scopes.issuperset(operation.scopes):
            return 403
    judge = FINE.get(operation.label)
    return None if judge is None else judge(caller)


def break_body(operation: Operation) -> dict[str, Any]:
    """What to send so that nothing is done."""
    if operation.label in BODIES:
        return {"json": BODIES[operation.label]}
    body = operation.inputs.body
    if body is not None and body.is_required:
        return {"content": b"[", "headers": {"content-type": "application/json"}}
    return {}


@pytest.mark.parametrize("caller", CALLERS, ids=lambda caller: caller.name)
def test_every_operation_lets_in_whom_it_is_for(
    caller: Caller, world: World, ordinary: Ordinary
) -> None:
    headers = caller.show(world)
    wrong = []
    for operation in sorted(world.operations, key=lambda each: each.label == "POST /api/logout"):
        sent = break_body(operation)
        sent["headers"] = {**headers, **sent.get("headers", {})}
        path = ordinary.fill(operation)
        answer = world.ask(operation.method, path, door=caller.door, **sent)
        code, expected = answer.status_code, expect(operation, caller)
        is_fault = code >= 500 and not (code == 501 and operation.label in UNBUILT)
        refusal = code if code in (401, 403) else None
        if is_fault or refusal != expected:
            said = f"{expected or 'to be let in'}, got {code} {answer.text[:100]}"
            wrong.append(f"{operation.label}: expected {said}")
    assert not wrong, f"{caller.name}:\n" + "\n".join(wrong)


def test_the_matrix_is_as_large_as_it_was(world: World) -> None:
    size = len(world.operations) * len(CALLERS)
    print(f"{len(world.operations)} operations x {len(CALLERS)} callers = {size} cases")  # noqa: T201
    assert size >= LEAST_CASES
