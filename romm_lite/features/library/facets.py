"""The kinds of facet in the side table ``facets``, which filters and filter values are read from.

Whoever stores a ROM or its metadata keeps its facets: one row for each value of each list below,
the player count too where one is known, and ``VERIFIED`` with the name of every true flag of
Hasheous.
"""

from collections.abc import Mapping

from romm_lite.metadata.aggregate import USUAL_PLAYERS as USUAL_PLAYERS

KINDS: Mapping[str, str] = {
    "genres": "genre",
    "franchises": "franchise",
    "collections": "collection",
    "companies": "company",
    "game_modes": "game_mode",
    "age_ratings": "age_rating",
    "player_counts": "player_count",
    "regions": "region",
    "languages": "language",
    "tags": "tag",
}
"""The kind by the word that filters and filter values use on the wire."""

VERIFIED = "verified"
"""The kind that says by which signature databases a dump is known."""

PLAYER_COUNT = KINDS["player_counts"]
"""A ROM whose player count is ``USUAL_PLAYERS`` has no facet of this kind."""

VIRTUAL_KINDS: Mapping[str, str] = {
    "genre": "genre",
    "franchise": "franchise",
    "collection": "collection",
    "mode": "game_mode",
    "company": "company",
}
"""The kind by the type of a virtual collection."""
