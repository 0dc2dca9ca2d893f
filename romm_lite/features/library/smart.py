"""The criteria of a smart collection: a stored question for the list of ROMs."""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from romm_lite.wire.roms import RomListQuery

IGNORED = frozenset(
    {"smart_collection_id", "last_played", "updated_after", "group_by_meta_id", "limit", "offset"}
)
OLD_NAMES = {
    "selected_genre": "genres",
    "selected_franchise": "franchises",
    "selected_collection": "collections",
    "selected_company": "companies",
    "selected_age_rating": "age_ratings",
    "selected_region": "regions",
    "selected_language": "languages",
    "selected_tag": "tags",
    "selected_status": "statuses",
}
LISTS = frozenset(OLD_NAMES.values()) | {"platform_ids", "player_counts", "metadata_providers"}


def read_criteria(criteria: Mapping[str, Any]) -> RomListQuery:
    """The criteria as a question; a key that is unknown or makes no sense counts for nothing."""
    given: dict[str, Any] = {}
    for key, value in criteria.items():
        name = OLD_NAMES.get(key, key)
        if name in IGNORED or name not in RomListQuery.model_fields or value in (None, "", []):
            continue
        if key in OLD_NAMES and name in criteria:
            continue
        given[name] = [value] if name in LISTS and not isinstance(value, list) else value
    while True:
        try:
            return RomListQuery.model_validate(given)
        except ValidationError as error:
            for problem in error.errors(include_url=False):
                given.pop(str(problem["loc"][0]), None)
