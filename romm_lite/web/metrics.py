"""Figures about requests, for Prometheus. One registry an application; nothing is global."""

import time
from collections.abc import Iterable

from prometheus_client import (
    CollectorRegistry,
    Counter,
    GCCollector,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.metrics_core import Metric
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

ELSEWHERE = "other"
"""What is asked for that is no operation: files, pages, and what does not exist."""
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10)
"""Seconds."""


class Metrics:
    """What has been counted since the start."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        for collect in (ProcessCollector, PlatformCollector, GCCollector):
            collect(registry=self._registry)
        self._requests = Counter(
            "romm_lite_http_requests",
            "Requests that were answered",
            ("operation", "status"),
            registry=self._registry,
        )
        self._seconds = Histogram(
            "romm_lite_http_request_seconds",
            "Time until an answer began",
            ("operation",),
            buckets=BUCKETS,
            registry=self._registry,
        )

    def count(self, operation: str, status: int, seconds: float) -> None:
        """Count an answer that began after so many seconds."""
        self._requests.labels(operation, str(status)).inc()
        self._seconds.labels(operation).observe(seconds)

    def render(self, more: Iterable[Metric] = ()) -> Response:
        """Everything in Prometheus' text format, with figures that were read just now."""
        now = CollectorRegistry()
        now.register(_Given(list(more)))
        content = generate_latest(self._registry) + generate_latest(now)
        return Response(content, headers={"Content-Type": CONTENT_TYPE_PLAIN_0_0_4})


class Measured:
    """Counts what is answered, by the operation that the table of operations names."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        # The application in here may work on a copy of the scope; this is shared with it.
        named: dict[str, str] = scope.setdefault("state", {})

        async def note(message: Message) -> None:
            if message["type"] == "http.response.start":
                passed = time.perf_counter() - began
                self._metrics.count(named.get("operation", ELSEWHERE), message["status"], passed)
            await send(message)

        await self._app(scope, receive, note)


class _Given:
    """A collector of what it was given."""

    def __init__(self, metrics: list[Metric]) -> None:
        self._metrics = metrics

    def collect(self) -> list[Metric]:
        return self._metrics
