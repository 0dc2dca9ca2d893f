"""Heartbeat, log, figures, and the page at the root."""

from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from romm_lite.disk.config import ConfigFile
from romm_lite.features.accounts.service import Accounts
from romm_lite.features.system.heartbeat import SOURCES, take_pulse
from romm_lite.features.system.logs import read_lines
from romm_lite.features.system.metrics import check_access, read_figures
from romm_lite.features.system.welcome import welcome
from romm_lite.kernel.errors import Invalid
from romm_lite.kernel.log import Lines
from romm_lite.kernel.scopes import Scope
from romm_lite.kernel.settings import Settings
from romm_lite.web.metrics import Metrics
from romm_lite.web.operations import Router
from romm_lite.wire.heartbeat import HeartbeatResponse
from romm_lite.wire.logs import LogEntrySchema, LogsQuery

router = Router("", tags=["system"])


@router.get("/", public=True, hidden=True)
def get_root(settings: Settings, accounts: Accounts) -> Response:
    return welcome(settings.romm_root_path, is_claimed=accounts.has_admin())


@router.get("/setup", public=True, hidden=True)
def get_setup(settings: Settings, accounts: Accounts) -> Response:
    """Where the link printed at the first start leads."""
    return welcome(settings.romm_root_path, is_claimed=accounts.has_admin())


@router.get("/api/heartbeat", public=True)
def get_heartbeat(settings: Settings, config: ConfigFile, accounts: Accounts) -> HeartbeatResponse:
    return take_pulse(settings, config, has_admin=accounts.has_admin())


@router.get("/api/heartbeat/metadata/{source}", public=True)
def get_source_heartbeat(source: str) -> bool:
    """Whether a source answers. Only gamelist.xml, which lies in the library, is built."""
    if source not in SOURCES:
        raise Invalid("Invalid metadata source")
    return source == "gamelist"


@router.get("/api/logs", Scope.LOGS_READ, responses={404: "The log page is switched off"})
def get_logs(settings: Settings, lines: Lines, query: LogsQuery) -> list[LogEntrySchema]:
    """The last lines of the log, oldest first; 1000 at most."""
    return [LogEntrySchema(**line) for line in read_lines(settings, lines, query.limit)]


@router.get("/ping", public=True, hidden=True)
def get_ping() -> Response:
    """That the server runs, for those who watch over it."""
    return PlainTextResponse("pong")


@router.get("/metrics", public=True, hidden=True)
def get_metrics(request: Request, settings: Settings, metrics: Metrics, db: Session) -> Response:
    """Figures for Prometheus, for this machine and for who brings ``ROMM_METRICS_TOKEN``."""
    check_access(settings, request)
    return metrics.render(read_figures(db))
