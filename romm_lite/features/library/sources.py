"""The providers by the words of ``rom_sources.source``, and what counts for what."""

from collections.abc import Mapping

NUMBERED = ("igdb", "sgdb", "moby", "ss", "ra", "launchbox", "hasheous", "tgdb", "hltb")
"""Their ids are integers on the wire."""
NAMED = ("flashpoint", "gamelist", "libretro")
"""Their ids are texts."""

PAYLOADS: Mapping[str, str] = {
    "igdb": "igdb_metadata",
    "moby": "moby_metadata",
    "ss": "ss_metadata",
    "launchbox": "launchbox_metadata",
    "hasheous": "hasheous_metadata",
    "flashpoint": "flashpoint_metadata",
    "hltb": "hltb_metadata",
    "gamelist": "gamelist_metadata",
    "manual": "manual_metadata",
    "ra": "merged_ra_metadata",
}
"""Under which name a ROM carries the payload of a source."""

IDENTIFYING = (
    *("igdb", "moby", "ss", "ra", "launchbox", "hasheous"),
    *("flashpoint", "hltb", "gamelist", "libretro"),
)
"""A ROM one of these knows is identified, and so matched."""

SIBLING = ("igdb", "moby", "ss", "launchbox", "ra", "hasheous", "tgdb")
"""ROMs of one platform that share an id of one of these are siblings."""

GROUPING = ("igdb", "ss", "moby", "ra", "hasheous", "launchbox", "tgdb", "flashpoint")
"""The first of these that knows a ROM says which group it is in."""

FILTERABLE = (
    *("igdb", "ss", "moby", "launchbox", "ra", "hasheous"),
    *("tgdb", "flashpoint", "hltb", "gamelist", "libretro"),
)
"""What ROMs can be filtered by, in the order of the statistics."""
