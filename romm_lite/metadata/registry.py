"""The providers of metadata that a scan can ask; to add one, a line in ``PROVIDERS``."""

from collections.abc import Collection
from dataclasses import dataclass


@dataclass(frozen=True)
class Provider:
    """One source of what is known of games; ``name`` is its word on the wire: igdb, moby …"""

    name: str


PROVIDERS: tuple[Provider, ...] = ()


def choose(names: Collection[str] | None) -> list[Provider]:
    """The providers with these names; None means all there are."""
    return [each for each in PROVIDERS if names is None or each.name in names]
