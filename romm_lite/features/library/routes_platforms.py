"""Platforms: reading, making, describing and deleting them."""

from collections.abc import Callable
from functools import partial
from typing import Any

from pydantic import TypeAdapter
from sqlmodel import Session
from starlette.responses import Response

from romm_lite.features.accounts.service import Identity, require
from romm_lite.features.library import deletions
from romm_lite.features.library.platform_changes import change_platform, make_platform
from romm_lite.features.library.platforms import (
    imagine_platform,
    list_supported,
    list_unknown_folders,
    read_platforms,
)
from romm_lite.features.library.store import Library
from romm_lite.features.library.view import View
from romm_lite.kernel.errors import LibraryUnavailable, NotFound
from romm_lite.kernel.scopes import Action, Entity, Scope
from romm_lite.metadata.catalogue import resolve_slug
from romm_lite.tables.platforms import PLATFORMS
from romm_lite.web.operations import Router
from romm_lite.web.render import json_response
from romm_lite.wire.common import RowId, UpdatedAfterQuery
from romm_lite.wire.platforms import PlatformChanges, PlatformCreate, PlatformSchema

router = Router("/api/platforms", tags=["platforms"])
_NO_CHANGES = PlatformChanges()
_PLATFORMS = TypeAdapter(list[PlatformSchema])


@router.get("", Scope.PLATFORMS_READ, returns=list[PlatformSchema])
def get_platforms(
    db: Session, library: Library, user: Identity, query: UpdatedAfterQuery
) -> Response:
    after = query.updated_after
    changed = [] if after is None else [PLATFORMS.c.updated_at > after]
    view = View.open(db, library, user)
    make = partial(_render, lambda: read_platforms(db, user, *changed))
    return json_response(library.sidecars.get((view.key, "platforms", after), make))


def _render(read: Callable[[], list[dict[str, Any]]]) -> bytes:
    return _PLATFORMS.dump_json([PlatformSchema(**row) for row in read()])


@router.get("/identifiers", Scope.PLATFORMS_READ)
def get_platform_ids(db: Session, user: Identity) -> list[int]:
    return [row["id"] for row in read_platforms(db, user)]


@router.get("/supported", Scope.PLATFORMS_READ, returns=list[PlatformSchema])
def get_supported_platforms(db: Session, library: Library, user: Identity) -> Response:
    view = View.open(db, library, user)
    make = partial(_render, lambda: list_supported(db, user))
    return json_response(library.sidecars.get((view.key, "supported"), make))


@router.get("/filesystem", Scope.PLATFORMS_READ)
def get_platform_folders(db: Session, library: Library) -> list[PlatformSchema]:
    """Folders of the library that no scan has seen yet."""
    try:
        folders = library.layout().platform_folders()
    except LibraryUnavailable:
        return []
    config = library.config.read()
    names = config.platforms_binding, config.platforms_versions
    return [
        PlatformSchema(**imagine_platform(resolve_slug(folder, *names), folder))
        for folder in list_unknown_folders(db, folders)
    ]


@router.get("/{id}", Scope.PLATFORMS_READ, responses={404: "No such platform"})
def get_platform(db: Session, user: Identity, id: RowId) -> PlatformSchema:
    for row in read_platforms(db, user, PLATFORMS.c.id == id):
        return PlatformSchema(**row)
    raise NotFound(f"Platform with id '{id}' not found")


@router.post(
    "",
    Scope.PLATFORMS_WRITE,
    status=201,
    responses={403: "The library is read-only", 503: "The library is not there"},
)
def post_platform(
    db: Session, library: Library, user: Identity, body: PlatformCreate
) -> PlatformSchema:
    """Make a platform and its folder; one that is there already is answered as well."""
    return get_platform(db, user, make_platform(db, library, body.fs_slug))


@router.put("/{id}", Scope.PLATFORMS_WRITE, responses={404: "No such platform"})
def put_platform(
    db: Session, user: Identity, id: RowId, body: PlatformChanges = _NO_CHANGES
) -> PlatformSchema:
    """Call or describe a platform in one's own words."""
    get_platform(db, user, id)
    change_platform(db, id, body)
    return get_platform(db, user, id)


@router.delete(
    "/{id}",
    Scope.PLATFORMS_WRITE,
    heavy=True,
    responses={403: "No right to delete", 404: "No such platform"},
)
def delete_platform(library: Library, user: Identity, id: RowId) -> None:
    """Forget a platform with all its ROMs and firmware; the trash remembers, the files stay."""
    with library.database.read() as session:
        require(session, user, Entity.PLATFORMS, Action.DELETE)
    deletions.delete_platform(library, user, id)
