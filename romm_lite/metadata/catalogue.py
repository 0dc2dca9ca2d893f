"""The table of platforms: canonical slugs, names and the ids providers know them by.

Facts come from ``assets/data/platforms.json``: 460 canonical slugs in catalogue order, and 240
slugs of platform *versions* (``playstation-slim``), which stand for their parent at IGDB.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any

from romm_lite.kernel.resources import facts


@dataclass(frozen=True)
class Attributes:
    """What a platform row gets from the table; a column each, None or "" where nothing is known."""

    slug: str
    name: str
    igdb_slug: str | None = None
    moby_slug: str | None = None
    hltb_slug: str | None = None
    libretro_slug: str | None = None
    igdb_id: int | None = None
    moby_id: int | None = None
    ss_id: int | None = None
    ra_id: int | None = None
    launchbox_id: int | None = None
    hasheous_id: int | None = None
    tgdb_id: int | None = None
    flashpoint_id: int | None = None
    category: str = ""
    generation: int | None = None
    family_name: str = ""
    family_slug: str = ""
    url: str = ""
    url_logo: str = ""

    def columns(self) -> dict[str, Any]:
        """The same as a dict for an insert or an update."""
        return asdict(self)


@cache
def known() -> Mapping[str, Attributes]:
    """Every canonical slug with its attributes, in catalogue order."""
    names = Attributes.__dataclass_fields__.keys()
    rows = facts("platforms")["platforms"]
    return {row["slug"]: Attributes(**{n: row[n] for n in names & row.keys()}) for row in rows}


@cache
def _versions() -> Mapping[str, Attributes]:
    versions = {}
    for row in facts("platforms")["versions"]:
        versions[row["slug"]] = Attributes(
            slug=row["slug"],
            name=row["name"],
            igdb_slug=row["igdb_slug"],
            igdb_id=known()[row["parent"]].igdb_id,
            url=row.get("url", ""),
            url_logo=row.get("url_logo", ""),
        )
    return versions


def resolve_slug(fs_slug: str, bindings: Mapping[str, str], versions: Mapping[str, str]) -> str:
    """The canonical slug of a folder: config.yml's binding, its version, or the name itself."""
    return bindings.get(fs_slug) or versions.get(fs_slug) or fs_slug


def describe(slug: str) -> Attributes:
    """The attributes of a slug; an unknown one becomes a usable platform of its own."""
    found = known().get(slug) or _versions().get(slug)
    return found or Attributes(slug=slug, name=slug.replace("-", " ").title())


def is_identified(platform: Mapping[str, Any]) -> bool:
    """Whether one of the providers that identify a platform knows it."""
    ids = ("igdb_id", "moby_id", "ss_id", "launchbox_id", "ra_id", "hasheous_id")
    return any(platform[name] for name in ids)
