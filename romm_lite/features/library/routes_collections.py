"""Collections of three kinds: by hand, by rule, and those that metadata makes."""

from typing import Any

from pydantic import BaseModel, ConfigDict, TypeAdapter
from sqlmodel import Session
from starlette.datastructures import UploadFile
from starlette.responses import Response

from romm_lite.db.engine import Database
from romm_lite.disk.images import Cover
from romm_lite.features.accounts.service import Identity
from romm_lite.features.library import collection_changes as changes
from romm_lite.features.library.artwork import drop_cover, fetch_cover, keep_cover, read_cover
from romm_lite.features.library.collections import (
    get_collection,
    is_shown,
    make_key,
    read_collections,
    read_rows,
)
from romm_lite.features.library.facets import VIRTUAL_KINDS
from romm_lite.features.library.smart_collections import (
    get_smart_collection,
    read_smart_collections,
)
from romm_lite.features.library.store import Library
from romm_lite.features.library.view import View
from romm_lite.features.library.virtual_collections import (
    get_virtual_collection,
    list_virtual_ids,
    read_virtual_collections,
)
from romm_lite.kernel.scopes import Scope
from romm_lite.tables.collections import COLLECTIONS, SMART_COLLECTIONS
from romm_lite.web.inputs import Upload
from romm_lite.web.operations import Router
from romm_lite.web.render import json_response
from romm_lite.wire.collections import (
    CollectionRomsPayload,
    CollectionSchema,
    SmartCollectionSchema,
    VirtualCollectionListQuery,
    VirtualCollectionSchema,
)
from romm_lite.wire.common import RowId, UpdatedAfterQuery

router = Router("/api/collections", tags=["collections"])
OTHERS = {403: "Somebody else's", 404: "No such collection"}
_COLLECTIONS = TypeAdapter(list[CollectionSchema])
_VIRTUAL = TypeAdapter(list[VirtualCollectionSchema])


class CollectionForm(BaseModel):
    """A new collection; its cover is a file or an address."""

    model_config = ConfigDict(title="Body_add_collection_api_collections_post")

    name: str = ""
    description: str = ""
    url_cover: str = ""
    artwork: Upload | None = None


class CollectionChanges(BaseModel):
    """What changes of a collection; ``rom_ids`` is a JSON list of all its ROMs."""

    model_config = ConfigDict(title="Body_update_collection_api_collections__id__put")

    rom_ids: str
    name: str | None = None
    description: str | None = None
    url_cover: str | None = None
    artwork: Upload | None = None


class SmartForm(BaseModel):
    """A new collection by rule; the criteria are a JSON object."""

    model_config = ConfigDict(title="Body_add_smart_collection_api_collections_smart_post")

    name: str = ""
    description: str = ""
    filter_criteria: str = "{}"


class SmartChanges(BaseModel):
    """What changes of a collection by rule."""

    model_config = ConfigDict(title="Body_update_smart_collection_api_collections_smart__id__put")

    name: str | None = None
    description: str | None = None
    filter_criteria: str | None = None


class SharingQuery(BaseModel):
    """Whether others see a collection."""

    is_public: bool | None = None


class NewQuery(SharingQuery):
    """Whether others see it, and whether it holds one's favorites."""

    is_favorite: bool | None = None


class ChangeQuery(SharingQuery):
    """Whether others see it, and whether its cover goes."""

    remove_cover: bool = False


@router.get("", Scope.COLLECTIONS_READ, returns=list[CollectionSchema])
def get_collections(
    db: Session, library: Library, user: Identity, query: UpdatedAfterQuery
) -> Response:
    """One's own collections and the public ones of others, by name."""
    after = query.updated_after
    changed = [] if after is None else [COLLECTIONS.c.updated_at > after]
    view = View.open(db, library, user)

    def make() -> bytes:
        rows = read_collections(view, *changed)
        return _COLLECTIONS.dump_json([CollectionSchema(**row) for row in rows])

    return json_response(library.sidecars.get(make_key(view, "collections", after), make))


@router.get("/identifiers", Scope.COLLECTIONS_READ)
def get_collection_ids(db: Session, user: Identity) -> list[int]:
    return [row["id"] for row in read_rows(db, COLLECTIONS, is_shown(user, COLLECTIONS))]


@router.get("/smart", Scope.COLLECTIONS_READ)
def get_smart_collections(
    db: Session, library: Library, user: Identity, query: UpdatedAfterQuery
) -> list[SmartCollectionSchema]:
    """One's own collections by rule and the public ones of others, by name."""
    after = query.updated_after
    changed = [] if after is None else [SMART_COLLECTIONS.c.updated_at > after]
    found = read_smart_collections(View.open(db, library, user), *changed)
    return [SmartCollectionSchema(**row) for row in found]


