"""What the name of a file or folder says: stem, extension, regions, languages, revision."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

from romm_lite.kernel.resources import facts

_EXTENSION = re.compile(r"(?:\.[a-z]+)*\.(\w+)\Z")
_TRAILING_TAGS = re.compile(r"(?:\s*(?:\([^()]*\)|\[[^\[\]]*\]))+\s*\Z")
_TAG_GROUP = re.compile(r"\(([^()]+)\)|\[([^\[\]]+)\]")
_VERSION = re.compile(r"(?:version|ver|v)(?:[\s._-](.*)|([\d.].*))", re.IGNORECASE | re.DOTALL)
_REGION = re.compile(r"reg[\s|-](.+)", re.IGNORECASE | re.DOTALL)
_REVISION = re.compile(r"rev[\s|-](.+)", re.IGNORECASE | re.DOTALL)
_PRERELEASES = ("(demo", "(beta", "(proto", "(sample", "(kiosk", "(preview")


@dataclass(frozen=True)
class NameParts:
    """A name taken apart; ``extension`` has no leading dot and is "" if there is none."""

    no_tags: str
    no_ext: str
    extension: str


@dataclass(frozen=True)
class Tags:
    """What the bracket groups of a name say; ``tags`` are the pieces that say nothing else."""

    regions: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    revision: str | None = None
    version: str | None = None
    tags: tuple[str, ...] = ()


def split_name(fs_name: str) -> NameParts:
    """Stem and extension; the rule is the same for folders, where ``Game v1.5`` loses its ``.5``.

    The extension is the longest dotted end of lower-case words and one last word of any kind
    (``tar.gz``, ``nkit.iso``); ``no_tags`` has lost the bracket groups at its end.
    """
    found = _EXTENSION.search(fs_name)
    no_ext = (fs_name[: found.start()] if found else fs_name).strip()
    extension = found.group()[1:] if found else ""
    return NameParts(_TRAILING_TAGS.sub("", no_ext).strip(), no_ext, extension)


def title_of(fs_name: str, *, is_dir: bool) -> str:
    """What to call a game nothing else is known of; never empty unless ``fs_name`` is.

    The end of a folder's name stays, dots and all, and a name that is nothing but tags or a dot
    and a word stays whole.
    """
    parts = split_name(fs_name)
    if is_dir and parts.extension:
        return fs_name.strip()
    return parts.no_tags or fs_name.strip() or fs_name


def parse_tags(fs_name: str) -> Tags:
    """Sort the comma-separated pieces of every bracket group by what they say."""
    regions: list[str] = []
    languages: list[str] = []
    tags: list[str] = []
    revision = version = None
    for piece in _pieces(fs_name):
        if kind := _codes().get(piece) or _spellings().get(piece.casefold()):
            is_region, name = kind
            (regions if is_region else languages).append(name)
        elif found := _VERSION.fullmatch(piece):
            version = (found[1] if found[2] is None else found[2]).strip()
        elif found := _REGION.fullmatch(piece):
            text = found[1].strip()
            regions.append(_region_spellings().get(text.casefold(), text))
        elif found := _REVISION.fullmatch(piece):
            revision = found[1].strip()
        else:
            tags.append(piece)
    return Tags(tuple(regions), tuple(languages), revision, version, tuple(tags))


def is_prerelease(no_ext: str) -> bool:
    """Whether a stem calls itself a demo, beta, prototype, sample, kiosk or preview version."""
    lowered = no_ext.lower()
    return any(word in lowered for word in _PRERELEASES)


def region_rank(regions: Sequence[str], priority: Sequence[str]) -> int:
    """Place of the first region among ``scan.priority.region``; less is better, unlisted last."""
    ranks = region_ranks(tuple(priority))
    return ranks.get(regions[0], len(ranks)) if regions else len(ranks)


@lru_cache(maxsize=8)
def region_ranks(priority: tuple[str, ...]) -> Mapping[str, int]:
    """Rank by region name; codes that name no region are skipped, both names of ``nl`` share."""
    provider_codes: dict[str, str] = facts("regions_languages")["provider_codes"]
    ranks: dict[str, int] = {}
    rank = 0
    for code in dict.fromkeys(code.strip().lower() for code in priority):
        names = [name for name, known in provider_codes.items() if known == code]
        ranks.update(dict.fromkeys(names, rank))
        rank += bool(names)
    return ranks


def is_text(name: str) -> bool:
    """Whether a name from the disk is valid text, so that it can be stored and sent."""
    if name.isascii():
        return True
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def show(name: str) -> str:
    """A name fit for a log or a message, with bytes that are no text spelled out (``\\xff``)."""
    if name.isascii():
        return name
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _pieces(fs_name: str) -> list[str]:
    groups = (round_ or square for round_, square in _TAG_GROUP.findall(fs_name))
    pieces = (piece.strip() for group in groups for piece in group.split(","))
    return [piece for piece in pieces if piece]


@cache
def _codes() -> Mapping[str, tuple[bool, str]]:
    """(is a region, name) by code as written; ``NL`` is a region, ``Nl`` a language."""
    table: dict[str, Any] = facts("regions_languages")
    languages = {code: (False, name) for code, name in table["languages"].items()}
    return languages | {code: (True, name) for code, name in table["regions"].items()}


@cache
def _spellings() -> Mapping[str, tuple[bool, str]]:
    """(is a region, name) by name or code without case; regions come first."""
    languages: dict[str, str] = facts("regions_languages")["languages"]
    spellings = {code.casefold(): (False, name) for code, name in languages.items()}
    spellings |= {name.casefold(): (False, name) for name in languages.values()}
    return spellings | {word: (True, name) for word, name in _region_spellings().items()}


@cache
def _region_spellings() -> Mapping[str, str]:
    regions: dict[str, str] = facts("regions_languages")["regions"]
    spellings = {name.casefold(): name for name in regions.values()}
    return spellings | {code.casefold(): name for code, name in regions.items()}
