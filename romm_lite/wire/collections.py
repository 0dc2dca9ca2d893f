"""Collections: regular, virtual (one per genre, franchise …) and smart (a stored search)."""

from typing import Annotated, Any

from pydantic import BaseModel, Field

from romm_lite.wire.common import Count, Key, Schema, Timestamp

RomIds = Annotated[list[int], Field(json_schema_extra={"uniqueItems": True})]
"""Members without repeats; a list, so that the same collection always renders the same bytes."""


class VirtualCollectionListQuery(BaseModel):
    """Which virtual collections to list; type ``all`` lists every one."""

    type: str
    limit: Count | None = None


class BaseCollection(Schema):
    """What the three kinds have in common."""

    name: str
    description: str
    rom_ids: RomIds
    rom_count: int
    path_cover_small: str | None
    path_cover_large: str | None
    path_covers_small: list[str]
    path_covers_large: list[str]
    is_public: bool = False
    is_favorite: bool = False
    is_virtual: bool = False
    is_smart: bool = False
    created_at: Timestamp
    updated_at: Timestamp


class CollectionSchema(BaseCollection):
    """A collection someone put together."""

    id: int
    url_cover: str | None
    user_id: int
    owner_username: str


class VirtualCollectionSchema(BaseCollection):
    """A collection that metadata makes by itself; its id encodes type and name."""

    id: str
    type: str
    is_virtual: bool = True


class SmartCollectionSchema(BaseCollection):
    """A stored search; ``filter_summary`` is the JSON text of its criteria."""

    id: int
    description: str = ""
    filter_criteria: dict[str, Any]
    filter_summary: str
    user_id: int
    owner_username: str
    is_smart: bool = True


class UserCollectionSchema(Schema):
    """A collection as a ROM's detail names it."""

    id: int
    name: str
    is_smart: bool = False


class CollectionRomsPayload(BaseModel):
    """ROMs to put into a collection or to take out of it."""

    rom_ids: list[Key]
