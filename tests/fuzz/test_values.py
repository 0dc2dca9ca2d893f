"""What has broken programs before does not break this one."""

import pytest

from romm_lite import app
from tests.fuzz.target import ADMINISTRATOR, USER, Target, is_fuzzed
from tests.fuzz.values import vary
from tests.matrix.callers import VIEWER

ENOUGH = 3
"""Faults of one operation that are told."""
OPERATIONS = {each.label: each for each in app.OPERATIONS if is_fuzzed(each)}


@pytest.mark.parametrize("label", OPERATIONS)
def test_no_value_is_a_fault(label: str, target: Target) -> None:
    operation, faults = OPERATIONS[label], []
    is_for_all = operation.scopes and VIEWER.issuperset(operation.scopes)
    who = USER if is_for_all else ADMINISTRATOR  # what has an owner is that user's
    for request in vary(operation, target.template.parameters[label]):
        request.headers.update(target.template.headers[who])
        answer = target.send(request)
        if answer.status_code >= 500:
            faults.append(f"{request.url:.300} {request.body!r:.300}: {answer.content!r:.200}")
        if len(faults) == ENOUGH:
            break
    assert not faults, "\n".join(faults)