@router.get("/smart/identifiers", Scope.COLLECTIONS_READ)
def get_smart_collection_ids(db: Session, user: Identity) -> list[int]:
    shown = is_shown(user, SMART_COLLECTIONS)
    return [row["id"] for row in read_rows(db, SMART_COLLECTIONS, shown)]


@router.get("/virtual", Scope.COLLECTIONS_READ, returns=list[VirtualCollectionSchema])
def get_virtual_collections(
    db: Session, library: Library, user: Identity, query: VirtualCollectionListQuery
) -> Response:
    """What three ROMs or more have in common; an unknown type has none."""
    view = View.open(db, library, user)

    def make() -> bytes:
        rows = read_virtual_collections(view, query.type, query.limit)
        return _VIRTUAL.dump_json([VirtualCollectionSchema(**row) for row in rows])

    if query.type not in {"all", *VIRTUAL_KINDS}:
        return json_response([])
    key = (view.key, "virtual", query.type, query.limit)
    return json_response(library.sidecars.get(key, make))


@router.get("/virtual/identifiers", Scope.COLLECTIONS_READ)
def get_virtual_collection_ids(db: Session, library: Library, user: Identity) -> list[str]:
    return list_virtual_ids(View.open(db, library, user))


@router.get("/virtual/{id}", Scope.COLLECTIONS_READ, responses={404: "No such collection"})
def get_one_virtual_collection(
    db: Session, library: Library, user: Identity, id: str
) -> VirtualCollectionSchema:
    return VirtualCollectionSchema(**get_virtual_collection(View.open(db, library, user), id))


@router.get("/smart/{id}", Scope.COLLECTIONS_READ, responses=OTHERS)
def get_one_smart_collection(
    db: Session, library: Library, user: Identity, id: RowId
) -> SmartCollectionSchema:
    return SmartCollectionSchema(**get_smart_collection(View.open(db, library, user), id))


@router.get("/{id}", Scope.COLLECTIONS_READ, responses=OTHERS)
def get_one_collection(
    db: Session, library: Library, user: Identity, id: RowId
) -> CollectionSchema:
    return CollectionSchema(**get_collection(View.open(db, library, user), id))


@router.post(
    "",
    Scope.COLLECTIONS_WRITE,
    heavy=True,
    responses={400: "No picture", 409: "There is one of that name"},
)
def post_collection(
    database: Database,
    library: Library,
    user: Identity,
    query: NewQuery,
    form: CollectionForm,
) -> CollectionSchema:
    """Make a collection. Its cover is fetched and checked first: a bad one makes nothing."""
    cover = _take_cover(library, form.artwork, form.url_cover)
    with database.write() as session:
        columns = {
            "name": form.name,
            "description": form.description,
            "is_public": query.is_public or False,
            "is_favorite": query.is_favorite or False,
            "url_cover": "" if form.artwork else form.url_cover,
        }
        made = changes.add_collection(session, user, COLLECTIONS, columns)
        _keep(session, library, user, made, cover)
        return _show(session, library, user, made)


@router.put(
    "/{id}",
    Scope.COLLECTIONS_WRITE,
    heavy=True,
    responses={400: "No picture", 409: "There is one of that name", **OTHERS},
)
def put_collection(
    database: Database,
    library: Library,
    user: Identity,
    id: RowId,
    query: ChangeQuery,
    form: CollectionChanges,
) -> CollectionSchema:
    """Change a collection of one's own, its members included; what cannot be seen stays in it."""
    with database.read() as session:
        before = changes.check_owner(session, user, COLLECTIONS, id)
    members = changes.read_rom_ids(form.rom_ids)
    cover = None
    if not query.remove_cover:
        is_known = form.url_cover == before["url_cover"] and before["path_cover_l"]
        cover = _take_cover(library, form.artwork, "" if is_known else form.url_cover or "")
    with database.write() as session:
        changes.check_owner(session, user, COLLECTIONS, id)
        columns = _read_changes(query, form)
        changes.change_collection(session, user, COLLECTIONS, id, columns)
        changes.replace_members(session, user, id, members)
        _keep(session, library, user, id, cover)
        answer = _show(session, library, user, id)
    if query.remove_cover:
        drop_cover(library.settings.places, _folder(id))
    return answer


def _read_changes(query: ChangeQuery, form: CollectionChanges) -> dict[str, Any]:
    """The columns that change: what was not sent stays."""
    columns: dict[str, Any] = {
        "name": form.name,
        "description": form.description,
        "is_public": query.is_public,
        "url_cover": form.url_cover,
    }
    columns = {name: value for name, value in columns.items() if value is not None}
    if query.remove_cover:
        return {**columns, "url_cover": "", "path_cover_s": None, "path_cover_l": None}
    return {**columns, "url_cover": ""} if form.artwork else columns


