"""The broker of an emulator container: a small service that starts a game there and steers it.

It speaks JSON and knows its callers by the header ``X-Broker-Secret``. Administrators name it in
config.yml, so it may lie on the same network.
"""

from typing import Any, NamedTuple

import httpx

from romm_lite.kernel.errors import RommError

LAUNCH_SECONDS = 10.0
CONTROL_SECONDS = 5.0
LOAD_SECONDS = 60.0


class BrokerFailed(RommError):
    """A broker that answered with an error, whose ``status`` it is, or 0: not at all."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


class Broker(NamedTuple):
    """Where a broker is, and the secret it wants."""

    url: str
    secret: str

    def ask(
        self, method: str, path: str, body: Any = None, *, seconds: float = CONTROL_SECONDS
    ) -> dict[str, Any]:
        """What the broker answers; ``BrokerFailed`` if that is an error, no JSON, or late."""
        headers = {"X-Broker-Secret": self.secret} if self.secret else {}
        try:
            answer = httpx.request(
                method, f"{self.url}{path}", json=body, headers=headers, timeout=seconds
            )
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise BrokerFailed(0, type(error).__name__) from error
        if not answer.is_success:
            raise BrokerFailed(answer.status_code, _explain(answer))
        return _read(answer) or {}


def _explain(answer: httpx.Response) -> str:
    """The reason an answer gives, on one line."""
    told = _read(answer)
    text = str(told["detail"]) if told and "detail" in told else answer.text
    return " ".join(text.split())[:200]


def _read(answer: httpx.Response) -> dict[str, Any] | None:
    try:
        told = answer.json()
    except ValueError:
        return None
    return told if isinstance(told, dict) else None
