"""What clients ask of scans: to begin one, to stop it."""

from typing import Any

from pydantic import ValidationError

from romm_lite.db.engine import Database
from romm_lite.features.scan import service as scans
from romm_lite.kernel.errors import Invalid
from romm_lite.kernel.settings import Settings
from romm_lite.wire.live import ScanOptions

NOT_ALLOWED = "You are not authorized to run scans"


def read_options(payload: Any) -> ScanOptions:
    """The payload of ``scan``; Invalid says what is wrong with it."""
    try:
        return ScanOptions.model_validate({} if payload is None else payload)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "options"
        raise Invalid(f"Invalid scan {where}: {first['msg']}") from error


def ask_for_scan(database: Database, settings: Settings, options: ScanOptions) -> None:
    """Have a scan run as soon as none does; Invalid if there is nothing like it."""
    scans.request_scan(database, settings, _read_request(database, options))


def _read_request(database: Database, options: ScanOptions) -> scans.ScanRequest:
    try:
        kind = scans.ScanKind(options.type.lower())
    except ValueError:
        raise Invalid(f"Invalid scan type: {options.type}") from None
    sources = tuple(sorted(set(options.apis)))
    if options.roms_ids:
        roms = tuple(sorted(set(options.roms_ids)))
        return scans.ScanRequest(kind, roms=roms, sources=sources)
    if not (options.platforms or options.platform_fs_slugs):
        return scans.ScanRequest(kind, sources=sources)
    found = {*scans.find_folders(database, options.platforms), *options.platform_fs_slugs}
    if not found:
        raise Invalid("There is no such platform or ROM to scan")
    return scans.ScanRequest(kind, tuple(sorted(found)), sources=sources)


def stop_scans(database: Database) -> None:
    """Stop the scan that runs, and those that wait because somebody asked for them."""
    for run in scans.find(database):
        if run.ended_at is None and run.kind != scans.ScanKind.FILES and run.id is not None:
            scans.stop(database, run.id)
