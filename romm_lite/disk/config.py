"""The user's config.yml: what to leave out, which source comes first, how emulators are set up.

A mistake in the file never stops anything: a file that is no YAML is ignored as a whole, a value
of a wrong type is ignored alone, and either is told in ``ConfigState.parse_error``.
"""

import logging
import os
import stat
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from romm_lite.disk.exclusions import DEFAULT_DIRS, DEFAULT_EXTENSIONS, DEFAULT_FILES
from romm_lite.kernel.errors import UnsafePath
from romm_lite.kernel.paths import check_name

log = logging.getLogger(__name__)
Names = tuple[str, ...]
Check = Callable[[Any], Any]

METADATA_PRIORITY = (
    "igdb",
    "moby",
    "ss",
    "ra",
    "launchbox",
    "gamelist",
    "hasheous",
    "tgdb",
    "flashpoint",
    "hltb",
)
ARTWORK_PRIORITY = (
    "sgdb",
    "igdb",
    "moby",
    "ss",
    "libretro",
    "ra",
    "launchbox",
    "gamelist",
    "hasheous",
    "tgdb",
    "flashpoint",
    "hltb",
)
REGION_PRIORITY = ("us", "wor", "ss", "eu", "jp")
LANGUAGE_PRIORITY = ("en",)
MEDIA_TYPES = (
    "bezel",
    "box2d",
    "box2d_back",
    "box2d_side",
    "box3d",
    "miximage",
    "miximage_v2",
    "physical",
    "screenshot",
    "title_screen",
    "marquee",
    "logo",
    "fanart",
    "video",
    "video_normalized",
    "manual",
)
DEFAULT_MEDIA = ("box2d", "screenshot", "manual")
GAMELIST_THUMBNAILS = ("box2d", "box3d", "miximage", "miximage_v2", "physical")
GAMELIST_IMAGES = ("screenshot", "title_screen", "miximage", "miximage_v2", "box2d")
REGION_MODES = ("prefer_rom_tags", "prefer_config")
LAYOUTS = ("flat", "a", "b", "auto")


class LibraryFolder(NamedTuple):
    """One more place where ROMs lie; ``path`` is absolute or relative to the library.

    With a platform the folder holds its ROMs (layout ``flat``). Without one it is a whole library
    of structure ``a`` or ``b``, ``auto`` to find out.
    """

    path: str
    platform: str | None
    layout: str


@dataclass(frozen=True)
class LibraryConfig:
    """Every key of config.yml; names are those of the wire in lower case.

    ``ejs_controls`` is core → ``_0`` … ``_3`` → button → ``value`` and ``value2``;
    ``scan_artwork_priority_overrides`` has ``url_cover``, ``url_screenshots`` and ``url_manual``,
    each only if set. The exclusions are sorted and hold the built-in ones.
    """

    excluded_platforms: Names = tuple(sorted(DEFAULT_DIRS))
    excluded_single_ext: Names = tuple(sorted(DEFAULT_EXTENSIONS))
    excluded_single_files: Names = tuple(sorted(DEFAULT_FILES))
    excluded_multi_files: Names = tuple(sorted(DEFAULT_DIRS))
    excluded_multi_parts_ext: Names = tuple(sorted(DEFAULT_EXTENSIONS))
    excluded_multi_parts_files: Names = tuple(sorted(DEFAULT_FILES))
    platforms_binding: Mapping[str, str] = field(default_factory=dict)
    platforms_versions: Mapping[str, str] = field(default_factory=dict)
    library: tuple[LibraryFolder, ...] = ()
    library_unknown: bool = field(default=False, compare=False)
    """Whether ``library`` may be incomplete, since the file cannot be understood."""
    roms_folder: str = "roms"
    firmware_folder: str = "bios"
    skip_hash_calculation: bool = False
    ejs_debug: bool = False
    ejs_cache_limit: int | None = None
    ejs_disable_auto_unload: bool = False
    ejs_disable_batch_bootup: bool = False
    ejs_netplay_enabled: bool = False
    ejs_netplay_ice_servers: tuple[Mapping[str, Any], ...] = ()
    ejs_settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    ejs_controls: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    scan_metadata_priority: Names = METADATA_PRIORITY
    scan_artwork_priority: Names = ARTWORK_PRIORITY
    scan_artwork_priority_overrides: Mapping[str, Names] = field(default_factory=dict)
    scan_region_priority: Names = REGION_PRIORITY
    region_mode: str = "prefer_rom_tags"
    scan_language_priority: Names = LANGUAGE_PRIORITY
    scan_media: Names = DEFAULT_MEDIA
    gamelist_auto_export_on_scan: bool = False
    gamelist_media_thumbnail: str = "box2d"
    gamelist_media_image: str = "screenshot"
    pegasus_auto_export_on_scan: bool = False
    streaming_enabled: bool = False
    streaming_containers: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True)
