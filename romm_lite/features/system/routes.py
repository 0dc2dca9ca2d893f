"""Heartbeat, configuration, and the page at the root."""

from starlette.responses import Response

from romm_lite.disk.config import ConfigFile
from romm_lite.features.accounts.service import Accounts
from romm_lite.features.system.heartbeat import SOURCES, take_pulse
from romm_lite.features.system.welcome import welcome
from romm_lite.kernel.errors import Invalid
from romm_lite.kernel.settings import Settings
from romm_lite.web.operations import Router
from romm_lite.wire.heartbeat import HeartbeatResponse

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
