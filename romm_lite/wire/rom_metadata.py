"""Metadata of a ROM: what each provider said, and what all of them amount to.

Every key of a provider's object is optional and is left out where the provider said nothing;
keys that are not listed are not sent. ``*_path`` values are relative to the resources folder.
"""

from typing import NotRequired

from typing_extensions import TypedDict

from romm_lite.wire.common import Schema


class RomMetadataSchema(Schema):
    """All providers together: lists sorted, the date in milliseconds, the rating 0 to 100."""

    rom_id: int
    genres: list[str]
    franchises: list[str]
    collections: list[str]
    companies: list[str]
    game_modes: list[str]
    age_ratings: list[str]
    player_count: str
    first_release_date: int | None
    average_rating: float | None


class IGDBAgeRating(TypedDict):
    """One board's rating."""

    rating: str
    category: str
    rating_cover_url: str


class IGDBMetadataPlatform(TypedDict):
    """A platform as IGDB names it; -1 and no name where IGDB tells none."""

    igdb_id: int
    name: str


class IGDBMetadataMultiplayerMode(TypedDict):
    """How many can play together on a platform, and how."""

    campaigncoop: bool
    dropin: bool
    lancoop: bool
    offlinecoop: bool
    offlinecoopmax: int
    offlinemax: int
    # A flag at IGDB; the protocol declares it an integer, and clients are built from that.
    onlinecoop: int
    onlinecoopmax: int
    onlinemax: int
    splitscreen: bool
    splitscreenonline: bool
    platform: IGDBMetadataPlatform


class IGDBRelatedGame(TypedDict):
    """A game that stands in a relation to the ROM's."""

    id: int
    name: str
    slug: str
    type: str
    cover_url: str


class RomIGDBMetadata(TypedDict, total=False):
    """IGDB; the date in seconds."""

    total_rating: str | None
    aggregated_rating: str | None
    first_release_date: int | None
    youtube_video_id: str | None
    genres: list[str]
    franchises: list[str]
    alternative_names: list[str]
    collections: list[str]
    companies: list[str]
    game_modes: list[str]
    age_ratings: list[IGDBAgeRating]
    platforms: list[IGDBMetadataPlatform]
    multiplayer_modes: list[IGDBMetadataMultiplayerMode]
    player_count: str
    expansions: list[IGDBRelatedGame]
    dlcs: list[IGDBRelatedGame]
    remasters: list[IGDBRelatedGame]
    remakes: list[IGDBRelatedGame]
    expanded_games: list[IGDBRelatedGame]
    ports: list[IGDBRelatedGame]
    similar_games: list[IGDBRelatedGame]


class MobyMetadataPlatform(TypedDict):
    """A platform as MobyGames names it."""

    moby_id: int
    name: str


class RomMobyMetadata(TypedDict, total=False):
    """MobyGames."""

    moby_score: str | None
    genres: list[str]
    alternate_titles: list[str]
    platforms: list[MobyMetadataPlatform]


class SSAgeRating(TypedDict):
    """One board's rating."""

    rating: str
    category: str


class RomSSMetadata(TypedDict, total=False):
    """ScreenScraper; the date in seconds."""

    bezel_url: str | None
    box2d_url: str | None
    box2d_side_url: str | None
    box2d_back_url: str | None
    box3d_url: str | None
    fanart_url: str | None
    fullbox_url: str | None
    logo_url: str | None
    manual_url: str | None
    marquee_url: str | None
    miximage_url: str | None
    miximage_v2_url: str | None
    physical_url: str | None
    screenshot_url: str | None
    steamgrid_url: str | None
    title_screen_url: str | None
    video_url: str | None
    video_normalized_url: str | None
    bezel_path: str | None
    box2d_path: str | None
    box2d_back_path: str | None
    box2d_side_path: str | None
    box3d_path: str | None
    fanart_path: str | None
    miximage_path: str | None
    miximage_v2_path: str | None
    physical_path: str | None
    marquee_path: str | None
    logo_path: str | None
    title_screen_path: str | None
    video_path: str | None
    video_normalized_path: str | None
    ss_score: str | None
    first_release_date: int | None
    alternative_names: list[str]
    companies: list[str]
    franchises: list[str]
    game_modes: list[str]
    genres: list[str]
    age_ratings: list[SSAgeRating]
    player_count: str