class ConfigState:
    """How the file itself is: there, writable, and what is wrong with its content if anything."""

    mounted: bool = False
    writable: bool = False
    parse_error: str | None = None
    version: str = ""
    """Another one for each content of the file."""


class ConfigFile:
    """One config.yml, read again only when it has changed; safe to use from any thread."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._stamp: tuple[int, int, int] | None = None
        self._config = LibraryConfig()
        self._state = ConfigState()

    def read(self) -> LibraryConfig:
        """The configuration as the file has it now."""
        return self._current()[0]

    def state(self) -> ConfigState:
        """The state of the file as it is now."""
        return self._current()[1]

    def _current(self) -> tuple[LibraryConfig, ConfigState]:
        with self._lock:
            stamp = self._look()
            if stamp is None:
                self._config, self._state = LibraryConfig(), ConfigState()
            elif stamp != self._stamp:
                self._config, problem = load(self.path)
                writable = os.access(self.path, os.W_OK)
                version = "-".join(f"{part:x}" for part in stamp)
                self._state = ConfigState(True, writable, problem, version)
                if problem:
                    log.warning("Invalid config.yml: %s", problem)
            self._stamp = stamp
            return self._config, self._state

    def _look(self) -> tuple[int, int, int] | None:
        """What tells one content of the file from another; None if there can be no file."""
        try:
            status = self.path.stat()
        except FileNotFoundError:
            return self._create()
        except OSError:
            return None
        return _stamp(status)

    def _create(self) -> tuple[int, int, int] | None:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.path.touch()
            return _stamp(self.path.stat())
        except OSError:
            return None


def _stamp(status: os.stat_result) -> tuple[int, int, int] | None:
    if not stat.S_ISREG(status.st_mode):
        return None
    return status.st_mtime_ns, status.st_size, status.st_ctime_ns


def load(path: Path) -> tuple[LibraryConfig, str | None]:
    """The configuration in a file, and in words what is wrong with it if anything."""
    try:
        document = _parse(path.read_text(encoding="utf-8-sig"))
    except Exception as error:
        # Whatever the parser stumbles over, the program goes on as if the file were empty.
        problem = f"the file is ignored, it cannot be read: {error}"
        return LibraryConfig(library_unknown=True), problem
    problems: list[str] = []
    values: dict[str, Any] = {}
    for attribute, (key, check) in KEYS.items():
        try:
            value = _find(document, key)
            if value is not None:
                values[attribute] = check(value)
        except ValueError as error:
            problems.append(str(error) if isinstance(error, _WrongSection) else f"{key} {error}")
            if attribute == "library":
                values["library_unknown"] = True
    return LibraryConfig(**values), "; ".join(dict.fromkeys(problems)) or None


def _parse(text: str) -> Any:
    if all(not line.strip() or line.lstrip().startswith("#") for line in text.splitlines()):
        return None
    from ruamel.yaml import YAML

    yaml = YAML(typ="safe", pure=True)
    yaml.allow_duplicate_keys = True
    return yaml.load(text)


class _WrongSection(ValueError):
    """A section that holds keys is something else."""


def _find(document: Any, key: str) -> Any:
    """The value of a dotted key; None if it, or a section above it, is absent or empty."""
    value, walked = document, "the file"
    for part in key.split("."):
        if value is None:
            return None
        if not isinstance(value, Mapping):
            raise _WrongSection(f"{walked} must be a mapping")
        value, walked = value.get(part), part if walked == "the file" else f"{walked}.{part}"
    return value


def _flag(value: Any) -> bool:
    """YAML 1.1 took yes, no, on and off for booleans; files written for it go on working."""
    if isinstance(value, bool):
        return value
    words = {"yes": True, "on": True, "true": True, "no": False, "off": False, "false": False}
    if isinstance(value, str) and value.lower() in words:
        return words[value.lower()]
    raise ValueError("must be true or false")


def _number(value: Any) -> int | None:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise ValueError("must be a whole number")


def _string(value: Any) -> str:
    """Text; a bare number such as a platform called 2600 is text too."""
    if isinstance(value, str | int) and not isinstance(value, bool):
        return str(value)
    raise ValueError("must be text")


def _strings(value: Any) -> Names:
    if not isinstance(value, list):
        raise ValueError("must be a list")
    try:
        return tuple(dict.fromkeys(_string(item) for item in value))
    except ValueError:
        raise ValueError("must be a list of text") from None


def _slugs(value: Any) -> Mapping[str, str]:
    try:
        return {_string(key): _string(slug) for key, slug in _mapping(value).items()}
    except ValueError:
        raise ValueError("must map folder names to platform slugs, none of them empty") from None


def _folder(value: Any) -> str:
    folder = value.strip() if isinstance(value, str) else ""
    if not folder or "\\" in folder or not set(folder.split("/")).isdisjoint({"", ".", ".."}):
        raise ValueError("must be a folder below the library, such as roms")
    return folder


def _mapping(value: Any) -> Mapping[Any, Any]:
    if not isinstance(value, Mapping):
        raise ValueError("must be a mapping")
    return value


def _mappings(value: Any) -> tuple[Mapping[str, Any], ...]:
    if not isinstance(value, list) or not all(isinstance(item, Mapping) for item in value):
        raise ValueError("must be a list of mappings")
    return tuple({str(key): each for key, each in item.items()} for item in value)


def _library(value: Any) -> tuple[LibraryFolder, ...]:
    return tuple(_library_folder(item) for item in _mappings(value))


def _library_folder(item: Mapping[str, Any]) -> LibraryFolder:
    path, platform = item.get("path"), item.get("platform")
    layout = item.get("layout") or ("flat" if platform else "auto")
    if not isinstance(path, str) or not path.strip() or "\0" in path:
        raise ValueError("must be a list of folders, each with a path")
    if layout not in LAYOUTS or (layout == "flat") != bool(platform):
        raise ValueError(
            f"has the folder {path} with layout {layout!r}: use flat with a platform, "
            "a, b or auto without"
        )
    if not platform:
        return LibraryFolder(path, None, layout)
    try:
        return LibraryFolder(path, check_name(_string(platform)), layout)
    except (UnsafePath, ValueError):
        raise ValueError(f"has the folder {path} with a platform that is no folder name") from None


def _ice_servers(value: Any) -> tuple[Mapping[str, Any], ...]:
    servers = _mappings(value)
    if not all(isinstance(server.get("urls"), str | list) for server in servers):
        raise ValueError("must be a list of mappings with urls")
    return servers


def _by_core(value: Any) -> Mapping[str, Mapping[str, Any]]:
    try:
        return {
            str(core): {str(key): each for key, each in _mapping(options or {}).items()}
            for core, options in _mapping(value).items()
        }
    except ValueError:
        raise ValueError("must map cores to mappings") from None


def _controls(value: Any) -> Mapping[str, Mapping[str, Any]]:
    players = range(4)
    return {
        core: {f"_{player}": _buttons(of_core.get(str(player))) for player in players}
        for core, of_core in _by_core(value).items()
    }


def _buttons(value: Any) -> Mapping[str, Any]:
    return {str(button): each for button, each in _mapping(value or {}).items()}


def _beside(defaults: Names) -> Check:
    return lambda value: tuple(sorted({*defaults, *_strings(value)}))


def _extensions(value: Any) -> Names:
    return tuple(sorted({*DEFAULT_EXTENSIONS, *(item.lower() for item in _strings(value))}))


def _overrides(value: Any) -> Mapping[str, Names]:
    priority = _mapping(value)
    fields = {"cover": "url_cover", "screenshot": "url_screenshots", "manual": "url_manual"}
    try:
        return {name: _strings(priority[key]) for key, name in fields.items() if priority.get(key)}
    except ValueError as error:
        raise ValueError(f"has a cover, screenshot or manual that {error}") from None


def _media(value: Any) -> Names:
    wanted = _strings(value)
    for unknown in sorted(set(wanted) - set(MEDIA_TYPES)):
        log.warning("config.yml: scan.media has no type %r; it is left out", unknown)
    return tuple(media for media in wanted if media in MEDIA_TYPES)


def _one_of(allowed: Names) -> Check:
    """One of these; another is only warned about, and the first of these taken."""

    def check(value: Any) -> str:
        if value in allowed:
            return str(value)
        log.warning("config.yml: %r is none of %s", value, ", ".join(allowed))
        return allowed[0]

    return check


KEYS: Mapping[str, tuple[str, Check]] = {
    "excluded_platforms": ("exclude.platforms", _beside(DEFAULT_DIRS)),
    "excluded_single_ext": ("exclude.roms.single_file.extensions", _extensions),
    "excluded_single_files": ("exclude.roms.single_file.names", _beside(DEFAULT_FILES)),
    "excluded_multi_files": ("exclude.roms.multi_file.names", _beside(DEFAULT_DIRS)),
    "excluded_multi_parts_ext": ("exclude.roms.multi_file.parts.extensions", _extensions),
    "excluded_multi_parts_files": ("exclude.roms.multi_file.parts.names", _beside(DEFAULT_FILES)),
    "platforms_binding": ("system.platforms", _slugs),
    "platforms_versions": ("system.versions", _slugs),
    "library": ("library", _library),
    "roms_folder": ("filesystem.roms_folder", _folder),
    "firmware_folder": ("filesystem.firmware_folder", _folder),
    "skip_hash_calculation": ("filesystem.skip_hash_calculation", _flag),
    "ejs_debug": ("emulatorjs.debug", _flag),
    "ejs_cache_limit": ("emulatorjs.cache_limit", _number),
    "ejs_disable_auto_unload": ("emulatorjs.disable_auto_unload", _flag),
    "ejs_disable_batch_bootup": ("emulatorjs.disable_batch_bootup", _flag),
    "ejs_netplay_enabled": ("emulatorjs.netplay.enabled", _flag),
    "ejs_netplay_ice_servers": ("emulatorjs.netplay.ice_servers", _ice_servers),
    "ejs_settings": ("emulatorjs.settings", _by_core),
    "ejs_controls": ("emulatorjs.controls", _controls),
    "scan_metadata_priority": ("scan.priority.metadata", _strings),
    "scan_artwork_priority": ("scan.priority.artwork", _strings),
    "scan_artwork_priority_overrides": ("scan.priority", _overrides),
    "scan_region_priority": ("scan.priority.region", _strings),
    "region_mode": ("scan.priority.region_mode", _one_of(REGION_MODES)),
    "scan_language_priority": ("scan.priority.language", _strings),
    "scan_media": ("scan.media", _media),
    "gamelist_auto_export_on_scan": ("scan.gamelist.export", _flag),
    "gamelist_media_thumbnail": ("scan.gamelist.media.thumbnail", _one_of(GAMELIST_THUMBNAILS)),
    "gamelist_media_image": ("scan.gamelist.media.image", _one_of(GAMELIST_IMAGES)),
    "pegasus_auto_export_on_scan": ("scan.pegasus.export", _flag),
    "streaming_enabled": ("streaming.enabled", _flag),
    "streaming_containers": ("streaming.containers", _mappings),
}
"""Where in the file each attribute of ``LibraryConfig`` stands, and how its value is read."""
