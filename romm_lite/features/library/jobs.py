"""What the library does by itself."""

from datetime import timedelta
from typing import Annotated

from pydantic import Field

from romm_lite.db.entries import Entries
from romm_lite.disk import trash as disk_trash
from romm_lite.features.library import orphans, trash, webp
from romm_lite.features.library.deletions import find_missing
from romm_lite.features.library.discarding import Order, Thing, discard
from romm_lite.features.library.store import Library
from romm_lite.features.library.uploads import purge_uploads
from romm_lite.kernel.jobs import JobKind, Priority, Work, job
from romm_lite.kernel.times import now
from romm_lite.tables.roms import ROMS

Days = Annotated[int, Field(ge=0, le=36_500)]
Id = Annotated[int, Field(ge=1, le=2**31 - 1)]
HOUR = 3600


@job(
    "cleanup_missing_roms",
    "Cleanup missing ROMs",
    "Delete all ROMs flagged as missing from the filesystem from the database",
    JobKind.CLEANUP,
)
def cleanup_missing_roms(
    work: Work,
    library: Library,
    *,
    platform_id: Id | None = None,
    older_than_days: Days = 0,
    dry_run: bool = False,
) -> None:
    """Into the trash go those that have been missing, and were not changed, for so many days."""
    library.check_there()
    found, deleted, errors, back, last = 0, 0, 0, 0, 0
    work.report(platform_id=platform_id, roms_found=0, roms_deleted=0, errors=0)
    moment = now()
    before = moment - timedelta(days=older_than_days)
    while things := find_missing(library, last, platform_id, before):
        last = things[-1].id
        gone = [thing for thing in things if not _is_there(library, thing)]
        back += len(things) - len(gone)
        found += len(gone)
        if not dry_run:
            failed = discard(library, Order(ROMS, None, moment), gone).failed
            deleted += len(gone) - len(failed)
            errors += len(failed)
        work.report(roms_found=found, roms_deleted=deleted, errors=errors)
    words = [f"Nothing was deleted; {found} would be."] if dry_run else []
    if deleted:
        words.append("They can be brought back from the trash.")
    if back:
        words.append(f"{back} are on the disk again: a scan will find them.")
    work.message = " ".join(words) or None


def _is_there(library: Library, thing: Thing) -> bool:
    return disk_trash.locate(library.layout(), thing.path) is not None


@job(
    "cleanup_orphaned_resources",
    "Cleanup orphaned resources",
    "Clean up orphaned resources in the ROMs directory",
    JobKind.CLEANUP,
    switch="enable_scheduled_cleanup_orphaned_resources",
    cron="scheduled_cleanup_orphaned_resources_cron",
    priority=Priority.LOW,
    goes_on=True,
)
def cleanup_orphaned_resources(work: Work, library: Library, *, force: bool = False) -> None:
    """Nothing goes while the database looks empty, except where somebody insists."""
    folders = orphans.Folders.find(library.settings.places.resources)
    known = orphans.Known.read(library)
    removed = {"removed_fs_platforms": 0, "removed_fs_roms": 0}
    work.report(
        platforms_in_db=len(known.platforms),
        roms_in_db=len(known.roms),
        platforms_in_fs=len(folders.platforms),
        roms_in_fs=folders.roms,
        **removed,
    )
    if known.is_empty() and folders.platforms and not force:
        work.message = "Nothing was removed, for the database has no platforms or no ROMs."
        return
    for platform_id in folders.platforms:
        is_whole, gone = orphans.find_orphans(folders, known, platform_id)
        home = folders.root / str(platform_id)
        for rom_id in gone:
            removed["removed_fs_roms"] += orphans.remove(home / str(rom_id))
            work.report(**removed)
        if is_whole:
            removed["removed_fs_platforms"] += orphans.remove(home)
        work.report(**removed)


@job(
    "convert_images_to_webp",
    "Convert images to WebP",
    "Convert existing image files (PNG, JPG, BMP, TIFF, GIF) to WebP format for better performance",
    JobKind.CONVERSION,
    switch="enable_scheduled_convert_images_to_webp",
    cron="scheduled_convert_images_to_webp_cron",
    priority=Priority.LOW,
    goes_on=True,
    seconds=6 * HOUR,
)
def convert_images_to_webp(work: Work, library: Library) -> None:
    """Covers that have a copy as WebP already are left alone."""
    pictures = webp.find(library.settings.places.resources)
    processed, errors = 0, 0
    work.report(processed=0, errors=0, total=len(pictures))
    for picture in pictures:
        if webp.convert(picture):
            processed += 1
        else:
            errors += 1
        work.report(processed=processed, errors=errors)


@job(
    "cleanup_upload_tmp",
    "Clear away abandoned uploads",
    "Removes what is left of uploads that nobody went on with for a day",
    JobKind.CLEANUP,
    cron="0 * * * *",
    at_start=True,
    priority=Priority.LOW,
)
def cleanup_upload_tmp(work: Work, library: Library, entries: Entries) -> None:
    purge_uploads(library, entries, work.check)


@job(
    "purge_trash",
    "Empty the trash",
    "Removes for ever what was deleted 30 days ago",
    JobKind.CLEANUP,
    cron="30 4 * * *",
    at_start=True,
    priority=Priority.LOW,
    seconds=HOUR,
)
def purge_trash(work: Work, library: Library) -> None:
    removed = trash.purge(library, tell=lambda _removed: work.check())
    work.message = f"{removed} removed" if removed else None


JOBS = (
    cleanup_missing_roms,
    cleanup_orphaned_resources,
    convert_images_to_webp,
    cleanup_upload_tmp,
    purge_trash,
)
