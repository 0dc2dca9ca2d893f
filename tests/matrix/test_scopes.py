"""What an operation asks for is what RomM's clients were told that it asks for."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from romm_lite import app

CONTRACT = Path(__file__).resolve().parents[3] / "shared" / "contract" / "romm-api.json"

OTHER = {
    # There is nobody to invite anybody before there is an administrator.
    "POST /api/users/invite-link",
    # Where it is built it asks for nothing; until then it says so to nobody.
    "GET /api/feeds/tinfoil",
}


def norm(path: str) -> str:
    return re.sub(r"\{[^}]*\}", "{}", path)


def read_scopes(contract: dict[str, Any]) -> Iterator[tuple[str, set[str]]]:
    """Each operation of the contract with the scopes it needs."""
    for path, operations in contract["paths"].items():
        for method, described in operations.items():
            asked = described.get("security", [])
            scopes = {scope for scheme in asked for scope in scheme.get("OAuth2PasswordBearer", [])}
            yield f"{method.upper()} {norm(path)}", scopes


@pytest.mark.skipif(not CONTRACT.is_file(), reason="the wire contract is not beside this checkout")
def test_scopes_are_those_of_the_contract() -> None:
    ours = {f"{each.method} {norm(each.path)}": set(each.scopes) for each in app.OPERATIONS}
    contract = dict(read_scopes(json.loads(CONTRACT.read_text(encoding="utf-8"))))
    other = {label: ours[label] for label in contract if ours.get(label) != contract[label]}
    assert other.keys() == OTHER
    assert len(contract) > 200
