"""Starting, watching and stopping scans; this program's own, RomM has them on its socket alone."""

from romm_lite.db.engine import Database
from romm_lite.features.scan import service
from romm_lite.features.scan.kinds import ScanKind, ScanRequest
from romm_lite.kernel.errors import Invalid
from romm_lite.kernel.scopes import Scope
from romm_lite.kernel.settings import Settings
from romm_lite.tables.system import ScanRun
from romm_lite.web.operations import Router
from romm_lite.wire.common import RowId
from romm_lite.wire.scans import ScanInput, ScanProgress, ScanSchema

router = Router("/api/scans", tags=["scans"])


@router.post(
    "",
    Scope.TASKS_RUN,
    status=202,
    responses={400: "No such type or platform"},
)
def start_scan(database: Database, settings: Settings, body: ScanInput) -> ScanSchema:
    """Start a scan once no other runs; one of the same type that waits does for both."""
    return _show(service.request_scan(database, settings, _read_request(database, body)))


@router.get("", Scope.TASKS_RUN)
def get_scans(database: Database) -> list[ScanSchema]:
    """The latest scans, the newest first."""
    return [_show(run) for run in service.find(database)]


@router.get("/{id}", Scope.TASKS_RUN, responses={404: "No such scan"})
def get_scan(database: Database, id: RowId) -> ScanSchema:
    """One scan."""
    return _show(service.get(database, id))


@router.post("/{id}/stop", Scope.TASKS_RUN, responses={404: "No such scan"})
def stop_scan(database: Database, id: RowId) -> ScanSchema:
    """Ask a scan to stop; what it has stored by then stays."""
    return _show(service.stop(database, id))


def _read_request(database: Database, body: ScanInput) -> ScanRequest:
    try:
        kind = ScanKind(body.type.lower())
    except ValueError:
        raise Invalid(f"Invalid scan type: {body.type}") from None
    if body.rom_ids is not None:
        return ScanRequest(kind, roms=tuple(sorted(set(body.rom_ids))))
    if body.platforms is None and body.platform_ids is None:
        return ScanRequest(kind)
    folders = service.find_folders(database, body.platform_ids or ())
    if len(folders) < len(set(body.platform_ids or ())):
        raise Invalid("There is no platform with one of these ids")
    return ScanRequest(kind, tuple(sorted({*folders, *(body.platforms or ())})))


def _show(run: ScanRun) -> ScanSchema:
    return ScanSchema.model_validate(
        {
            **run.model_dump(),
            "type": run.kind,
            "platforms": (run.scope or {}).get("platforms"),
            "rom_ids": (run.scope or {}).get("roms"),
            "progress": ScanProgress.model_validate(run.position or {}),
        }
    )
