"""Nothing that is sent brings the program down, and what it answers is what it describes.

Examples come from the description of the API: some as it allows them, some that break it. They are
the same in every run. Operations that are not built yet are left out.
"""

from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from requests import Request
from schemathesis import Case, GenerationMode, checks
from schemathesis.config import SchemathesisConfig

from romm_lite import app
from romm_lite.kernel.settings import Settings
from romm_lite.web.routing import PARAMETER
from tests.fuzz.target import ADMINISTRATOR, BASE, USER, Target, is_fuzzed

CHECKS = [
    checks.not_a_server_error,
    checks.content_type_conformance,
    checks.response_schema_conformance,
]
EXAMPLES = {GenerationMode.POSITIVE: 9, GenerationMode.NEGATIVE: 5}
"""How many of each kind an operation is sent, by a plain user and by an administrator."""
IN_WORDS = {
    "POST /api/client-tokens",
    "POST /api/auth/device/approve",
    "PUT /api/collections/{id}",
}
"""Clients know one 422 of these as a text, where all others are lists."""
OPERATIONS = {each.label: each for each in app.OPERATIONS if is_fuzzed(each) and not each.hidden}


@pytest.fixture(scope="module")
def schema() -> Any:
    document = app.describe(Settings()).document
    return schemathesis.openapi.from_dict(document, config=SchemathesisConfig())


@pytest.mark.parametrize("label", OPERATIONS)
def test_any_input_is_answered_as_described(label: str, schema: Any, target: Target) -> None:
    operation = OPERATIONS[label]
    described = schema[PARAMETER.sub(r"{\1}", operation.path)][operation.method]
    real = target.template.parameters[label]

    def send(case: Case[Any], is_real: bool) -> None:
        if is_real and real:
            case.path_parameters = {**case.path_parameters, **real}
        for who in (USER, ADMINISTRATOR):
            headers = {**target.template.headers[who], "accept-encoding": "identity"}
            sent = case.as_transport_kwargs(base_url=BASE, headers=headers)
            answer = target.send(Request(**sent).prepare())
            says_it_in_words = answer.status_code == 422 and label in IN_WORDS
            but = [checks.response_schema_conformance] if says_it_in_words else []
            case.validate_response(answer, checks=CHECKS, excluded_checks=but)

    for mode, examples in EXAMPLES.items():
        once = settings(
            derandomize=True,
            database=None,
            deadline=None,
            max_examples=examples,
            suppress_health_check=list(HealthCheck),
            phases=[Phase.generate, Phase.shrink],
        )
        try:
            once(given(described.as_strategy(generation_mode=mode), st.booleans())(send))()
        except Unsatisfiable:
            assert mode == GenerationMode.NEGATIVE  # it takes nothing that could be wrong
