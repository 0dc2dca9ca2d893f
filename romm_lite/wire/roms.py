"""ROMs: the list's item, the detail, and how clients ask for them."""

import re
from enum import StrEnum
from typing import Annotated, Any, Generic, Self, TypeVar

from pydantic import (
    BaseModel,
    BeforeValidator,
    Field,
    ModelWrapValidatorHandler,
    PrivateAttr,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    computed_field,
    model_validator,
)
from pydantic_core import PydanticCustomError

from romm_lite.wire.collections import UserCollectionSchema
from romm_lite.wire.common import Count, Key, RowId, Schema, Timestamp
from romm_lite.wire.files import RomFileSchema
from romm_lite.wire.notes import UserNoteSchema
from romm_lite.wire.rom_metadata import (
    ManualMetadata,
    RomFlashpointMetadata,
    RomGamelistMetadata,
    RomHasheousMetadata,
    RomHLTBMetadata,
    RomIGDBMetadata,
    RomLaunchboxMetadata,
    RomMetadataSchema,
    RomMobyMetadata,
    RomRAMetadata,
    RomSSMetadata,
)
from romm_lite.wire.saves import SaveSchema, UserSaveSchema
from romm_lite.wire.screenshots import ScreenshotSchema, UserScreenshotSchema
from romm_lite.wire.states import StateSchema, UserStateSchema

Item = TypeVar("Item")
_LEADING_WORD = re.compile(r"^(?:The|the|A|a|And|and)\s")


class RomUserStatus(StrEnum):
    """How far a user got with a game."""

    INCOMPLETE = "incomplete"
    FINISHED = "finished"
    COMPLETED_100 = "completed_100"
    RETIRED = "retired"
    NEVER_PLAYING = "never_playing"


class RomUserSchema(Schema):
    """What a user keeps about a ROM; without a row the ids are -1 and the rest is empty."""

    id: int
    user_id: int
    rom_id: int
    created_at: Timestamp
    updated_at: Timestamp
    last_played: Timestamp | None
    is_main_sibling: bool
    backlogged: bool
    now_playing: bool
    hidden: bool
    rating: int
    difficulty: int
    completion: int
    status: RomUserStatus | None


class LastPlayedQuery(BaseModel):
    """Whether a ROM was played just now, or never."""

    update_last_played: bool = False
    remove_last_played: bool = False


class RomUserData(BaseModel):
    """What changes of what a user keeps about a ROM: only the members that are sent.

    Clients of version 4 send them as ``{"data": {…}}`` with what is for the query beside it, and
    there null for what they do not know.
    """

    is_main_sibling: bool | None = None
    backlogged: bool | None = None
    now_playing: bool | None = None
    hidden: bool | None = None
    rating: int | None = Field(None, ge=0, le=10)
    difficulty: int | None = Field(None, ge=0, le=10)
    completion: int | None = Field(None, ge=0, le=100)
    status: RomUserStatus | None = None
    _played: LastPlayedQuery = PrivateAttr(default_factory=LastPlayedQuery)

    @model_validator(mode="wrap")
    @classmethod
    def _unwrap(cls, given: Any, make: ModelWrapValidatorHandler[Self]) -> Self:
        if isinstance(given, dict) and isinstance(given.get("data"), dict):
            changes = make({k: v for k, v in given["data"].items() if v is not None})
            changes._played = LastPlayedQuery.model_validate(given)
            return changes
        changes = make(given)
        for name in sorted(changes.model_fields_set - {"status"}):
            if getattr(changes, name) is None:
                raise PydanticCustomError("null", "{name} cannot be null", {"name": name})
        return changes

    @property
    def played(self) -> LastPlayedQuery:
        """What an old client sent in the body instead of the query."""
        return self._played


class SiblingRomSchema(Schema):
    """Another dump of the same game on the same platform."""

    id: int
    name: str | None
    fs_name_no_tags: str
    fs_name_no_ext: str
    is_main_sibling: bool

    @computed_field  # type: ignore[prop-decorator]
    @property
    def sort_comparator(self) -> str:
        return _LEADING_WORD.sub("", self.name or self.fs_name_no_tags).strip().lower()