class LaunchboxImage(TypedDict):
    """One image."""

    url: str
    type: NotRequired[str]
    region: NotRequired[str]


class RomLaunchboxMetadata(TypedDict, total=False):
    """LaunchBox; the date in seconds, the rating 0 to 5."""

    first_release_date: int | None
    max_players: int
    release_type: str
    cooperative: bool
    youtube_video_id: str
    community_rating: float
    community_rating_count: int
    wikipedia_url: str
    esrb: str
    genres: list[str]
    companies: list[str]
    images: list[LaunchboxImage]
    video_url: str
    video_path: str


class RomHasheousMetadata(TypedDict, total=False):
    """Hasheous: which signature databases know the dump."""

    tosec_match: bool
    mame_arcade_match: bool
    mame_mess_match: bool
    nointro_match: bool
    redump_match: bool
    mame_redump_match: bool
    whdload_match: bool
    ra_match: bool
    fbneo_match: bool
    puredos_match: bool


class RomFlashpointMetadata(TypedDict, total=False):
    """Flashpoint; the date is a text of seconds, empty where there is none."""

    franchises: list[str]
    companies: list[str]
    source: str | None
    genres: list[str]
    first_release_date: str
    game_modes: list[str]
    status: str | None
    version: str | None
    language: str | None
    notes: str | None


class RomHLTBMetadata(TypedDict, total=False):
    """HowLongToBeat; durations in seconds."""

    main_story: int
    main_story_count: int
    main_plus_extra: int
    main_plus_extra_count: int
    completionist: int
    completionist_count: int
    all_styles: int
    all_styles_count: int
    release_year: int
    review_score: int
    review_count: int
    popularity: int
    completions: int


class RomGamelistMetadata(TypedDict, total=False):
    """A gamelist.xml; the date as ``YYYYMMDDThhmmss``, the rating 0 to 1."""

    box2d_url: str | None
    box2d_back_url: str | None
    box3d_url: str | None
    fanart_url: str | None
    image_url: str | None
    manual_url: str | None
    marquee_url: str | None
    miximage_url: str | None
    miximage_v2_url: str | None
    physical_url: str | None
    screenshot_url: str | None
    thumbnail_url: str | None
    title_screen_url: str | None
    video_url: str | None
    box2d_back_path: str | None
    box3d_path: str | None
    fanart_path: str | None
    miximage_path: str | None
    miximage_v2_path: str | None
    physical_path: str | None
    marquee_path: str | None
    title_screen_path: str | None
    video_path: str | None
    rating: float | None
    first_release_date: str | None
    sort_name: str | None
    player_count: str | None
    md5_hash: str | None
    companies: list[str] | None
    franchises: list[str] | None
    genres: list[str] | None


class ManualMetadata(TypedDict, total=False):
    """What a user entered, above every provider; the date in milliseconds."""

    genres: list[str] | None
    franchises: list[str] | None
    companies: list[str] | None
    game_modes: list[str] | None
    age_ratings: list[str] | None
    first_release_date: int | None
    youtube_video_id: str | None


class RAGameRomAchievement(TypedDict):
    """One achievement; badge paths begin with ``/assets/romm/resources/``."""

    ra_id: int | None
    title: str | None
    description: str | None
    points: int | None
    num_awarded: int | None
    num_awarded_hardcore: int | None
    badge_id: str | None
    badge_url_lock: str | None
    badge_path_lock: str | None
    badge_url: str | None
    badge_path: str | None
    display_order: int | None
    type: str | None


class RomRAMetadata(TypedDict, total=False):
    """RetroAchievements; the date in seconds."""

    first_release_date: int | None
    genres: list[str]
    companies: list[str]
    achievements: list[RAGameRomAchievement]
