"""The description of the API: a snapshot of our own, and the contract of RomM's clients."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from romm_lite import app
from romm_lite.features.system import pending
from romm_lite.kernel import settings

HERE = Path(__file__).resolve().parent
SNAPSHOT = HERE / "openapi.json"
CONTRACT = HERE.parents[2] / "shared" / "contract"


def describe() -> dict[str, Any]:
    document: dict[str, Any] = json.loads(app.describe(settings.load()).rendered)
    document["info"]["version"] = "snapshot"
    return document


def test_the_description_is_the_one_that_was_meant() -> None:
    """After a change that is meant: UPDATE_SNAPSHOT=1 pytest tests/contract, and read the diff."""
    now = json.dumps(describe(), indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    if os.environ.get("UPDATE_SNAPSHOT"):
        SNAPSHOT.write_text(now, encoding="utf-8")
    assert SNAPSHOT.read_text(encoding="utf-8") == now


def test_operation_ids_are_unique() -> None:
    ids = [
        operation["operationId"]
        for path in describe()["paths"].values()
        for operation in path.values()
    ]
    assert len(ids) == len(set(ids))


def test_every_operation_is_guarded_or_says_that_it_is_public() -> None:
    public = {operation.label for operation in app.OPERATIONS if operation.public}
    assert public == {
        "GET /",
        "GET /setup",
        "GET /ping",
        "GET /metrics",  # for this machine, and by a token of its own
        "GET /api/config",
        "GET /api/heartbeat",
        "GET /api/heartbeat/metadata/{source}",
        "GET /api/stats",
        "GET /api/setup/library",
        "POST /api/setup/platforms",
        "POST /api/users",
        "POST /api/users/register",
        "POST /api/login",
        "POST /api/logout",
        "POST /api/token",
        "GET /api/login/openid",
        "GET /api/oauth/openid",
        "POST /api/forgot-password",
        "POST /api/reset-password",
        "POST /api/client-tokens/exchange",
        "GET /api/client-tokens/pair/{code}/status",
        "POST /api/auth/device/init",
        "POST /api/auth/device/token",
    }


def norm(path: str) -> str:
    return re.sub(r"\{[^}]*\}", "{}", path)


@pytest.mark.skipif(not CONTRACT.is_dir(), reason="the wire contract is not beside this checkout")
def test_nothing_of_the_contract_is_missing_from_what_is_built(tmp_path: Path) -> None:
    ours = tmp_path / "openapi.json"
    ours.write_bytes(app.describe(settings.load()).rendered)
    command = [sys.executable, str(CONTRACT / "check.py"), str(ours), "--list"]
    said = subprocess.run(command, capture_output=True, text=True, check=False).stdout.splitlines()
    assert said[-1].startswith("operations 215/215")
    unbuilt = {(op.method, norm(op.path)) for op in pending.router.operations}
    missing = []
    for line in said[:-1]:
        found = re.match(r"[a-z ]+: ([A-Z]+) (\S+)", line)
        assert found is not None, line
        if (found[1], found[2]) not in unbuilt:
            missing.append(line)
    assert missing == []