class BaseRom(Schema):
    """What the list's item and the detail share.

    ``path_cover_*`` begin with ``/assets/romm/resources/`` and carry ``?ts=``, empty where there
    is no cover; ``path_manual`` and ``path_video`` are relative to the resources folder.
    ``files`` is sorted by file name, ``sibling_roms`` by their comparator.
    """

    id: int
    igdb_id: int | None
    sgdb_id: int | None
    moby_id: int | None
    ss_id: int | None
    ra_id: int | None
    launchbox_id: int | None
    hasheous_id: int | None
    tgdb_id: int | None
    hltb_id: int | None
    flashpoint_id: str | None
    gamelist_id: str | None
    libretro_id: str | None

    platform_id: int
    platform_slug: str
    platform_fs_slug: str
    platform_custom_name: str | None
    platform_display_name: str

    fs_name: str
    fs_name_no_tags: str
    fs_name_no_ext: str
    fs_extension: str
    fs_path: str
    fs_size_bytes: int
    full_path: str
    missing_from_fs: bool

    # Nullable by contract only: one null makes native clients drop the whole page, so whoever
    # fills this falls back to fs_name_no_tags.
    name: str | None
    name_sort_key: str | None
    slug: str | None
    summary: str | None
    alternative_names: list[str]
    youtube_video_id: str | None

    metadatum: RomMetadataSchema
    igdb_metadata: RomIGDBMetadata | None
    moby_metadata: RomMobyMetadata | None
    ss_metadata: RomSSMetadata | None
    launchbox_metadata: RomLaunchboxMetadata | None
    hasheous_metadata: RomHasheousMetadata | None
    flashpoint_metadata: RomFlashpointMetadata | None
    hltb_metadata: RomHLTBMetadata | None
    gamelist_metadata: RomGamelistMetadata | None
    manual_metadata: ManualMetadata | None
    merged_ra_metadata: RomRAMetadata | None

    path_cover_small: str | None
    path_cover_large: str | None
    url_cover: str | None
    has_manual: bool
    has_soundtrack: bool
    path_manual: str | None
    url_manual: str | None
    path_video: str | None
    merged_screenshots: list[str]

    is_identifying: bool = False
    is_unidentified: bool
    is_identified: bool

    revision: str | None
    regions: list[str]
    languages: list[str]
    tags: list[str]

    crc_hash: str | None
    md5_hash: str | None
    sha1_hash: str | None
    ra_hash: str | None

    has_simple_single_file: bool
    has_nested_single_file: bool
    has_multiple_files: bool

    rom_user: RomUserSchema
    has_notes: bool

    created_at: Timestamp
    updated_at: Timestamp

    files: list[RomFileSchema]
    sibling_roms: list[SiblingRomSchema]


class SimpleRomSchema(BaseRom):
    """An item of the list; ``screenshot_path`` is filled for lists of what was played last."""

    screenshot_path: str | None = None


class DetailedRomSchema(BaseRom):
    """One ROM with all that users keep about it; ``all_*`` adds what others made public."""

    user_saves: list[SaveSchema]
    user_states: list[StateSchema]
    all_user_saves: list[UserSaveSchema]
    all_user_states: list[UserStateSchema]
    user_screenshots: list[ScreenshotSchema]
    all_user_screenshots: list[UserScreenshotSchema]
    user_collections: list[UserCollectionSchema]
    all_user_notes: list[UserNoteSchema]


class RomFiltersDict(Schema):
    """The values lists can be filtered by, each list sorted."""

    genres: list[str]
    franchises: list[str]
    collections: list[str]
    companies: list[str]
    game_modes: list[str]
    age_ratings: list[str]
    player_counts: list[str]
    regions: list[str]
    languages: list[str]
    tags: list[str]
    platforms: list[int]


class CustomLimitOffsetPage(Schema, Generic[Item]):
    """One page of a list; the indexes and filter values are of the whole list.

    ``char_index`` maps the first character of a sort key to the place of its first row.
    """

    items: list[Item]
    total: Count | None
    limit: int = Field(ge=1)
    offset: Count
    char_index: dict[str, int]
    rom_id_index: list[int]
    filter_values: RomFiltersDict


