"""config.yml: reading it, and changing the parts of it that have a page.

The answer of ``GET /api/config`` carries the file's version as its ETag. A change sent with that in
``If-Match`` is refused with 409 when the file is another one by now.
"""

from pydantic import BaseModel, Field
from starlette.requests import Request

from romm_lite.disk.config import ConfigFile
from romm_lite.disk.config_edits import Change, edit
from romm_lite.features.system import config_changes
from romm_lite.features.system.effective import show_config
from romm_lite.kernel.scopes import Scope
from romm_lite.web.operations import Reply, Router
from romm_lite.wire.config import (
    ConfigResponse,
    ExclusionPayload,
    PlatformBindingPayload,
    ScanSettingsPayload,
)

router = Router("/api/config", tags=["config"])
REFUSALS = {
    403: "Config file is not writable",
    409: "The file cannot be understood, or changed meanwhile",
}


class EditHeaders(BaseModel):
    """On which version of the file a change was decided."""

    if_match: str | None = Field(None, alias="if-match")


def _edit(config: ConfigFile, headers: EditHeaders, change: Change) -> None:
    expected = headers.if_match
    if expected is not None:
        expected = expected.strip().removeprefix("W/").strip('"')
    edit(config, change, None if expected == "*" else expected)


@router.get("", public=True)
def get_config(request: Request, config: ConfigFile) -> Reply[ConfigResponse]:
    """config.yml with its defaults."""
    shown = show_config(config, to_stranger=not request.user.is_authenticated)
    return Reply(shown, headers={"ETag": f'W/"{config.state().version}"'})


@router.post("/system/platforms", Scope.PLATFORMS_WRITE, responses=REFUSALS)
def add_binding(config: ConfigFile, headers: EditHeaders, body: PlatformBindingPayload) -> None:
    """Say which platform a folder is."""
    _edit(config, headers, config_changes.bind_platform("platforms", body))


@router.delete("/system/platforms/{fs_slug}", Scope.PLATFORMS_WRITE, responses=REFUSALS)
def remove_binding(config: ConfigFile, headers: EditHeaders, fs_slug: str) -> None:
    """Forget which platform a folder is."""
    _edit(config, headers, config_changes.unbind_platform("platforms", fs_slug))


@router.post("/system/versions", Scope.PLATFORMS_WRITE, responses=REFUSALS)
def add_version(config: ConfigFile, headers: EditHeaders, body: PlatformBindingPayload) -> None:
    """Say of which platform a folder's is a version."""
    _edit(config, headers, config_changes.bind_platform("versions", body))


@router.delete("/system/versions/{fs_slug}", Scope.PLATFORMS_WRITE, responses=REFUSALS)
def remove_version(config: ConfigFile, headers: EditHeaders, fs_slug: str) -> None:
    """Forget of which platform a folder's is a version."""
    _edit(config, headers, config_changes.unbind_platform("versions", fs_slug))


@router.post("/exclude", Scope.PLATFORMS_WRITE, responses=REFUSALS)
def add_exclusion(config: ConfigFile, headers: EditHeaders, body: ExclusionPayload) -> None:
    """Leave something out of the library."""
    _edit(config, headers, config_changes.exclude(body))


@router.delete(
    "/exclude/{exclusion_type}/{exclusion_value:path}", Scope.PLATFORMS_WRITE, responses=REFUSALS
)
def remove_exclusion(
    config: ConfigFile, headers: EditHeaders, exclusion_type: str, exclusion_value: str
) -> None:
    """Leave something out no more."""
    gone = ExclusionPayload(exclusion_type=exclusion_type, exclusion_value=exclusion_value)
    _edit(config, headers, config_changes.include(gone))


@router.post("/system/exclusions", Scope.PLATFORMS_WRITE, hidden=True)
def add_exclusion_by_its_old_name(
    config: ConfigFile, headers: EditHeaders, body: ExclusionPayload
) -> None:
    _edit(config, headers, config_changes.exclude(body))


@router.delete("/system/exclusions", Scope.PLATFORMS_WRITE, hidden=True)
def remove_exclusion_by_its_old_name(
    config: ConfigFile, headers: EditHeaders, body: ExclusionPayload
) -> None:
    _edit(config, headers, config_changes.include(body))


@router.put("/scan", Scope.PLATFORMS_WRITE, responses=REFUSALS)
def put_scan_settings(config: ConfigFile, headers: EditHeaders, body: ScanSettingsPayload) -> None:
    """Put the scan section in place; its keys that have no place here stay."""
    _edit(config, headers, config_changes.replace_scan(body))
