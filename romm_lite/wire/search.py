"""What a game could be, for somebody to choose from."""

from pydantic import BaseModel, ConfigDict

from romm_lite.wire.common import Key, Schema


class SearchRomsQuery(BaseModel):
    """Which game is looked for, and by what; another way to search than these finds nothing."""

    rom_id: Key
    search_term: str | None = None
    search_by: str = "name"


class SearchCoverQuery(BaseModel):
    """The name of a game whose covers are looked for."""

    search_term: str = ""


class SearchRomSchema(Schema):
    """One game that may be meant, with its id and cover at every provider that knows it."""

    model_config = ConfigDict(from_attributes=True)

    id: int | None = None
    igdb_id: int | None = None
    moby_id: int | None = None
    ss_id: int | None = None
    sgdb_id: int | None = None
    flashpoint_id: str | None = None
    launchbox_id: int | None = None
    libretro_id: str | None = None
    platform_id: int
    name: str
    slug: str = ""
    summary: str = ""
    igdb_url_cover: str = ""
    moby_url_cover: str = ""
    ss_url_cover: str = ""
    sgdb_url_cover: str = ""
    flashpoint_url_cover: str = ""
    launchbox_url_cover: str = ""
    libretro_url_cover: str = ""
    is_unidentified: bool
    is_identified: bool


class SGDBResource(Schema):
    """One picture."""

    thumb: str
    url: str
    type: str
    width: int
    height: int
    style: str
    author: str
    score: int
    nsfw: bool
    humor: bool
    epilepsy: bool


class SearchCoverSchema(Schema):
    """The pictures of one game."""

    name: str
    resources: list[SGDBResource]