@router.post("/{id}/roms", Scope.COLLECTIONS_WRITE, responses=OTHERS)
def post_members(
    db: Session, library: Library, user: Identity, id: RowId, body: CollectionRomsPayload
) -> CollectionSchema:
    """Put ROMs into a collection of one's own."""
    changes.check_owner(db, user, COLLECTIONS, id)
    changes.add_members(db, user, id, body.rom_ids)
    return _show(db, library, user, id)


@router.delete("/{id}/roms", Scope.COLLECTIONS_WRITE, responses=OTHERS)
def delete_members(
    db: Session, library: Library, user: Identity, id: RowId, body: CollectionRomsPayload
) -> CollectionSchema:
    """Take ROMs out of a collection of one's own."""
    changes.check_owner(db, user, COLLECTIONS, id)
    changes.remove_members(db, user, id, body.rom_ids)
    return _show(db, library, user, id)


@router.delete("/{id}/roms/{rom_id}", Scope.COLLECTIONS_WRITE, hidden=True)
def delete_member(
    db: Session, library: Library, user: Identity, id: RowId, rom_id: RowId
) -> CollectionSchema:
    return delete_members(db, library, user, id, CollectionRomsPayload(rom_ids=[rom_id]))


@router.delete("/{id}", Scope.COLLECTIONS_WRITE, heavy=True, responses=OTHERS)
def delete_collection(database: Database, library: Library, user: Identity, id: RowId) -> None:
    """Delete a collection of one's own; its ROMs stay."""
    with database.write() as session:
        changes.check_owner(session, user, COLLECTIONS, id)
        changes.delete_collection(session, user, COLLECTIONS, id)
    drop_cover(library.settings.places, _folder(id))


@router.post(
    "/smart",
    Scope.COLLECTIONS_WRITE,
    responses={400: "The criteria are no JSON object", 409: "There is one of that name"},
)
def post_smart_collection(
    db: Session, library: Library, user: Identity, query: SharingQuery, form: SmartForm
) -> SmartCollectionSchema:
    """Make a collection by rule."""
    columns = {
        "name": form.name,
        "description": form.description,
        "is_public": query.is_public or False,
        "filter_criteria": changes.read_rule(form.filter_criteria),
    }
    made = changes.add_collection(db, user, SMART_COLLECTIONS, columns)
    return SmartCollectionSchema(**get_smart_collection(View.open(db, library, user), made))


@router.put(
    "/smart/{id}",
    Scope.COLLECTIONS_WRITE,
    responses={400: "The criteria are no JSON object", **OTHERS, 409: "The name is taken"},
)
def put_smart_collection(
    db: Session,
    library: Library,
    user: Identity,
    id: RowId,
    query: SharingQuery,
    form: SmartChanges,
) -> SmartCollectionSchema:
    """Change a collection by rule of one's own."""
    changes.check_owner(db, user, SMART_COLLECTIONS, id)
    columns: dict[str, Any] = form.model_dump(exclude_none=True)
    if form.filter_criteria is not None:
        columns["filter_criteria"] = changes.read_rule(form.filter_criteria)
    if query.is_public is not None:
        columns["is_public"] = query.is_public
    changes.change_collection(db, user, SMART_COLLECTIONS, id, columns)
    return SmartCollectionSchema(**get_smart_collection(View.open(db, library, user), id))


@router.delete("/smart/{id}", Scope.COLLECTIONS_WRITE, responses=OTHERS)
def delete_smart_collection(db: Session, user: Identity, id: RowId) -> None:
    """Delete a collection by rule of one's own."""
    changes.check_owner(db, user, SMART_COLLECTIONS, id)
    changes.delete_collection(db, user, SMART_COLLECTIONS, id)


def _folder(collection_id: int) -> str:
    return f"collections/{collection_id}"


def _take_cover(library: Library, artwork: UploadFile | None, url: str) -> Cover | None:
    if artwork is not None:
        return read_cover(artwork)
    return fetch_cover(library.fetcher, url) if url else None


def _keep(
    session: Session, library: Library, user: Identity, collection_id: int, cover: Cover | None
) -> None:
    if cover is not None:
        paths = keep_cover(library.settings.places, _folder(collection_id), cover)
        columns = paths._asdict()
        changes.change_collection(session, user, COLLECTIONS, collection_id, columns)


def _show(
    session: Session, library: Library, user: Identity, collection_id: int
) -> CollectionSchema:
    return CollectionSchema(**get_collection(View.open(session, library, user), collection_id))