RomPage = CustomLimitOffsetPage[SimpleRomSchema]


class RomSelection(BaseModel):
    """Part of the library; what is given is ANDed. Also the query of the random ROM."""

    platform_ids: list[Key] | None = None
    collection_id: RowId | None = None
    virtual_collection_id: str | None = None
    smart_collection_id: RowId | None = None


def _ignore_invalid(value: Any, validate: ValidatorFunctionWrapHandler) -> Any:
    try:
        return validate(value)
    except ValidationError:
        return None


class RomListQuery(RomSelection):
    """Query of the list.

    Each ``*_logic`` is ``any``, ``all`` or ``none``; any other text means ``any``. ``order_dir``
    descends for ``desc`` in any case and ascends otherwise. ``platform_id`` is the old name of
    ``platform_ids``, which wins where both are sent and is the only one to read.
    """

    with_char_index: bool = True
    with_filter_values: bool = True
    with_rom_id_index: bool = True
    with_total: bool = True
    with_files: bool = False
    group_by_meta_id: bool = False

    search_term: str | None = None
    platform_id: Annotated[Key | None, WrapValidator(_ignore_invalid)] = None
    updated_after: Timestamp | None = None

    matched: bool | None = None
    favorite: bool | None = None
    duplicate: bool | None = None
    last_played: bool | None = None
    playable: bool | None = None
    missing: bool | None = None
    has_ra: bool | None = None
    has_saves: bool | None = None
    has_states: bool | None = None
    verified: bool | None = None
    has_soundtrack: bool | None = None

    genres: list[str] | None = None
    franchises: list[str] | None = None
    collections: list[str] | None = None
    companies: list[str] | None = None
    age_ratings: list[str] | None = None
    statuses: list[str] | None = None
    regions: list[str] | None = None
    languages: list[str] | None = None
    player_counts: list[str] | None = None
    metadata_providers: list[str] | None = None
    tags: list[str] | None = None

    genres_logic: str = "any"
    franchises_logic: str = "any"
    collections_logic: str = "any"
    companies_logic: str = "any"
    age_ratings_logic: str = "any"
    regions_logic: str = "any"
    languages_logic: str = "any"
    statuses_logic: str = "any"
    player_counts_logic: str = "any"
    metadata_providers_logic: str = "any"
    tags_logic: str = "any"

    order_by: str = ""
    order_dir: str = "asc"
    limit: Annotated[int, Field(ge=1, le=10_000)] = 50
    offset: Count = 0

    @model_validator(mode="after")
    def _adopt_old_name(self) -> "RomListQuery":
        if self.platform_ids is None and self.platform_id is not None:
            self.platform_ids = [self.platform_id]
        return self


class RomHashQuery(BaseModel):
    """Finds a ROM by a hash of its own or of one of its files; what is given is ORed."""

    crc_hash: str | None = None
    md5_hash: str | None = None
    sha1_hash: str | None = None
    ra_hash: str | None = None


class RomProviderQuery(BaseModel):
    """Finds a ROM by a provider's id; what is given is ORed."""

    igdb_id: Key | None = None
    moby_id: Key | None = None
    ss_id: Key | None = None
    ra_id: Key | None = None
    launchbox_id: Key | None = None
    hasheous_id: Key | None = None
    tgdb_id: Key | None = None
    flashpoint_id: str | None = None
    hltb_id: Key | None = None


def _is_yes(value: Any) -> bool:
    return str(value).strip().lower() in {"true", "1", "yes", "on"}


class RomContentQuery(BaseModel):
    """Which files of a ROM to send (ids between commas) and whether to hide them in a folder."""

    file_ids: str | None = None
    hidden_folder: Annotated[bool, BeforeValidator(_is_yes)] = False


class RomDownloadQuery(BaseModel):
    """Which ROMs to send as one archive; ``rom_ids`` (between commas) counts if nothing else."""

    rom_ids: str | None = None
    platform_id: Key | None = None
    collection_id: Key | None = None
    virtual_collection_id: str | None = None
    smart_collection_id: Key | None = None
    filename: str | None = None
