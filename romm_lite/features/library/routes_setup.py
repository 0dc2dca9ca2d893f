"""The first-run wizard's look at the library, and the figures everybody may read."""

import os
from collections.abc import Collection
from contextlib import suppress

from sqlmodel import Session
from starlette.responses import Response

from romm_lite.disk.layout import Layout
from romm_lite.features.accounts.service import Accounts, Identity
from romm_lite.features.library.platforms import list_hidden_folders, list_supported
from romm_lite.features.library.stats import count_library
from romm_lite.features.library.store import Library
from romm_lite.features.library.view import View
from romm_lite.features.library.visibility import has_roms
from romm_lite.kernel.errors import (
    Forbidden,
    LibraryUnavailable,
    RequestError,
    RommError,
    Unprocessable,
    UnsafePath,
)
from romm_lite.kernel.paths import check_name
from romm_lite.kernel.scopes import Scope
from romm_lite.web.operations import Router
from romm_lite.web.render import json_response
from romm_lite.wire.platforms import PlatformSchema
from romm_lite.wire.setup import ExistingPlatform, SetupLibraryResponse, SetupPlatformsResponse
from romm_lite.wire.stats import StatsQuery, StatsReturn

router = Router("/api", tags=["setup"])
_NOT_ROMS = ("_resources", "_cache")


@router.get("/stats", public=True, returns=StatsReturn)
def get_stats(db: Session, library: Library, user: Identity, query: StatsQuery) -> Response:
    view = View.open(db, library, user)
    return json_response(count_library(view, by_platform=query.include_platform_stats))


@router.get("/setup/library", public=True, responses={403: "The server has an administrator"})
def get_setup_library(
    db: Session, user: Identity, accounts: Accounts, library: Library
) -> SetupLibraryResponse:
    """What lies in the library; open to anybody until there is an administrator."""
    _check_open(accounts, user, Scope.PLATFORMS_READ)
    layout = library.layout()
    hidden = list_hidden_folders(db, user)
    supported = [PlatformSchema(**row) for row in list_supported(db, user)]
    return SetupLibraryResponse(
        detected_structure=layout.structure.value,
        existing_platforms=[] if has_roms(db) else _count_folders(layout, hidden),
        supported_platforms=supported,
    )


@router.post(
    "/setup/platforms",
    public=True,
    status=201,
    responses={403: "The server has an administrator"},
)
def create_setup_platforms(
    body: list[str], user: Identity, accounts: Accounts, library: Library
) -> SetupPlatformsResponse:
    """Make folders for platforms; those that are there already are left alone."""
    _check_open(accounts, user, Scope.PLATFORMS_WRITE)
    _check_names(body)
    if not body:
        return SetupPlatformsResponse(
            success=True, created_count=0, message="No platforms selected"
        )
    created, failures = _create_folders(library.layout(), body)
    if failures:
        raise RequestError("Failed to create some platform folders: " + ", ".join(failures))
    message = f"Successfully created {created} platform folder(s)"
    return SetupPlatformsResponse(success=True, created_count=created, message=message)


def _check_open(accounts: Accounts, user: Identity, scope: Scope) -> None:
    if scope not in user.scopes and accounts.has_admin():
        raise Forbidden


def _check_names(fs_slugs: list[str]) -> None:
    errors = []
    for place, fs_slug in enumerate(fs_slugs):
        try:
            check_name(fs_slug)
        except UnsafePath as error:
            where = {"loc": ["body", place], "input": fs_slug}
            errors.append({"type": "value_error", "msg": str(error), **where})
    if errors:
        raise Unprocessable(errors)


def _create_folders(layout: Layout, fs_slugs: list[str]) -> tuple[int, list[str]]:
    created, failures = 0, []
    for fs_slug in dict.fromkeys(fs_slugs):
        try:
            created += layout.create_platform(fs_slug)
        except OSError as error:
            failures.append(f"{fs_slug}: {error.strerror}")
        except RommError as error:
            failures.append(f"{fs_slug}: {error}")
    return created, failures


def _count_folders(layout: Layout, but: Collection[str]) -> list[ExistingPlatform]:
    """Platform folders with the number of entries that could be ROMs."""
    try:
        folders = layout.platform_folders()
    except LibraryUnavailable:
        return []
    return [
        ExistingPlatform(fs_slug=folder, rom_count=_count_entries(layout, folder))
        for folder in folders
        if folder not in but
    ]


def _count_entries(layout: Layout, fs_slug: str) -> int:
    names: list[str] = []
    for folder in layout.rom_folders(fs_slug):
        with suppress(OSError):
            names += os.listdir(folder)  # noqa: PTH208  no Path each
    return sum(not name.startswith(".") and name not in _NOT_ROMS for name in names)
