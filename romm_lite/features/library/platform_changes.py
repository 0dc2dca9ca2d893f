"""Making and describing platforms."""

import os

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session

from romm_lite.features.library.service import add_platform, change_platforms, note_change
from romm_lite.features.library.store import Library
from romm_lite.kernel.errors import (
    LibraryUnavailable,
    StorageFull,
    Unavailable,
    Unprocessable,
    UnsafePath,
)
from romm_lite.metadata.catalogue import describe, resolve_slug
from romm_lite.tables.platforms import PLATFORMS
from romm_lite.wire.platforms import PlatformChanges


def make_platform(session: Session, library: Library, fs_slug: str) -> int:
    """The platform of a folder, both made where they are not there yet; its id."""
    _make_folder(library, fs_slug)
    config = library.config.read()
    slug = resolve_slug(fs_slug, config.platforms_binding, config.platforms_versions)
    columns = {**describe(slug).columns(), "missing_from_fs": False}
    if (known := _find(session, fs_slug)) is None:
        try:
            with session.begin_nested():
                known = add_platform(session, {**columns, "fs_slug": fs_slug})
        except IntegrityError:  # somebody else made it at the same moment
            known = _find(session, fs_slug)
            if known is None:
                raise
    change_platforms(session, [{"id": known, **columns}])
    note_change(session)
    return known


def change_platform(session: Session, platform_id: int, changes: PlatformChanges) -> None:
    """Give a platform the name or description that are in the changes."""
    columns = changes.model_dump(exclude_none=True)
    if columns:
        change_platforms(session, [{"id": platform_id, **columns}])
        note_change(session)


def _make_folder(library: Library, fs_slug: str) -> None:
    layout = library.layout()
    try:
        folder = layout.rom_folders(fs_slug)[0]
        if not os.path.isdir(folder):  # noqa: PTH112  a Path raises on a name that is too long
            library.check_writable()
            layout.create_platform(fs_slug)
    except UnsafePath as error:
        raise Unprocessable.field("body", "fs_slug", f"Value error, {error}", fs_slug) from error
    except LibraryUnavailable as error:
        raise Unavailable(str(error)) from error
    except OSError as error:
        raise StorageFull(f"The folder of {fs_slug} cannot be made: {error.strerror}") from error


def _find(session: Session, fs_slug: str) -> int | None:
    return session.scalar(select(PLATFORMS.c.id).where(PLATFORMS.c.fs_slug == fs_slug))
