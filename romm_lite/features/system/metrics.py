"""Figures about the library, for Prometheus, read when they are asked for."""

import hmac
from collections.abc import Iterator

from prometheus_client.metrics_core import GaugeMetricFamily, InfoMetricFamily, Metric
from sqlalchemy import Table, func, select
from sqlmodel import Session
from starlette.requests import Request

from romm_lite import __version__
from romm_lite.features.accounts.service import comes_from_this_machine
from romm_lite.kernel.errors import Forbidden
from romm_lite.kernel.settings import PROTOCOL_VERSION, Settings
from romm_lite.tables.assets import SAVES, SCREENSHOTS, STATES
from romm_lite.tables.files import ROM_FILES
from romm_lite.tables.firmware import FIRMWARE
from romm_lite.tables.platforms import PLATFORMS
from romm_lite.tables.roms import ROMS
from romm_lite.tables.system import SCAN_RUNS
from romm_lite.tables.users import USERS

COUNTED: tuple[Table, ...] = (
    PLATFORMS,
    ROMS,
    ROM_FILES,
    FIRMWARE,
    SAVES,
    STATES,
    SCREENSHOTS,
    USERS,
)
UNDER_WAY = ("running", "stopping")


def read_figures(session: Session) -> Iterator[Metric]:
    """How much there is of what, and how scans went."""
    versions = {"version": __version__, "protocol": PROTOCOL_VERSION}
    yield InfoMetricFamily("romm_lite", "What runs here", value=versions)
    for table in COUNTED:
        number = session.scalar(select(func.count()).select_from(table)) or 0
        what = table.name.replace("_", " ")
        yield GaugeMetricFamily(f"romm_lite_{table.name}", f"Number of {what}", value=number)
    running = select(func.count()).where(SCAN_RUNS.c.status.in_(UNDER_WAY))
    yield GaugeMetricFamily(
        "romm_lite_scans_running", "Scans under way", value=session.scalar(running) or 0
    )
    done = session.scalar(select(func.max(SCAN_RUNS.c.ended_at)).filter_by(status="done"))
    if done is not None:
        yield GaugeMetricFamily(
            "romm_lite_scan_last_done_timestamp_seconds",
            "When a scan last came to its end",
            value=done.timestamp(),
        )


def check_access(settings: Settings, request: Request) -> None:
    """Forbidden but for this machine itself and for who brings the token of the settings."""
    token = settings.romm_metrics_token
    brought = request.headers.get("authorization", "").removeprefix("Bearer ")
    if token and hmac.compare_digest(brought.encode(), token.encode()):
        return
    if not comes_from_this_machine(settings, request):
        raise Forbidden("Only from this machine, or with ROMM_METRICS_TOKEN as bearer token")
