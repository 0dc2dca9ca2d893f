"""Deleting ROMs, single files, firmware and platforms, all so that it can come back."""

from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from functools import partial
from typing import Any, NamedTuple

from sqlalchemy import RowMapping, Select, Table, select

from romm_lite.features.accounts.service import Identity
from romm_lite.features.library.discarding import (
    BATCH,
    Order,
    Outcome,
    Thing,
    discard,
    explain,
)
from romm_lite.features.library.service import reshape
from romm_lite.features.library.store import Library
from romm_lite.features.library.visibility import see_platforms, see_roms
from romm_lite.kernel.errors import Conflict, NotFound, RequestError, RommError
from romm_lite.kernel.times import now
from romm_lite.tables.files import ROM_FILES
from romm_lite.tables.firmware import FIRMWARE
from romm_lite.tables.platforms import PLATFORMS
from romm_lite.tables.roms import ROMS
from romm_lite.wire.bulk import FirmwareDelete, RomsDelete
from romm_lite.wire.common import BulkOperationResponse

Query = Select[Any]


class _Kind(NamedTuple):
    """Things of one table: what they are called, and how their rows become things."""

    table: Table
    word: str
    query: Query
    read: Callable[[RowMapping, bool], Thing]
    see: Callable[[Identity], Sequence[Any]]


def delete_roms(library: Library, user: Identity, wanted: RomsDelete) -> BulkOperationResponse:
    """Delete ROMs, and the files of some of them; what fails stops nothing else."""
    return _delete_many(library, user, _ROMS, wanted.roms, wanted.delete_from_fs)


def delete_firmware(
    library: Library, user: Identity, wanted: FirmwareDelete
) -> BulkOperationResponse:
    """As ``delete_roms``. Where a file was to go and there was none, it counts as failed though
    the row is gone, as clients know it."""
    return _delete_many(library, user, _FIRMWARE, wanted.firmware, wanted.delete_from_fs)


def delete_file(library: Library, user: Identity, rom_id: int, file_id: int) -> None:
    """Delete a file of a ROM, on the disk too; one that is missing there is fine."""
    conditions = (ROM_FILES.c.id == file_id, ROM_FILES.c.rom_id == rom_id)
    query = _FILES.where(*conditions, *see_roms(user, few=True))
    with library.database.read() as session:
        row = session.execute(query).mappings().first()
    if row is None:
        raise NotFound("File not found")
    library.check_writable()
    library.check_there()
    order = Order(ROM_FILES, user.user_id, now())
    outcome = discard(library, order, [_read_file(row)], lambda s: reshape(s, [rom_id]))
    if error := outcome.failed.get(file_id):
        if isinstance(error, OSError):
            raise RequestError("There was an error deleting the file") from error
        raise Conflict(f"The file cannot be deleted: {explain(error)}") from error


def delete_platform(library: Library, user: Identity, platform_id: int) -> None:
    """Delete a platform with its ROMs and firmware; no file is touched."""
    query = select(PLATFORMS).where(
        PLATFORMS.c.id == platform_id, *see_platforms(user, PLATFORMS.c.id)
    )
    with library.database.read() as session:
        platform = session.execute(query).mappings().first()
    if platform is None:
        raise NotFound(f"Platform with id '{platform_id}' not found")
    moment = now()
    of_it = _ROMS.query.where(ROMS.c.platform_id == platform_id).order_by(ROMS.c.id).limit(BATCH)
    while things := _find(library, of_it, lambda row: _read_rom(row, False)):
        discard(library, Order(ROMS, user.user_id, moment), things)
    whole = Thing(
        id=platform_id,
        name=platform["custom_name"] or platform["name"],
        path=library.layout().roms_path(platform["fs_slug"]),
        size_bytes=0,
        platform_id=platform_id,
        fs_slug=platform["fs_slug"],
        is_missing=platform["missing_from_fs"],
        from_disk=False,
    )
    discard(library, Order(PLATFORMS, user.user_id, moment), [whole])


def find_missing(
    library: Library, after: int, platform_id: int | None, unchanged_since: datetime
) -> list[Thing]:
    """Some of the ROMs that were not found on the disk, those with ids after ``after``."""
    query = _ROMS.query.where(
        ROMS.c.missing_from_fs.is_(True), ROMS.c.id > after, ROMS.c.updated_at <= unchanged_since
    )
    if platform_id is not None:
        query = query.where(ROMS.c.platform_id == platform_id)
    ordered = query.order_by(ROMS.c.id).limit(BATCH)
    return _find(library, ordered, lambda row: _read_rom(row, False))


