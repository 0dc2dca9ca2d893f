"""What the API changes in config.yml: bindings, exclusions, the scan section."""

from collections.abc import Iterable, Sequence
from typing import Any

from romm_lite.disk.config import GAMELIST_IMAGES, GAMELIST_THUMBNAILS
from romm_lite.disk.config_edits import Change, list_value, quote, section
from romm_lite.disk.exclusions import DEFAULT_DIRS, DEFAULT_EXTENSIONS, DEFAULT_FILES
from romm_lite.features.system.heartbeat import SOURCES
from romm_lite.kernel.errors import Unprocessable
from romm_lite.wire.config import (
    ExclusionPayload,
    MetadataMediaType,
    PlatformBindingPayload,
    ScanSettingsPayload,
)

LONGEST = 255
BUILT_IN = {
    "EXCLUDED_PLATFORMS": DEFAULT_DIRS,
    "EXCLUDED_SINGLE_EXT": DEFAULT_EXTENSIONS,
    "EXCLUDED_SINGLE_FILES": DEFAULT_FILES,
    "EXCLUDED_MULTI_FILES": DEFAULT_DIRS,
    "EXCLUDED_MULTI_PARTS_EXT": DEFAULT_EXTENSIONS,
    "EXCLUDED_MULTI_PARTS_FILES": DEFAULT_FILES,
}
"""The lists of exclusions and what is in each of them anyway."""


def bind_platform(kind: str, binding: PlatformBindingPayload) -> Change:
    """Say which platform a folder is; ``kind`` is platforms or versions.

    One that is there stays as it is.
    """
    fs_slug = _check_word("fs_slug", binding.fs_slug)
    slug = _check_word("slug", binding.slug)

    def change(document: dict[str, Any]) -> bool:
        known = section(document, ["system", kind])
        if _key_of(known, fs_slug) is not None:
            return False
        known[quote([fs_slug])[0]] = quote([slug])[0]
        return True

    return change


def unbind_platform(kind: str, fs_slug: str) -> Change:
    """Forget which platform a folder is."""

    def change(document: dict[str, Any]) -> bool:
        known = section(document, ["system", kind])
        key = _key_of(known, fs_slug)
        if key is None:
            return False
        del known[key]
        return True

    return change


def _key_of(mapping: dict[Any, Any], name: str) -> Any:
    """The key that reads as this name: a folder called 2600 is a number to YAML."""
    return next((key for key in mapping if str(key) == name), None)


def exclude(exclusion: ExclusionPayload) -> Change:
    """Leave something out from now on."""
    kind = _check_kind(exclusion.exclusion_type)
    value = _check_word("exclusion_value", _normalize(kind, exclusion.exclusion_value))

    def change(document: dict[str, Any]) -> bool:
        values = list_value(document, kind.lower())
        if value in {*BUILT_IN[kind], *(_normalize(kind, str(each)) for each in values)}:
            return False
        values.extend(quote([value]))
        return True

    return change


def include(exclusion: ExclusionPayload) -> Change:
    """Leave something out no more."""
    kind = _check_kind(exclusion.exclusion_type)
    value = _normalize(kind, exclusion.exclusion_value)

    def change(document: dict[str, Any]) -> bool:
        values = list_value(document, kind.lower())
        unwanted = [at for at, each in enumerate(values) if _normalize(kind, str(each)) == value]
        for at in reversed(unwanted):
            del values[at]
        return bool(unwanted)

    return change


def _check_kind(kind: str) -> str:
    if kind not in BUILT_IN:
        message = f"Value error, must be one of {', '.join(BUILT_IN)}"
        raise Unprocessable.field("body", "exclusion_type", message, kind)
    return kind


def _normalize(kind: str, value: str) -> str:
    return value.lower() if kind.endswith("_EXT") else value


def _check_word(name: str, value: str) -> str:
    if not value.strip() or len(value) > LONGEST or not value.isprintable():
        message = f"Value error, must be 1 to {LONGEST} printable characters"
        raise Unprocessable.field("body", name, message, value)
    return value


def replace_scan(settings: ScanSettingsPayload) -> Change:
    """Put the scan section in place; what it has beside these settings stays."""
    sources = {
        "metadata": _check_sources("metadata_priority", settings.metadata_priority),
        "artwork": _check_sources("artwork_priority", settings.artwork_priority),
        "cover": _check_sources("cover_priority", settings.cover_priority),
        "screenshot": _check_sources("screenshot_priority", settings.screenshot_priority),
        "manual": _check_sources("manual_priority", settings.manual_priority),
        "region": _read_codes("region_priority", settings.region_priority),
        "language": _read_codes("language_priority", settings.language_priority),
    }
    media = list(dict.fromkeys(settings.media))
    thumbnail = _check_media("gamelist_thumbnail", settings.gamelist_thumbnail, GAMELIST_THUMBNAILS)
    image = _check_media("gamelist_image", settings.gamelist_image, GAMELIST_IMAGES)

    def change(document: dict[str, Any]) -> bool:
        priority = section(document, ["scan", "priority"])
        for key, value in sources.items():
            _put(priority, key, None if value is None else quote(value))
        _put(section(document, ["scan"]), "media", [str(each) for each in media])
        gamelist = section(document, ["scan", "gamelist"])
        _put(gamelist, "export", settings.gamelist_export)
        shown = section(gamelist, ["media"])
        _put(shown, "thumbnail", thumbnail)
        _put(shown, "image", image)
        _put(section(document, ["scan", "pegasus"]), "export", settings.pegasus_export)
        return True

    return change


def _put(mapping: dict[str, Any], key: str, value: Any) -> None:
    """Set a value, None removes it; one that is the same stays as it was written."""
    if value is None:
        mapping.pop(key, None)
    elif mapping.get(key) != value:
        mapping[key] = value


def _check_sources(name: str, sources: Sequence[str] | None) -> list[str] | None:
    if sources is None:
        return None
    known = {source.strip().lower(): None for source in sources}
    if unknown := sorted(set(known) - set(SOURCES)):
        message = f"Value error, Unknown metadata source(s): {unknown}"
        raise Unprocessable.field("body", name, message, list(sources))
    return list(known)


def _read_codes(name: str, codes: Iterable[str]) -> list[str]:
    found = dict.fromkeys(code.strip().lower() for code in codes if code.strip())
    return [_check_word(name, code) for code in found]


def _check_media(name: str, media: MetadataMediaType, allowed: Sequence[str]) -> str:
    if media not in allowed:
        message = f"Value error, must be one of {', '.join(allowed)}"
        raise Unprocessable.field("body", name, message, media)
    return str(media)
