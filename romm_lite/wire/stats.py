"""Figures about the whole library."""

from pydantic import BaseModel
from typing_extensions import TypedDict

from romm_lite.wire.common import Schema


class StatsQuery(BaseModel):
    """Whether the two tables by platform are wanted as well."""

    include_platform_stats: bool = False


class MetadataCoverageItem(Schema):
    """How many ROMs of a platform one provider matched."""

    source: str
    matched: int


class RegionBreakdownItem(Schema):
    """How many ROMs of a platform carry a region."""

    region: str
    count: int


class StatsReturn(TypedDict, total=False):
    """The six figures are always there; the two tables, by platform id, only when asked for."""

    PLATFORMS: int
    ROMS: int
    SAVES: int
    STATES: int
    SCREENSHOTS: int
    TOTAL_FILESIZE_BYTES: int
    METADATA_COVERAGE: dict[int, list[MetadataCoverageItem]]
    REGION_BREAKDOWN: dict[int, list[RegionBreakdownItem]]
