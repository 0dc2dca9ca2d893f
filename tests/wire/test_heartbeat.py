import json
from pathlib import Path
from typing import Any

from romm_lite.wire.heartbeat import HeartbeatResponse

RECORDED: dict[str, Any] = json.loads(Path(__file__).with_name("heartbeat.json").read_bytes())
OURS = {"ROMM_LITE": {"VERSION": "0.1.0", "COMMIT": ""}}


def test_recorded_heartbeat_renders_back_equal_in_value_and_order() -> None:
    sent = RECORDED | OURS

    rendered = HeartbeatResponse.model_validate(sent).model_dump_json()

    assert rendered == json.dumps(sent, separators=(",", ":"))