def _delete_many(
    library: Library,
    user: Identity,
    kind: _Kind,
    wanted: Sequence[int],
    delete_from_fs: Collection[int],
) -> BulkOperationResponse:
    ids = list(dict.fromkeys(wanted))
    from_disk = frozenset(delete_from_fs).intersection(ids)
    if from_disk:
        library.check_writable()
        library.check_there()
    order = Order(kind.table, user.user_id, now())
    errors: dict[int, str] = {}
    for start in range(0, len(ids), BATCH):
        some = ids[start : start + BATCH]
        query = kind.query.where(kind.table.c.id.in_(some), *kind.see(user))
        things = _find(library, query, lambda row: kind.read(row, row["id"] in from_disk))
        errors |= dict.fromkeys(set(some) - {thing.id for thing in things}, "")
        try:
            errors |= _tell(kind, discard(library, order, things))
        except RommError as error:
            errors |= {thing.id: explain(error) for thing in things}
    failed = [each for each in ids if each in errors]
    return BulkOperationResponse(
        successful_items=len(ids) - len(failed),
        failed_ids=failed,
        errors=[_word_error(kind, each, errors[each]) for each in failed],
    )


def _find(library: Library, query: Query, read: Callable[[RowMapping], Thing]) -> list[Thing]:
    with library.database.read() as session:
        return [read(row) for row in session.execute(query).mappings()]


def _tell(kind: _Kind, outcome: Outcome) -> dict[int, str]:
    """What is to be told of things, by their ids."""
    told = {key: explain(error) for key, error in outcome.failed.items()}
    if kind.table is FIRMWARE:
        told |= dict.fromkeys(outcome.absent, "there is no such file on the disk")
    return told


def _word_error(kind: _Kind, thing_id: int, reason: str) -> str:
    name = kind.word[0].upper() + kind.word[1:]
    if not reason:
        return f"{name} with ID {thing_id} not found"
    return f"Failed to delete {kind.word} {thing_id}: {reason}"


def _read_rom(row: RowMapping, from_disk: bool) -> Thing:
    return Thing(
        id=row["id"],
        name=row["name"] or row["fs_name"],
        path=f"{row['fs_path']}/{row['fs_name']}",
        size_bytes=row["fs_size_bytes"],
        platform_id=row["platform_id"],
        fs_slug=row["fs_slug"],
        is_missing=row["missing_from_fs"],
        from_disk=from_disk,
    )


def _read_file(row: RowMapping, from_disk: bool = True) -> Thing:
    """A file of a ROM or of firmware."""
    return Thing(
        id=row["id"],
        name=row["file_name"],
        path=f"{row['file_path']}/{row['file_name']}",
        size_bytes=row["file_size_bytes"],
        platform_id=row["platform_id"],
        fs_slug=row["fs_slug"],
        is_missing=row["missing_from_fs"],
        from_disk=from_disk,
    )


_ROMS = _Kind(
    ROMS,
    "ROM",
    select(
        *(ROMS.c.id, ROMS.c.name, ROMS.c.fs_path, ROMS.c.fs_name, ROMS.c.fs_size_bytes),
        *(ROMS.c.platform_id, ROMS.c.missing_from_fs, PLATFORMS.c.fs_slug),
    ).join(PLATFORMS, PLATFORMS.c.id == ROMS.c.platform_id),
    _read_rom,
    partial(see_roms, few=True),
)
_FIRMWARE = _Kind(
    FIRMWARE,
    "firmware",
    select(FIRMWARE, PLATFORMS.c.fs_slug).join(PLATFORMS, PLATFORMS.c.id == FIRMWARE.c.platform_id),
    _read_file,
    partial(see_platforms, platform_id=FIRMWARE.c.platform_id),
)
_FILES: Query = (
    select(
        *(ROM_FILES.c.id, ROM_FILES.c.file_path, ROM_FILES.c.file_name),
        *(ROM_FILES.c.file_size_bytes, ROM_FILES.c.missing_from_fs),
        *(ROMS.c.platform_id, PLATFORMS.c.fs_slug),
    )
    .join(ROMS, ROMS.c.id == ROM_FILES.c.rom_id)
    .join(PLATFORMS, PLATFORMS.c.id == ROMS.c.platform_id)
)
